"""One Android emulator as a process: its command line, its start, its end.

The process has a group of its own, watched from within: when the process that started it ends,
however that ends, the group is ended too. Knows nothing of apps, nor whether Android has booted.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from jamel.config import EmulatorConfig
from jamel.envs.emulator_console import console_command
from jamel.errors import DeviceError, DeviceMissing

CONSOLE_TIMEOUT_S = 5.0
KILL_TIMEOUT_S = 10.0
LIST_TIMEOUT_S = 30.0
LOG_TAIL_BYTES = 4000
# Becomes the emulator. When our end of the pipe closes, a watcher asks the whole group to end and
# three seconds later does not ask; the emulator's launcher has children of its own.
_END_WITH_US = (
    "exec 3<&0; (trap '' TERM INT HUP; exec </dev/null >/dev/null 2>&1; cat <&3; kill -TERM -$$; "
    "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do kill -0 $$ || break; sleep 0.2; done; "
    'kill -KILL -$$) & exec "$0" "$@" </dev/null 3<&-'
)


def find_emulator(name: str) -> str:
    """The SDK's emulator: a path, a name on PATH, or where the SDK keeps it.

    Raises:
        DeviceMissing: there is none.
    """
    sdks = [os.environ.get(key, "") for key in ("ANDROID_HOME", "ANDROID_SDK_ROOT")]
    folders = [Path(sdk) for sdk in sdks if sdk]
    folders += [Path.home() / "Android/Sdk", Path.home() / "Library/Android/sdk"]
    found = shutil.which(name) or next(
        (str(sdk / "emulator" / name) for sdk in folders if (sdk / "emulator" / name).is_file()), ""
    )
    if not found:
        raise DeviceMissing(
            f"Expected the Android emulator `{name}` on PATH or below ANDROID_HOME, found none. "
            "Install it with `sdkmanager emulator`, or set device.emulator.executable."
        )
    return found


def list_avds(executable: str) -> list[str]:
    """The names of the AVDs that the emulator finds. Raises DeviceError."""
    try:
        done = subprocess.run(
            [executable, "-list-avds"], capture_output=True, text=True, timeout=LIST_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DeviceError(
            f"Expected `{executable} -list-avds` to list AVDs, found: {error}. Install the "
            "emulator again with `sdkmanager emulator`."
        ) from error
    # Newer versions mix log lines with a level and a bar into the names.
    lines = (line.strip() for line in done.stdout.splitlines())
    return [line for line in lines if line and "|" not in line and " " not in line]


def emulator_command(config: EmulatorConfig, executable: str, avd: str, port: int) -> list[str]:
    """The command line that starts `avd` with its console on `port`."""
    command = [executable, "-avd", avd, "-port", str(port), "-gpu", config.gpu]
    command += ["-memory", str(config.memory_mb), "-cores", str(config.cores)]
    command += ["-no-audio", "-no-boot-anim", "-no-snapshot-save"]
    command += ["-snapshot", config.snapshot] if config.snapshot else ["-no-snapshot-load"]
    command += [] if config.window else ["-no-window"]
    command += ["-read-only"] if config.read_only else []
    return [*command, *config.options]


class Emulator:
    """A running emulator with its console on `port` and adbd on the port above.

    Args:
        command: what starts it.
        port: of its console, as in `command`.
        adb_port: of the adb server that it is to register with.
    """

    def __init__(self, command: list[str], port: int, adb_port: int) -> None:
        self.serial = f"emulator-{port}"
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        try:
            self._process = subprocess.Popen(
                ["sh", "-c", _END_WITH_US, *command],
                env={**os.environ, "ANDROID_ADB_SERVER_PORT": str(adb_port)},
                stdin=subprocess.PIPE,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except BaseException:
            self._log.close()
            raise

    @property
    def pid(self) -> int:
        """The process, which is also its group."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def last_words(self) -> str:
        """The end of what it printed, on one line."""
        with contextlib.suppress(OSError, ValueError):
            size = os.fstat(self._log.fileno()).st_size
            tail = os.pread(self._log.fileno(), LOG_TAIL_BYTES, max(0, size - LOG_TAIL_BYTES))
            return " ".join(tail.decode("utf-8", "replace").split())[-400:]
        return ""

    def ask_to_end(self) -> None:
        """Have it end in order, which keeps its snapshots sound."""
        if self.alive():
            with contextlib.suppress(DeviceError):
                console_command(self.serial, "kill", CONSOLE_TIMEOUT_S)

    def close(self, patience_s: float = KILL_TIMEOUT_S) -> None:
        """Wait so long for its end, then end the whole group; closing twice is harmless."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(patience_s)
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(KILL_TIMEOUT_S)
        self._log.close()
