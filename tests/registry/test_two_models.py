"""Two registered models in one store: what happens to one leaves the other as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jamel import registry, stores
from jamel.config import MODEL_NAME, GateConfig, parse_config
from jamel.errors import ConfigError, GateError, StoreError
from tests.conftest import copied
from tests.registered import VALID, enter, evaluation, tiny_model

WEB = "web-apps"
GATE = GateConfig(model=WEB)


@pytest.fixture
def root(databases: Path, tmp_path: Path) -> Path:
    """Each model has two versions, of which the second is champion."""
    root = copied(databases, tmp_path)
    for model in (MODEL_NAME, WEB):
        for _ in range(2):
            enter(root, model)
            registry.promote(root, gate=GateConfig(model=model))
    return root


def state(root: Path, model: str) -> dict[str, Any]:
    """All that the registry knows of a model."""
    client = registry.Tracker(root).client
    found = client.get_registered_model(model)
    return {
        "tags": dict(found.tags),
        "aliases": dict(found.aliases),
        "rows": registry.compare(root, model=model),
        "versions": registry.list_versions(root, model=model),
        "audit": [entry for entry in registry.read_audit(root) if entry["model"] == model],
    }


def test_each_has_its_own_champion_and_files(root: Path) -> None:
    enter(root, WEB)
    for model, versions in ((MODEL_NAME, ["2", "1"]), (WEB, ["3", "2", "1"])):
        found = registry.list_versions(root, model=model)
        assert [(item.model, item.version) for item in found] == [(model, v) for v in versions]
        champion = registry.champion(root, model=model)
        assert champion is not None and (champion.model, champion.version) == (model, "2")
        folder = registry.champion_dir(root, model=model)
        assert folder is not None and (folder / "name.txt").read_text() == model
    assert registry.champion(root, model="never-trained") is None
    assert registry.list_versions(root, model="never-trained") == []


@pytest.mark.parametrize(("mine", "other"), [(WEB, MODEL_NAME), (MODEL_NAME, WEB)])
def test_promotion_refusal_and_rollback_of_one_leave_the_other(
    root: Path, mine: str, other: str
) -> None:
    before, gate = state(root, other), GateConfig(model=mine)
    enter(root, mine)
    promoted = {"model": mine, "version": "3", "previous": "2", "promoted": True}
    assert registry.promote(root, "3", gate) == promoted
    enter(root, mine, low=-3.0)
    with pytest.raises(GateError, match="better than no-memory"):
        registry.promote(root, gate=gate)
    back = {"model": mine, "version": "2", "previous": "3", "rolled_back": True}
    assert registry.rollback(root, model=mine) == back
    assert registry.rollback(root, model=mine)["version"] == "1"
    with pytest.raises(GateError, match=f"earlier champion of the model '{mine}'"):
        registry.rollback(root, model=mine)
    events = [(entry["event"], entry["version"]) for entry in state(root, mine)["audit"][2:]]
    assert events == [("promote", "3"), ("refuse", "4"), ("rollback", "2"), ("rollback", "1")]
    rows = registry.compare(root, model=mine)
    assert [row["version"] for row in rows if row["champion"]] == ["1"]
    assert {row["model"] for row in rows} == {mine}
    assert state(root, other) == before


def test_a_candidate_has_to_be_measured_against_the_champion_of_its_own_model(root: Path) -> None:
    enter(root, MODEL_NAME)
    enter(root, WEB)
    registry.promote(root)
    assert registry.promote(root, gate=GATE)["previous"] == "2", "the other's champion is no rival"


def test_two_versions_are_compared_within_their_model(root: Path) -> None:
    enter(root, WEB, coverage=50.0)
    found = registry.compare_two(root, "3", "champion", resamples=10, model=WEB)
    coverage = next(item for item in found["paired"] if item["metric"] == "coverage")
    # The champion's is what it had beside the candidate, not in its own evaluation.
    assert (coverage["mine"], coverage["theirs"]) == (50.0, 48.0)
    with pytest.raises(StoreError, match=rf"'{MODEL_NAME}'.* found '3'; the versions are: 2, 1\."):
        registry.compare_two(root, "3", "champion", resamples=10)
    with pytest.raises(StoreError, match=f"version 9, found 3, 2, 1 of the model '{WEB}'"):
        registry.promote(root, "9", GATE)


def test_an_audit_of_the_time_with_one_model_is_still_read(root: Path) -> None:
    before = registry.read_audit(root)
    old = {"time": "2025-01-01T00:00:00Z", "event": "promote", "version": "1", "previous": ""}
    with stores.stores_at(root).audit.open("a") as audit:
        audit.write(json.dumps(old) + "\n")
    assert registry.read_audit(root) == [*before, old | {"model": MODEL_NAME}]


@pytest.mark.parametrize("name", ["nobody", "jamel", "champion", "oracle-1", ""])
def test_an_agent_that_none_can_be_measured_beside_is_said_and_leaves_nothing(
    root: Path, name: str
) -> None:
    enter(root, WEB)
    before = state(root, WEB)
    gate = GateConfig(model=WEB, better_than=("random", name))
    with pytest.raises(ConfigError, match=rf"in gate\.better_than, found '{name}'\. Name one"):
        registry.promote(root, "3", gate)
    assert state(root, WEB) == before


def test_an_agent_that_was_not_measured_refuses_and_none_at_all_does_not(root: Path) -> None:
    enter(root, WEB)
    with pytest.raises(GateError, match=r"better than monkey: .* no paired coverage comparison"):
        registry.promote(root, "3", GateConfig(model=WEB, better_than=("monkey",)))
    (failed,) = registry.read_audit(root)[-1]["failed"]
    assert failed["name"] == "better than monkey"
    assert registry.promote(root, "3", GateConfig(model=WEB, better_than=()))["promoted"]


def test_a_training_is_registered_under_the_name_of_its_profile(root: Path, tmp_path: Path) -> None:
    hf_dir = tiny_model(tmp_path / "model")
    before = state(root, MODEL_NAME)
    config = parse_config({"profile": "web", "gate": {"model": WEB}}, "test")
    made = registry.register(root, hf_dir, config, evaluation(), VALID)
    assert (made.model, made.version) == (WEB, "3")
    assert (made.tags["measured_against"], made.tags["profile"]) == ("2", "web")
    folder = registry.model_dir(root, "3", model=WEB)
    assert (folder / "model.safetensors").is_file()
    card = registry.Tracker(root).client.get_model_version(WEB, "3").description
    assert card.startswith(f"# {WEB} (jamel)\n")
    assert state(root, MODEL_NAME) == before
