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
from typing import Any

from jamel.types import Observation
from jamel.virtual_device.apk import ApkManifest
from jamel.virtual_device.apps.crash import PROCESS_ID
from jamel.virtual_device.device_log import DeviceLog
from jamel.virtual_device.device_settings import locked_rotation
from jamel.virtual_device.exits import (
    LOW_MEMORY,
    MOST_EXITS,
    PERMISSION_CHANGE,
    USER_REQUESTED,
    Exit,
)
from jamel.virtual_device.faults import Faults
from jamel.virtual_device.files import DeviceFiles
from jamel.virtual_device.packages import Packages
from jamel.virtual_device.ports import DevicePorts
from jamel.virtual_device.proc_files import add_proc_files, add_process
from jamel.virtual_device.running_app import RunningApp
from jamel.virtual_device.windows import covered, report

MAX_SNAPSHOTS = 4096
APP_PID, SERVER_PID = PROCESS_ID, 618
PID_STEP = 16
"""Between one process of the app and the next; others start in between."""
BOOT_S, SERVICES_S = 0.5, 0.4
COVERAGE_FILE = "files/coverage.ec"
COVERAGE_ACTION = "edu.gatech.m3.emma.COLLECT_COVERAGE"
"""The broadcast that has the app dump its coverage, named as Themis' real apps name it."""
BOOT_ID = "/proc/sys/kernel/random/boot_id"
MANIFEST_FILE = "files/coverage.classes"
"""`build`, then one `id<TAB>name<TAB>probes` line a class: the denominator of coverage."""


@dataclass(frozen=True)
class DeviceSnapshot:
    """The app's state, whether its process was alive, and what the system keeps in memory."""

    app: Any
    state: dict[str, Any]
    settings: dict[str, str]


_IN_SNAPSHOT = ("running", "fresh", "saved", "keyboard", "sensor_turns", "screen_on")


@dataclass
class Device:
    """A powered-on device with one app installed.

    `fresh` means that the app's data was just cleared, so that starting it runs nothing twice;
    `processes` counts the app's processes; `saved` says that the last one died in the background,
    with its activities' state saved. `keyboard`: a touched field has brought the soft keyboard up.
    `sensor_turns` is how the device is held, in quarter turns counter-clockwise. `tcp_port` is
    where adbd listens beside its own port, 0 for nowhere. The coverage file is always up to date,
    or with `live_coverage` off as of the last broadcast of COVERAGE_ACTION, absent before it.
    """

    app: RunningApp
    faults: Faults = field(default_factory=Faults)
    files: DeviceFiles = field(default_factory=DeviceFiles)
    settings: dict[str, str] = field(default_factory=dict)
    processes: int = 1
    live_coverage: bool = True
    running: bool = True
    fresh: bool = False
    saved: bool = False
    keyboard: bool = False
    sensor_turns: int = 0
    tcp_port: int = 0
    screen_on: bool = True
    is_root: bool = False

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self.log = DeviceLog()
        self.ports = DevicePorts()
        app, self.natural_px = self.app, self.app.natural_px
        manifest = ApkManifest(
            app.package, 1, app.build, app.activities[0], app.links, tuple(app.permissions)
        )
        self.packages = Packages(self.files, manifest)
        self.last_anr = ""
        self.pid, self.server_pid = APP_PID, SERVER_PID
        self.exits: deque[Exit] = deque(maxlen=MOST_EXITS)
        self.finger: tuple[int, int] | None = None
        self.install_sessions: dict[int, bytes] = {}
        self.sessions_made = 0
        self.saved_s: dict[str, float] = {}
        self._started_s = self._booted_s = self._serving_s = time.monotonic()
        self.snapshots: OrderedDict[str, DeviceSnapshot] = OrderedDict()
        add_proc_files(self.files, lambda: self.uptime_s)
        add_process(self.files, self.pid, app.package, lambda: self.running)
        home = f"/data/data/{self.app.package}"
        self.coverage_path = f"{home}/{COVERAGE_FILE}"
        if self.live_coverage:
            self.files.compute(self.coverage_path, self.coverage)
        self.files.compute(f"{home}/{MANIFEST_FILE}", self.manifest)
        self.settings.setdefault("secure/android_id", uuid.uuid4().hex[:16])
        self.boot_id = str(uuid.uuid4())
        self.files.make_folders(BOOT_ID.rpartition("/")[0])
        self.files.compute(BOOT_ID, lambda: self.boot_id.encode() + b"\n")
        self.settle()

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
    def serves(self) -> bool:
        """Whether Android's services answer; adbd does before and without them."""
        return time.monotonic() >= max(self._booted_s, self._serving_s)

    @property
    def uptime_s(self) -> float:
        """Seconds since power-on or the last reboot."""
        return time.monotonic() - self._started_s

    @property
    def rotation(self) -> int:
        """The display's, in quarter turns: the user's choice, or how the device is held."""
        chosen = locked_rotation(self.settings)
        return self.sensor_turns if chosen is None else chosen

    def settle(self) -> None:
        """What a command changed takes effect: the activity on a display that turned is new."""
        width, height = self.natural_px
        size_px = (height, width) if self.rotation % 2 else (width, height)
        if size_px != self.app.size_px:
            self.app.turn(size_px)
            self.keyboard = False

    def rotate(self) -> None:
        """Turn the device itself a quarter; the display follows unless it is locked."""
        self.sensor_turns = (self.sensor_turns + 1) % 4
        self.settle()

    def on_command(self, name: str) -> None:
        """A command is about to run. Raises VanishedError where the connection ends now."""
        before = self.faults.window
        self.faults.on_command(name)
        if self.faults.window != before:
            report(self)
        ended, self.faults.ended = self.faults.ended, ""
        if ended == "framework_restart":
            self.restart_services()
        elif ended:
            self.stop(save=True, reason=LOW_MEMORY)

    def stop(self, save: bool = False, reason: int = USER_REQUESTED) -> None:
        """Kill the app's process; `save` where the system may, as in the background."""
        if self.running:
            self.saved = save and not self.app.in_front
            self.exits.append(Exit(self.pid, reason, time.time()))
            self.log.add(
                "ActivityManager", f"Killing {self.pid}:{self.app.package}", buffer="system"
            )
        self.saved = self.saved and save
        self.running = self.keyboard = False

    def restart_services(self) -> None:
        """Android's services end, and every app with them, and come again; adbd runs on."""
        self.stop()
        self.exits.clear()
        self.faults.window, self.faults.last_xml = "", ""
        self.server_pid += PID_STEP
        self._serving_s = time.monotonic() + SERVICES_S

    def reboot(self) -> None:
        """End every process and what adbd set up; whoever calls this also drops the connections."""
        self.restart_services()
        self.log.clear()
        self.ports.close_reversed()
        self.is_root, self.screen_on, self.tcp_port = False, True, 0
        self.last_anr = ""
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
        self.running = self.saved = self.keyboard = False
        self.fresh = True
        if not self.live_coverage:
            with contextlib.suppress(FileNotFoundError):
                self.files.remove(self.coverage_path)

    def grant(self, name: str, permission: str, granted: bool) -> None:
        """Give a package a runtime permission or take it, which ends the app's process."""
        if name != self.app.package:
            self.packages.grant(name, permission, granted)
            return
        if not granted and self.app.permissions.get(permission):
            self.stop(save=True, reason=PERMISSION_CHANGE)
        self.app.grant(permission, granted)

    def granted(self, name: str) -> dict[str, bool]:
        """The runtime permissions that an installed package asks for, and whether it has them."""
        if name == self.app.package:
            return self.app.permissions
        package = self.packages.installed[name]
        return {one: one in package.granted for one in package.manifest.permissions}

    def start(self, activity: str = "") -> bool:
        """Start the app, or bring it to the front; whether a new process was needed.

        Args:
            activity: the one to show; by default the first, or where the user left off.
        """
        launched = not self.running
        if launched:
            self._new_process()
            process = f"Start proc {self.pid}:{self.app.package} for top-activity"
            self.log.add("ActivityManager", process, buffer="system")
        elif not activity and not self.app.in_front:
            self.app.to_front()
        if activity:
            self.app.show(activity)
        self.touched(False)
        return launched

    def _new_process(self) -> None:
        if self.saved:
            self.app.recreate()
        elif not self.fresh:
            self.app.restart()
        self.running, self.fresh, self.saved = True, False, False
        self.processes += 1
        self.files.withdraw(f"/proc/{self.pid}")
        self.pid += PID_STEP
        add_process(self.files, self.pid, self.app.package, lambda: self.running)

    def touched(self, field: bool) -> None:
        """After a touch, on a text field or not: the keyboard comes, stays or goes."""
        focused = self.running and self.app.field is not None
        self.keyboard = focused and (field or self.keyboard)

    def note_crashes(self) -> None:
        """Put the traces of the app's crashes where logcat shows them."""
        traces = self.app.crash_log
        while traces:
            self.log.add("AndroidRuntime", traces.popleft(), "E", buffer="crash", pid=self.pid)

    def wake(self) -> None:
        """A touch on the launcher of a stopped app: it has to be stopped no longer."""
        if not self.running and self.is_installed:
            self.fresh = False
            self._new_process()
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
        state = {key: getattr(self, key) for key in _IN_SNAPSHOT}
        self.snapshots[name] = DeviceSnapshot(self.app.snapshot(), state, self.settings.copy())
        self.saved_s[name] = time.time()
        if len(self.snapshots) > MAX_SNAPSHOTS:
            self.snapshots.popitem(last=False)

    def load_snapshot(self, name: str) -> bool:
        """Return to a snapshot; False when there is none of that name."""
        saved = self.snapshots.get(name)
        if saved is None:
            return False
        self.app.restore(saved.app)
        for key, value in saved.state.items():
            setattr(self, key, value)
        self.settings = saved.settings.copy()
        return True
