"""When what was measured is measured anew: where the model is another one, or the code was changed
and the gate asks for a commit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import Task

from jamel.calibration import FILE as CALIBRATION
from jamel.config import Config, parse_config
from jamel.disk import write_json
from jamel.layout import Layout
from pipelines.evaluate import committed_since, evaluate_models, measure_round
from tests.repository import git


def test_results_of_changed_code_are_not_those_of_its_commit(tmp_path: Path) -> None:
    project, asks = Layout.at(tmp_path, "tiny"), parse_config({"gate": {"committed": True}}, "test")
    assert not committed_since(asks, project), "nothing was measured yet"
    _measured_at(project, "1a2b3c-dirty")
    assert not committed_since(asks, project), "no repository"
    git(tmp_path, "init", "-q")
    (tmp_path / "code.py").write_text("1")
    git(tmp_path, "add", "code.py")
    git(tmp_path, "commit", "-qm", "one")
    assert committed_since(asks, project)
    assert not committed_since(parse_config({"gate": {"committed": False}}, "test"), project)
    _measured_at(project, "1a2b3c")
    assert not committed_since(asks, project), "of another commit, but of a commit"
    _measured_at(project, "1a2b3c-dirty")
    (tmp_path / "code.py").write_text("2")
    assert not committed_since(asks, project), "changed still"


def test_a_round_is_not_measured_again_for_a_calibration(tmp_path: Path) -> None:
    project, model = Layout.at(tmp_path, "tiny"), tmp_path / "model"
    model.mkdir()
    of_round = {"model": model, "round_index": 1, "seconds": 2.0}
    rounds, whole = [], []
    for name in ("model.safetensors", CALIBRATION, "model.safetensors"):
        (model / name).write_text(f"{len(rounds)}")
        rounds.append(_key(measure_round, project, of_round))
        whole.append(_key(evaluate_models, project, {"models": {"jamel": model}}))
    assert rounds[0] == rounds[1] != rounds[2]
    assert whole[0] != whole[1] != whole[2], "the report shows what it predicts"


def _key(of: Task[..., Any], project: Layout, given: dict[str, Any]) -> str | None:
    assert of.cache_key_fn is not None
    return of.cache_key_fn(None, {"config": Config(), "project": project} | given)  # type: ignore[arg-type]


def _measured_at(project: Layout, commit: str) -> None:
    project.results.parent.mkdir(parents=True, exist_ok=True)
    results = {"meta": {"commit": commit}, "rows": [], "paired": []}
    write_json(project.results, results)
