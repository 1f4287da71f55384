"""AdbLink: an app on a real or virtual device through adb, by one shell command a step.

A step's script does the input, dumps the screen, names the focused window and prints the coverage
file; a random sentinel separates the parts. The transport id is resolved once and again after a
loss, and every exchange has a deadline. Knows nothing of rewards; nothing a device says is
trusted or run.
"""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from jamel.config import PACKAGE
from jamel.coverage import ProbeSet
from jamel.coverage.jacoco_remote import DEFAULT_PORT
from jamel.envs.adb_connection import AdbShell, ShellResult
from jamel.envs.adb_recovery import SteadyShell
from jamel.envs.app_process import ProcessWatch
from jamel.envs.coverage_source import open_coverage
from jamel.envs.crash_log import COMMAND as CRASH_LOG
from jamel.envs.crash_log import last_trace
from jamel.envs.emulator_snapshots import EmulatorSnapshots
from jamel.envs.interruptions import (
    BLACK,
    dump_problem,
    has_bare_page,
    in_the_way,
    picture_problem,
)
from jamel.envs.links import Reading
from jamel.envs.reset import AppReset
from jamel.envs.ui_tree import parse_hierarchy, without_passwords
from jamel.errors import AppMissing, DeviceError, DeviceLost, UiTreeError
from jamel.types import Action, ActionKind, Observation, action_problem, fingers_px

if TYPE_CHECKING:
    from jamel.virtual_device.apps import App
    from jamel.virtual_device.faults import FaultPlan

DUMP_TRIES = 3
MEND_TRIES = 4
LONG_PRESS_MS = 800
SWIPE_MS = 300
MAX_DELETIONS = 200
NO_SCREEN = "the screen could not be dumped"
_ACTIVITY = re.compile(r"[\w.$]{1,300}")
_FOCUS = re.compile(
    rb"m(?:CurrentFocus|FocusedApp)=\w+\{\S+ (?:u\d+ )?([\w.]+)/([\w.$]+)(?: [^}]*)?\}"
)
_SIZE = re.compile(r"(?:Override|Physical) size: ([0-9]{1,5})x([0-9]{1,5})\b")
_EXIT_CODE = re.compile(rb"[0-9]{1,3}")


class Closeable(Protocol):
    """What a link may own: a virtual device, or the lease of a real one."""

    def close(self) -> None:
        """Let it go."""


_DUMP = "uiautomator dump /dev/tty 2>&1"
_HIDE_KEYBOARD = (
    "if dumpsys input_method | grep -q mInputShown=true; then input keyevent KEYCODE_BACK; fi"
)
"""A keyboard that a touched field brought up would take the next touches, and its BACK."""
_FOCUS_SCRIPT = (
    "dumpsys window | grep -E 'mCurrentFocus|mFocusedApp'; dumpsys input_method | grep mInputShown"
)


class Seen(NamedTuple):
    """What a step's reading printed: the dump, the windows and the coverage file."""

    screen: bytes
    focus: bytes
    coverage: bytes


class Focus(NamedTuple):
    """The window in front."""

    package: str
    activity: str


class AdbLink:
    """One app on the device `serial`.

    Args:
        serial: the device, as `adb devices` lists it.
        adb_port: the adb server's port.
        package: the app; it must be installed.
        activity: what `am start` gets; the launcher activity by default.
        timeout_s: the deadline of one exchange.
        coverage_source: `file`, `tcpserver` or `none`, with `coverage_file`, `coverage_broadcast`,
            `coverage_port` and `coverage_classes`; see `open_coverage`.
        settle_s: how long to wait between an input and the dump.
        reset: how a new session begins, with `reset_snapshot` and `apk`; see `AppReset`.
        recover_s: how long a device that went away may take to come back.
        replaced: whether who started a device replaces it when it is lost; `recover` then leaves
            it to them.
        confirm_unchanged: whether a screen that did not change is dumped once more, as a stale
            dump looks the same.
        strict: whether a screen that cannot be dumped is an error rather than a mark.
        passwords: whether to keep what stands in password fields, as where it is made up.

    Raises:
        AdbMissing: nothing listens on `adb_port`.
        DeviceMissing: the serial is not attached or not ready.
        AppMissing: the package is not installed.
    """

    def __init__(
        self,
        serial: str,
        adb_port: int,
        package: str,
        *,
        activity: str = "",
        timeout_s: float = 30.0,
        coverage_source: str = "file",
        coverage_file: str = "files/coverage.ec",
        coverage_broadcast: str = "",
        coverage_port: int = DEFAULT_PORT,
        coverage_classes: str = "",
        settle_s: float = 0.0,
        reset: str = "clear_data",
        reset_snapshot: str = "",
        apk: str = "",
        recover_s: float = 30.0,
        replaced: bool = False,
        confirm_unchanged: bool = True,
        strict: bool = False,
        passwords: bool = False,
    ) -> None:
        _check_names(package, activity)
        self.device = serial
        self.package = package
        self._activity = activity
        self._settle_s = settle_s
        self._confirm, self._strict, self._passwords = confirm_unchanged, strict, passwords
        self._last_screen = b""
        self._shell = SteadyShell(AdbShell(serial, adb_port, timeout_s), package, recover_s)
        self._snapshots = EmulatorSnapshots(serial)
        self._owned: list[Closeable] = []
        self.marks: list[str] = []
        self._bare_pages: set[Focus] = set()
        self.log: list[tuple[int, str]] = []
        """What an embedded device was told to do wrong."""
        self._replaced = replaced
        self._process = ProcessWatch(self._shell, package)
        self._reset = AppReset(self._shell, package, reset, reset_snapshot, apk)
        self._reset.install_if_missing()
        self._size_px = self._check_device()
        self._coverage = open_coverage(
            self._shell, package, coverage_source, coverage_file, coverage_broadcast,
            coverage_port, coverage_classes,
        )  # fmt: skip
        self.build, self.total_probes = self._coverage.build, self._coverage.total_probes
        self._shell.prepare()

    # -- the Link protocol ----------------------------------------------------------------------

    def perform(self, observation: Observation, action: Action) -> Reading:
        """Do the action on the element it names, then read screen and coverage."""
        problem = action_problem(observation, action)
        if not problem and action.kind is ActionKind.TYPE and not action.text.isascii():
            problem = "`input text` types ASCII only"
        if problem:
            return Reading(observation, self._coverage.latest, False, problem)
        if action.kind is ActionKind.RESTART:
            return self.restart(False)
        return self._exchange(_input_script(observation, action))

    def restart(self, new_session: bool) -> Reading:
        """Start the app at its first screen; a new session resets it first.

        Raises:
            DeviceError: the app could not be started.
        """
        stop = self._reset.script() if new_session else f"am force-stop {self.package}"
        if new_session:
            self._coverage.forget()
        else:
            self._coverage.before_stop()
        start = f"am start -W -n {self.package}/{self._activity}"
        if not self._activity:
            start = f"monkey -p {self.package} -c android.intent.category.LAUNCHER 1"
        self._process.expect_new()
        dump = self._coverage.dump_script()
        done, seen = self._act(f"{dump}{stop} >/dev/null && {start} >/dev/null")
        # Older versions of `am` report their errors with exit code 0.
        if done.code != 0 or done.stdout.startswith(b"Error"):
            raise DeviceError(
                f"Expected {self.package} to start on {self.device}, found: {done.text()!r}. "
                "Check device.activity, or leave it out to start the launcher's."
            )
        return self._reading(seen)

    def decode(self, coverage: bytes) -> ProbeSet:
        """Probes of a JaCoCo file."""
        return self._coverage.decode(coverage)

    def screenshot(self) -> bytes:
        """The screen as a PNG, asked for again where it is cut short or all black.

        Raises:
            DeviceError: the device sends none that is whole.
        """
        for _ in range(DUMP_TRIES):
            data = self._shell.run("screencap -p").stdout
            problem = picture_problem(data)
            if not problem:
                return data
            self.marks.append(f"took the screenshot again: it was {problem}")
        # A display that is black three times shows black.
        if problem == BLACK:
            return data
        raise DeviceError(
            f"Expected a PNG from screencap on {self.device}, found {data[:40]!r}. "
            "Check that the device's screen is on."
        )

    def crash_trace(self) -> str:
        """The app's newest trace in the device's crash log; raises DeviceLost."""
        log = self._shell.run(CRASH_LOG).stdout.decode("utf-8", "replace")
        return last_trace(log, self.package)

    def crash_news(self) -> str:
        """Nothing: the log is a round trip away. What the screen shows says when to ask."""
        return ""

    def snapshot(self) -> bytes | None:
        """The name of an emulator snapshot just saved; None on a device without a console."""
        return self._snapshots.save(self._coverage.latest)

    def restore(self, snapshot: bytes) -> Reading:
        """Load an emulator snapshot taken by `snapshot`; raises DeviceError for another name."""
        self.rewind(snapshot)
        return self._exchange("true")

    def rewind(self, snapshot: bytes) -> None:
        """`restore` without a reading: of a real screen that takes one to two seconds."""
        coverage = self._snapshots.load(snapshot)
        # A real emulator drops its connection while it loads.
        self._shell.await_device()
        self._coverage.rewind(coverage)
        self._process.expect_new()

    def forget(self, snapshot: bytes) -> None:
        """Delete a snapshot; raises DeviceError where the emulator is gone."""
        self._snapshots.forget(snapshot)

    def close(self) -> None:
        """Delete the snapshots taken and switch off what was started for this link alone."""
        self._snapshots.forget_all()
        while self._owned:
            self._owned.pop().close()

    def own(self, resource: Closeable) -> AdbLink:
        """Have `close` also close something that exists for this link only."""
        self._owned.append(resource)
        return self

    def recover(self) -> bool:
        """Wait until the device can begin a new session; False where it has to be replaced."""
        return not self._replaced and self._shell.recover()

    def revive_with(self, revive: Callable[[], None]) -> None:
        """Let the link start an adb server that ended; only for one that is nobody else's."""
        self._shell.revive = revive

    # -- one exchange ---------------------------------------------------------------------------

    def _exchange(self, script: str) -> Reading:
        done, seen = self._act(script)
        reading = self._reading(seen)
        if done.code == 0:
            return reading
        reason = f"the device refused the input: {done.text()}"
        return reading._replace(executed=False, invalid_reason=reason)

    def _reading(self, seen: Seen) -> Reading:
        """Read the screen and the coverage, with what came over the app unasked put away."""
        for attempt in range(MEND_TRIES):
            observation = self._observation(seen)
            cure, mark = in_the_way(observation, seen.focus)
            if not cure or attempt + 1 == MEND_TRIES:
                break
            self._shell.marks.append(mark)
            _, seen = self._act(cure)
        coverage = self._coverage.take(seen.coverage)
        marks, self._shell.marks = "; ".join(self._shell.marks), []
        return Reading(observation, coverage, marks=marks)

    def _act(self, script: str) -> tuple[ShellResult, Seen]:
        settle = f"sleep {self._settle_s}; " if self._settle_s else ""
        mark = f"--{secrets.token_hex(12)}--"
        done, read = self._shell.act(
            script,
            f"{settle}{_DUMP}; echo {mark}; {_FOCUS_SCRIPT}; {self._process.script}; "
            f"echo {mark}; "
            f"{self._coverage.read_script()} 2>/dev/null",
        )
        parts = read.split(mark.encode())
        if len(parts) != 3:
            raise DeviceLost(
                f"{self.device} answered {len(parts)} of 3 parts of a step: it went away in the "
                "middle. Reconnect it and start a new session."
            )
        self._process.check(done.stdout, parts[1])
        return done, Seen(parts[0], parts[1], parts[2].removeprefix(b"\n"))

    def _observation(self, seen: Seen) -> Observation:
        """The screen; without elements, and marked, when uiautomator cannot dump it.

        A dump that equals the last one may be the last one: another has to say the same.

        Raises:
            UiTreeError: it cannot, and the link is strict.
        """
        front, screen = self._parse_focus(seen.focus), seen.screen
        if self._confirm and screen == self._last_screen:
            screen = self._dump_again(screen, "a stale screen")
        if front not in self._bare_pages and has_bare_page(screen):
            screen = self._dump_again(screen, "a web page that told nothing")
            if has_bare_page(screen):
                self._bare_pages.add(front)
        for attempt in range(DUMP_TRIES):
            try:
                elements, rotation = parse_hierarchy(screen)
            except UiTreeError as error:
                if attempt + 1 < DUMP_TRIES:
                    screen = self._dump_again(screen, dump_problem(screen))
                elif self._strict:
                    raise UiTreeError(
                        f"Expected a screen from {self.device}, found {DUMP_TRIES} dumps that "
                        f"failed ({error}). The session has to begin again."
                    ) from error
                continue
            self._last_screen = screen
            elements = elements if self._passwords else without_passwords(elements)
            width, height = self._size_px
            size_px = (height, width) if rotation % 2 and width < height else (width, height)
            return Observation(front.package, front.activity, elements, size_px)
        self._shell.marks.append(NO_SCREEN)
        bare = Observation(front.package, front.activity, (), self._size_px)
        return bare._replace(screenshot_png=self.screenshot())

    def _dump_again(self, screen: bytes, mark: str) -> bytes:
        again = self._shell.run(_DUMP).stdout
        if again != screen or dump_problem(screen) == mark:
            self._shell.marks.append(f"dumped again after {mark}")
        return again

    def _parse_focus(self, text: bytes) -> Focus:
        match = _FOCUS.search(text)
        if match is None:
            return Focus("", "")
        package, activity = match[1].decode(), match[2].decode()
        return Focus(package, package + activity if activity.startswith(".") else activity)

    # -- the device -----------------------------------------------------------------------------

    def _check_device(self) -> tuple[int, int]:
        found = self._shell.run(f"pm path {self.package}; wm size").stdout.decode(
            "utf-8", "replace"
        )
        if "package:" not in found:
            raise AppMissing(
                f"Expected {self.package} on {self.device}, but it is not installed. "
                f"Install it: adb -s {self.device} install APK."
            )
        sizes = _SIZE.findall(found)
        if not sizes:
            raise DeviceError(f"{self.device} did not tell its screen's size. Has it booted?")
        # An override is listed after the physical size and is what touches use.
        return int(sizes[-1][0]), int(sizes[-1][1])


def _check_names(package: str, activity: str) -> None:
    """Names go into shell scripts, so only what Android allows is let through."""
    if not PACKAGE.fullmatch(package) or (activity and not _ACTIVITY.fullmatch(activity)):
        raise AppMissing(
            f"Expected a package such as com.example.app, found {package!r} {activity!r}. "
            "Set device.package and device.activity."
        )


def _input_script(observation: Observation, action: Action) -> str:
    kind = action.kind
    if kind is ActionKind.BACK:
        return "input keyevent KEYCODE_BACK"
    if kind is ActionKind.HOME:
        return "input keyevent KEYCODE_HOME"
    points = " ".join(map(str, fingers_px(observation, action)))
    hide = f" && {_HIDE_KEYBOARD}" if _may_focus(observation, action) else ""
    if kind is ActionKind.LONG_PRESS:
        return f"input swipe {points} {points} {LONG_PRESS_MS}{hide}"
    if kind is ActionKind.TAP:
        return f"input tap {points}{hide}"
    if kind is ActionKind.TYPE:
        typed = _replace_text(observation.elements[action.element].text, action.text)
        return f"input tap {points}{typed}{hide}"
    return f"input swipe {points} {SWIPE_MS}"


def _may_focus(observation: Observation, action: Action) -> bool:
    """Whether a touch can give a text field the focus, which brings up the soft keyboard.

    A field can lie over what the action names, and the touch is the field's then.
    """
    x_px, y_px = fingers_px(observation, action)[:2]
    for element in observation.elements:
        left, top, right, bottom = element.bounds_px
        if left <= x_px < right and top <= y_px < bottom and element.cls.endswith("EditText"):
            return True
    return False


def _replace_text(old: str, new: str) -> str:
    """Delete what the field shows, then type: `input text` only inserts."""
    keys = " ".join(["67"] * min(len(old), MAX_DELETIONS))
    delete = f" && input keyevent KEYCODE_MOVE_END {keys}" if keys else ""
    typed = shlex.quote(new.replace(" ", "%s"))
    return f"{delete} && input text {typed}" if new else delete


def link_to_virtual_device(app: App, plan: FaultPlan | None = None, **options: Any) -> AdbLink:
    """Start a virtual device with this app and link to it; closing the link switches it off.

    Args:
        app: what runs on the device.
        plan: what the device does wrong from the first session on; nothing by default.
        options: passed to `AdbLink`, such as `timeout_s`.

    Raises:
        DeviceError: there is no adb executable, or the device did not come up.
    """
    from jamel.virtual_device.server import VirtualDevice

    device = VirtualDevice(app)
    serial = device.start()
    try:
        link = AdbLink(
            serial,
            device.adb.port,
            app.package,
            activity=app.activities[0],
            strict=True,
            confirm_unchanged=plan is not None,
            passwords=True,
            **options,
        )
    except BaseException:
        device.close()
        raise
    link.revive_with(device.revive)
    device.faults.plan, link.log = plan, device.faults.log
    return link.own(device)
