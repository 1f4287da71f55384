"""What a profile's `device` section means: embedded apps by suite, or one app on real devices.

Knows suites and environments; nothing of agents, files or learning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jamel.config import DeviceConfig
from jamel.envs.android import AndroidEnv, attach_env, make_env
from jamel.envs.lease import lease_device
from jamel.suites import app_spec, reachable, suite_apps

if TYPE_CHECKING:
    from jamel.virtual_device.faults import FaultPlan


def is_real(device: DeviceConfig) -> bool:
    """Whether sessions happen on devices that are already there."""
    return bool(device.serials)


def app_name(device: DeviceConfig, suite: str, number: int) -> str:
    """One app of a suite; on real devices there is one, `<package>/0`, whatever the number."""
    return f"{device.package}/0" if is_real(device) else f"{suite}/{number}"


def app_names(device: DeviceConfig, suite: str, count: int | None = None) -> list[str]:
    """The first `count` apps of a suite, or the one on real devices."""
    if is_real(device):
        return [app_name(device, suite, 0)]
    return [spec.name for spec in suite_apps(suite, count)]


def app_build(device: DeviceConfig, app: str) -> str:
    """What tells an app's builds apart before any device is asked."""
    return device.package if is_real(device) else app_spec(app).build


def open_env(device: DeviceConfig, app: str, number: int = 0, attempt: int = 0) -> AndroidEnv:
    """The environment of a session.

    Args:
        device: the profile's section.
        app: an embedded app such as `train/3`; on real devices only the name results are kept by.
        number: the session's number; sessions are spread over the devices by it, and wait for a
            device that another session uses.
        attempt: how often a device of this session was replaced or begun again; another one
            misbehaves otherwise, and on real devices it is the next.

    Raises:
        ConfigError: no such embedded app.
        DeviceError: no adb server, no such device, or the app is not installed.
    """
    if not is_real(device):
        options = {"timeout_s": device.step_timeout_s, "recover_s": device.recover_s}
        return make_env(
            app_spec(app),
            device.transport,
            screenshots=device.screenshots,
            plan=_fault_plan(device, f"{app}/{number}/{attempt}"),
            **(options if device.transport == "adb" else {}),
        )
    lease = lease_device(device.serials, number + attempt)
    try:
        return attach_env(
            lease.serial,
            device.package,
            adb_port=device.adb_port,
            app=app,
            screenshots=device.screenshots,
            owned=lease,
            activity=device.activity,
            timeout_s=device.step_timeout_s,
            coverage_file=device.coverage_file,
            coverage_broadcast=device.coverage_broadcast,
            settle_s=device.settle_s,
            recover_s=device.recover_s,
        )
    except BaseException:
        lease.close()
        raise


def _fault_plan(device: DeviceConfig, name: str) -> FaultPlan | None:
    if not device.faults.rate:
        return None
    from jamel.virtual_device.faults import FaultPlan

    return FaultPlan(device.faults, name)


def known_probes(device: DeviceConfig, app: str, env: AndroidEnv) -> int:
    """How many probes can be reached: found by search, or all that a real app lists."""
    return env.total_probes if is_real(device) else reachable(app_spec(app))
