"""Tracking runs: what was done with which data, code, configuration and environment.

Everything goes by run id through a client: MLflow's own "active run" belongs to a thread, and
tasks run in many.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from jamel import provenance
from jamel.config import Config, config_digest
from jamel.errors import DatasetError
from jamel.manifest import sessions_of
from jamel.marks import is_living, this_process
from jamel.registry.connection import connect, experiment_id
from jamel.registry.notes import of_loop
from jamel.stores import stores_at

MAX_PARAM_CHARS = 6000
PARENT_TAG = "mlflow.parentRunId"
PROJECT_TAG = "project"
"""On which machine, in which folder a run goes on: where it can be known to be abandoned."""
PROCESS_TAG = "process"
"""Which process of the machine opened a run, as its number and when it began."""
NOTE_TAG = "mlflow.note.content"
"""What MLflow shows on top of a run, as Markdown."""
DATASET_TAG = "dataset_md5"
PACKAGES_FILE = "environment.txt"
DATASET_FILE = "dataset.json"


class Tracker:
    """Runs of the project at `root`."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        self.client = connect(root)
        self.project = f"{platform.node()}:{self.root.resolve()}"

    def start(
        self,
        name: str,
        config: Config | None = None,
        parent: str = "",
        note: str = "",
        **tags: str,
    ) -> str:
        """Open a run that says where it comes from, and return its id.

        Args:
            name: what people read.
            config: its values become parameters.
            parent: the id of the run that this one is a part of.
            note: what it is about, in words.
            tags: more tags.
        """
        origin = origin_tags(self.root, config) | {key: str(value) for key, value in tags.items()}
        origin |= {PROJECT_TAG: self.project, PROCESS_TAG: this_process()}
        if parent:
            origin[PARENT_TAG] = parent
        if note:
            origin[NOTE_TAG] = note
        run = self.client.create_run(experiment_id(self.root), run_name=name, tags=origin)
        run_id = str(run.info.run_id)
        if not parent:
            self.client.log_text(run_id, "\n".join(installed()) + "\n", PACKAGES_FILE)
        if config is not None:
            self.log_params(run_id, _flat(config.model_dump(mode="json")))
        return run_id

    def close_abandoned(self) -> int:
        """Mark runs whose process is no more as killed; returns how many there were."""
        running = "attributes.status = 'RUNNING'"
        if stores_at(self.root).elsewhere.mlflow:
            # Other machines have runs in the same database, and those are at work.
            running += f" and tags.{PROJECT_TAG} = '{self.project}'"
        found = self.client.search_runs([experiment_id(self.root)], running, max_results=1000)
        left = [run for run in found if not is_living(run.data.tags.get(PROCESS_TAG, ""))]
        for run in left:
            self.client.set_terminated(run.info.run_id, "KILLED")
        return len(left)

    def log_dataset(self, run_id: str, md5: str, context: str) -> None:
        """Note the dataset version that a run read: as a tag, and where MLflow compares inputs."""
        self.client.set_tag(run_id, DATASET_TAG, md5)
        self._log_input(run_id, "data", md5, "dvc", {"pinned": "data.dvc", "md5": md5}, context)

    def log_suite(self, run_id: str, meta: Mapping[str, Any]) -> None:
        """Note the suite that a run was measured on, as `meta` of its results says."""
        source = {name: meta.get(name) for name in ("suite", "budget", "seeds")}
        text = json.dumps([source, meta.get("reachable")], sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        self._log_input(run_id, str(meta["suite"]), digest, "suite", source, "evaluation")

    def _log_input(
        self, run_id: str, name: str, digest: str, kind: str, source: Any, context: str
    ) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag
        from mlflow.exceptions import MlflowException

        # The length that MLflow keeps of a digest.
        data = Dataset(name, digest[:36], kind, json.dumps(source))
        tag = InputTag("mlflow.data.context", context)
        inputs = [DatasetInput(data, [tag])]
        try:
            self.client.log_inputs(run_id, datasets=inputs)
        except MlflowException:
            # MLflow looks for the dataset's row, then makes it: of two runs that are the first to
            # name it at the same moment one is refused, and finds it when it looks again.
            self.client.log_inputs(run_id, datasets=inputs)

    def log_sessions(self, run_id: str, md5: str) -> None:
        """Log which sessions a dataset version holds, where that is known: caches are emptied."""
        with suppress(DatasetError):
            listed = {"md5": md5, "sessions": sessions_of(self.root, md5)}
            self.log_json(run_id, listed, DATASET_FILE)

    def add_note(self, run_id: str, text: str) -> None:
        """Add a paragraph to what the run is about."""
        there = self.client.get_run(run_id).data.tags.get(NOTE_TAG, "")
        if text and text not in there:
            self.client.set_tag(run_id, NOTE_TAG, f"{there}\n\n{text}".strip())

    def finish(self, run_id: str, failed: bool = False) -> None:
        """Close a run."""
        self.client.set_terminated(run_id, "FAILED" if failed else "FINISHED")

    @contextmanager
    def run(
        self,
        name: str,
        config: Config | None = None,
        parent: str = "",
        note: str = "",
        **tags: str,
    ) -> Iterator[str]:
        """A run that is closed whatever happens, as failed after an exception."""
        run_id = self.start(name, config, parent, note, **tags)
        try:
            yield run_id
        except BaseException:
            self.finish(run_id, failed=True)
            raise
        self.finish(run_id)

    def log_params(self, run_id: str, params: Mapping[str, Any]) -> None:
        """Log parameters in one write; a parameter cannot be changed later."""
        from mlflow.entities import Param

        entries = [Param(key, str(value)[:MAX_PARAM_CHARS]) for key, value in params.items()]
        for chunk in _chunks(entries, 100):
            self.client.log_batch(run_id, params=chunk)

    def log_metrics(self, run_id: str, metrics: Mapping[str, float], step: int = 0) -> None:
        """Log several metrics of one moment."""
        self.log_history(run_id, {name: [value] for name, value in metrics.items()}, first=step)

    def log_history(
        self, run_id: str, series: Mapping[str, Sequence[float]], first: int = 0
    ) -> None:
        """Log curves, such as a loss for every update from number `first` on."""
        from mlflow.entities import Metric

        now_ms = int(time.time() * 1000)
        points = [
            Metric(name, float(value), now_ms, first + index)
            for name, values in series.items()
            for index, value in enumerate(values)
        ]
        for chunk in _chunks(points, 1000):
            self.client.log_batch(run_id, metrics=chunk)

    def log_artifact(self, run_id: str, path: Path, folder: str = "") -> None:
        """Log a file, or a folder with everything in it."""
        log = self.client.log_artifacts if path.is_dir() else self.client.log_artifact
        log(run_id, str(path), folder or None)

    def log_json(self, run_id: str, data: Mapping[str, Any], name: str) -> None:
        """Log plain data as a JSON file."""
        self.client.log_dict(run_id, dict(data), name)

    def log_bytes(self, run_id: str, data: bytes, name: str) -> None:
        """Log bytes as a file; `name` may have folders."""
        with tempfile.TemporaryDirectory(prefix="jamel-") as folder:
            path = Path(folder) / Path(name).name
            path.write_bytes(data)
            self.client.log_artifact(run_id, str(path), str(Path(name).parent))

    def log_table(self, run_id: str, rows: Sequence[Mapping[str, Any]], name: str) -> None:
        """Log rows as a table that the MLflow UI shows and compares."""
        if rows:
            columns = {key: [row.get(key) for row in rows] for key in rows[0]}
            self.client.log_table(run_id, columns, name)

    def set_tags(self, run_id: str, tags: Mapping[str, Any]) -> None:
        """Add tags to a run."""
        for key, value in tags.items():
            self.client.set_tag(run_id, key, str(value))


def open_run(root: Path, config: Config, name: str = "retrain") -> tuple[str, int]:
    """Open a run; returns its id and how many abandoned ones were closed."""
    tracker = Tracker(root)
    abandoned = tracker.close_abandoned()
    return tracker.start(name, config, note=of_loop(config), stage=name), abandoned


def close_run(root: Path, run_id: str, failed: bool = False) -> None:
    """Close a run."""
    Tracker(root).finish(run_id, failed)


def origin_tags(root: Path, config: Config | None) -> dict[str, str]:
    """Dataset, commit, configuration and environment, as tags of a run and of a version."""
    tags = {
        DATASET_TAG: provenance.dataset_md5(root),
        "git_commit": provenance.commit(root),
        "environment_digest": environment_digest(),
    }
    if config is not None:
        tags |= {"config_digest": config_digest(config), "profile": config.profile}
    return tags


@lru_cache(maxsize=1)
def installed() -> tuple[str, ...]:
    """Every installed distribution as `name==version`, sorted; read once: it takes seconds."""
    found = {
        f"{item.metadata['Name'].lower()}=={item.version}"
        for item in importlib.metadata.distributions()
        if item.metadata["Name"]
    }
    return tuple(sorted(found))


def environment_digest() -> str:
    """Twelve hex digits that change when any installed package's version does."""
    return hashlib.sha256("\n".join(installed()).encode()).hexdigest()[:12]


def _flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{"train": {"lr": 1}}` as `{"train.lr": 1}`."""
    flat: dict[str, Any] = {}
    for key, value in data.items():
        inner = _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else None
        flat |= {f"{prefix}{key}": value} if inner is None else inner
    return flat


def _chunks(items: Sequence[Any], size: int) -> Iterator[list[Any]]:
    for begin in range(0, len(items), size):
        yield list(items[begin : begin + size])
