"""The device itself: one app, a file system, settings, snapshots, and faults on demand.

Everything that speaks a protocol (shell, sync, console) works on this object under its lock.
Knows no protocol and nothing of learning.
"""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Protocol

from jamel.types import Observation, centre_px
from jamel.virtual_device.faults import Faults
from jamel.virtual_device.files import DeviceFiles
from jamel.virtual_device.windows import covered

MAX_SNAPSHOTS = 4096
COVERAGE_FILE = "files/coverage.ec"
BOOT_ID = "/proc/sys/kernel/random/boot_id"
MANIFEST_FILE = "files/coverage.classes"
"""`build`, then one `id<TAB>name<TAB>probes` line a class: the denominator of coverage."""


class RunningApp(Protocol):
    """What the device needs of an app; `jamel.virtual_device.apps.App` is one and documents it."""

    package: str
    build: str
    size_px: tuple[int, int]
    total_probes: int
    classes: list[tuple[int, str, int]]

    @property
    def activity(self) -> str: ...

    def observe(self) -> Observation: ...

    def tap(self, x_px: int, y_px: int) -> None: ...

    def long_press(self, x_px: int, y_px: int) -> None: ...

    def type_text(self, text: str) -> None: ...

    def swipe(self, x1_px: int, y1_px: int, x2_px: int, y2_px: int) -> None: ...

    def back(self) -> None: ...

    def home(self) -> None: ...

    def restart(self) -> None: ...

    def clear_data(self) -> None: ...

    def snapshot(self) -> Any: ...

    def restore(self, snapshot: Any) -> None: ...

    def exec_data(self) -> bytes: ...


@dataclass(frozen=True)
class DeviceSnapshot:
    """The app's state and whether its process was alive."""

    app: Any
    running: bool
    fresh: bool


@dataclass
class Device:
    """A powered-on device with one app installed.

    `fresh` means that the app's data was just cleared, so that starting it runs nothing twice.
    """

    app: RunningApp
    faults: Faults = field(default_factory=Faults)
    files: DeviceFiles = field(default_factory=DeviceFiles)
    settings: dict[str, str] = field(default_factory=dict)
    running: bool = True
    fresh: bool = False
    booted: bool = True

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self.snapshots: OrderedDict[str, DeviceSnapshot] = OrderedDict()
        home = f"/data/data/{self.app.package}"
        self.files.compute(f"{home}/{COVERAGE_FILE}", self.coverage)
        self.files.compute(f"{home}/{MANIFEST_FILE}", self.manifest)
        self.settings.setdefault("secure/android_id", uuid.uuid4().hex[:16])
        self.boot_id = str(uuid.uuid4())
        self.files.make_folders(BOOT_ID.rpartition("/")[0])
        self.files.compute(BOOT_ID, lambda: self.boot_id.encode() + b"\n")

    def observe(self) -> Observation:
        """The screen; the launcher while the app is stopped, or the dialog over either."""
        dialog = covered(self)
        if dialog is not None:
            return dialog
        if self.running:
            return self.app.observe()
        saved = self.app.snapshot()
        self.app.home()
        observation = self.app.observe()
        self.app.restore(saved)
        return observation

    def stop(self) -> None:
        """Kill the app's process."""
        self.running = False

    def reboot(self) -> None:
        """Lose every process and begin to boot; `booted` is for whoever boots it to set."""
        self.running, self.booted = False, False
        self.faults.window, self.faults.last_xml = "", ""
        self.boot_id = str(uuid.uuid4())

    def clear(self) -> None:
        """Forget the app's data and coverage, which also stops it."""
        self.app.clear_data()
        self.running, self.fresh = False, True

    def start(self) -> bool:
        """Start the app, or bring it to the front; whether a new process was needed."""
        if not self.running:
            if not self.fresh:
                self.app.restart()
            self.running, self.fresh = True, False
            return True
        observation = self.app.observe()
        if observation.package != self.app.package:
            icon = next(e for e in observation.elements if e.clickable)
            self.app.tap(*centre_px(icon.bounds_px))
        return False

    def wake(self) -> None:
        """A touch on the launcher of a stopped app: it has to be stopped no longer."""
        if not self.running:
            self.running, self.fresh = True, False
            self.app.restart()
            self.app.home()

    def coverage(self) -> bytes:
        """The app's JaCoCo file, spoiled where such a fault is due."""
        with self.lock:
            return self.faults.coverage(self.app.exec_data())

    def manifest(self) -> bytes:
        """The classes the app consists of, executed or not."""
        lines = [self.app.build]
        lines += [f"{class_id}\t{name}\t{size}" for class_id, name, size in self.app.classes]
        return "".join(line + "\n" for line in lines).encode()

    def save_snapshot(self, name: str) -> None:
        """Keep the present under a name; the oldest of 4096 is dropped."""
        self.snapshots[name] = DeviceSnapshot(self.app.snapshot(), self.running, self.fresh)
        if len(self.snapshots) > MAX_SNAPSHOTS:
            self.snapshots.popitem(last=False)

    def load_snapshot(self, name: str) -> bool:
        """Return to a snapshot; False when there is none of that name."""
        saved = self.snapshots.get(name)
        if saved is None:
            return False
        self.app.restore(saved.app)
        self.running, self.fresh = saved.running, saved.fresh
        return True
