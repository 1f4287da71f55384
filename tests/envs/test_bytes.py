"""Over adb and in process: the same bytes for hundreds of steps, on every kind of app."""

import json
import random

import pytest

from jamel.envs.android import AndroidEnv, make_env
from jamel.envs.base import candidates
from jamel.suites import app_spec
from jamel.types import Action, ActionKind, Observation
from jamel.virtual_device.render import hierarchy_xml

# Native and Compose looks, all noise levels, sizes, and kinds of feature that train lacks.
APPS = ("train/0", "train@none/5", "valid/4", "test/0", "test/3", "test@heavy/1", "test-new/2")
STEPS = 120


def as_bytes(observation: Observation) -> bytes:
    """What would be written to disk: any difference, of a type even, shows."""
    return json.dumps(observation, ensure_ascii=False).encode("utf-8", "surrogatepass")


def choose(rng: random.Random, observation: Observation) -> Action:
    odd = [Action(ActionKind.HOME), Action(ActionKind.TAP, 10_000)]
    return rng.choice(candidates(observation) + odd * (rng.random() < 0.2))


def device_bytes(env: AndroidEnv, script: str) -> bytes:
    return env.link._shell.run(script).stdout  # type: ignore[attr-defined]


@pytest.mark.parametrize("app", APPS)
def test_equal_bytes_step_by_step(app: str) -> None:
    spec, rng = app_spec(app), random.Random(app)
    fast, wire = make_env(spec), make_env(spec, "adb")
    try:
        here, there = fast.reset()[0], wire.reset()[0]
        assert as_bytes(here) == as_bytes(there)
        screens = {as_bytes(here)}
        for number in range(STEPS):
            action = choose(rng, here)
            (here, *result), (there, *other) = fast.step(action), wire.step(action)
            assert as_bytes(here) == as_bytes(there), (number, action)
            assert result == other, (number, action)
            assert fast.raw_coverage() == wire.raw_coverage(), (number, action)
            screens.add(as_bytes(here))
            if number % 40 == 0:
                xml = device_bytes(wire, "uiautomator dump /dev/tty")
                assert xml.startswith(hierarchy_xml(here).encode())
                assert device_bytes(wire, "screencap -p") == fast.link.screenshot()
        assert len(screens) > STEPS // 10
    finally:
        wire.close()


def test_the_apps_here_differ_in_look_and_size() -> None:
    specs = [app_spec(app) for app in APPS]
    assert len({spec.look for spec in specs}) >= 2
    assert len({spec.size_px for spec in specs}) >= 2
    assert len({spec.build for spec in specs}) == len(APPS)
