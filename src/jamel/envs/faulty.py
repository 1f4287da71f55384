"""The in-process transport with a device that misbehaves.

There is no dump, file or connection to spoil or to mend here, so each fault is the error that is
left once a client's patience has ended; dialogs, the keyboard and stale screens do not exist. For
fast tests of what sessions do about errors; the adb transport has the faults themselves.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from jamel.envs.links import InProcessLink, Reading
from jamel.errors import (
    AdbMissing,
    ConfigError,
    CoverageError,
    DeviceLost,
    DeviceMissing,
    JamelError,
    UiTreeError,
)
from jamel.types import Action, Observation

if TYPE_CHECKING:
    from jamel.virtual_device.apps import App
    from jamel.virtual_device.faults import FaultPlan

_ERRORS: dict[str, type[JamelError]] = {
    "never_idle": UiTreeError,
    "null_root": UiTreeError,
    "truncated_coverage": CoverageError,
    "empty_coverage": CoverageError,
    "other_build_coverage": CoverageError,
    "process_death": DeviceLost,
    "framework_restart": DeviceLost,
    "vanish": DeviceLost,
    "offline": DeviceMissing,
    "unauthorized": DeviceMissing,
    "reboot": DeviceLost,
    "death": DeviceLost,
    "adb_killed": AdbMissing,
}


class FaultyLink(InProcessLink):
    """An InProcessLink whose steps fail as `plan` says.

    Raises:
        ConfigError: no kind of the plan means anything without adb.
    """

    def __init__(self, app: App, plan: FaultPlan) -> None:
        super().__init__(app)
        self.plan = plan
        self.log: list[tuple[int, str]] = []
        self._step = 0
        self._dead = False
        if not {*_ERRORS, "slow"} & set(plan.kinds):
            raise ConfigError(
                f"expected a fault that exists without adb in device.faults.kinds, found "
                f"{', '.join(plan.kinds)}. Set device.transport: adb."
            )

    def perform(self, observation: Observation, action: Action) -> Reading:
        """Apply the action, unless the plan has the device fail before or after it."""
        self._step += 1
        fault = self.plan.at(self._step)
        if fault is None or fault.kind not in (*_ERRORS, "slow"):
            return super().perform(observation, action)
        self.log.append((self._step, fault.kind))
        if fault.kind == "slow":
            time.sleep(self.plan.slow_s)
            return super().perform(observation, action)
        if fault.moment != "before":
            super().perform(observation, action)
        self._dead = fault.kind == "death"
        raise _ERRORS[fault.kind](f"the embedded device was told to fail: {fault.kind}.")

    def recover(self) -> bool:
        """Whether the device lives."""
        return not self._dead
