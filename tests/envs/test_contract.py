"""The Env contract, on every backend and transport."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from jamel.coverage.raw import read_coverage
from jamel.envs.android import make_env
from jamel.envs.base import Env, candidates
from jamel.envs.linked import LinkedEnv
from jamel.errors import ConfigError, DeviceError
from jamel.types import Action, ActionKind
from jamel.virtual_device.apps import build_app
from tests.envs.browser import no_browser

BACK, HOME, RESTART = (Action(k) for k in (ActionKind.BACK, ActionKind.HOME, ActionKind.RESTART))


SITE = Path(__file__).parent / "web_site"


@pytest.fixture(params=["in_process", "adb", "web"])
def env(request: pytest.FixtureRequest) -> Iterator[LinkedEnv]:
    made = open_site() if request.param == "web" else embedded(request.param)
    yield made
    made.close()


def embedded(transport: str) -> LinkedEnv:
    return make_env(build_app(11, name="train/11"), transport)


def open_site() -> LinkedEnv:
    pytest.importorskip("playwright")
    from jamel.envs.web.env import open_folder

    if no_browser():
        pytest.skip(no_browser())
    return open_folder(SITE, app="train/11", timeout_s=60.0)


def explore(env: Env, steps: int, seed: int = 0) -> list[float]:
    rng = random.Random(seed)
    observation, _ = env.reset()
    rewards = []
    for _ in range(steps):
        observation, reward, *_ = env.step(rng.choice(candidates(observation)))
        rewards.append(reward)
    return rewards


def test_it_is_an_env_with_a_name_and_a_denominator(env: LinkedEnv) -> None:
    assert isinstance(env, Env)
    assert env.app == "train/11"
    assert env.backend in ("android", "web")
    # How many blocks a web app has is not known before all of its scripts came.
    assert (env.total_probes > 0) == (env.backend == "android")
    assert env.build


def test_reset_shows_the_first_screen(env: LinkedEnv) -> None:
    observation, info = env.reset(seed=3)
    assert info == {"executed": True, "invalid_reason": ""}
    assert observation.package and observation.activity and observation.elements
    assert min(observation.size_px) > 0


def test_step_before_reset_is_an_error(env: LinkedEnv) -> None:
    with pytest.raises(DeviceError, match="reset"):
        env.step(BACK)


def test_reward_is_one_exactly_when_coverage_grew(env: LinkedEnv) -> None:
    rng = random.Random(5)
    observation, _ = env.reset()
    covered = env.coverage().count()
    assert covered > 0
    for _ in range(40):
        observation, reward, terminated, truncated, _ = env.step(
            rng.choice(candidates(observation))
        )
        now = env.coverage().count()
        assert reward == float(now > covered)
        assert (terminated, truncated) == (False, False)
        covered = now
    assert covered <= env.total_probes or not env.total_probes


def test_coverage_lasts_the_session_and_a_new_session_clears_it(env: LinkedEnv) -> None:
    env.reset()
    start = env.coverage()
    explore(env, 25)
    grown = env.coverage()
    assert grown.count() > start.count()
    env.reset()
    assert env.coverage().difference(grown).count() == 0
    assert grown.difference(env.coverage()).count() == 0
    env.reset(options={"new_session": True})
    assert env.coverage() == start


def test_raw_coverage_is_a_file_of_the_same_probes(env: LinkedEnv) -> None:
    explore(env, 10)
    assert read_coverage(env.raw_coverage()) == env.coverage()


def test_invalid_actions_change_nothing_and_say_why(env: LinkedEnv) -> None:
    before, _ = env.reset()
    covered = env.coverage()
    label = next(i for i, e in enumerate(before.elements) if not e.scrollable)
    for action in (
        Action(ActionKind.TAP, len(before.elements)),
        Action(ActionKind.TAP, -1),
        Action(ActionKind.SCROLL_DOWN, label),
        Action(ActionKind.TYPE, 0, "x"),
    ):
        observation, reward, _, _, info = env.step(action)
        assert (observation, reward, info["executed"]) == (before, 0.0, False)
        assert info["invalid_reason"]
    assert env.coverage() == covered


def test_home_leaves_the_app_and_restart_brings_it_back(env: LinkedEnv) -> None:
    first, _ = env.reset()
    away, *_, info = env.step(HOME)
    assert away.package != first.package and info["executed"]
    back, *_, info = env.step(RESTART)
    assert back.package == first.package and back.activity == first.activity and info["executed"]


def test_equal_actions_give_equal_sessions(env: LinkedEnv) -> None:
    runs = []
    for _ in range(2):
        env.reset(options={"new_session": True})
        runs.append((explore(env, 20, seed=9), env.raw_coverage()))
    assert runs[0] == runs[1]


def test_a_restored_snapshot_shows_the_same_screen_and_nothing_is_new_twice(
    env: LinkedEnv,
) -> None:
    explore(env, 5)
    before = env.step(BACK)[0]
    name = env.snapshot()
    if env.backend == "web":
        assert name is None, "no browser can"
        return
    assert name is not None
    action = candidates(before)[0]
    first = env.step(action)[0]
    covered = env.coverage()
    assert env.restore(name) == before
    again, reward, *_ = env.step(action)
    assert again == first
    assert reward == 0.0
    assert env.coverage() == covered


def test_an_unknown_snapshot_is_an_error(env: LinkedEnv) -> None:
    env.reset()
    with pytest.raises(DeviceError):
        env.restore(b"../../etc/passwd")
    with pytest.raises(DeviceError):
        env.restore(b"jamel-999")


def test_an_unknown_transport_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="in_process"):
        make_env(build_app(0), "carrier-pigeon")
