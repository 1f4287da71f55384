"""What a profile's `device` section means: embedded apps, one app on real devices, or web apps.

Each is a `World`; nobody else asks which it is. Knows suites and environments; nothing of agents,
files or learning.
"""

from __future__ import annotations

from typing import Any

from jamel.config import Config, DeviceConfig
from jamel.devices.android import Android
from jamel.devices.embedded import Embedded
from jamel.devices.web import Web, is_web
from jamel.devices.world import Unseen, World
from jamel.envs.linked import LinkedEnv

__all__ = ["Android", "Embedded", "Unseen", "Web", "World", "open_env", "tunable", "world_of"]


def world_of(device: DeviceConfig, app: str = "") -> World:
    """The world of a profile's section.

    Args:
        device: the section.
        app: what a person named; an address or a folder of pages is a web app in any profile.
    """
    if device.transport == "browser" or is_web(app):
        return Web(device)
    return Android(device) if device.serials or device.avds else Embedded(device)


def open_env(device: DeviceConfig, app: str, number: int = 0, attempt: int = 0) -> LinkedEnv:
    """The environment of a session; as `World.open`."""
    return world_of(device, app).open(app, number, attempt)


def tunable(config: Config, suite: str, **changed: Any) -> Config:
    """The profile to evaluate on a suite that may be tuned on, with other keys of `evaluate`.

    Raises:
        ConfigError: the suite is kept for testing; real devices know no suites.
    """
    world_of(config.device).require_tunable(suite)
    section = config.evaluate.model_copy(update={"suite": suite, **changed})
    return config.model_copy(update={"evaluate": section})
