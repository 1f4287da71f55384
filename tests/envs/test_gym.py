"""The Gymnasium wrapper passes Gymnasium's own checker."""

import gymnasium
import numpy as np
from gymnasium.utils.env_checker import check_env

from jamel.envs.gym import ENV_ID, GymAndroidEnv


def test_check_env() -> None:
    env = gymnasium.make(ENV_ID, app_seed=1)
    check_env(env.unwrapped, skip_render_check=True)
    env.close()


def test_an_action_the_screen_lacks_is_invalid_and_earns_nothing() -> None:
    env = GymAndroidEnv(app_seed=1)
    before, info = env.reset(seed=0)
    missing = int(info["action_mask"].argmin())
    after, reward, *_, info = env.step(missing)
    assert reward == 0.0 and not info["executed"]
    assert all(np.array_equal(before[key], after[key]) for key in before)


def test_an_episode_is_truncated_at_its_budget() -> None:
    env = gymnasium.make("jamel.envs.gym:" + ENV_ID, app_seed=2, max_steps=3)
    env.reset(seed=0)
    assert [env.step(0)[3] for _ in range(3)] == [False, False, True]
