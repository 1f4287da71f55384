"""The two transports give the same observations, rewards and coverage, byte for byte."""

import random

import pytest

from jamel.envs.adb_link import AdbLink
from jamel.envs.android import AndroidEnv, attach_env, make_env
from jamel.envs.base import candidates
from jamel.errors import (
    AdbMissing,
    AppMissing,
    CoverageError,
    DeviceError,
    DeviceLost,
    DeviceMissing,
)
from jamel.suites import app_spec
from jamel.types import Action, ActionKind, Observation
from jamel.virtual_device.apps import App, build_app
from jamel.virtual_device.apps.limits import Limits
from jamel.virtual_device.server import VirtualDevice, adb_executable, shared_adb_server

STEPS = 30


def choose(rng: random.Random, observation: Observation) -> Action:
    extra = [Action(ActionKind.HOME), Action(ActionKind.TAP, 10_000)]
    return rng.choice([*candidates(observation), *extra, *raw_touches(rng, observation)])


def raw_touches(rng: random.Random, observation: Observation) -> list[Action]:
    width, height = observation.size_px
    x1, x2 = rng.randrange(width), rng.randrange(width)
    y1, y2 = rng.randrange(height), rng.randrange(height + 9)
    return [
        Action(ActionKind.TAP, touch_px=(x1, y1)),
        Action(ActionKind.LONG_PRESS, touch_px=(x2, y2)),
        Action(ActionKind.SCROLL_DOWN, touch_px=(x1, y1, x2, y2)),
    ]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("noise", ["none", "real"])
def test_transports_agree(seed: int, noise: str) -> None:
    spec = build_app(seed, noise=noise)
    fast, wire = make_env(spec), make_env(spec, "adb")
    try:
        assert (fast.build, fast.total_probes) == (wire.build, wire.total_probes)
        observation, _ = fast.reset()
        assert wire.reset()[0] == observation
        rng = random.Random(seed)
        for _ in range(STEPS):
            action = choose(rng, observation)
            here, there = fast.step(action), wire.step(action)
            assert here == there, action
            assert fast.raw_coverage() == wire.raw_coverage()
            observation = here[0]
    finally:
        wire.close()


FORMS = Limits(kinds=("login", "notes", "search", "vault"), features=(3, 3))


def choose_fields(rng: random.Random, observation: Observation) -> Action:
    """Mostly touches of text fields and typing into them, where there are any."""
    elements = observation.elements
    all_of_them = candidates(observation)
    fields = [a for a in all_of_them if a.element >= 0 and elements[a.element].cls.endswith("Text")]
    return rng.choice(fields) if fields and rng.random() < 0.6 else rng.choice(all_of_them)


@pytest.mark.parametrize("seed", range(3))
def test_a_keyboard_is_put_away_within_the_step_that_brought_it_up(seed: int) -> None:
    """No mark, no second exchange with the device, and nothing for the next step to meet."""
    spec = build_app(seed, limits=FORMS)
    fast, wire = make_env(spec), make_env(spec, "adb")
    link = wire.link
    assert isinstance(link, AdbLink)
    shell, ran = link._shell._shell, list[str]()
    try:
        observation, _ = fast.reset()
        wire.reset()
        device, came_up = link._owned[0].device, 0
        touched, run = device.touched, shell.run
        shell.run = lambda script: (ran.append(script), run(script))[1]

        def note(field: bool) -> None:
            nonlocal came_up
            touched(field)
            came_up += device.keyboard

        device.touched = note
        rng = random.Random(seed)
        for step in range(60):
            action = choose_fields(rng, observation)
            here, there = fast.step(action), wire.step(action)
            assert here == there and "marks" not in there[4], action
            assert not device.keyboard and len(ran) == step + 1
            observation = here[0]
        assert came_up > 5
    finally:
        wire.close()


@pytest.fixture
def device():
    running = VirtualDevice(App(build_app(2)))
    running.start()
    yield running
    running.close()


def link_to(device: VirtualDevice, **options) -> AdbLink:
    app, first = device.device.app, device.device.app.activities[0]
    return AdbLink(device.serial, device.adb.port, app.package, activity=first, **options)


def test_what_stands_in_password_fields_does_not_leave_the_link() -> None:
    spec, choose = app_spec("valid/10"), random.Random(0).choice
    phone = VirtualDevice(App(spec))
    phone.start()
    fast, wire, met = make_env(spec), AndroidEnv(link_to(phone)), 0
    try:
        here, there = fast.reset()[0], wire.reset()[0]
        for _ in range(20):
            hidden = [element.password and element.text != "" for element in here.elements]
            met += sum(hidden)
            for mine, theirs, secret in zip(here.elements, there.elements, hidden, strict=True):
                assert theirs == (mine._replace(text="•" * len(mine.text)) if secret else mine)
            action = choose(candidates(here))
            here, there = fast.step(action)[0], wire.step(action)[0]
    finally:
        wire.close()
        phone.close()
    assert met > 0


def test_uiautomators_failures_are_retried_and_then_marked(device: VirtualDevice) -> None:
    env = AndroidEnv(link_to(device))
    expected, _ = env.reset()
    device.faults.never_idle, device.faults.null_root = 1, 1
    assert env.reset()[0].elements[0] == expected.elements[0]
    device.faults.never_idle = 3
    observation, _, _, _, info = env.step(Action(ActionKind.BACK))
    assert observation.elements == () and observation.screenshot_png
    assert info["executed"] and not info["invalid_reason"]
    assert info["marks"].endswith("the screen could not be dumped")


def test_a_coverage_file_still_being_written_is_read_again(device: VirtualDevice) -> None:
    env = AndroidEnv(link_to(device))
    env.reset()
    covered = env.coverage()
    device.faults.truncated_coverage = 2
    env.reset()
    assert covered.count() > 0 == covered.difference(env.coverage()).count()
    device.faults.truncated_coverage = 100
    with pytest.raises(CoverageError):
        env.reset()


def serve_coverage(device: VirtualDevice, data: bytes) -> None:
    package = device.device.app.package
    device.device.files.compute(f"/data/data/{package}/files/coverage.ec", lambda: data)


@pytest.mark.parametrize("broadcast", ["", "a.b.COLLECT"])
def test_an_empty_coverage_file_is_never_no_coverage(device: VirtualDevice, broadcast: str) -> None:
    serve_coverage(device, b"")
    with pytest.raises(CoverageError, match=r"found nothing\. Check .*instrumented"):
        AndroidEnv(link_to(device, coverage_broadcast=broadcast)).reset()
    with pytest.raises(CoverageError, match=r"Expected JaCoCo data in files/none\.ec of "):
        AndroidEnv(link_to(device, coverage_file="files/none.ec")).reset()


def test_a_cut_short_coverage_file_is_named(device: VirtualDevice) -> None:
    serve_coverage(device, device.device.app.exec_data()[:-1])
    with pytest.raises(CoverageError, match=rf"coverage\.ec of .* on {device.serial}: .*cut short"):
        AndroidEnv(link_to(device)).reset()


def test_coverage_of_another_build_is_refused(device: VirtualDevice) -> None:
    env = AndroidEnv(link_to(device))
    env.reset()
    covered = env.coverage()
    serve_coverage(device, App(build_app(3)).exec_data())
    with pytest.raises(CoverageError, match=f"coverage of build {env.build}"):
        env.step(Action(ActionKind.BACK))
    assert env.coverage() == covered


HOSTILE = f"build{'x' * 999}\n{'9' * 5000}\ta\t3\n5\tb\t{'9' * 5000}\n6\tc\t-1\n7\td\t4\n"


def test_a_hostile_class_list_is_no_traceback(device: VirtualDevice) -> None:
    package = device.device.app.package
    path = f"/data/data/{package}/files/coverage.classes"
    device.device.files.compute(path, lambda: HOSTILE.encode())
    link = link_to(device)
    assert link.total_probes == 4
    assert link.build.startswith("buildx") and len(link.build) == 200


def test_an_app_without_coverage_can_be_explored(device: VirtualDevice) -> None:
    env = AndroidEnv(link_to(device, coverage_source="none"))
    observation, _ = env.reset()
    _, reward, *_ = env.step(candidates(observation)[0])
    assert observation.elements and reward == 0.0
    assert env.coverage().count() == 0 and env.total_probes == 0


def test_an_app_that_does_not_start_is_a_sentence(device: VirtualDevice) -> None:
    app = device.device.app
    assert AdbLink(device.serial, device.adb.port, app.package).restart(True).executed
    link = link_to(device)
    assert device.device.uninstall(app.package)
    with pytest.raises(
        DeviceError, match=rf"Expected {app.package} to start on .*device\.activity"
    ):
        link.restart(False)


def test_a_device_that_vanishes_is_lost_and_comes_back(device: VirtualDevice) -> None:
    link = link_to(device)
    env = AndroidEnv(link)
    observation, _ = env.reset()
    device.faults.vanish = 1
    with pytest.raises(DeviceLost):
        env.step(candidates(observation)[0])
    link._shell.await_device()
    assert env.reset()[0].package == observation.package


def test_a_frozen_device_meets_the_deadline(device: VirtualDevice) -> None:
    env = AndroidEnv(link_to(device, timeout_s=0.5, recover_s=1.0))
    env.reset()
    device.faults.slow_s = 3.0
    with pytest.raises(DeviceLost, match=r"0\.5 s"):
        env.step(Action(ActionKind.BACK))
    device.faults.slow_s = 0.0


def test_attaching_to_a_device_that_is_already_there(device: VirtualDevice) -> None:
    package = device.device.app.package
    env = attach_env(device.serial, package, adb_port=device.adb.port, app="mine")
    assert env.reset()[0].package == package
    assert env.app == "mine" and env.device == device.serial and env.build
    env.close()
    assert attach_env(device.serial, package, adb_port=device.adb.port).reset()[0].elements


def test_missing_things_are_named(device: VirtualDevice) -> None:
    port = device.adb.port
    with pytest.raises(AppMissing, match=r"com\.absent"):
        AdbLink(device.serial, port, "com.absent")
    with pytest.raises(AppMissing):
        AdbLink(device.serial, port, "com.x; reboot")
    with pytest.raises(DeviceMissing, match=device.serial):
        AdbLink("emulator-1", port, "com.absent")
    with pytest.raises(AdbMissing, match="port 1,"):
        AdbLink(device.serial, 1, "com.absent")


def test_the_server_is_private() -> None:
    assert shared_adb_server().port != 5037
    assert adb_executable()
