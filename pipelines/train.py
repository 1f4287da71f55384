"""The task around `jamel.train`: one arm's model from the rounds so far.

Remembered by the model and training settings, the arm and the contents of the shards.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jamel.config import Config
from jamel.train import train
from pipelines.caching import digest, say, step
from pipelines.isolation import in_own_process
from pipelines.ticker import Ticker


def _key(
    config: Config,
    sessions: list[Path],
    labels: list[Path],
    out_dir: Path,
    arm: str,
    init_from: Path | None = None,
) -> str:
    start = None if init_from is None else init_from / "model.safetensors"
    settings = (config.model, config.train, config.label)
    return digest(*settings, sessions, labels, arm, str(out_dir), start)


@step("train", _key)
def train_arm(
    config: Config,
    sessions: list[Path],
    labels: list[Path],
    out_dir: Path,
    arm: str,
    init_from: Path | None = None,
) -> dict[str, Any]:
    """Train an arm in a process of its own; a killed training resumes from its last checkpoint."""
    ticker = Ticker(f"train {arm} {out_dir.name}", config.train.updates)
    result = in_own_process(
        train, config, sessions, labels, out_dir, arm=arm, init_from=init_from, on_metrics=ticker
    )
    losses = [float(loss) for loss in result.losses]
    say(f"{arm} {out_dir.name}: {result.updates} updates on {result.samples} sessions")
    weights = Path(result.path) / "model.safetensors"
    return {"files": [str(weights)], "model": str(result.path), "losses": losses}
