"""Snapshots are exact: after a restore any actions do what they did before."""

from __future__ import annotations

import random
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jamel.envs.base import candidates
from jamel.suites import app_spec
from jamel.types import Action, ActionKind, Observation
from jamel.virtual_device.apps import App, build_app

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


@pytest.mark.parametrize("number", [0, 1, 3, 4, 7, 115])
def test_what_is_shown_never_depends_on_what_was_tried_before(number: int) -> None:
    """A long walk with every candidate tried on the way shows what a walk without shows."""
    spec = app_spec(f"train/{number}")
    tried, plain = App(spec), App(spec)
    rng = random.Random(number)
    for _ in range(60):
        here = tried.snapshot()
        for action in candidates(tried.observe()):
            tried.apply(action)
            tried.observe()
            tried.restore(here)
        action = rng.choice(candidates(plain.observe()))
        tried.apply(action)
        plain.apply(action)
        assert tried.observe() == plain.observe()
