"""`champion` and `previous-champion` move together or not at all, whatever is killed or hurries."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from jamel import registry, stores
from jamel.config import GateConfig
from jamel.errors import GateError
from jamel.registry import aliases, audit, promotion
from tests.registered import copy_of, enter

PERSON = GateConfig(approval="person")
OF_VERSION = ("set_model_version_tag", "delete_model_version_tag")
WRITES = (
    "set_registered_model_tag",
    "set_registered_model_alias",
    "delete_registered_model_alias",
    "delete_registered_model_tag",
)


class Killed(BaseException):
    """As if the process had ended here: nothing catches it."""


@pytest.fixture
def root(champions: Path) -> Path:
    """Version 2 is champion after version 1; 3 and 4 are measured against it."""
    return champions


def both(root: Path) -> tuple[str, str]:
    """The two aliases as any client of MLflow reads them."""
    client = registry.Tracker(root).client

    def version(alias: str) -> str:
        try:
            return str(client.get_model_version_by_alias("jamel", alias).version)
        except MlflowException:
            return ""

    return version("champion"), version("previous-champion")


def events(root: Path) -> list[tuple[str, str]]:
    return [(entry["event"], entry["version"]) for entry in registry.read_audit(root)]


@contextmanager
def killed_before_write(number: int, writes: Sequence[str]) -> Iterator[list[str]]:
    """Die just before the registry's or the audit's write of that number; gives the writes."""
    done: list[str] = []

    def counted(write: Callable[..., Any], name: str) -> Callable[..., Any]:
        def instead(*args: Any, **kwargs: Any) -> Any:
            if len(done) == number:
                raise Killed(name)
            done.append(name)
            return write(*args, **kwargs)

        return instead

    with pytest.MonkeyPatch.context() as patch:
        for name in writes:
            patch.setattr(MlflowClient, name, counted(getattr(MlflowClient, name), name))
        patch.setattr(audit, "append_line", counted(audit.append_line, "append_line"))
        yield done


def as_it_was(_root: Path) -> None:
    """Nothing to do before."""


def told(root: Path, version: str) -> dict[str, str]:
    """What the tags of a version say of a decision."""
    names = ("gate", "decided_by", "decision_reason", "decision", "evidence")
    tags = registry.get_version(root, version).tags
    return {name: tags[name] for name in names if name in tags}


@pytest.mark.parametrize(
    ("before", "act", "after", "event", "writes"),
    [
        (as_it_was, lambda root: registry.promote(root, "3"), ("3", "2"), ("promote", "3"), WRITES),
        (as_it_was, lambda root: registry.rollback(root), ("1", ""), ("rollback", "1"), WRITES),
        (
            lambda root: registry.weigh(root, "3", PERSON),
            lambda root: registry.refuse(root, "3", "Ada", "not today", PERSON),
            ("2", "1"),
            ("refuse", "3"),
            (*WRITES, *OF_VERSION),
        ),
    ],
    ids=["promote", "rollback", "refuse"],
)
def test_a_decision_that_is_killed_anywhere_is_whole_for_whoever_looks_next(
    made: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    before: Callable[[Path], Any],
    act: Callable[[Path], Any],
    after: tuple[str, str],
    event: tuple[str, str],
    writes: Sequence[str],
) -> None:
    # The model's answer, which is the same each time, takes longer than all the rest.
    served = promotion.smoke_test(made, "jamel", "3")
    monkeypatch.setattr(promotion, "smoke_test", lambda *_: served)
    base, version = copy_of(made, tmp_path / "base"), event[1]
    before(base)
    tags = told(base, version)
    whole, decided = False, []
    while not whole:
        root = copy_of(base, tmp_path / str(len(decided)))
        with killed_before_write(len(decided), writes) as done:
            try:
                act(root)
                whole = True
            except Killed:
                pass
        now = registry.champion(root)
        decided.append(events(root).count(event) == 1)
        assert both(root) == (after if decided[-1] else ("2", "1")), f"killed after {done}"
        assert now is not None and now.version == both(root)[0]
        assert (told(root, version) == tags) == (not decided[-1] or event[0] == "rollback")
        waits = [item["version"] for item in registry.waiting(root)]
        assert waits == ([] if decided[-1] or before is as_it_was else [version])
        if decided[-1] and event[0] != "rollback":
            entry, found = registry.read_audit(root)[-1], told(root, version)
            assert found["decision"] == entry["id"] and found["decided_by"] == entry["by"]
            assert json.loads(found["evidence"]) == entry["evidence"]
        model = registry.Tracker(root).client.get_registered_model("jamel")
        assert "decision_unfinished" not in model.tags
    assert done.count("append_line") == 1 and len(decided) == len(done) + 1 >= 6
    first = done.index("set_registered_model_tag") + 1
    assert decided == [False] * first + [True] * (len(decided) - first), "that write decides"
    assert "decision_plan" not in registry.get_version(root, version).tags


def test_a_killed_promotion_is_finished_by_a_rollback_first(root: Path) -> None:
    set_alias = MlflowClient.set_registered_model_alias

    def once(self: MlflowClient, name: str, alias: str, version: str) -> None:
        set_alias(self, name, alias, version)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MlflowClient, "set_registered_model_alias", once)
        with pytest.raises(Killed):
            registry.promote(root, "3")
    assert both(root) == ("2", "2"), "half of it, as seen by others"
    assert registry.rollback(root)["previous"] == "3"
    assert both(root) == ("2", "1")
    assert events(root)[-2:] == [("promote", "3"), ("rollback", "2")]


def test_rollback_goes_to_the_previous_champion_and_then_to_those_before(root: Path) -> None:
    registry.promote(root, "3")
    assert both(root) == ("3", "2")
    assert registry.rollback(root, by="Ada", reason="loops on sign-in")["version"] == "2"
    assert both(root) == ("2", "1")
    entry = registry.read_audit(root)[-1]
    assert (entry["by"], entry["reason"], entry["previous"]) == ("Ada", "loops on sign-in", "3")
    registry.rollback(root)
    assert both(root) == ("1", "")


def test_an_alias_that_was_set_by_hand_counts_and_deleted_versions_do_not(root: Path) -> None:
    client = registry.Tracker(root).client
    registry.promote(root, "3")
    client.set_registered_model_alias("jamel", "previous-champion", "1")
    assert registry.rollback(root)["version"] == "1"
    registry.promote(root, "1")
    client.delete_registered_model_alias("jamel", "previous-champion")
    client.delete_model_version("jamel", "2")
    with pytest.raises(GateError, match="earlier champion"):
        registry.rollback(root)


def test_a_store_of_the_time_with_one_alias_rolls_back_by_its_history(root: Path) -> None:
    client = registry.Tracker(root).client
    client.delete_registered_model_alias("jamel", "previous-champion")
    client.set_registered_model_tag("jamel", "champion_history", json.dumps(["1", "2"]))
    assert registry.rollback(root)["version"] == "1"
    assert both(root) == ("1", "")


def test_the_longest_that_may_be_said_fits_what_a_database_keeps(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow's column for a registered model's tag has 5,000 characters, which SQLite ignores."""
    client, longest = registry.Tracker(root).client, 0
    client.set_registered_model_tag("jamel", "champion_history", json.dumps(["1"] * aliases.KEPT))
    write = MlflowClient.set_registered_model_tag

    def measured(self: MlflowClient, name: str, key: str, value: str) -> None:
        nonlocal longest
        longest = max(longest, len(value))
        write(self, name, key, value)

    monkeypatch.setattr(MlflowClient, "set_registered_model_tag", measured)
    by, reason = "Ж" * audit.MAX_NAME, '"Щ' * (audit.MAX_REASON // 2)
    registry.weigh(root, "3", PERSON)
    registry.approve(root, "3", by, reason, PERSON)
    assert both(root) == ("3", "2")
    enter(root, "jamel", low=-3.0)
    assert not registry.weigh(root, "5", by=by, reason=reason)["promoted"]
    registry.rollback(root, by=by, reason=reason)
    for entry in registry.read_audit(root)[-3:]:
        assert (entry["by"], entry["reason"]) == (by, reason)
    assert told(root, "5")["decision_reason"] == reason
    assert 0 < longest <= 5000


def test_two_promotions_at_once_do_not_interleave(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both were measured against version 2: the one that comes second meets another champion."""
    inside: list[str] = []
    most = []
    together = threading.Barrier(2)
    judge, enact = promotion.judge, aliases.enact

    def judged(root: Path, candidate: Any, *rest: Any) -> Any:
        inside.append(candidate.version)
        most.append(len(inside))
        return judge(root, candidate, *rest)

    def left(*args: Any) -> None:
        # Long enough for the other to come in, if it could.
        threading.Event().wait(0.5)
        enact(*args)

    def promoted(version: str) -> bool:
        together.wait(60)
        found = registry.weigh(root, version)
        return bool(found["promoted"])

    registry_alone = promotion.registry_alone

    @contextmanager
    def told(*args: Any) -> Iterator[None]:
        with registry_alone(*args):
            yield
            inside.pop()

    monkeypatch.setattr(promotion, "judge", judged)
    monkeypatch.setattr(promotion, "enact", left)
    monkeypatch.setattr(promotion, "registry_alone", told)
    with ThreadPoolExecutor(2) as pool:
        outcomes = dict(zip(("3", "4"), pool.map(promoted, ("3", "4")), strict=True))
    assert most == [1, 1], "one at a time between the look at the champion and the last write"
    assert sorted(outcomes.values()) == [False, True]
    winner = next(version for version, won in outcomes.items() if won)
    loser = next(version for version, won in outcomes.items() if not won)
    assert both(root) == (winner, "2")
    assert events(root)[-2:] == [("promote", winner), ("refuse", loser)]
    (failed,) = registry.read_audit(root)[-1]["failed"]
    assert failed["name"] == "measured against the current champion"


def test_a_reader_waits_for_a_move_that_is_under_way(root: Path) -> None:
    client = registry.Tracker(root).client
    entry = audit.new_entry("promote", "jamel", "3", "2")
    plan = {"entry": entry, "aliases": {"previous-champion": "2", "champion": "3"}}
    plan |= {"former": ["1", "2"]}
    with ThreadPoolExecutor(1) as pool:
        with stores.lock(root, "registry"):
            client.set_model_version_tag("jamel", "3", "decision_plan", json.dumps(plan))
            client.set_registered_model_tag("jamel", "decision_unfinished", "3")
            reading = pool.submit(registry.champion, root)
            assert not threading.Event().wait(0.3) and not reading.done()
        found = reading.result(60)
    assert found is not None and found.version == "3" and both(root) == ("3", "2")
