"""The task around a tracked `jamel.train`: one arm's model from the rounds so far.

Remembered by the model and training settings, the arm and the contents of the shards; its curves
are in MLflow while it runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jamel.config import Config
from jamel.layout import Layout
from jamel.registry import train_tracked
from pipelines.caching import digest, fingerprints, say, step
from pipelines.isolation import in_own_process
from pipelines.ticker import Ticker


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
    ticker = Ticker(f"train {arm} {out_dir.name}", config.train.updates)
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
