"""The few files of /proc and /sys that clients read; the counters grow with the uptime."""

from __future__ import annotations

import time
from collections.abc import Callable
from errno import ENOENT

from jamel.virtual_device.files import DeviceFiles

CORES = 2
_TICKS_PER_S = 100


def add_proc_files(files: DeviceFiles, uptime_s: Callable[[], float]) -> None:
    """Serve them from `files`; idle time is all that passes."""
    files.compute("/proc/stat", lambda: _stat(uptime_s()))
    files.compute("/proc/uptime", lambda: f"{uptime_s():.2f} {uptime_s() * CORES:.2f}\n".encode())
    files.compute("/proc/meminfo", lambda: b"MemTotal:        2032416 kB\nMemFree: 1014000 kB\n")
    files.compute("/proc/version", lambda: b"Linux version 6.1.23-android14 (jamel)\n")
    files.compute("/proc/cpuinfo", _cpuinfo)
    add_process(files, 1, "init", lambda: True)
    for core in range(CORES):
        files.compute(f"/sys/devices/system/cpu/cpu{core}/online", lambda: b"1\n")


def add_process(files: DeviceFiles, pid: int, name: str, alive: Callable[[], bool]) -> None:
    """Serve what /proc has on a process of one thread for as long as it lives."""
    short = name[-15:]

    def of(text: str) -> Callable[[], bytes]:
        def read() -> bytes:
            if not alive():
                raise FileNotFoundError(ENOENT, "No such file or directory", f"/proc/{pid}")
            return text.encode()

        return read

    times = f"{pid} ({short}) S 0 0 0 0 -1 4194560 900 0 0 0 12 30 0 0 20\n"
    files.compute(f"/proc/{pid}/stat", of(times))
    files.compute(f"/proc/{pid}/task/{pid}/stat", of(times))
    files.compute(f"/proc/{pid}/cmdline", of(f"{name}\0"))


def _stat(uptime_s: float) -> bytes:
    idle = int(uptime_s * _TICKS_PER_S)
    lines = [f"cpu  {CORES} 0 {CORES} {idle * CORES} 0 0 0 0 0 0"]
    lines += [f"cpu{core} 1 0 1 {idle} 0 0 0 0 0 0" for core in range(CORES)]
    lines.append(f"btime {int(time.time() - uptime_s)}")
    return "".join(line + "\n" for line in lines).encode()


def _cpuinfo() -> bytes:
    parts = (f"processor\t: {core}\nmodel name\t: virtual\n\n" for core in range(CORES))
    return "".join(parts).encode()
