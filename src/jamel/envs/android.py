"""AndroidEnv: one Android app as an Env, embedded or on a device that adb reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jamel.coverage.jacoco import write_exec
from jamel.envs.faulty import FaultyLink
from jamel.envs.linked import LinkedEnv
from jamel.envs.links import InProcessLink, Link
from jamel.errors import ConfigError

if TYPE_CHECKING:
    from jamel.envs.adb_link import Closeable
    from jamel.virtual_device.apps import AppSpec
    from jamel.virtual_device.faults import FaultPlan

TRANSPORTS = ("in_process", "adb")


class AndroidEnv(LinkedEnv):
    """An app on an Android device, real or virtual."""

    backend = "android"

    def raw_coverage(self) -> bytes:
        """The session's coverage as a JaCoCo execution data file."""
        return write_exec(self.coverage())


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
