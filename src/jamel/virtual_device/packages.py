"""What is installed on the device: its one app that runs, other APKs, and the system's packages.

Only the embedded app has code; any other APK is registered, listed, readable back byte for byte and
removed again, and cannot be started. Knows nothing of commands.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from jamel.virtual_device.apk import ApkManifest, read_apk, write_apk
from jamel.virtual_device.files import DeviceFiles

SYSTEM = ("android", "com.android.inputmethod.latin", "com.android.launcher3",
          "com.android.permissioncontroller", "com.android.settings", "com.android.shell",
          "com.android.systemui")  # fmt: skip
MAX_PACKAGES = 256
FIRST_UID = 10_100


class Package(NamedTuple):
    """One installed package; `data` is its APK."""

    manifest: ApkManifest
    data: bytes
    uid: int
    installed_s: float
    updated_s: float
    granted: frozenset[str] = frozenset()

    @property
    def path(self) -> str:
        """Where its APK lies on the device."""
        return f"/data/app/~~{self.uid:x}==/{self.manifest.package}-1/base.apk"


class Packages:
    """The installed third-party packages, by name."""

    def __init__(self, files: DeviceFiles, app: ApkManifest) -> None:
        self._files = files
        self._next_uid = FIRST_UID
        self.installed: dict[str, Package] = {}
        self.add(app, write_apk(app))

    def add(self, manifest: ApkManifest, data: bytes) -> Package:
        """Install or replace. Raises OSError when the device is full."""
        name, now = manifest.package, time.time()
        old = self.installed.get(name)
        if old is None and len(self.installed) >= MAX_PACKAGES:
            raise OSError(28, "No space left on device", name)
        uid = old.uid if old else self._next_uid
        self._next_uid += old is None
        since = old.installed_s if old else now
        package = Package(manifest, data, uid, since, now, old.granted if old else frozenset())
        self._files.write(package.path, data, make_parents=True)
        self.installed[name] = package
        return package

    def install(self, data: bytes) -> Package:
        """Install an APK. Raises NotAnApk or OSError."""
        return self.add(read_apk(data), data)

    def remove(self, name: str) -> bool:
        """Uninstall; whether it was there."""
        package = self.installed.pop(name, None)
        if package is not None:
            self._files.remove(package.path.rpartition("/")[0], recursive=True)
        return package is not None

    def grant(self, name: str, permission: str, granted: bool) -> None:
        """Give or take a runtime permission."""
        package = self.installed[name]
        change = package.granted | {permission} if granted else package.granted - {permission}
        self.installed[name] = package._replace(granted=change)

    def names(self, third_party: bool = True, system: bool = True) -> list[str]:
        """Package names, the system's first."""
        return [*(SYSTEM if system else ()), *(sorted(self.installed) if third_party else ())]
