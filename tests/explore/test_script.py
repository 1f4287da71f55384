"""Scripts: written whole, read back, refused with a sentence; replays that hold and that do not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jamel.agents import make_agent
from jamel.errors import ScriptError
from jamel.explore import Exploration, explore, read_script, replay, write_script
from jamel.explore.screens import ElementName, element_name, find_element, screen_name
from jamel.explore.script import MOST_BYTES
from jamel.types import Observation
from tests.explore.buggy_env import BuggyEnv
from tests.tiny_env import TinyEnv, element


def recorded(tmp_path: Path, env: TinyEnv) -> tuple[Exploration, Path]:
    found = explore(make_agent("least-tried"), env, seed=3, steps=80)
    return found, write_script(found.header, found.steps, tmp_path / "deep" / "session.jsonl")


def test_a_script_reads_back_and_holds(tmp_path: Path) -> None:
    found, path = recorded(tmp_path, BuggyEnv())
    script = read_script(path)
    assert list(script.steps) == found.steps and script.header.seed == 3
    told: list[int] = []
    done = replay(script, BuggyEnv(), progress=lambda step, total, words: told.append(step))
    assert done.holds and len(done.steps) == 81 and told == list(range(1, 81))
    assert done.as_dict()["holds"] is True


def test_a_mended_crash_and_a_removed_element_are_differences(tmp_path: Path) -> None:
    _, path = recorded(tmp_path, BuggyEnv())
    script = read_script(path)
    crashed = next(i for i, step in enumerate(script.steps, 1) if step.expect.crash)
    done = replay(script, BuggyEnv(fixed=True))
    first = done.first_difference
    assert first is not None and not done.holds and first.step == crashed
    assert first.difference.startswith("expected the crash java.lang.IllegalStateException")

    class Shorn(BuggyEnv):
        def _observe(self) -> Observation:
            shown = super()._observe()
            gone = shown.activity == "list"
            return shown._replace(elements=shown.elements[:1]) if gone else shown

    tapped = next(i for i, step in enumerate(script.steps, 1) if step.words == 'tap "row2"')
    differing = [held.step for held in replay(script, Shorn()).steps if not held.holds]
    assert differing[0] <= tapped and tapped in differing


def test_coverage_is_compared_with_the_same_build_only(tmp_path: Path) -> None:
    _, path = recorded(tmp_path, TinyEnv())
    lines = path.read_text().splitlines()
    step = json.loads(lines[5])
    step["expect"]["covered"] += 1
    path.write_text("\n".join([*lines[:5], json.dumps(step), *lines[6:]]))
    script = read_script(path)
    done = replay(script, TinyEnv())
    assert done.first_difference is not None and done.first_difference.step == 5
    assert "probes covered" in done.first_difference.difference
    assert replay(script, TinyEnv(), compare_coverage=False).holds
    other = TinyEnv()
    other.build = "another"
    assert replay(script, other).holds


HEADER = {
    "jamel_script": 1, "app": "a", "build": "b", "seed": 0, "agent": "x", "about": "y", "steps": 0,
    "start": {"screen": "s", "activity": "a", "covered": 0},
}  # fmt: skip
STEP = {"action": "back", "expect": HEADER["start"]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "0 lines"),
        (b"\xff\xfe", "no UTF-8"),
        (b"hello", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "valid dictionary"),
        (json.dumps({**HEADER, "jamel_script": 2}).encode(), "jamel_script"),
        (json.dumps({**HEADER, "extra": 1}).encode(), "extra"),
        (json.dumps({**HEADER, "app": "\x1b[31m"}).encode(), "control characters"),
        (json.dumps({**HEADER, "app": "\ud800"}).encode(), "app"),
        (json.dumps({**HEADER, "seed": 10**30}).encode(), "seed"),
        (json.dumps({**HEADER, "steps": 3}).encode(), "expected 3 steps"),
        (json.dumps(HEADER).encode() + b"\n" + json.dumps(STEP).encode(), "expected 0 steps"),
        (json.dumps({**HEADER, "steps": 1}).encode() + b'\n{"action": "rm"}', "line 2: action"),
        (json.dumps({**HEADER, "app": "x" * 5000}).encode(), "at most 4000"),
        (b" " * (MOST_BYTES + 1), "more than 64 MiB"),
    ],
)
def test_what_is_no_script_is_refused_with_a_sentence(
    tmp_path: Path, text: bytes, said: str
) -> None:
    path = tmp_path / "script.jsonl"
    path.write_bytes(text)
    with pytest.raises(ScriptError, match="expected") as refused:
        read_script(path)
    assert said in str(refused.value) and len(str(refused.value)) < 600


def test_no_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(ScriptError, match="expected a script"):
            read_script(path)


def screen(*elements: tuple[str, str]) -> Observation:
    made = [element(text)._replace(resource_id=rid) for text, rid in elements]
    return Observation("p", ".Main", tuple(made), (100, 100))


def test_an_element_is_found_when_the_list_reorders_or_a_counter_moves() -> None:
    before = screen(("Inbox (3)", "row"), ("Sent", "row"), ("Sent", "row"))
    name = element_name(before, 2)
    assert name == ElementName("android.widget.Button", "row", "Sent", 1)
    assert find_element(screen(("Sent", "row"), ("Sent", "row"), ("Inbox", "row")), name) == 1
    inbox = element_name(before, 0)
    assert inbox is not None
    assert find_element(screen(("Sent", "row"), ("Inbox (12)", "row")), inbox) == 1
    # What it says is all that an element without an id has.
    nameless = element_name(screen(("Pay", "")), 0)
    assert nameless is not None and find_element(screen(("Buy", "")), nameless) == -1
    assert element_name(before, -1) is None and element_name(before, 3) is None


def test_a_screens_name_leaves_texts_and_order_out() -> None:
    one = screen(("09:41", "clock"), ("Pay", "pay"))
    assert screen_name(one) == screen_name(screen(("Now", "pay"), ("09:42", "clock")))
    assert screen_name(one) != screen_name(screen(("Pay", "pay")))
