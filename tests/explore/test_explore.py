"""A session explored for a person: what is found, how it is shown, and how crashes are told."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image

from jamel.agents import make_agent
from jamel.errors import DeviceLost
from jamel.explore import Exploration, Shortened, crash_of, explore, render, shorten
from jamel.types import Action, Observation
from tests.explore.buggy_env import DIALOG, TRACE, BuggyEnv
from tests.tiny_env import TinyEnv, element


def png(width: int = 30, height: int = 60) -> bytes:
    saved = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(saved, "PNG")
    return saved.getvalue()


def explored(env: TinyEnv, steps: int = 60, **options: object) -> Exploration:
    agent = make_agent("least-tried")
    return explore(agent, env, seed=1, steps=steps, reachable=6, **options)  # type: ignore[arg-type]


def test_every_screen_edge_and_step_is_kept() -> None:
    taken: list[bytes] = []
    found = explored(TinyEnv(), picture=lambda: taken.append(png()) or taken[-1])
    assert len(found.steps) == 60 and len(found.covered) == 61
    assert found.covered[0] == 1 and found.covered[-1] == 6 and found.coverage == 100
    assert sorted(found.covered) == found.covered
    assert {screen.activity for screen in found.screens.values()} == {
        "home", "list", "form", "row", "row2", "deep",
    }  # fmt: skip
    assert len(taken) == 6, "a picture of each screen that is new"
    names = {name: screen.activity for name, screen in found.screens.items()}
    edges = {(names[a], names[b]) for a, b in found.edges}
    assert {("home", "list"), ("list", "row2"), ("row2", "deep"), ("deep", "row2")} <= edges
    assert all(screen.visits for screen in found.screens.values())


@pytest.mark.parametrize("told", [True, False])
def test_a_crash_is_found_once_and_named_by_its_cause(told: bool) -> None:
    found = explored(BuggyEnv(told), steps=150)
    assert [crash.crash.title for crash in found.crashes] == [DIALOG]
    crashed = [step for step in found.steps if step.expect.crash]
    assert len(crashed) > 1, "it crashes each time, and is told once"
    cause = "java.lang.IllegalStateException @ tiny.Deep.onOpen(Deep.kt:12)" if told else DIALOG
    assert {step.expect.crash for step in crashed} == {cause}
    first = found.crashes[0]
    assert found.steps[first.step - 1].expect.crash and first.words == 'tap "deep"'


def test_a_trace_is_asked_for_where_the_step_has_none() -> None:
    found = explored(BuggyEnv(told=False), steps=150, trace=lambda: TRACE)
    assert found.crashes[0].crash.trace == TRACE


def test_an_app_that_says_stopped_itself_has_not_crashed() -> None:
    words = element("The timer has stopped", "android.widget.TextView")
    assert crash_of(Observation("com.example", ".Main", (words,), (1, 1)), {}) is None
    assert crash_of(Observation("android", "", (words,), (1, 1)), {}) is not None


def test_a_dialog_that_the_link_closed_is_a_crash_still() -> None:
    here = Observation("com.example", ".Main", (), (1, 1))
    told = crash_of(here, {"marks": "waited; closed a dialog: Plum Go has stopped; dumped again"})
    assert told is not None and told.title == "Plum Go has stopped"
    assert crash_of(here, {"marks": "closed a dialog: Rate us"}) is None
    thrown = crash_of(here, {"crash": "TypeError: x is null\n    at f (/app.js:3:9)"})
    assert thrown is not None and thrown.title == "TypeError: x is null"
    assert thrown.signature == "TypeError @ f (/app.js:3:9)"
    traced = crash_of(here, {"crash": TRACE})
    assert traced is not None and traced.title == "tiny has stopped"


def test_the_shortest_replay_is_minimal_and_still_crashes() -> None:
    found = explored(BuggyEnv(), steps=150)
    step = found.crashes[0].step
    env = BuggyEnv()
    short = shorten(found.header, found.steps[:step], env)
    # home -> form -> back -> list -> row2 -> deep: nothing of it can be left out.
    words = [item.words for item in short.steps]
    assert short.reproduced and step > len(words)
    assert words == ['tap "form"', "back", 'tap "list"', 'tap "row2"', 'tap "deep"'] or (
        words == ['tap "form"', "restart", 'tap "list"', 'tap "row2"', 'tap "deep"']
    )
    assert short.steps[-1].expect.crash == found.steps[step - 1].expect.crash
    assert env.resets == short.tests + 1


def test_shortening_is_bounded_and_says_when_nothing_shows_again() -> None:
    found = explored(BuggyEnv(), steps=150)
    steps = found.steps[: found.crashes[0].step]
    once = shorten(found.header, steps, BuggyEnv(), most_tests=1)
    assert once.tests == 1 and once.reproduced and len(once.steps) == len(steps)
    mended = shorten(found.header, steps, BuggyEnv(fixed=True))
    assert not mended.reproduced and len(mended.steps) == len(steps)


def test_a_lost_device_keeps_what_was_found() -> None:
    class Lossy(TinyEnv):
        left = 7

        def step(self, action: Action) -> tuple[Observation, float, bool, bool, dict]:
            self.left -= 1
            if self.left < 0:
                raise DeviceLost("the device went away")
            return super().step(action)

    found = explored(Lossy())
    assert len(found.steps) == 7 and found.stopped == "the device went away"
    broken = Lossy()
    broken.left = 0
    with pytest.raises(DeviceLost):
        explored(broken)


def test_frontier_stops_when_its_graph_has_nothing_untried() -> None:
    agent, env = make_agent("frontier"), TinyEnv()
    found = explore(agent, env, seed=0, steps=500, until_exhausted=True)
    assert found.stopped == "exhausted" and len(found.steps) < 60
    assert found.covered[-1] == 6


class Judge:
    """An agent with a novelty head that is sure of `chance`."""

    name, version = "judge", "1"

    def __init__(self, chance: float) -> None:
        self.chance, self._plain = chance, make_agent("least-tried")

    def reset(self, session_seed: int) -> None:
        self._plain.reset(session_seed)

    def act(self, observation: Observation) -> Action:
        from jamel.envs.base import candidates

        self.novelty = [self.chance] * len(candidates(observation))
        return self._plain.act(observation)

    def observe_result(self, next_observation: Observation, executed: bool) -> None:
        self._plain.observe_result(next_observation, executed)


def test_a_models_novelty_decides_when_an_app_is_exhausted() -> None:
    options = {"seed": 0, "steps": 200, "until_exhausted": True, "threshold": 0.05, "patience": 4}
    sure = explore(Judge(0.01), TinyEnv(), **options)  # type: ignore[arg-type]
    # A screen that is not judged yet counts as worth a step; then four calm steps in a row.
    assert sure.stopped == "exhausted" and 4 <= len(sure.steps) < 60
    hopeful = explore(Judge(0.2), TinyEnv(), **options)  # type: ignore[arg-type]
    assert hopeful.stopped == "budget" and len(hopeful.steps) == 200
    assert sum(hopeful.chances) == pytest.approx(40)


def test_a_calibrated_chance_decides_in_place_of_the_threshold() -> None:
    from jamel.calibration import Calibration, Exhausted, Line, Platt

    # Sure of it from step 20 on: the logarithm of the step is the last feature.
    chance = Exhausted(mean=(0, 0, 0, 3.0), scale=(1, 1, 1, 0.01), weights=(0, 0, 0, 1), bias=1.4)
    fitted = Calibration(
        weights="w", suite="valid", novelty=Platt(offset=-2), worth=Line(), exhausted=chance
    )
    told: list[float | None] = []
    options = {"seed": 0, "steps": 200, "until_exhausted": True, "calibration": fitted}
    found = explore(
        Judge(0.9),
        TinyEnv(),
        patience=4,
        progress=lambda now: told.append(now.exhausted),
        **options,
    )  # type: ignore[arg-type]
    assert found.stopped == "exhausted" and len(found.steps) == 23
    assert found.exhausted is not None and found.exhausted > 0.8
    assert told[0] is not None and told[0] < 0.01, "it is told while it runs"
    assert found.exhausted_means == "fewer than 2 new probes in 20 steps"
    assert found.chances == pytest.approx([fitted.novelty(0.9)] * 23)
    simple = explore(make_agent("frontier"), TinyEnv(), **options)  # type: ignore[arg-type]
    assert simple.exhausted is None and simple.stopped == "exhausted", (
        "an agent without a model has no figures to mend"
    )


def test_the_page_is_whole_and_escapes_what_apps_say() -> None:
    found = explored(BuggyEnv(), steps=150, picture=png)
    found.app = "<script>alert(1)</script>"
    crash = found.crashes[0]
    found.crashes[0].crash = crash.crash._replace(trace="</pre><img src=x onerror=alert(2)>")
    short = Shortened(found.header, tuple(found.steps[:3]), True, 9)
    page = render(found, [(short, "crash-1.jsonl")], "session.jsonl")
    assert "<script" not in page and "<img" not in page
    assert page.count('class="node"') == len(found.screens)
    assert page.count("data:image/png;base64,") == len(found.screens)
    assert "jamel replay crash-1.jsonl" in page and "jamel replay session.jsonl" in page
    assert not re.search(r'(?:src|href)="(?!data:|#)', page), "nothing is loaded from elsewhere"
    assert page.count('class="fell"') == 1


@pytest.mark.parametrize("picture", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_a_picture_that_cannot_be_read_is_left_out(picture: bytes) -> None:
    found = explored(TinyEnv(), steps=5, picture=lambda: picture)
    assert "<image" not in render(found, [], "session.jsonl")
