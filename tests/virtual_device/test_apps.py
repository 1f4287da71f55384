"""Apps of the embedded device: determinism, touches, snapshots, coverage, noise."""

from __future__ import annotations

from random import Random
from xml.etree import ElementTree

import pytest

from jamel.envs.base import candidates
from jamel.envs.ui_tree import parse_hierarchy
from jamel.errors import ConfigError
from jamel.suites import suite_apps
from jamel.types import Action, ActionKind, Element, Observation, centre_px, swipe_px
from jamel.virtual_device.apps import App, build_app
from jamel.virtual_device.apps.instrument import instrument_source
from jamel.virtual_device.render import hierarchy_xml


def walk(app: App, steps: int, seed: int = 0) -> list:
    rng, seen = Random(seed), []
    for _ in range(steps):
        app.apply(rng.choice(candidates(app.observe())))
        seen.append((app.observe(), app.probe_bytes()))
    return seen


def by_coordinates(app: App, action: Action) -> None:
    """What a device does: no elements, only points."""
    match action.kind:
        case ActionKind.BACK:
            app.back()
        case ActionKind.HOME:
            app.home()
        case ActionKind.RESTART:
            app.restart()
        case kind:
            bounds_px = app.observe().elements[action.element].bounds_px
            if kind in (ActionKind.SCROLL_DOWN, ActionKind.SCROLL_UP):
                app.swipe(*swipe_px(bounds_px, kind is ActionKind.SCROLL_DOWN))
            elif kind is ActionKind.LONG_PRESS:
                app.long_press(*centre_px(bounds_px))
            else:
                app.tap(*centre_px(bounds_px))
                if kind is ActionKind.TYPE:
                    app.type_text(action.text)


@pytest.mark.parametrize("noise", ["none", "real", "heavy"])
@pytest.mark.parametrize("new_kinds", [False, True])
def test_same_seed_same_app_step_by_step(noise: str, new_kinds: bool) -> None:
    spec = build_app(3, noise=noise, new_kinds=new_kinds)
    assert spec == build_app(3, noise=noise, new_kinds=new_kinds)
    assert walk(App(spec), 150) == walk(App(spec), 150)


@pytest.mark.parametrize("seed", range(6))
def test_taps_on_elements_and_on_points_agree(seed: int) -> None:
    spec = build_app(seed, new_kinds=seed % 2 == 1)
    one, other, rng = App(spec), App(spec), Random(seed)
    for _ in range(300):
        action = rng.choice(candidates(one.observe()))
        one.apply(action)
        by_coordinates(other, action)
        assert one.observe() == other.observe()
        assert one.probe_bytes() == other.probe_bytes()


@pytest.mark.parametrize("seed", range(6))
def test_screens_survive_the_way_through_xml(seed: int) -> None:
    spec = build_app(seed, noise=("none", "real", "heavy")[seed % 3], new_kinds=seed > 2)
    for observation, _ in walk(App(spec), 120, seed):
        elements, rotation = parse_hierarchy(hierarchy_xml(observation).encode())
        assert elements == observation.elements and rotation == 0


def test_an_index_is_no_position_in_as_many_dumps_as_in_real_ones() -> None:
    odd, dumps = 0, set()
    for spec in suite_apps("valid", 16):
        dumps |= {hierarchy_xml(observation) for observation, _ in walk(App(spec), 40)}
    for xml in dumps:
        nodes = list(ElementTree.fromstring(xml.encode()).iter())
        odd += any(int(child.get("index", "")) != place for node in nodes
                   for place, child in enumerate(node))  # fmt: skip
    assert 0.25 < odd / len(dumps) < 0.6


def test_the_xml_is_spelled_as_uiautomator_spells_it() -> None:
    tail = (
        'checkable="false" checked="false" clickable="%s" enabled="true" focusable="%s" '
        'focused="false" scrollable="false" long-clickable="false" password="false" '
        'selected="false" bounds="%s"'
    )
    flags = (False, False, False, False, True, False, False, False)
    box = Element("a.B", "", "", "", (0, 0, 9, 9), False, *flags, -1)
    inner = Element("a.C", 'x<"&\n', "p:id/c", "é", (1, 2, 3, 4), True, *flags, 0)
    xml = hierarchy_xml(Observation("p", "p.A", (box, inner), (9, 9)))
    assert xml == (
        "<?xml version='1.0' encoding='UTF-8' standalone='yes' ?><hierarchy rotation=\"0\">"
        '<node index="0" text="" resource-id="" class="a.B" package="p" content-desc="" '
        + tail
        % ("false", "false", "[0,0][9,9]")
        + '><node index="0" text="x&lt;&quot;&amp;&#10;" resource-id="p:id/c" class="a.C" '
        'package="p" content-desc="é" '
        + tail % ("true", "true", "[1,2][3,4]")
        + " /></node></hierarchy>"
    )


def test_every_element_lies_on_the_screen_and_after_its_parent() -> None:
    for seed in range(8):
        app = App(build_app(seed, new_kinds=seed > 4))
        width, height = app.size_px
        for observation, _ in walk(app, 200, seed):
            for index, element in enumerate(observation.elements):
                left, top, right, bottom = element.bounds_px
                assert 0 <= left <= right <= width and 0 <= top <= bottom <= height, element
                assert element.parent < index


def test_a_snapshot_brings_screen_and_coverage_back() -> None:
    app = App(build_app(1))
    walk(app, 60)
    snapshot, seen, covered = app.snapshot(), app.observe(), app.probe_bytes()
    onward = walk(app, 60, seed=1)
    app.restore(snapshot)
    assert (app.observe(), app.probe_bytes()) == (seen, covered)
    assert walk(app, 60, seed=1) == onward


def test_coverage_outlives_a_restart_but_not_a_new_session() -> None:
    app = App(build_app(2))
    fresh = app.probe_bytes()
    walk(app, 120)
    covered = app.probe_bytes()
    app.restart()
    assert all(after >= before for before, after in zip(covered, app.probe_bytes(), strict=True))
    app.clear_data()
    assert app.probe_bytes() == fresh
    app.reset_coverage()
    assert not any(app.probe_bytes())


def test_probes_are_counted_by_class() -> None:
    for seed in range(12):
        app = App(build_app(seed, new_kinds=seed > 8))
        assert sum(size for _, _, size in app.classes) == app.total_probes
        assert len(app.probe_bytes()) == app.total_probes
        assert len({class_id for class_id, _, _ in app.classes}) == len(app.classes)
        assert 150 <= app.total_probes <= 600


def test_noise_changes_the_screen_and_never_the_code() -> None:
    apps = [App(build_app(5, noise=noise)) for noise in ("none", "real", "heavy")]
    assert len({app.build for app in apps}) == 1
    assert len({app.total_probes for app in apps}) == 1
    assert len({app.observe() for app in apps}) > 1


def test_an_action_that_cannot_be_done_says_why() -> None:
    app = App(build_app(1))
    assert app.apply(Action(ActionKind.TAP, 999)) == (
        False,
        f"no element 999 among {len(app.observe().elements)}",
    )
    executed, why = app.apply(Action(ActionKind.TYPE, 0, "hello"))
    assert not executed and "takes no text" in why


def test_back_on_the_first_screen_leaves_and_the_launcher_comes_back() -> None:
    app = App(build_app(2, noise="none"))
    app.restart()
    while app.observe().package == app.package:
        app.back()
    index = next(i for i, element in enumerate(app.observe().elements) if element.clickable)
    app.apply(Action(ActionKind.TAP, index))
    assert app.observe().package == app.package


def test_an_unknown_noise_level_is_refused() -> None:
    with pytest.raises(ConfigError, match="noise"):
        build_app(0, noise="loud")


def test_every_arm_gets_a_probe() -> None:
    source = """
def on_x(c, n):
    if n > 3:
        c.log.append("big")
    for _ in range(n):
        pass
    match n:
        case 1:
            c.log.append("one")
"""

    class C:
        def __init__(self) -> None:
            self.p, self.b, self.log = bytearray(8), 1, []

    code = instrument_source(source, {})
    assert [name.split(":")[2] for name in code.probes] == [
        "entry", "then", "else", "loop", "case", "no case",
    ]  # fmt: skip
    for value, expected in (
        (5, [1, 1, 0, 1, 0, 1]),
        (1, [1, 0, 1, 1, 1, 0]),
        (0, [1, 0, 1, 0, 0, 1]),
    ):
        c = C()
        code.handlers["on_x"](c, value)
        assert list(c.p[1:7]) == expected
