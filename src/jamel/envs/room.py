"""How many emulators fit into this machine's memory and cores.

Knows the configuration's figures only; what an emulator really takes shows when it runs.
"""

from __future__ import annotations

import os
from pathlib import Path

from jamel.config import EmulatorConfig
from jamel.errors import DeviceError


def available_memory_mb() -> int:
    """Memory that can be had without swapping, in MB of 2^20 bytes."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) >> 10
    except (OSError, StopIteration):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20


def available_cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def room(config: EmulatorConfig) -> int:
    """How many emulators may run at once within the bounds that are set, else what is there."""
    memory_mb = config.max_memory_mb or available_memory_mb()
    cores = config.max_cores or available_cores()
    return min(memory_mb // config.memory_mb, cores // config.cores)


def check_room(config: EmulatorConfig, count: int) -> None:
    """Raise DeviceError, with what would help, unless `count` emulators fit."""
    fits = room(config)
    if count > fits:
        memory_mb = config.max_memory_mb or available_memory_mb()
        cores = config.max_cores or available_cores()
        raise DeviceError(
            f"Expected {count * config.memory_mb} MB and {count * config.cores} cores for {count} "
            f"emulators, found {memory_mb} MB and {cores} cores, which is room for {fits}. Lower "
            "collect.workers, device.emulator.memory_mb or device.emulator.cores, or raise "
            "device.emulator.max_memory_mb or max_cores."
        )
