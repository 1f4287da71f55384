"""What this machine and this project lack, each with what to do about it.

Knows no store from the inside: it looks for files, versions, executables and whether servers
answer, and changes nothing.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

from jamel.doctor.check import Check, finding
from jamel.envs.web.chromium import find_chromium
from jamel.errors import AdbMissing, DeviceMissing, StoreError
from jamel.places import describe_database, describe_folder, has_tables
from jamel.stores import stores_at
from jamel.virtual_device.server import adb_executable

FREE_DISK_GB = 2
MEMORY_GB = 4
PINS = (("fastapi", (0, 151)), ("sqlalchemy", (2, 1)))
"""Packages that break Prefect in silence from the given version on (pip check is content)."""
NEEDED = ("torch", "transformers", "mlflow", "prefect", "dvc", "great-expectations", "adbutils")


def diagnose(root: Path) -> list[Check]:
    """Every check, in the order in which a failure should be mended."""
    checks = [_python(), *_packages(), *_pins(), _git(root), _disk(root), _memory()]
    return [*checks, *_stores(root), _adb(), _kvm(), _chromium(), _npm()]


def _python() -> Check:
    found = platform.python_version()
    return Check(
        "python",
        sys.version_info >= (3, 11),
        found,
        "install Python 3.11 or newer, then make setup",
    )


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _packages() -> list[Check]:
    return [
        Check(name, bool(_version(name)), _version(name) or "not installed", "run make setup")
        for name in NEEDED
    ]


def _pins() -> list[Check]:
    return [_pin(name, below) for name, below in PINS]


def _pin(name: str, below: tuple[int, int]) -> Check:
    found = _version(name) or "0.0"
    parts = tuple(int(part) for part in found.split(".")[:2] if part.isdigit())
    limit = ".".join(str(part) for part in below)
    advice = f"pip install -c constraints.txt '{name}<{limit}': Prefect breaks in silence with it"
    return Check(f"{name} < {limit}", parts < below, found, advice)


def _git(root: Path) -> Check:
    inside = any((folder / ".git").exists() for folder in (root, *root.parents))
    found = "repository" if inside else "no repository"
    return Check("git", inside and bool(shutil.which("git")), found, "run git init: DVC needs it")


def _disk(root: Path) -> Check:
    free_gb = shutil.disk_usage(root).free / 1e9
    advice = f"free {FREE_DISK_GB} GB: datasets and models are kept by version"
    return Check("disk", free_gb >= FREE_DISK_GB, f"{free_gb:.0f} GB free", advice)


def _memory() -> Check:
    total_gb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    advice = "set collect.workers and evaluate.workers to 1 in the profile"
    return Check("memory", total_gb >= MEMORY_GB, f"{total_gb:.0f} GB", advice, needed=False)


def _stores(root: Path) -> list[Check]:
    broken = finding("stores", lambda: str(stores_at(root).folder))
    if not broken.passed:
        return [broken]
    stores = stores_at(root)
    databases = {"MLflow store": stores.elsewhere.mlflow, "Prefect store": stores.elsewhere.prefect}
    folders = {
        "MLflow files": stores.elsewhere.artifacts,
        "DVC remote": stores.elsewhere.dvc_remote,
    }
    wanted = {
        "MLflow store": stores.mlflow_db,
        "Prefect store": stores.prefect_home,
        "DVC repository": root / ".dvc",
    }
    embedded = [
        Check(name, path.exists(), "ready" if path.exists() else "missing", "run jamel init")
        for name, path in wanted.items()
        if not databases.get(name)
    ]
    return [
        *embedded,
        *(finding(name, partial(_database, uri)) for name, uri in databases.items() if uri),
        *(
            finding(name, partial(describe_folder, url, stores.elsewhere.s3_endpoint))
            for name, url in folders.items()
            if url
        ),
    ]


def _database(uri: str) -> str:
    described = describe_database(uri)
    if not has_tables(uri):
        raise StoreError(f"Expected tables in {described}, found none. Run jamel init.")
    return described


def _adb() -> Check:
    advice = "install the Android platform tools; the default in-process device works without them"
    try:
        path = adb_executable()
        done = subprocess.run([path, "version"], capture_output=True, text=True, timeout=10)
    except (AdbMissing, OSError, subprocess.TimeoutExpired) as error:
        return Check("adb", False, str(error), advice, needed=False)
    lines = done.stdout.splitlines()
    return Check("adb", done.returncode == 0, lines[0] if lines else path, advice, needed=False)


def _chromium() -> Check:
    def look() -> str:
        if not _version("playwright"):
            raise DeviceMissing("Playwright is not installed. Run make setup: web apps want it.")
        return str(find_chromium())

    return finding("chromium", look, needed=False)


def _npm() -> Check:
    path = shutil.which("npm")
    advice = "most of the web apps to learn from come of npm: `apt install npm`"
    return Check("npm", path is not None, path or "not found", advice, needed=False)


def _kvm() -> Check:
    usable = os.access("/dev/kvm", os.R_OK | os.W_OK)
    advice = "real emulators want it; the embedded device does not"
    return Check("kvm", usable, "usable" if usable else "not usable", advice, needed=False)
