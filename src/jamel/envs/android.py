"""AndroidEnv: one Android app as an Env, over whichever link reaches its device.

Knows nothing of transports, learning or files. The reward is 1.0 for a step that executed a probe
for the first time in the session; coverage is the union over the session, so neither a restart
nor a restored snapshot nor a dead process makes a probe new again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jamel.coverage import ProbeSet
from jamel.coverage.jacoco import write_exec
from jamel.envs.faulty import FaultyLink
from jamel.envs.links import InProcessLink, Link, Reading
from jamel.errors import ConfigError, DeviceError
from jamel.types import Action, Observation

if TYPE_CHECKING:
    from jamel.envs.adb_link import Closeable
    from jamel.virtual_device.apps import AppSpec
    from jamel.virtual_device.faults import FaultPlan

TRANSPORTS = ("in_process", "adb")
_NO_OBSERVATION = Observation("", "", (), (0, 0))


class AndroidEnv:
    """An app on an Android device, real or virtual; implements `jamel.envs.base.Env`.

    Args:
        link: the way to the device.
        app: the name under which results are kept, such as `train/17`; the package by default.
        screenshots: whether observations carry a PNG of the screen.
    """

    backend = "android"

    def __init__(self, link: Link, *, app: str = "", screenshots: bool = False) -> None:
        self.link = link
        self.app = app or link.package
        self.build = link.build
        self.total_probes = link.total_probes
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

    def coverage(self) -> ProbeSet:
        """Every probe executed since the session began."""
        return self._seen

    def raw_coverage(self) -> bytes:
        """The session's coverage as a JaCoCo execution data file, the same for equal probes."""
        return write_exec(self._seen)

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


def attach_env(
    serial: str,
    package: str,
    *,
    adb_port: int = 5037,
    app: str = "",
    screenshots: bool = False,
    owned: Closeable | None = None,
    **options: Any,
) -> AndroidEnv:
    """An environment on a device that is already there: a real phone or a running emulator.

    Args:
        serial: the device, as `adb devices` lists it.
        package: the app to explore, installed and instrumented with JaCoCo.
        adb_port: the port of the adb server that knows the device.
        app: the name under which results are kept; the package by default.
        screenshots: whether observations carry a PNG.
        owned: something to close with the environment, such as the lease of the device.
        options: passed to `AdbLink`, such as `activity`, `timeout_s`, `coverage_broadcast`.

    Raises:
        DeviceError: no adb server, no such device, or the app is not installed.
    """
    from jamel.envs.adb_link import AdbLink

    link = AdbLink(serial, adb_port, package, **options)
    if owned is not None:
        link.own(owned)
    return AndroidEnv(link, app=app, screenshots=screenshots)


def make_env(
    spec: AppSpec,
    transport: str = "in_process",
    *,
    screenshots: bool = False,
    plan: FaultPlan | None = None,
    **options: Any,
) -> AndroidEnv:
    """An environment on the embedded virtual device running `spec`.

    Args:
        spec: the app, from `build_app` or `app_spec`.
        transport: `in_process` for speed, `adb` to go through a real adb server.
        screenshots: whether observations carry a PNG.
        plan: what the device does wrong, and when; nothing by default.
        options: for `adb` only, passed to `AdbLink` (such as `timeout_s`).

    Raises:
        ConfigError: an unknown transport.
        AdbMissing: no adb executable for the `adb` transport.
    """
    from jamel.virtual_device.apps import App

    if transport == "in_process":
        link: Link = FaultyLink(App(spec), plan) if plan else InProcessLink(App(spec))
    elif transport == "adb":
        from jamel.envs.adb_link import link_to_virtual_device

        link = link_to_virtual_device(App(spec), plan, **options)
    else:
        raise ConfigError(f"Unknown transport {transport!r}: expected one of {TRANSPORTS}.")
    return AndroidEnv(link, app=spec.name, screenshots=screenshots)
