"""Versions of any registered model as a registration leaves them, without the seconds it takes."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jamel import registry, stores
from tests.conftest import copied

VALID = {"passed": True, "evaluated": 70, "sessions": 3, "rows": 12}


def tiny_model(folder: Path, seed: int = 0) -> Path:
    """A model that takes no time to make, as `train` leaves it in a folder."""
    import torch

    from jamel.model.configuration import JamelConfig
    from jamel.model.modeling import JamelModel

    torch.manual_seed(seed)
    JamelModel(JamelConfig(width=16, heads=2, hash_buckets=64)).save_pretrained(folder)
    return folder


@lru_cache(maxsize=1)
def stored_model() -> Path:
    """A tiny model as a registration stores it, made once a process."""
    from jamel.registry.models import save_model

    folder = Path(tempfile.mkdtemp(prefix="jamel-stored-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return save_model(tiny_model(folder / "hf"), folder / "policy")


def evaluation(low: float = 1.0, coverage: float = 60.0) -> dict[str, Any]:
    """Results in which jamel beats everyone by `low` and more."""
    means = {"jamel": coverage, "planner": 48.0, "random": 30.0, "champion": coverage - low - 1}
    rows = [
        {"suite": "valid", "app": "valid/0", "seed": 0, "agent": agent, "budget": 10}
        | {"coverage": mean, "reward": 5.0, "auc": 30.0, "ms_per_decision": 1.0}
        | {"tokens_memory": 32.0, "tokens_screen": 20.0}
        for agent, mean in means.items()
    ]
    paired = [
        {"agent": "jamel", "against": name, "metric": "coverage", "budget": 10}
        | {"difference": low + 1, "low": low, "high": low + 2, "wins": 1, "ties": 0, "losses": 0}
        for name in ("no-memory", "random", "planner", "champion")
    ]
    return {"meta": {"suite": "valid", "budget": 10}, "rows": rows, "paired": paired}


def enter(
    root: Path,
    model: str,
    low: float = 1.0,
    hf_dir: Path | None = None,
    coverage: float = 60.0,
    results: Mapping[str, Any] | None = None,
    validation: Mapping[str, Any] = VALID,
) -> str:
    """Add a version to a registered model and return its number.

    Args:
        root: the project.
        model: the registered model's name.
        low: the lower end of every paired interval.
        hf_dir: the files of the model; by default a tiny one, and a file that says whose it is.
        coverage: the candidate's mean.
        results: the evaluation, in place of `evaluation(low, coverage)`.
        validation: that of the dataset.
    """
    tracker = registry.Tracker(root)
    client = tracker.client
    if not client.search_registered_models(f"name='{model}'"):
        client.create_registered_model(model)
    now = registry.champion(root, model=model)
    with tracker.run("retrain") as run_id:
        tracker.log_json(run_id, results or evaluation(low, coverage), "results.json")
        tracker.log_json(run_id, validation, "validation.json")
        tracker.log_metrics(run_id, {"coverage": coverage, "tokens_per_decision": 52.0})
        tracker.log_metrics(run_id, {"ms_per_decision": 1.0})
        client.log_artifacts(run_id, str(stored_model()), "policy")
        if hf_dir is None:
            client.log_text(run_id, model, "policy/artifacts/hf/name.txt")
        else:
            client.log_artifacts(run_id, str(hf_dir), "policy/artifacts/hf")
    tags = {"measured_against": now.version if now else ""}
    source = f"{client.get_run(run_id).info.artifact_uri}/policy"
    return str(client.create_model_version(model, source, run_id, tags=tags).version)


def copy_of(made: Path, root: Path) -> Path:
    """A project in `root` with the registry and the audit of another."""
    copied(made, root)
    stores.stores_at(root).audit.write_bytes(stores.stores_at(made).audit.read_bytes())
    return root
