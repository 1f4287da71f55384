"""The tasks that make a model: a tracked `jamel.train` of one arm, and `jamel.calibrate`.

A training is remembered by the model and training settings, the arm and the contents of the shards;
its curves are in MLflow while it runs. A calibration is remembered by the weights and its settings.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jamel.calibrate import calibrate
from jamel.calibration import FILE
from jamel.config import Config
from jamel.layout import SHARED_ARM, Layout
from jamel.registry import train_tracked
from jamel.tables import reliability_table
from pipelines.caching import digest, fingerprints, say, step
from pipelines.isolation import in_own_process
from pipelines.ticker import Ticker
from pipelines.turns import devices


def _key(
    config: Config,
    project: Layout,
    sessions: list[Path],
    labels: list[Path],
    out_dir: Path,
    arm: str,
    init_from: Path | None = None,
    parent: str = "",
) -> str:
    start = None if init_from is None else init_from / "model.safetensors"
    settings = (config.model, config.train, config.label)
    return digest(*settings, sessions, labels, arm, str(out_dir), start)


@step("train", _key)
def train_arm(
    config: Config,
    project: Layout,
    sessions: list[Path],
    labels: list[Path],
    out_dir: Path,
    arm: str,
    init_from: Path | None = None,
    parent: str = "",
) -> dict[str, Any]:
    """Train an arm in a process of its own; a killed training resumes from its last checkpoint."""
    updates = config.train.updates_of(new=init_from is None)
    ticker = Ticker(f"train {arm} {out_dir.name}", updates)
    result = in_own_process(
        train_tracked,
        project.root,
        config,
        sessions,
        labels,
        out_dir,
        arm=arm,
        init_from=init_from,
        parent=parent,
        on_metrics=ticker,
        features=project.features,
    )
    losses = [float(loss) for loss in result.losses]
    say(f"{arm} {out_dir.name}: {result.updates} updates on {result.samples} sessions")
    weights = Path(result.path) / "model.safetensors"
    return {"files": fingerprints([weights]), "model": str(result.path), "losses": losses}


def _calibration_key(config: Config, project: Layout, model: Path) -> str:
    label = (config.label.gamma, config.label.lookahead)
    settings = (config.calibrate, config.agents, config.device, label)
    return digest(*settings, model / "model.safetensors", str(model))


@step("calibrate", _calibration_key)
def calibrate_model(config: Config, project: Layout, model: Path) -> dict[str, Any]:
    """Fit what a model's figures stand for and keep it in the model's folder."""
    with devices(config, config.evaluate.workers):
        found = in_own_process(calibrate, config, model, progress=Ticker("calibrate"))
    for row in reliability_table({SHARED_ARM: found["reliability"]}):
        say(f"{row['figure']}: error {row['error before']} -> {row['error after']}")
    return {"files": fingerprints([model / FILE]), "reliability": found["reliability"]}
