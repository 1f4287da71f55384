"""LinkedEnv: one app as an Env, over whichever link reaches what it runs on.

Knows nothing of transports, learning or files. The reward is 1.0 for a step that executed a probe
for the first time in the session; coverage is the union over the session, so neither a restart
nor a restored snapshot nor a dead process makes a probe new again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from jamel.coverage import ProbeSet
from jamel.envs.links import Link, Reading
from jamel.errors import DeviceError
from jamel.types import Action, Observation

_NO_OBSERVATION = Observation("", "", (), (0, 0))


class LinkedEnv(ABC):
    """An app behind a link; implements `jamel.envs.base.Env` but for the form of its coverage.

    Args:
        link: the way to the app.
        app: the name under which results are kept, such as `train/17`; the package by default.
        screenshots: whether observations carry a PNG of the screen.
    """

    backend: str

    def __init__(self, link: Link, *, app: str = "", screenshots: bool = False) -> None:
        self.link = link
        self.app = app or link.package
        self.build = link.build
        self.device = link.device
        self._screenshots = screenshots
        self._observation = _NO_OBSERVATION
        self._key = b""
        self._seen = ProbeSet()
        self._started = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode at the app's first screen.

        The first reset, and one with `options={"new_session": True}`, clears data and coverage.
        Devices have no randomness of their own, so `seed` is accepted and not needed.
        """
        new_session = bool((options or {}).get("new_session")) or not self._started
        if new_session:
            self._seen, self._key = ProbeSet(), b""
        self._started = True
        reading = self.link.restart(new_session)
        self._absorb(reading)
        return self._observation, self._info(reading)

    def step(self, action: Action) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Perform one action; an invalid one changes nothing and says why in `info`.

        Raises:
            DeviceError: there was no `reset`, or the device was lost.
        """
        if not self._started:
            raise DeviceError("step() was called before reset(). Call reset() first.")
        reading = self.link.perform(self._observation, action)
        reward = 1.0 if self._absorb(reading) else 0.0
        info = self._info(reading)
        if crash := self.link.crash_news():
            info["crash"] = crash
        return self._observation, reward, False, False, info

    @property
    def total_probes(self) -> int:
        """How many probes are known to exist by now, 0 where none is."""
        return self.link.total_probes

    def coverage(self) -> ProbeSet:
        """Every probe executed since the session began."""
        return self._seen

    @abstractmethod
    def raw_coverage(self) -> bytes:
        """The session's coverage as the backend's file, the same bytes for equal probes."""

    def snapshot(self) -> bytes | None:
        """A name for the device's present, valid on this device only; None if it cannot."""
        return self.link.snapshot()

    def restore(self, snapshot: bytes) -> Observation:
        """Return the app to a snapshot; coverage stays the union over the session."""
        self._absorb(self.link.restore(snapshot))
        return self._observation

    @property
    def faults(self) -> list[tuple[int, str]]:
        """(step, kind) of each fault that an embedded device was told to have."""
        return list(getattr(self.link, "log", ()))

    def recover(self) -> bool:
        """After an error: whether a new session can begin here, or not without another device."""
        self._started = False
        return self.link.recover()

    def crash_trace(self) -> str:
        """The stack trace of the app's last crash, "" where the device knows none."""
        return self.link.crash_trace()

    def close(self) -> None:
        """Release the device."""
        self.link.close()

    def _absorb(self, reading: Reading) -> bool:
        """Take over a reading; whether it brought probes the session had not executed."""
        observation = reading.observation
        if self._screenshots:
            observation = observation._replace(screenshot_png=self.link.screenshot())
        self._observation = observation
        if reading.coverage == self._key:
            return False
        self._key = reading.coverage
        seen = self._seen.union(self.link.decode(reading.coverage))
        fresh = seen != self._seen
        self._seen = seen
        return fresh

    def _info(self, reading: Reading) -> dict[str, Any]:
        info = {"executed": reading.executed, "invalid_reason": reading.invalid_reason}
        marks = "; ".join([*([reading.marks] if reading.marks else []), *self.link.marks])
        self.link.marks.clear()
        return info | ({"marks": marks} if marks else {})
