"""What the environment does about each fault: mend it and mark it, or give up the session."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from jamel.config import FaultsConfig
from jamel.coverage import ProbeSet
from jamel.coverage.jacoco import read_exec, write_exec
from jamel.envs.android import AndroidEnv, attach_env, make_env
from jamel.envs.base import candidates
from jamel.envs.interruptions import BLACK, in_the_way, picture_problem
from jamel.errors import ConfigError, CoverageError, DeviceLost, UiTreeError
from jamel.types import Action, ActionKind, Observation
from jamel.virtual_device.apps import AppSpec, build_app
from jamel.virtual_device.faults import Fault, FaultPlan

SPEC = build_app(2)
BREAKS = ("vanish", "offline", "unauthorized", "adb_killed")
MENDED = {
    "never_idle": "dumped again after could not get idle state",
    "null_root": "dumped again after null root node returned by UiTestAutomationBridge",
    "stale_xml": "dumped again after a stale screen",
    "truncated_coverage": "read coverage again: empty or cut short",
    "empty_coverage": "read coverage again: empty or cut short",
    "other_build_coverage": "read coverage again: another build's or ill-formed",
    "anr_dialog": f"closed a dialog: {SPEC.package} isn't responding",
    "crash_dialog": "closed a dialog: Google Play services keeps stopping",
    "keyboard": "closed the soft keyboard",
}


class Once(FaultPlan):
    """One fault at the next step, none before and none after it."""

    def __init__(self) -> None:
        super().__init__(FaultsConfig(rate=1.0, slow_s=0.05))
        self.next: Fault | None = None

    def at(self, step: int) -> Fault | None:
        due, self.next = self.next, None
        return due


class Twins:
    """The same app over adb with faults and in process without, driven alike."""

    def __init__(self, spec: AppSpec = SPEC, screenshots: bool = False) -> None:
        self.plan = Once()
        self.faulty = make_env(
            spec, "adb", screenshots=screenshots, plan=self.plan, recover_s=10.0, timeout_s=5.0
        )
        self.sound = make_env(spec, screenshots=screenshots)
        self.rng = random.Random(1)
        self.begin()

    def begin(self) -> None:
        here, _ = self.faulty.reset(options={"new_session": True})
        self.observation, _ = self.sound.reset(options={"new_session": True})
        assert here == self.observation

    def step(self, kind: str, moment: str = "during", answers: int = 1) -> str:
        """A step with a fault: equal for both; returns the marks."""
        self.plan.next = Fault(kind, answers, moment)  # type: ignore[arg-type]
        action = self.rng.choice(candidates(self.observation))
        *here, info = self.faulty.step(action)
        *there, plain = self.sound.step(action)
        assert here == there, action
        assert self.faulty.raw_coverage() == self.sound.raw_coverage()
        self.observation = there[0]
        marks = info.pop("marks", "")
        assert info == plain
        return marks


@pytest.fixture(scope="module")
def pair() -> Iterator[Twins]:
    made = Twins()
    yield made
    made.faulty.close()


@pytest.fixture
def twins(pair: Twins) -> Twins:
    pair.begin()
    return pair


@pytest.mark.parametrize("kind", MENDED)
def test_what_can_be_mended_is_mended_exactly_and_marked(twins: Twins, kind: str) -> None:
    marks = [twins.step(kind) for _ in range(3)]
    # A stale screen is noticed only where the touch changed the screen.
    assert set(marks) <= ({MENDED[kind], ""} if kind == "stale_xml" else {MENDED[kind]})
    assert MENDED[kind] in marks
    assert [found for _, found in twins.faulty.faults[-3:]] == [kind] * 3


def test_a_slow_answer_is_waited_for(twins: Twins) -> None:
    assert twins.step("slow") == ""


@pytest.mark.parametrize("kind", BREAKS)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_loss_beside_the_touch_is_waited_out(twins: Twins, kind: str, moment: str) -> None:
    for _ in range(2):
        assert twins.step(kind, moment).startswith("waited for a device that was ")
    if kind in ("offline", "unauthorized"):
        assert twins.step(kind, moment) == f"waited for a device that was {kind}"


@pytest.mark.parametrize("kind", BREAKS)
def test_a_touch_that_was_cut_off_ends_the_session_not_the_device(twins: Twins, kind: str) -> None:
    with pytest.raises(DeviceLost, match=r"what that did is not known .* begin again"):
        twins.step(kind)
    assert twins.faulty.recover()
    twins.begin()
    assert twins.step("keyboard") == MENDED["keyboard"]


@pytest.mark.parametrize("moment", ["before", "during", "after"])
def test_a_reboot_ends_the_session_whenever_it_comes(twins: Twins, moment: str) -> None:
    with pytest.raises(DeviceLost, match="booted in the middle of a session"):
        twins.step("reboot", moment)
    assert twins.faulty.recover()
    twins.begin()


@pytest.mark.parametrize("kind", ["process_death", "framework_restart"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_app_that_the_system_ended_ends_the_session(
    twins: Twins, kind: str, moment: str
) -> None:
    said = (
        "by want of memory" if kind == "process_death" else "Android's services|dumps that failed"
    )
    with pytest.raises((DeviceLost, UiTreeError), match=said):
        twins.step(kind, moment)
    assert twins.faulty.recover()
    twins.begin()
    assert twins.step("slow") == ""


def test_a_web_page_is_asked_again() -> None:
    twins = Twins(next(spec for spec in map(build_app, range(200)) if spec.look == "web"))
    try:
        marks = [twins.step("empty_webview") for _ in range(4)]
        assert "dumped again after a web page that told nothing" in marks
    finally:
        twins.faulty.close()


def test_a_black_screenshot_is_taken_again() -> None:
    twins = Twins(screenshots=True)
    try:
        assert twins.step("black_screenshot") == "took the screenshot again: it was all black"
        link = twins.faulty.link
        link._owned[0].faults.black_screenshot = 3
        assert picture_problem(link.screenshot()) == BLACK and len(link.marks) == 3
        assert picture_problem(b"\x89PNG\r\n\x1a\n cut") == "no whole PNG"
    finally:
        twins.faulty.close()


@pytest.mark.parametrize(("kind", "answers"), [("never_idle", 3), ("null_root", 3)])
def test_a_screen_that_stays_unreadable_ends_the_session(twins, kind, answers) -> None:
    with pytest.raises(UiTreeError, match=r"found 3 dumps that failed"):
        twins.step(kind, answers=answers)
    assert twins.faulty.recover()


@pytest.mark.parametrize("kind", ["truncated_coverage", "empty_coverage", "other_build_coverage"])
def test_coverage_that_stays_wrong_ends_the_session(twins: Twins, kind: str) -> None:
    before = twins.faulty.coverage()
    with pytest.raises(CoverageError, match=r"coverage\.ec"):
        twins.step(kind, answers=40)
    assert twins.faulty.coverage() == before
    setattr(twins.faulty.link._owned[0].faults, kind, 0)


def test_a_part_that_ends_between_two_classes_is_no_smaller_coverage(twins: Twins) -> None:
    link = twins.faulty.link
    for _ in range(40):
        whole = twins.faulty.raw_coverage()
        classes = read_exec(whole).classes
        if len(classes) > 1:
            break
        twins.step("slow")
    assert len(classes) > 1
    part = write_exec(ProbeSet(dict(list(sorted(classes.items()))[:-1])))
    assert whole.startswith(part)
    assert link._coverage.take(b"%b\n%d files/coverage.ec\n" % (part, len(whole))) == whole
    assert link._shell.marks == ["read coverage again: empty or cut short"]
    link._shell.marks.clear()


def test_a_dead_device_has_to_be_replaced() -> None:
    twins = Twins()
    try:
        with pytest.raises(DeviceLost, match="did not come back"):
            twins.step("death")
        assert not twins.faulty.recover()
    finally:
        twins.faulty.close()


def test_another_device_with_the_same_serial_is_not_taken_for_it(twins: Twins) -> None:
    device = twins.faulty.link._owned[0].device
    shell = twins.faulty.link._shell
    shell.recover_s, package, identity = 0.2, device.app.package, dict(device.settings)
    installed = device.packages.installed.pop(package)
    assert not twins.faulty.recover()
    device.packages.installed[package] = installed
    device.settings["secure/android_id"] = "0123456789abcdef"
    assert not twins.faulty.recover()
    device.settings = identity
    assert twins.faulty.recover()
    shell.recover_s = 10.0


def test_a_frozen_device_ends_the_session() -> None:
    twins = Twins()
    try:
        twins.plan.slow_s = 1.5
        twins.faulty.link._shell._shell.timeout_s = 0.4
        with pytest.raises(DeviceLost, match="what that did is not known"):
            twins.step("slow")
        assert twins.faulty.recover()
        twins.begin()
    finally:
        twins.faulty.close()


def test_a_real_device_keeps_a_step_whose_screen_cannot_be_read() -> None:
    twins = Twins()
    try:
        device = twins.faulty.link._owned[0]
        env = attach_env(device.serial, SPEC.package, adb_port=device.adb.port)
        env.reset()
        device.faults.never_idle = 3
        observation, _, _, _, info = env.step(Action(ActionKind.BACK))
        assert observation.elements == () and observation.screenshot_png and info["executed"]
        assert info["marks"].endswith("the screen could not be dumped")
        assert info["invalid_reason"] == ""
    finally:
        twins.faulty.close()


def test_in_process_a_fault_is_what_is_left_of_it() -> None:
    env = make_env(SPEC, plan=FaultPlan(FaultsConfig(rate=1.0, kinds=("death",))))
    env.reset()
    with pytest.raises(DeviceLost, match="told to fail: death"):
        env.step(Action(ActionKind.BACK))
    assert not env.recover() and env.faults == [(1, "death")]
    with pytest.raises(ConfigError, match="without adb"):
        make_env(SPEC, plan=FaultPlan(FaultsConfig(rate=1.0, kinds=("keyboard",))))


def test_a_screen_without_a_dialog_is_left_alone() -> None:
    env: AndroidEnv = make_env(SPEC)
    observation, _ = env.reset()
    assert in_the_way(observation, b"  mInputShown=false") == ("", "")
    assert in_the_way(Observation("", "", (), (1, 1)), b"") == ("", "")
