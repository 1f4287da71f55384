"""The Env contract, on every backend and transport."""

import random
from collections.abc import Iterator

import pytest

from jamel.coverage.jacoco import read_exec
from jamel.envs.android import AndroidEnv, make_env
from jamel.envs.base import Env, candidates
from jamel.errors import ConfigError, DeviceError
from jamel.types import Action, ActionKind
from jamel.virtual_device.apps import build_app

BACK, HOME, RESTART = (Action(k) for k in (ActionKind.BACK, ActionKind.HOME, ActionKind.RESTART))


@pytest.fixture(params=["in_process", "adb"])
def env(request: pytest.FixtureRequest) -> Iterator[AndroidEnv]:
    made = make_env(build_app(11, name="train/11"), request.param)
    yield made
    made.close()


def explore(env: Env, steps: int, seed: int = 0) -> list[float]:
    rng = random.Random(seed)
    observation, _ = env.reset()
    rewards = []
    for _ in range(steps):
        observation, reward, *_ = env.step(rng.choice(candidates(observation)))
        rewards.append(reward)
    return rewards


def test_it_is_an_env_with_a_name_and_a_denominator(env: AndroidEnv) -> None:
    assert isinstance(env, Env)
    assert env.app == "train/11"
    assert env.backend == "android"
    assert env.total_probes > 0
    assert env.build


def test_reset_shows_the_first_screen(env: AndroidEnv) -> None:
    observation, info = env.reset(seed=3)
    assert info == {"executed": True, "invalid_reason": ""}
    assert observation.package and observation.activity and observation.elements
    assert min(observation.size_px) > 0


def test_step_before_reset_is_an_error(env: AndroidEnv) -> None:
    with pytest.raises(DeviceError, match="reset"):
        env.step(BACK)


def test_reward_is_one_exactly_when_coverage_grew(env: AndroidEnv) -> None:
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
    assert covered <= env.total_probes


def test_coverage_lasts_the_session_and_a_new_session_clears_it(env: AndroidEnv) -> None:
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


def test_raw_coverage_is_a_jacoco_file_of_the_same_probes(env: AndroidEnv) -> None:
    explore(env, 10)
    assert read_exec(env.raw_coverage()) == env.coverage()


def test_invalid_actions_change_nothing_and_say_why(env: AndroidEnv) -> None:
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


def test_home_leaves_the_app_and_restart_brings_it_back(env: AndroidEnv) -> None:
    first, _ = env.reset()
    away, *_, info = env.step(HOME)
    assert away.package != first.package and info["executed"]
    back, *_, info = env.step(RESTART)
    assert back.package == first.package and back.activity == first.activity and info["executed"]


def test_equal_actions_give_equal_sessions(env: AndroidEnv) -> None:
    runs = []
    for _ in range(2):
        env.reset(options={"new_session": True})
        runs.append((explore(env, 20, seed=9), env.raw_coverage()))
    assert runs[0] == runs[1]


def test_a_restored_snapshot_shows_the_same_screen_and_nothing_is_new_twice(
    env: AndroidEnv,
) -> None:
    explore(env, 5)
    before = env.step(BACK)[0]
    name = env.snapshot()
    assert name is not None
    action = candidates(before)[0]
    first = env.step(action)[0]
    covered = env.coverage()
    assert env.restore(name) == before
    again, reward, *_ = env.step(action)
    assert again == first
    assert reward == 0.0
    assert env.coverage() == covered


def test_an_unknown_snapshot_is_an_error(env: AndroidEnv) -> None:
    env.reset()
    with pytest.raises(DeviceError):
        env.restore(b"../../etc/passwd")
    with pytest.raises(DeviceError):
        env.restore(b"jamel-999")


def test_an_unknown_transport_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="in_process"):
        make_env(build_app(0), "carrier-pigeon")
