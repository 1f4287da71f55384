"""Calibrate a model: its agent explores apps that may be tuned on, and what came is compared.

What is fitted is kept beside the weights, where `jamel explore` and evaluations read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jamel.agents.base import weights_digest
from jamel.calibration import (
    Calibration,
    fit_exhausted,
    fit_line,
    fit_platt,
    write_calibration,
)
from jamel.config import Config
from jamel.devices import tunable
from jamel.errors import EvaluationError
from jamel.evaluate import plan, run_plan
from jamel.layout import SHARED_ARM
from jamel.parallel import Progress
from jamel.reliability import (
    NOVELTY_MEANS,
    WORTH_MEANS,
    compared,
    exhausted_said,
    nothing_left,
    novelty_said,
    worth_said,
)
from jamel.scores import Run


def calibrate(
    config: Config, model_dir: Path, agent: str = SHARED_ARM, progress: Progress | None = None
) -> dict[str, Any]:
    """Fit a model's calibration and write it beside the weights.

    Args:
        config: the profile; `calibrate` says on what, `evaluate.workers` with how many processes.
        model_dir: what `train` wrote.
        agent: who acts with the model.
        progress: is told of every finished session.

    Returns:
        `{"path", "suite", "apps", "reliability"}`: the last as `jamel.reliability.judged` gives it,
        where "after" is of apps that a fit did not see.

    Raises:
        ConfigError: the suite is kept for testing, or has no apps here.
        EvaluationError: the agent gives no figures, or sessions are too short or on one app.
        StoreError: the folder cannot be written.
    """
    section = config.calibrate
    runs = run_plan(plan(_settings(config), {agent: model_dir}), progress)
    found, mended = _fitted(config, runs, agent, weights_digest(model_dir))
    return {
        "path": str(write_calibration(found, model_dir)),
        "suite": section.suite,
        "apps": len({run.app for run in runs}),
        "reliability": mended,
    }


def _fitted(
    config: Config, runs: Sequence[Run], agent: str, weights: str
) -> tuple[Calibration, dict[str, Any]]:
    section, label = config.calibrate, config.label
    said, worth = novelty_said(runs), worth_said(runs, label.gamma, label.lookahead)
    late = exhausted_said(runs, section.window, section.fewer)
    if not (len(said.figures) and len(worth.figures) and len(late.figures)):
        raise EvaluationError(
            f"expected figures of '{agent}' in sessions of more than {section.window} steps, found "
            f"none. Take an agent with a model, and raise calibrate.steps above {section.window}."
        )
    platt, chances = fit_platt(said.figures, said.came, said.apps)
    line, counts = fit_line(worth.figures, worth.came, worth.apps)
    exhausted, sure = fit_exhausted(
        late.figures, late.came, late.apps, section.window, section.fewer
    )
    found = Calibration(
        weights=weights, suite=section.suite, novelty=platt, worth=line, exhausted=exhausted
    )
    bare = nothing_left(late.figures)
    return found, {
        "novelty": compared(NOVELTY_MEANS, said, said.figures, chances),
        "worth": compared(WORTH_MEANS, worth, worth.figures, counts),
        "exhausted": compared(exhausted.means, late, bare, sure),
    }


def _settings(config: Config) -> Config:
    """The profile for the sessions to calibrate on; raises ConfigError for a suite of tests."""
    section = config.calibrate
    return tunable(
        config, section.suite, apps=section.apps, seeds=section.seeds, budget=section.steps
    )
