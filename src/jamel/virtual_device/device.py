"""The device itself: one app, a file system, settings, snapshots, and faults on demand.

Everything that speaks a protocol (shell, sync, console) works on this object under its lock.
Knows no protocol and nothing of learning.
"""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Any, Protocol

from jamel.types import Observation, centre_px
from jamel.virtual_device.apk import ApkManifest
from jamel.virtual_device.device_log import DeviceLog
from jamel.virtual_device.faults import Faults
from jamel.virtual_device.files import DeviceFiles
from jamel.virtual_device.packages import Packages
from jamel.virtual_device.ports import DevicePorts
from jamel.virtual_device.proc_files import add_proc_files
from jamel.virtual_device.windows import covered

MAX_SNAPSHOTS = 4096
APP_PID = 4242
BOOT_S = 0.5
COVERAGE_FILE = "files/coverage.ec"
COVERAGE_ACTION = "edu.gatech.m3.emma.COLLECT_COVERAGE"
"""The broadcast that has the app dump its coverage, named as Themis' real apps name it."""
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
    crash_log: deque[str]

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

    def reset_coverage(self) -> None: ...


@dataclass(frozen=True)
class DeviceSnapshot:
    """The app's state and whether its process was alive."""

    app: Any
    running: bool
    fresh: bool


@dataclass
class Device:
    """A powered-on device with one app installed.

    `fresh` means that the app's data was just cleared, so that starting it runs nothing twice;
    `processes` counts the app's processes. The coverage file is always up to date, or with
    `live_coverage` off as of the last broadcast of COVERAGE_ACTION, absent before the first.
    """

    app: RunningApp
    faults: Faults = field(default_factory=Faults)
    files: DeviceFiles = field(default_factory=DeviceFiles)
    settings: dict[str, str] = field(default_factory=dict)
    processes: int = 1
    live_coverage: bool = True
    running: bool = True
    fresh: bool = False
    screen_on: bool = True
    is_root: bool = False

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self.log = DeviceLog()
        self.ports = DevicePorts()
        launcher = ApkManifest(self.app.package, 1, self.app.build, self.app.activity)
        self.packages = Packages(self.files, launcher)
        self.install_sessions: dict[int, bytes] = {}
        self.sessions_made = 0
        self.saved_s: dict[str, float] = {}
        self._started_s = self._booted_s = time.monotonic()
        self.snapshots: OrderedDict[str, DeviceSnapshot] = OrderedDict()
        add_proc_files(self.files, lambda: self.uptime_s)
        home = f"/data/data/{self.app.package}"
        self.coverage_path = f"{home}/{COVERAGE_FILE}"
        if self.live_coverage:
            self.files.compute(self.coverage_path, self.coverage)
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

    @property
    def is_installed(self) -> bool:
        """Whether the device's app is there to be started."""
        return self.app.package in self.packages.installed

    @property
    def is_booted(self) -> bool:
        """Whether starting has come to its end."""
        return time.monotonic() >= self._booted_s

    @property
    def uptime_s(self) -> float:
        """Seconds since power-on or the last reboot."""
        return time.monotonic() - self._started_s

    def stop(self) -> None:
        """Kill the app's process."""
        if self.running:
            self.log.add(
                "ActivityManager", f"Killing {APP_PID}:{self.app.package}", buffer="system"
            )
        self.running = False

    def reboot(self) -> None:
        """End every process and what adbd set up; whoever calls this also drops the connections."""
        self.stop()
        self.log.clear()
        self.ports.close_reversed()
        self.is_root, self.screen_on = False, True
        self.faults.window, self.faults.last_xml = "", ""
        self.boot_id = str(uuid.uuid4())
        self._started_s = time.monotonic()
        self._booted_s = self._started_s + BOOT_S

    def install(self, manifest: ApkManifest, data: bytes) -> None:
        """Install or replace a package, which stops it. Raises OSError when the device is full."""
        self.packages.add(manifest, data)
        if manifest.package == self.app.package:
            self.stop()

    def uninstall(self, name: str, keep_data: bool = False) -> bool:
        """Remove a package and its data; whether it was there."""
        if not self.packages.remove(name):
            return False
        if name == self.app.package:
            self.stop()
            if not keep_data:
                self.clear()
        return True

    def clear(self) -> None:
        """Forget the app's data and coverage, which also stops it."""
        self.app.clear_data()
        self.running, self.fresh = False, True
        if not self.live_coverage:
            with contextlib.suppress(FileNotFoundError):
                self.files.remove(self.coverage_path)

    def start(self) -> bool:
        """Start the app, or bring it to the front; whether a new process was needed."""
        if not self.running:
            if not self.fresh:
                self.app.restart()
            self.running, self.fresh = True, False
            process = f"Start proc {APP_PID}:{self.app.package} for top-activity"
            self.log.add("ActivityManager", process, buffer="system")
            self.processes += 1
            return True
        # What else the launcher shows, an advert say, may be touched as well: it does nothing.
        # A crash's dialog is closed on the way, and only then the icon can be reached.
        for _ in range(2):
            for element in self.app.observe().elements:
                if self.app.observe().package == self.app.package:
                    break
                if element.clickable:
                    self.app.tap(*centre_px(element.bounds_px))
        return False

    def note_crashes(self) -> None:
        """Put the traces of the app's crashes where logcat shows them."""
        traces = self.app.crash_log
        while traces:
            self.log.add("AndroidRuntime", traces.popleft(), "E", buffer="crash", pid=APP_PID)

    def wake(self) -> None:
        """A touch on the launcher of a stopped app: it has to be stopped no longer."""
        if not self.running and self.is_installed:
            self.running, self.fresh = True, False
            self.processes += 1
            self.app.restart()
            self.app.home()

    def coverage(self) -> bytes:
        """The app's JaCoCo file, spoiled where such a fault is due."""
        with self.lock:
            return self.faults.coverage(self.app.exec_data())

    def receive(self, action: str, package: str) -> None:
        """A broadcast: the app's receiver writes the coverage file, if it is running."""
        ours = action == COVERAGE_ACTION and package in ("", self.app.package)
        if ours and self.running and not self.live_coverage:
            self.files.write(self.coverage_path, self.coverage(), make_parents=True)

    def manifest(self) -> bytes:
        """The classes the app consists of, executed or not."""
        lines = [self.app.build]
        lines += [f"{class_id}\t{name}\t{size}" for class_id, name, size in self.app.classes]
        return "".join(line + "\n" for line in lines).encode()

    def save_snapshot(self, name: str) -> None:
        """Keep the present under a name; the oldest of 4096 is dropped."""
        self.snapshots[name] = DeviceSnapshot(self.app.snapshot(), self.running, self.fresh)
        self.saved_s[name] = time.time()
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
