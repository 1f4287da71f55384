"""Snapshots are exact: after a restore any actions do what they did before."""

from __future__ import annotations

from functools import lru_cache

from hypothesis import given, settings
from hypothesis import strategies as st

from jamel.envs.base import candidates
from jamel.suites import app_spec
from jamel.types import Action, ActionKind, Element, Observation
from jamel.virtual_device.apps import App, build_app
from jamel.virtual_device.apps.painter import CARD, Fragments, Painter, Situation, Style

PICKS = st.lists(st.integers(0, 10_000), min_size=1, max_size=25)
QUICK = settings(max_examples=150, deadline=None, derandomize=True)


@lru_cache(maxsize=64)
def app_of(seed: int, noise: str) -> App:
    """Apps are built once: what one example leaves behind must not reach the next."""
    return App(build_app(seed, noise=noise, new_kinds=seed % 2 == 1))


def play(app: App, picks: list[int]) -> list[tuple[Observation, bytes, str]]:
    seen = []
    for pick in picks:
        actions = [*candidates(app.observe()), Action(ActionKind.HOME)]
        app.apply(actions[pick % len(actions)])
        seen.append((app.observe(), app.probe_bytes(), app.activity))
    return seen


@QUICK
@given(st.integers(0, 5), st.sampled_from(("none", "real", "heavy")), PICKS, PICKS, PICKS)
def test_actions_after_a_restore_equal_those_before(
    seed: int, noise: str, first: list[int], then: list[int], other: list[int]
) -> None:
    app = app_of(seed, noise)
    app.clear_data()
    play(app, first)
    snapshot = app.snapshot()
    here = app.observe(), app.probe_bytes(), app.state_key()
    before = play(app, then)
    play(app, other)
    app.restore(snapshot)
    assert (app.observe(), app.probe_bytes(), app.state_key()) == here
    assert play(app, then) == before


@QUICK
@given(st.integers(0, 5), st.sampled_from(("none", "real", "heavy")), PICKS)
def test_what_is_kept_to_be_quick_changes_nothing(seed: int, noise: str, picks: list[int]) -> None:
    used = app_of(seed, noise)
    used.clear_data()
    fresh = App(used.spec)
    assert play(used, picks) == play(fresh, picks)


def test_a_card_is_remembered_by_its_number_too() -> None:
    """The second card of a short page lies where the first of a longer page lies."""
    names = (f"train/{number}" for number in range(99))
    style = next(App(app_spec(name)).screens.style for name in names if _cards(name, {}, 0, 0) > 1)
    fragments: Fragments = {}
    one = len(_painted(style, {}, 0, 0, most=1))
    _painted(style, fragments, 0, 0)
    below = int(CARD * style.size_px[0] / 1080)
    shown = _painted(style, fragments, below, one)
    assert shown == _painted(style, {}, below, one)


def _painted(
    style: Style, fragments: Fragments, top_px: int, before: int, most: int = 9
) -> list[Element]:
    painter = Painter(style, Situation("page", {}, "", 0, "", True, 0), fragments)
    painter.elements = [painter_filler()] * before
    high = int(CARD * style.size_px[0] / 1080)
    painter.cards((0, top_px, style.size_px[0], min(style.size_px[1], top_px + most * high)), 0)
    return painter.elements[before:]


def painter_filler() -> Element:
    """An element that stands for what a page shows above its cards."""
    return App(app_spec("train/0")).observe().elements[0]


def _cards(app: str, fragments: Fragments, top_px: int, before: int) -> int:
    style = App(app_spec(app)).screens.style
    one = len(_painted(style, fragments, top_px, before, most=1))
    return len(_painted(style, fragments, top_px, before)) // one if one else 0
