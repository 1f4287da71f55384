"""Calibrate a model: its agent explores apps that may be tuned on, and what came is compared.

What is fitted is kept beside the weights, where `jamel explore` and evaluations read it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jamel.calibration import (
    Calibration,
    fit_exhausted,
    fit_platt,
    reliability,
    weights_digest,
    write_calibration,
)
from jamel.config import Config
from jamel.devices import is_real
from jamel.errors import EvaluationError
from jamel.evaluate import plan, run_plan
from jamel.layout import SHARED_ARM
from jamel.parallel import Progress
from jamel.reliability import exhausted_said, novelty_said
from jamel.suites import require_tunable


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
        `{"path", "suite", "slope", "offset", "reliability"}`: reliabilities by name, of figures as
        they are and, on apps that a fit did not see, as they are mended.

    Raises:
        ConfigError: the suite is kept for testing.
        EvaluationError: the agent gives no figures, or sessions are too short.
    """
    section = config.calibrate
    runs = run_plan(plan(_settings(config), {agent: model_dir}), progress)
    said = novelty_said(runs)
    late = exhausted_said(runs, section.window, section.fewer)
    if not (len(said.figures) and len(late.figures)):
        raise EvaluationError(
            f"expected figures of '{agent}' in sessions of more than {section.window} steps, found "
            f"none. Take an agent with a model, and raise calibrate.steps above {section.window}."
        )
    exhausted, chances = fit_exhausted(
        late.figures, late.came, late.apps, section.window, section.fewer
    )
    platt, mended = fit_platt(said.figures, said.came, said.apps)
    found = Calibration(
        weights=weights_digest(model_dir), suite=section.suite, novelty=platt, exhausted=exhausted
    )
    return {
        "path": str(write_calibration(found, model_dir)),
        "suite": section.suite,
        "slope": platt.slope,
        "offset": platt.offset,
        "reliability": {
            "novelty": reliability(said.figures, said.came, said.apps),
            "novelty, calibrated": reliability(mended, said.came, said.apps),
            f"fewer than {section.fewer} new probes in {section.window} steps": reliability(
                chances, late.came, late.apps
            ),
        },
    }


def _settings(config: Config) -> Config:
    """The profile for the sessions to calibrate on; raises ConfigError for a suite of tests."""
    section = config.calibrate
    if not is_real(config.device):
        require_tunable(section.suite)
    changed = {
        "suite": section.suite,
        "apps": section.apps,
        "seeds": section.seeds,
        "budget": section.steps,
    }
    return config.model_copy(update={"evaluate": config.evaluate.model_copy(update=changed)})
