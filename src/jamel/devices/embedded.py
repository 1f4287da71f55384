"""The embedded device's world: apps of suites, frozen by seed, whose reach a search has found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jamel.config import DeviceConfig
from jamel.devices.world import Unseen, World
from jamel.envs.android import AndroidEnv, make_env
from jamel.envs.linked import LinkedEnv
from jamel.suites import app_spec, at_noise, reachable, require_tunable, suite_apps, suite_of

if TYPE_CHECKING:
    from jamel.virtual_device.faults import FaultPlan


class Embedded(World):
    """Apps such as `train/3`, in this process or behind a real adb server."""

    restores = True

    @property
    def side_by_side(self) -> bool:  # type: ignore[override]
        """In this process a step takes less than a decision."""
        return self.device.transport == "in_process"

    def check_suite(self, suite: str) -> None:
        """There is such a suite, or such a suite file."""
        suite_of(suite)

    def require_tunable(self, suite: str) -> None:
        """Splits that are kept for testing say nothing about unseen apps once tuned on."""
        require_tunable(suite)

    def app_names(self, suite: str, count: int | None = None) -> list[str]:
        """Those of the suite, by number."""
        return [spec.name for spec in suite_apps(suite, count)]

    def app_name(self, suite: str, number: int) -> str:
        """Every session has an app of its own."""
        return f"{suite}/{number}"

    def named(self, app: str) -> str:
        """Its name is what it is called by."""
        return app

    def build(self, app: str) -> str:
        """Of the app's generator and settings."""
        return app_spec(app).build

    def open(self, app: str, number: int = 0, attempt: int = 0) -> AndroidEnv:
        """Started anew, with the faults of its session; arguments as of `World.open`."""
        device = self.device
        options = {"timeout_s": device.step_timeout_s, "recover_s": device.recover_s}
        return make_env(
            app_spec(app),
            "adb" if device.transport == "adb" else "in_process",
            screenshots=device.screenshots,
            plan=_fault_plan(device, f"{app}/{number}/{attempt}"),
            **(options if device.transport == "adb" else {}),
        )

    def known_probes(self, app: str, env: LinkedEnv) -> int:
        """What a search has reached."""
        return reachable(app_spec(app)).probes

    def family(self, app: str) -> str:
        """The toolkit that it looks as if it were made with."""
        return app_spec(app).look

    def unseen_part(self, app: str) -> Unseen:
        """Of features whose kinds are in no training app."""
        from jamel.virtual_device.apps import App

        spec = app_spec(app)
        if not spec.unseen:
            return super().unseen_part(app)
        classes = App(spec).classes
        return Unseen(frozenset(classes[i][0] for i in spec.unseen), reachable(spec).unseen)

    def at_noise(self, suite: str, level: str) -> str:
        """A level that the suite's name asks for stays."""
        return at_noise(suite, level)

    def to_search(self, apps: Sequence[str]) -> Sequence[str]:
        """Every one of them."""
        return apps


def _fault_plan(device: DeviceConfig, name: str) -> FaultPlan | None:
    if not device.faults.rate:
        return None
    from jamel.virtual_device.faults import KINDS, FaultPlan

    # Where no picture is taken, none can be black.
    seen = [kind for kind in KINDS if kind != "black_screenshot" or device.screenshots]
    return FaultPlan(device.faults, name, device.faults.kinds or seen)
