"""The corpus: its feature kinds, their words, the suites' apps, defects that crash, traps."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from jamel.dumps import count
from jamel.envs.base import candidates
from jamel.envs.links import InProcessLink
from jamel.suites import load_suites, suite_apps
from jamel.types import Action, ActionKind, Element, Observation
from jamel.virtual_device.apps import App
from jamel.virtual_device.apps.compose import AppSpec, FeatureSpec
from jamel.virtual_device.apps.dialect import WAYS_TO_SAY, Dialect
from jamel.virtual_device.apps.events import BACK, Event, events_of
from jamel.virtual_device.apps.features import KINDS, NEW_KINDS, module_of
from jamel.virtual_device.apps.furniture import Furniture, initial
from jamel.virtual_device.apps.instrument import instrument
from jamel.virtual_device.apps.oracle import search
from jamel.virtual_device.apps.widgets import button, label
from jamel.virtual_device.apps.wording import WORDS, PoolRandom, titles
from jamel.virtual_device.device import Device
from jamel.virtual_device.services import COMMANDS
from jamel.virtual_device.shell import Shell

ALL_KINDS = sorted({**KINDS, **NEW_KINDS})
WITH_DEFECT = [kind for kind in ALL_KINDS if hasattr(module_of(kind), "DEFECT")]


def app_of(kind: str, seed: int = 0, defect: bool = False) -> App:
    """An app of one feature behind a plain first screen, without identity noise."""
    module = module_of(kind)
    cfg = tuple(sorted(module.configure(PoolRandom(seed)).items()))
    hub = FeatureSpec("hub", "Home", (("layout", "rows"),), -1)
    feature = FeatureSpec(kind, module.TITLES[0], cfg, 0, defect=defect)
    return App(AppSpec("train/0", seed, "", "none", "native", "com.example.one", "One",
                       (1080, 2400), (hub, feature)))  # fmt: skip


def find(app: App, text: str) -> int:
    """The index of what a tap on a text would hit: the clickable element that shows it."""
    elements = app.observe().elements
    for index, element in enumerate(elements):
        if text in (element.text, element.content_desc):
            while not elements[index].clickable:
                index = elements[index].parent
            return index
    raise AssertionError(f"no {text!r} among {[e.text or e.content_desc for e in elements]}")


def tap(app: App, *texts: str) -> None:
    for text in texts:
        assert app.apply(Action(ActionKind.TAP, find(app, text))) == (True, "")


def texts(app: App) -> list[str]:
    return [element.text for element in app.observe().elements if element.text]


def field_of(app: App, name: str) -> int:
    def matches(element: Element) -> bool:
        return element.resource_id.endswith(f":id/{name}")

    return next(i for i, element in enumerate(app.observe().elements) if matches(element))


def test_there_are_thirty_kinds_of_which_eight_are_held_out() -> None:
    assert len(ALL_KINDS) == len(KINDS) + len(NEW_KINDS) >= 30
    assert len(NEW_KINDS) >= 8
    for kind in ALL_KINDS:
        assert 6 <= len(instrument(module_of(kind)).probes) <= 80, kind


@pytest.mark.parametrize("suite", ["train", "valid", "test", "test-new"])
def test_every_app_of_a_suite_has_five_to_eight_kinds_and_a_fair_size(suite: str) -> None:
    for spec in suite_apps(suite):
        kinds = [feature.kind for feature in spec.features[1:]]
        assert 5 <= len(kinds) == len(set(kinds)) <= 8, spec.name
        assert 150 <= App(spec).total_probes <= 600, spec.name
        assert spec.features[0].kind == "hub"


def test_every_kind_is_in_the_suite_that_may_have_it() -> None:
    used = {name: {f.kind for spec in suite_apps(name) for f in spec.features[1:]}
            for name in load_suites()}  # fmt: skip
    assert used["train"] == used["test"] == set(KINDS)
    assert set(NEW_KINDS) <= used["test-new"]


def test_no_word_is_in_two_pools() -> None:
    pools: dict[str, set[str]] = {"train": set(), "valid": set(), "test": set()}
    for group in WORDS.values():
        for name, words in group.items():
            pools[name] |= {word.lower() for word in words}
    assert not pools["train"] & pools["test"] and not pools["train"] & pools["valid"]
    assert not pools["valid"] & pools["test"] and min(map(len, pools.values())) > 60


def test_common_buttons_are_called_differently_on_training_and_test_apps() -> None:
    said = {split: [Dialect(seed, split).words for seed in range(40)]
            for split in ("train", "valid", "test", "test-new")}  # fmt: skip
    for base, pools in WAYS_TO_SAY.items():
        train, test = ({words[base] for words in said[split]} for split in ("train", "test"))
        assert train == set(pools["train"]) and test == set(pools["test"])
        assert not train & test and not set(pools["valid"]) & (train | test), base
    assert said["test"] == said["test-new"] and not Dialect(1, "mine").words
    words = Dialect(1, "test").node
    assert words(button("save", "Save", "on_save")).text in WAYS_TO_SAY["Save"]["test"]
    assert words(label("Save")).text == "Save"


def test_test_apps_share_no_title_or_drawn_word_with_training_apps() -> None:
    words = {word for pools in WORDS.values() for pool in pools.values() for word in pool}

    def drawn(suite: str) -> set[str]:
        found = set()
        for spec in suite_apps(suite):
            for feature in spec.features[1:]:
                values = [v for _, value in feature.cfg if isinstance(value, tuple) for v in value]
                found |= {value for value in values if value in words}
        return found

    assert len(drawn("train")) > 50 and len(drawn("test")) > 50
    assert not drawn("train") & drawn("test")
    assert not drawn("train") & drawn("valid") and not drawn("valid") & drawn("test")
    rng = PoolRandom(0)
    rng.pool = "test"
    for kind in KINDS:
        known = module_of(kind).TITLES
        assert not set(titles(rng, known)) & set(titles(PoolRandom(0), known)), kind


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_most_of_a_kind_can_be_reached_and_nothing_raises(kind: str) -> None:
    app = app_of(kind)
    assert search(app, 4000).probes >= 0.6 * app.total_probes
    assert not app.crash_log


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_a_kind_is_the_same_every_time_and_keeps_what_it_says(kind: str) -> None:
    first, second = app_of(kind, 1), app_of(kind, 1)
    rng = Random(kind)
    for _ in range(150):
        action = rng.choice(first.candidates_fast())
        first.apply(action)
        second.apply(action)
        assert first.observe() == second.observe()
    assert first.probe_bytes() == second.probe_bytes()
    kept = {key: first.snapshot().features[1][key] for key in module_of(kind).KEEP}
    first.restart()
    fresh = initial(module_of(kind), dict(first.spec.features[1].cfg)) | kept
    after = first.snapshot().features[1]
    assert kept.keys() <= after.keys() == fresh.keys()


def crash_of_transfer() -> App:
    app = app_of("transfer", defect=True)
    payee = dict(app.spec.features[1].cfg)["payees"][0]
    tap(app, "Bank", "Balance", "Send", payee)
    app.apply(Action(ActionKind.TYPE, field_of(app, "amount"), "hello"))
    tap(app, "Next")
    return app


def test_a_defect_shows_the_crash_dialog_and_a_new_process_keeps_what_was_saved() -> None:
    app = crash_of_transfer()
    observation = app.observe()
    assert observation.package == "android" and "One has stopped" in texts(app)
    assert [e.resource_id for e in observation.elements if e.clickable] == ["android:id/aerr_close"]
    tap(app, "Close app")
    assert app.observe().package == "com.android.launcher3"
    tap(app, "One")
    assert app.observe().package == app.package and "Home" in texts(app)
    tap(app, "Bank")
    assert app.snapshot().features[1]["t:amount"] == ""


def test_what_ran_before_the_raise_is_covered_and_what_comes_after_is_not() -> None:
    app = crash_of_transfer()
    names = instrument(module_of("transfer")).probes
    covered = dict(zip(names, app.probe_bytes()[-len(names) :], strict=True))
    arms = {name.split(":")[2] + name.split(":")[1]: flag for name, flag in covered.items()
            if name.startswith("on_next:")}  # fmt: skip
    assert [flag for name, flag in arms.items() if name.startswith("entry")] == [1]
    assert sum(arms.values()) == 3, "entry and two refused conditions before the number is read"
    assert not any(flag for name, flag in covered.items() if name.startswith("on_confirm"))


def test_the_stack_trace_is_in_logcat_until_it_is_cleared() -> None:
    device = Device(crash_of_transfer())
    shell, out = Shell(device, device.files, COMMANDS), bytearray()
    shell.run("logcat -d -b crash", out.extend, out.extend, lambda: b"")
    log = out.decode()
    assert "E AndroidRuntime: FATAL EXCEPTION: main" in log
    assert "Process: com.example.one, PID: 4242" in log
    assert "java.lang.NumberFormatException: invalid literal for int()" in log
    assert "at com.example.one.Transfer1.onNext(Transfer1.kt:" in log
    out.clear()
    shell.run("logcat -c; logcat -d", out.extend, out.extend, lambda: b"")
    assert b"FATAL" not in out
    device.start()
    assert device.observe().package == device.app.package


def test_a_snapshot_of_a_crash_dialog_comes_back() -> None:
    app = crash_of_transfer()
    snapshot, seen = app.snapshot(), app.observe()
    app.back()
    assert app.observe() != seen
    app.restore(snapshot)
    assert app.observe() == seen


def test_without_the_defect_the_same_steps_are_refused_with_a_word() -> None:
    app = app_of("transfer")
    payee = dict(app.spec.features[1].cfg)["payees"][0]
    tap(app, "Bank", "Send", payee)
    app.apply(Action(ActionKind.TYPE, field_of(app, "amount"), "hello"))
    tap(app, "Next")
    assert "Figures only" in texts(app) and not app.crash_log


@pytest.mark.parametrize("kind", WITH_DEFECT)
def test_every_defect_can_be_met(kind: str) -> None:
    for seed in range(4):
        app = app_of(kind, seed, defect=True)
        search(app, 8000)
        if app.crash_log:
            break
    assert app.crash_log, module_of(kind).DEFECT
    assert f"com.example.one.{kind.title()}1." in app.crash_log[0]


def test_an_agent_finds_the_launcher_after_a_crash_and_goes_on() -> None:
    link = InProcessLink(crash_of_transfer())
    reading = link.perform(link.app.observe(), Action(ActionKind.HOME))
    assert reading.observation.package == "com.android.launcher3"


def test_few_apps_have_a_defect() -> None:
    for name in load_suites():
        specs = suite_apps(name)
        share = sum(any(f.defect for f in spec.features) for spec in specs) / len(specs)
        assert 0.03 < share < 0.4, name


def test_the_endless_feed_loads_more_and_runs_hardly_any_new_code() -> None:
    app = app_of("stream")
    tap(app, app.spec.features[1].title)
    covered = []
    for _ in range(60):
        elements = app.observe().elements
        scroller = next(i for i, element in enumerate(elements) if element.scrollable)
        app.apply(Action(ActionKind.SCROLL_DOWN, scroller))
        covered.append(sum(app.probe_bytes()))
    assert app.snapshot().features[1]["loaded"] >= 50
    assert covered[-1] - covered[0] <= 3 and covered[-1] == covered[30]


def test_the_dialog_that_asks_for_a_rating_comes_back_and_swallows_taps() -> None:
    app = app_of("stream")
    nag = dict(app.spec.features[1].cfg)["nag"]
    tap(app, app.spec.features[1].title)
    topic = dict(app.spec.features[1].cfg)["topics"][0]
    tap(app, f"{topic} · 1")
    asked = 0
    for turn in range(4 * nag):
        if "Not now" in texts(app):
            asked += 1
            before = app.observe()
            app.tap(20, 20)
            assert app.observe() == before
            tap(app, "Not now")
        tap(app, "Newer" if turn % 2 else "Older")
    assert asked >= 3


def screens_of(spec: AppSpec, steps: int = 120) -> list[Observation]:
    """What a random walk comes across."""
    app, rng, seen = App(spec), Random(spec.seed), []
    for _ in range(steps):
        seen.append(app.observe())
        app.apply(rng.choice(candidates(seen[-1])))
    return seen


def test_there_are_long_lists_and_lists_of_rows_that_look_the_same() -> None:
    alike = [count(o.elements, o.size_px).get("ambiguous", 0)
             for spec in suite_apps("test", 16) for o in screens_of(spec)]  # fmt: skip
    assert max(alike) >= 12
    lengths = [len(value) for spec in suite_apps("test") for feature in spec.features
               for _, value in feature.cfg if isinstance(value, tuple)]  # fmt: skip
    assert sum(length > 20 for length in lengths) > 20 and max(lengths) > 50


def test_a_calendar_has_a_month_of_days_that_run_the_same_code() -> None:
    app = app_of("booking")
    tap(app, app.spec.features[1].title, dict(app.spec.features[1].cfg)["places"][0], "Arrival")
    here = app.snapshot()
    days = [i for i, e in enumerate(app.observe().elements) if e.clickable and e.text.isdigit()]
    ran = Counter()
    for day in days:
        app.restore(here)
        app.apply(Action(ActionKind.TAP, day))
        ran[app.probe_bytes()] += 1
    assert len(days) >= 28 and ran.most_common(1)[0][1] >= 25


def test_screens_that_differ_in_a_number_alone_are_other_states() -> None:
    app = app_of("stream")
    topic = dict(app.spec.features[1].cfg)["topics"][0]
    tap(app, app.spec.features[1].title, f"{topic} · 1")
    shapes, keys = set(), set()
    for _ in range(3):
        shapes.add(tuple((e.cls, e.resource_id, e.bounds_px) for e in app.observe().elements))
        keys.add(app.state_key())
        tap(app, "Older")
    assert len(shapes) == 1 and len(keys) == 3


def test_bottom_navigation_opens_a_feature_as_the_first_screen_does() -> None:
    specs = [spec for spec in suite_apps("valid") if Furniture(spec).entries]
    assert 0.2 < len(specs) / 32 < 0.6
    for spec in specs[:4]:
        index, title = Furniture(spec).entries[1]
        app = App(replace(spec, noise="none"))
        app.do(Event("call", "@jump", index))
        assert app.back_stack == [app.activities[0], app.activities[index]]
        app.do(Event("call", "@jump", 0))
        assert app.back_stack == [app.activities[0]], title


def test_furniture_runs_no_code_and_a_toast_tells_what_was_touched() -> None:
    for spec in suite_apps("valid", 12):
        app = App(spec)
        before = app.probe_bytes()
        for event in ("@menu", "@menu"), ("@visit", "@about"), ("@menu", "@share"), ("@top", ""):
            app.do(Event("call", *event))
            assert app.observe().elements
        app.do(Event("call", "@say", "Shared!"))
        assert "Shared!" in [e.text for e in app.observe().elements]
        assert app.probe_bytes() == before


@pytest.mark.parametrize("noise", ["none", "real", "heavy"])
def test_what_is_done_in_a_state_is_the_same_at_every_noise(noise: str) -> None:
    """Noise adds widgets and hides names; a call that both screens have does the same."""
    spec = suite_apps("valid", 3)[2]
    plain, noisy = App(replace(spec, noise="none")), App(replace(spec, noise=noise))
    rng = Random(1)
    for _ in range(200):
        events = [(BACK,), *(e for a in plain.candidates_fast() for e in [
            events_of(plain.paint(), plain.observe(), a)])]  # fmt: skip
        for event in rng.choice(events):
            plain.do(event)
            noisy.do(event)
        assert plain.probe_bytes() == noisy.probe_bytes()
        assert plain.state_key() == noisy.state_key()
