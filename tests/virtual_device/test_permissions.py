"""The question about a permission is the system's, and its answer is known to both sides."""

from __future__ import annotations

import inspect

import pytest

from jamel.coverage import ProbeSet
from jamel.envs.android import make_env
from jamel.envs.base import candidates
from jamel.types import Action, ActionKind, Element, Observation
from jamel.virtual_device.apps import App, AppSpec, build_app
from jamel.virtual_device.apps.features import KINDS, NEW_KINDS, module_of
from jamel.virtual_device.apps.permissions import GRANT_ACTIVITY, PERMISSION_CONTROLLER
from jamel.virtual_device.device import Device
from jamel.virtual_device.server import VirtualDevice
from tests.virtual_device.conftest import Adb, link_of, run, tap


def asking_for_the_camera(spec: AppSpec) -> bool:
    """Whether an app of plain views asks for the camera alone, one tap from its first screen."""
    asking = {f.kind for f in spec.features if hasattr(module_of(f.kind), "PERMISSION")}
    free = any(f.kind == "scanner" and not f.parent and not f.locked for f in spec.features)
    rows = spec.look == "native" and ("layout", "rows") in spec.features[0].cfg
    return asking == {"scanner"} and free and rows


SPEC = next(filter(asking_for_the_camera, (build_app(seed, noise="none") for seed in range(99))))
SCANNER = next(feature for feature in SPEC.features if feature.kind == "scanner")
PACKAGE, CAMERA = SPEC.package, "android.permission.CAMERA"
BUTTON = f"{PERMISSION_CONTROLLER}:id/permission_{{}}_button"


def named(observation: Observation, text: str) -> Element:
    return next(e for e in observation.elements if text in (e.text, e.content_desc))


def answer(device: Device, which: str) -> str:
    name = BUTTON.format(which)
    return tap(next(e for e in device.observe().elements if e.resource_id == name))


def state(device: Device) -> str:
    return run(device, f"dumpsys package {PACKAGE} | grep '{CAMERA}: '")[1].split()[1].rstrip(",")


@pytest.fixture
def asked() -> Device:
    """A device whose app has asked for the camera."""
    device = Device(App(SPEC))
    run(device, link_of(device, "scanner"))
    run(device, tap(named(device.observe(), "Use camera")))
    return device


def test_the_dialog_is_another_packages_window(phone: VirtualDevice, cli: Adb) -> None:
    device = phone.device
    cli("shell", link_of(device, "scanner"))
    app = device.app.snapshot()
    device.app.restore(app._replace(nav={**app.nav, "dialog": "permission"}, screen=None))
    focus = cli("shell", "dumpsys window | grep mCurrentFocus")[1].decode()
    assert f" {PERMISSION_CONTROLLER}/{GRANT_ACTIVITY}}}" in focus
    dump = cli("exec-out", "uiautomator dump /dev/tty")[1].decode()
    assert f'package="{PERMISSION_CONTROLLER}"' in dump and f'package="{PACKAGE}"' not in dump
    assert BUTTON.format("allow_foreground_only") in dump and "android.widget.Button" in dump
    assert GRANT_ACTIVITY in cli("shell", "dumpsys activity top")[1].decode()
    assert PERMISSION_CONTROLLER in cli("shell", "pm list packages -s")[1].decode()


@pytest.mark.parametrize(
    ("which", "granted"),
    [("allow_foreground_only", "granted=true"), ("allow_one_time", "granted=true"),
     ("deny", "granted=false")],
)  # fmt: skip
def test_an_answer_is_in_dumpsys(asked: Device, which: str, granted: str) -> None:
    assert state(asked) == "granted=false"
    run(asked, answer(asked, which))
    assert state(asked) == granted and asked.observe().package == PACKAGE


def test_pm_grants_without_a_question_and_revokes_with_the_process(asked: Device) -> None:
    run(asked, f"input keyevent BACK; pm grant {PACKAGE} {CAMERA}")
    assert state(asked) == "granted=true" and asked.running
    assert named(asked.observe(), "Torch")
    assert run(asked, f"pm revoke {PACKAGE} {CAMERA}") == (0, "", "")
    assert state(asked) == "granted=false" and not asked.running
    run(asked, link_of(asked, "scanner"))
    run(asked, tap(named(asked.observe(), "Use camera")))
    assert asked.observe().package == PERMISSION_CONTROLLER


def test_only_what_was_requested_can_be_granted(asked: Device) -> None:
    code, _, err = run(asked, f"pm grant {PACKAGE} android.permission.READ_SMS")
    assert code == 255 and (
        f"java.lang.SecurityException: Package {PACKAGE} has not requested permission" in err
    )
    listed = run(asked, f"dumpsys package {PACKAGE}")[1]
    assert "requested permissions:\n      android.permission.CAMERA\n" in listed


def test_bringing_the_app_to_the_front_answers_nothing(asked: Device) -> None:
    run(asked, f"am start {PACKAGE}; monkey -p {PACKAGE} 1")
    assert asked.observe().package == PERMISSION_CONTROLLER and state(asked) == "granted=false"
    run(asked, "input tap 5 5")
    assert asked.observe().package == PERMISSION_CONTROLLER


def test_an_agent_goes_through_it_on_both_transports() -> None:
    """Another package in front is no way out of the app: actions go on, coverage grows."""
    texts = (SCANNER.title, "Use camera", "While using the app", "Torch")
    seen = [_walk(transport, texts) for transport in ("in_process", "adb")]
    assert seen[0] == seen[1]
    assert [o.package == PACKAGE for o, _, _ in seen[0]] == [True, False, True, True]
    assert all(info == {"executed": True, "invalid_reason": ""} for _, _, info in seen[0])


def _walk(transport: str, texts: tuple[str, ...]) -> list[tuple[Observation, ProbeSet, dict]]:
    env, seen = make_env(SPEC, transport), []
    observation, _ = env.reset()
    try:
        for text in texts:
            elements = observation.elements
            action = next(a for a in candidates(observation) if _says(elements, a, text))
            observation, _, _, _, info = env.step(action)
            seen.append((observation, env.coverage(), info))
    finally:
        env.close()
    return seen


def _says(elements: tuple[Element, ...], action: Action, text: str) -> bool:
    """Whether a tap is on an element with this label, its own or one below it."""
    if action.kind is not ActionKind.TAP:
        return False
    index = next((i for i, e in enumerate(elements) if text in (e.text, e.content_desc)), -1)
    while index >= 0 and not elements[index].clickable:
        index = elements[index].parent
    return index == action.element


def test_who_asks_has_said_so() -> None:
    """A feature that shows the system's question is known as one that asks."""
    for kind, module in {**KINDS, **NEW_KINDS}.items():
        asks = "permission(" in inspect.getsource(module) or kind == "scanner"
        assert hasattr(module, "PERMISSION") == asks, kind
