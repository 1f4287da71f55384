"""Effects that are remembered are those that events have."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jamel.envs.base import candidates
from jamel.types import Observation
from jamel.virtual_device.apps import App, build_app, effects
from jamel.virtual_device.apps.canvas import Screen
from jamel.virtual_device.apps.effects import Effects, View, bits, effects_of
from jamel.virtual_device.apps.events import Event, can_cover, events_of

NOISES = st.sampled_from(("none", "real", "heavy"))


def choices_on(screen: Screen, size_px: tuple[int, int]) -> list[tuple[Event, ...]]:
    seen = Observation("", "", screen.elements, size_px)
    return [events_of(screen, seen, action) for action in candidates(seen)]


@settings(max_examples=40)
@given(st.integers(0, 40), NOISES, st.booleans(), st.integers(0, 9))
def test_known_effects_follow_an_app_wherever_it_goes(
    seed: int, noise: str, new_kinds: bool, walk: int
) -> None:
    """A second walk over remembered effects is where the app is, at every step."""
    spec = build_app(seed, noise=noise, new_kinds=new_kinds)
    known, rng = Effects(spec), Random(walk)
    for _ in range(2):
        app = App(spec)
        parts = known.parts_of(app)
        for _ in range(60):
            choices = choices_on(known.screen(parts, app.ticks), app.size_px)
            observation = app.observe()
            actions = candidates(observation)
            assert choices == [events_of(app.paint(), observation, action) for action in actions]
            place = rng.randrange(len(actions))
            effect = known.effects(parts, choices)[place]
            assert can_cover(choices[place]) or not effect.hits
            ticks = app.ticks
            app.reset_coverage()
            app.perform(observation, actions[place])
            app.close_crash_dialog()
            parts = known.after(parts, effect)
            assert parts == known.parts_of(app)
            assert [part.values for part in parts] == [dict(part) for part in app.parts()]
            assert (effect.hits, effect.ticks) == (bits(app.probe_bytes()), app.ticks - ticks)


def test_parts_that_an_app_takes_for_one_state_are_kept_as_one() -> None:
    app = App(build_app(3))
    known = Effects(app.spec)
    before, key = known.parts_of(app), app.state_key()
    app.parts()[0]["focus"] = "elsewhere"
    after = known.parts_of(app)
    assert app.state_key() == key
    assert after[0] is not before[0] and after[0].place is before[0].place
    assert after[1:] == before[1:]


def test_a_state_has_the_same_names_for_ever() -> None:
    view = View(0, effects.Notes())
    view.before = {"name": 1}
    view["name"] = 2
    assert dict(view) == {"name": 2} and view.before == {"name": 1}
    with pytest.raises(KeyError, match="expected one of name"):
        view["other"] = 1
    with pytest.raises(KeyError, match="to stay"):
        del view["name"]


def test_what_is_known_is_shared_until_it_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = build_app(5)
    first = effects_of(spec)
    app = App(spec)
    first.effects(first.parts_of(app), [(Event("back"),)])
    assert effects_of(spec) is first and first.size == 1
    monkeypatch.setattr(effects, "MOST_ANSWERS", 0)
    assert effects_of(spec) is not first
