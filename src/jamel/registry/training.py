"""A training whose curves are in MLflow while it runs.

Knows how a training reports and where a run goes; the training itself knows no MLflow.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jamel import provenance
from jamel.config import Config
from jamel.disk import full_disk_is_a_store_error
from jamel.registry.notes import of_training
from jamel.registry.system import watched
from jamel.registry.tracking import Tracker
from jamel.train import OnMetrics, TrainResult, train


def train_tracked(
    root: Path | str,
    config: Config,
    session_paths: Sequence[Path],
    label_paths: Sequence[Path],
    out_dir: Path,
    arm: str = "jamel",
    init_from: Path | None = None,
    parent: str = "",
    on_metrics: OnMetrics | None = None,
    features: Path | None = None,
) -> TrainResult:
    """Train as `jamel.train.train` does, in an MLflow run of its own below `parent`.

    Args:
        root: the project.
        parent: the id of the run that this one is a part of.
        on_metrics: is told what MLflow is told.

    The others are those of `train`.

    Raises:
        DatasetError, ShardError: as `train` does; the run is then marked as failed.
        StoreError: the stores are missing, or the disk is full.
    """
    tracker = Tracker(root)
    md5 = provenance.dataset_md5(Path(root))
    name = f"train {arm} {Path(out_dir).name}"
    updates = config.train.updates_of(new=init_from is None)
    note = of_training(arm, len(session_paths), updates, init_from is not None)
    with (
        full_disk_is_a_store_error(root),
        tracker.run(name, config, parent, note, arm=arm, stage="train") as run_id,
        watched(root, run_id, config.tracking.system_metrics_s),
    ):
        tracker.log_dataset(run_id, md5, "training")

        def report(updates: int, metrics: dict[str, float]) -> None:
            tracker.log_metrics(run_id, metrics, step=updates)
            if on_metrics is not None:
                on_metrics(updates, metrics)

        result = train(
            config, session_paths, label_paths, out_dir, arm, init_from,
            on_metrics=report, notes={"dataset_md5": md5, "mlflow_run": run_id},
            features=features,
        )  # fmt: skip
        tracker.log_metrics(
            run_id, {"sessions": result.samples, "seconds": result.seconds}, step=result.updates
        )
        return result
