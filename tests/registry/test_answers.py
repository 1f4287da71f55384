"""Versions that wait for a person: the first answer counts, none in time is a refusal."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from jamel import registry
from jamel.config import GateConfig
from jamel.errors import ConfigError, GateError, StoreError
from jamel.registry import aliases
from tests.registered import copy_of, enter

PERSON = GateConfig(approval="person")
ADA = ("Ada Byron", "better on every family")


@pytest.fixture(scope="module")
def asked(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Version 2 is champion after version 1; 3 waits, 4 was never weighed."""
    root = copy_of(made, tmp_path_factory.mktemp("asked"))
    registry.weigh(root, "3", PERSON)
    return root


@pytest.fixture
def root(asked: Path, tmp_path: Path) -> Path:
    """A copy of it for every test."""
    return copy_of(asked, tmp_path)


def tags(root: Path, version: str) -> dict[str, str]:
    return dict(registry.get_version(root, version).tags)


def champion(root: Path) -> str:
    found = registry.champion(root)
    assert found is not None
    return found.version


def last(root: Path) -> dict[str, Any]:
    return registry.read_audit(root)[-1]


def test_a_version_that_holds_every_condition_waits_and_the_champion_stays(root: Path) -> None:
    (waits,) = registry.waiting(root)
    assert waits["version"] == "3" and champion(root) == "2"
    assert tags(root, "3")["gate"] == "waiting"
    assert (last(root)["event"], last(root)["until"]) == ("wait", waits["waits_until"])
    again = registry.weigh(root, "3", PERSON.model_copy(update={"approval_hours": 1.0}))
    assert not again["promoted"] and all(item["passed"] for item in again["conditions"])
    assert again["waits_until"] == waits["waits_until"], "asked again it waits no longer"
    assert len(registry.read_audit(root)) == 3
    assert registry.promote(root, "3", PERSON)["waits_until"] == waits["waits_until"]


def test_an_approval_moves_the_aliases_and_is_written_down_with_its_evidence(root: Path) -> None:
    outcome = registry.approve(root, "3", *ADA, PERSON)
    assert (outcome["promoted"], outcome["previous"], outcome["by"]) == (True, "2", ADA[0])
    assert champion(root) == "3" and registry.waiting(root) == []
    found, entry = tags(root, "3"), last(root)
    assert (entry["event"], entry["by"], entry["reason"]) == ("promote", *ADA)
    assert (found["gate"], found["decided_by"], found["decision_reason"]) == ("promoted", *ADA)
    assert (found["decided_at"], found["decision"]) == (entry["time"], entry["id"])
    evidence = json.loads(found["evidence"])
    assert evidence == entry["evidence"]
    version = registry.get_version(root, "3")
    client, folder = registry.Tracker(root).client, registry.model_dir(root, "3")
    for name in ("results.json", "validation.json", "gate.json"):
        path = Path(client.download_artifacts(version.run_id, name))
        assert evidence[f"{name} sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    weights = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert evidence["model.safetensors sha256"] == weights
    assert evidence["run_id"] == version.run_id


def test_a_refusal_leaves_everything_and_the_first_answer_counts(root: Path) -> None:
    registry.refuse(root, "3", "Ada\tByron", "the release\n is\x1b tomorrow", PERSON)
    assert champion(root) == "2" and registry.waiting(root) == []
    entry = last(root)
    assert (entry["event"], entry["reason"]) == ("refuse", "the release is tomorrow")
    late = registry.answer(root, "3", True, "Bob", "looks fine", PERSON)
    assert (late["answered"], late["promoted"], late["by"]) == (False, False, "Ada Byron")
    with pytest.raises(GateError, match=r"found it refused by Ada Byron: the release"):
        registry.approve(root, "3", "Bob", "looks fine", PERSON)
    with pytest.raises(GateError, match=r"found it refused by Ada Byron"):
        registry.refuse(root, "3", "Bob", "me too", PERSON)
    assert last(root) == entry and champion(root) == "2"


def test_a_wrong_answer_is_a_sentence_and_the_version_still_waits(root: Path) -> None:
    def refused(error: type[Exception], said: str, version: str, by: str, reason: str) -> None:
        for act in (registry.approve, registry.refuse):
            with pytest.raises(error, match=said):
                act(root, version, by, reason, PERSON)

    refused(ConfigError, "expected a name with the decision, found none", "3", " \0", "fine")
    refused(ConfigError, "Say who decides with --by", "3", "Ada", "")
    refused(ConfigError, "reason of at most 1000 .* found one of 1001", "3", "Ada", "x" * 1001)
    refused(ConfigError, "name of at most 200 .* found one of 201", "3", "A" * 201, "fine")
    for act in (registry.promote, registry.rollback):
        with pytest.raises(ConfigError, match="found one of 1001"):
            act(root, by="Ada", reason="x" * 1001)
    refused(StoreError, "version 9, found 4, 3, 2, 1", "9", "Ada", "fine")
    refused(GateError, "found it was never weighed", "4", "Ada", "fine")
    refused(GateError, "found it promoted by the gate", "2", "Ada", "fine")
    assert [item["version"] for item in registry.waiting(root)] == ["3"]
    assert last(root)["event"] == "wait" and champion(root) == "2"


def test_no_answer_in_time_is_a_refusal(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (waits,) = registry.waiting(root)
    monkeypatch.setattr(aliases, "now", lambda: "2999-01-01T00:00:00Z")
    with pytest.raises(
        GateError, match=f"refused by nobody: nobody approved it until {waits['waits_until']}"
    ):
        registry.approve(root, "3", *ADA, PERSON)
    assert champion(root) == "2" and registry.waiting(root) == []
    assert (last(root)["event"], last(root)["version"], last(root)["by"]) == ("refuse", "3", "")
    monkeypatch.undo()
    assert "waits_until" in registry.weigh(root, "3", PERSON), "weighed again it waits again"
    assert registry.approve(root, "3", *ADA, PERSON)["promoted"]


def test_what_was_approved_is_weighed_again(root: Path) -> None:
    """Another champion came while the version waited: it was never measured against that one."""
    registry.promote(root, "4")
    with pytest.raises(GateError, match="measured against the current champion failed"):
        registry.approve(root, "3", *ADA, PERSON)
    assert champion(root) == "4" and registry.waiting(root) == []
    entry = last(root)
    assert (entry["event"], entry["by"]) == ("refuse", "the gate")
    assert entry["reason"].startswith("Ada Byron approved it (better on every family), but")
    assert [item["name"] for item in entry["failed"]] == ["measured against the current champion"]


def test_a_candidate_that_the_gate_refuses_never_waits(root: Path) -> None:
    enter(root, "jamel", low=-3.0)
    with pytest.raises(GateError, match="better than random"):
        registry.promote(root, "5", PERSON)
    assert [item["version"] for item in registry.waiting(root)] == ["3"]


def test_who_asked_for_a_promotion_is_kept_without_an_approval(champions: Path) -> None:
    registry.promote(champions, "4", by="Ada", reason="the release")
    assert (last(champions)["by"], last(champions)["reason"]) == ("Ada", "the release")
    assert tags(champions, "2")["decided_by"] == "the gate"
