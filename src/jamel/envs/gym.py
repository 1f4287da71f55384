"""A Gymnasium environment around AndroidEnv, for any RL library.

    import gymnasium
    env = gymnasium.make("jamel.envs.gym:jamel/Android-v0", app_seed=3)

Screens become arrays of fixed shapes; an action is an index into `jamel.envs.base.candidates`, and
`info["action_mask"]` says which exist on the screen. Knows nothing of learning; jamel's own agents
use AndroidEnv itself.
"""

from __future__ import annotations

import zlib
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from jamel.envs.android import AndroidEnv, make_env
from jamel.envs.base import candidates
from jamel.types import NO_ACTION, Action, Element, Observation

ENV_ID = "jamel/Android-v0"
MAX_ELEMENTS = 128
MAX_ACTIONS = 256
HASH_BUCKETS = 1 << 16
_FLAGS = (
    "clickable", "long_clickable", "scrollable", "checkable", "checked", "enabled", "focused",
    "selected", "password",
)  # fmt: skip


class GymAndroidEnv(gymnasium.Env):
    """Observations are dicts of arrays.

    `bounds` (128, 4) float32: left, top, right, bottom as shares of the screen, clipped to [0, 1];
    `flags` (128, 9) int8: clickable, long-clickable, scrollable, checkable, checked, enabled,
    focused, selected, password; `names` (128, 4) int32: hashes of class, text, resource id and
    content description below 65,536, where 0 is an empty one; `mask` (128,) int8: which rows are
    elements. Elements and actions beyond the shapes are left out.

    Args:
        env: what to wrap; built from the other arguments by default.
        app_seed: the seed of the virtual app; `split`, `noise` and `transport` as in `make_env`.
        max_steps: steps until an episode is truncated.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 4}  # noqa: RUF012 (Gymnasium's name)

    def __init__(
        self,
        env: AndroidEnv | None = None,
        *,
        app_seed: int = 0,
        split: str = "train",
        noise: str = "real",
        transport: str = "in_process",
        max_steps: int = 120,
        render_mode: str | None = None,
    ) -> None:
        if env is None:
            from jamel.virtual_device.apps import build_app

            env = make_env(build_app(app_seed, split=split, noise=noise), transport)
        self.env = env
        self.render_mode = render_mode
        self._max_steps = max_steps
        self._steps = 0
        self._actions: list[Action] = []
        self.action_space = spaces.Discrete(MAX_ACTIONS)
        self.observation_space = spaces.Dict(
            {
                "bounds": spaces.Box(0.0, 1.0, (MAX_ELEMENTS, 4), np.float32),
                "flags": spaces.Box(0, 1, (MAX_ELEMENTS, len(_FLAGS)), np.int8),
                "names": spaces.Box(0, HASH_BUCKETS - 1, (MAX_ELEMENTS, 4), np.int32),
                "mask": spaces.Box(0, 1, (MAX_ELEMENTS,), np.int8),
            }
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Start an episode; a seed starts a new session too, so that equal seeds are equal runs."""
        super().reset(seed=seed)
        if seed is not None:
            options = {"new_session": True, **(options or {})}
        self._steps = 0
        observation, info = self.env.reset(seed=seed, options=options)
        return self._seen(observation, info)

    def step(
        self, action: int | np.integer
    ) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Do candidate number `action`; one that the screen does not have is invalid."""
        index = int(action)
        chosen = self._actions[index] if index < len(self._actions) else NO_ACTION
        observation, reward, terminated, truncated, info = self.env.step(chosen)
        self._steps += 1
        encoded, info = self._seen(observation, info)
        return encoded, reward, terminated, truncated or self._steps >= self._max_steps, info

    def render(self) -> np.ndarray | None:  # type: ignore[override]
        """The screen as an array (height, width, 3) in mode rgb_array."""
        if self.render_mode != "rgb_array":
            return None
        import io

        from PIL import Image

        with Image.open(io.BytesIO(self.env.link.screenshot())) as image:
            return np.asarray(image.convert("RGB"))

    def close(self) -> None:
        """Release the device."""
        self.env.close()

    def _seen(
        self, observation: Observation, info: dict[str, Any]
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        self._actions = candidates(observation)[:MAX_ACTIONS]
        mask = np.zeros(MAX_ACTIONS, np.int8)
        mask[: len(self._actions)] = 1
        return encode(observation), {**info, "action_mask": mask}


def encode(observation: Observation) -> dict[str, np.ndarray]:
    """A screen as the arrays that `GymAndroidEnv` describes."""
    elements = observation.elements[:MAX_ELEMENTS]
    arrays: dict[str, np.ndarray] = {
        "bounds": np.zeros((MAX_ELEMENTS, 4), np.float32),
        "flags": np.zeros((MAX_ELEMENTS, len(_FLAGS)), np.int8),
        "names": np.zeros((MAX_ELEMENTS, 4), np.int32),
        "mask": np.zeros(MAX_ELEMENTS, np.int8),
    }
    if elements:
        count = len(elements)
        size = np.array(observation.size_px * 2, np.float32).clip(min=1)
        bounds = np.array([e.bounds_px for e in elements], np.float32) / size
        arrays["bounds"][:count] = bounds.clip(0.0, 1.0)
        arrays["flags"][:count] = [[getattr(e, name) for name in _FLAGS] for e in elements]
        arrays["names"][:count] = [_names(e) for e in elements]
        arrays["mask"][:count] = 1
    return arrays


def _names(element: Element) -> list[int]:
    texts = (element.cls, element.text, element.resource_id, element.content_desc)
    return [1 + zlib.crc32(text.encode()) % (HASH_BUCKETS - 1) if text else 0 for text in texts]


gymnasium.register(id=ENV_ID, entry_point="jamel.envs.gym:GymAndroidEnv")
