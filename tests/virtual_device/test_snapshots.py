"""Snapshots are exact: after a restore any actions do what they did before."""

from __future__ import annotations

from functools import lru_cache

from hypothesis import given, settings
from hypothesis import strategies as st

from jamel.envs.base import candidates
from jamel.types import Action, ActionKind, Observation
from jamel.virtual_device.apps import App, build_app
from jamel.virtual_device.apps.canvas import Situation
from jamel.virtual_device.apps.painter import Painter
from jamel.virtual_device.apps.widgets import Node, button, field, icon, row, tick, toggle
from jamel.virtual_device.device import Device
from tests.virtual_device.conftest import run

PICKS = st.lists(st.integers(0, 10_000), min_size=1, max_size=25)
QUICK = settings(max_examples=150)


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


SCRIPTS = st.lists(
    st.one_of(
        st.builds("input tap {} {}".format, st.integers(0, 719), st.integers(0, 1279)),
        st.sampled_from([
            "input keyevent BACK", "input keyevent HOME", "input text ab", "input keyevent 67",
            "wm user-rotation lock 1", "wm user-rotation free", "am kill {0}", "am force-stop {0}",
            "am start {0}", "am start -d {1}://search", "input keyevent POWER", "am crash {0}",
            "input swipe 300 900 300 200", "input tap 300 200",
        ]),
    ), min_size=1, max_size=12,
)  # fmt: skip


def run_on(device: Device, scripts: list[str]) -> list[tuple]:
    seen = []
    for script in scripts:
        run(device, script.format(device.app.package, device.app.links[0].scheme))
        state = device.keyboard, device.running, device.saved, device.rotation, device.screen_on
        seen.append((device.observe(), device.app.exec_data(), *state))
    return seen


@QUICK
@given(SCRIPTS, SCRIPTS, SCRIPTS)
def test_a_device_does_the_same_after_a_snapshot_was_loaded(
    first: list[str], then: list[str], other: list[str]
) -> None:
    device = Device(app_of(3, "real"))
    device.clear()
    device.start()
    run_on(device, first)
    device.save_snapshot("here")
    before = run_on(device, then)
    run_on(device, other)
    assert device.load_snapshot("here")
    assert run_on(device, then) == before


NODES = (
    row("item", "Letter", "on_open", icons=(icon("star", "Star", "on_star"),), hold="on_hold"),
    Node("card", "card", "Today", ("@say", "Hi"), sub="A longer line of text"),
    button("save", "Save", "on_save"), field("name", "Name"), toggle("on", "On", True, "on_flip"),
    Node("paragraph", "text", "Some lines"), tick("way", "Way", False, "on_way"),
)  # fmt: skip


@QUICK
@given(
    st.integers(0, 11),
    st.lists(st.tuples(st.sampled_from(NODES), st.integers(-200, 2000)), min_size=1, max_size=12),
)
def test_a_widget_painted_before_elsewhere_is_painted_alike(
    seed: int, painted: list[tuple[Node, int]]
) -> None:
    style = App(build_app(seed)).screens.style
    used, fresh = (Painter(style, Situation("page", 0, True, 0), {}) for _ in range(2))
    for painter in (used, fresh):
        painter.put("root", (0, 0, *style.size_px), -1)
    for node, top_px in painted:
        box = 0, top_px, style.size_px[0], top_px + used.height(node)
        fresh.fragments.clear()
        used.node(node, box, 0)
        fresh.node(node, box, 0)
    assert used.screen(0) == fresh.screen(0)
