"""The virtual device's file system: paths → bytes in memory, and files computed when read.

Nothing here ever touches the host's files. Knows nothing of adb or apps.
"""

from __future__ import annotations

import contextlib
import errno
import posixpath
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

DIRECTORY_MODE, FILE_MODE = 0o040771, 0o100660
MAX_TOTAL_BYTES = 256 << 20
_ALIASES = (
    ("/sdcard", "/storage/emulated/0"),
    ("/mnt/sdcard", "/storage/emulated/0"),
    ("/data/user/0", "/data/data"),
)
_FOLDERS = (
    "/", "/data", "/data/data", "/data/local", "/data/local/tmp", "/dev", "/proc", "/storage",
    "/storage/emulated", "/storage/emulated/0", "/storage/emulated/0/Download", "/system",
    "/system/bin",
)  # fmt: skip


class Stat(NamedTuple):
    """What the sync protocol and `ls` tell about a path."""

    mode: int
    size: int
    mtime_s: int


class DeviceFiles:
    """Files in memory. Paths are absolute; aliases such as /sdcard are resolved."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[bytes, int, int]] = {}
        self._computed: dict[str, Callable[[], bytes]] = {}
        self._folders: set[str] = set(_FOLDERS)
        self._total = 0
        self._lock = threading.RLock()

    def resolve(self, path: str, cwd: str = "/") -> str:
        """The canonical absolute path."""
        full = posixpath.normpath(posixpath.join("/", cwd, path))
        full = "/" + full.lstrip("/")
        for alias, target in _ALIASES:
            if full == alias or full.startswith(alias + "/"):
                return target + full[len(alias) :]
        return full

    def compute(self, path: str, source: Callable[[], bytes]) -> None:
        """Serve `path` from a function, called at each read; it may raise FileNotFoundError."""
        path = self.resolve(path)
        self.make_folders(posixpath.dirname(path))
        self._computed[path] = source

    def withdraw(self, folder: str) -> None:
        """Serve nothing more below a folder, and forget it."""
        with self._lock:
            for name in [path for path in self._computed if _below(path, folder)]:
                del self._computed[name]
        self.remove(folder, recursive=True)

    def read(self, path: str) -> bytes:
        """The whole file. Raises FileNotFoundError or IsADirectoryError."""
        path = self.resolve(path)
        if path in self._computed:
            return self._computed[path]()
        if path == "/dev/null":
            return b""
        if path in self._folders:
            raise IsADirectoryError(errno.EISDIR, "Is a directory", path)
        if path not in self._files:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        return self._files[path][0]

    def write(
        self, path: str, data: bytes, *, mode: int = FILE_MODE, mtime_s: int | None = None,
        make_parents: bool = False,
    ) -> None:  # fmt: skip
        """Replace a file. Raises OSError as a real file system would."""
        path = self.resolve(path)
        if path == "/dev/null":
            return
        parent = posixpath.dirname(path)
        with self._lock:
            if path in self._folders:
                raise IsADirectoryError(errno.EISDIR, "Is a directory", path)
            if path in self._computed:
                raise PermissionError(errno.EACCES, "Permission denied", path)
            if parent not in self._folders:
                if not make_parents:
                    raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
                self.make_folders(parent)
            old = len(self._files[path][0]) if path in self._files else 0
            if self._total - old + len(data) > MAX_TOTAL_BYTES:
                raise OSError(errno.ENOSPC, "No space left on device", path)
            self._total += len(data) - old
            when = int(time.time()) if mtime_s is None else mtime_s
            self._files[path] = (bytes(data), 0o100000 | (mode & 0o7777), when)

    def remove(self, path: str, recursive: bool = False) -> None:
        """Delete a file, or with `recursive` a folder and what is below it."""
        path = self.resolve(path)
        with self._lock:
            if path in self._files:
                self._total -= len(self._files.pop(path)[0])
            elif path in self._folders:
                if not recursive or path in _FOLDERS:
                    raise IsADirectoryError(errno.EISDIR, "Is a directory", path)
                self._folders = {f for f in self._folders if not _below(f, path)}
                for name in [f for f in self._files if _below(f, path)]:
                    self._total -= len(self._files.pop(name)[0])
            elif path in self._computed:
                raise PermissionError(errno.EACCES, "Permission denied", path)
            else:
                raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)

    def make_folders(self, path: str) -> None:
        """Create a folder and its parents."""
        path = self.resolve(path)
        with self._lock:
            while path not in self._folders:
                if path in self._files:
                    raise FileExistsError(errno.EEXIST, "File exists", path)
                self._folders.add(path)
                path = posixpath.dirname(path)

    def stat(self, path: str) -> Stat | None:
        """Mode, size and time, or None when there is no such path."""
        path = self.resolve(path)
        if path in self._folders:
            return Stat(DIRECTORY_MODE, 4096, 1)
        if path in self._computed:
            with contextlib.suppress(FileNotFoundError):
                return Stat(FILE_MODE, len(self._computed[path]()), int(time.time()))
            return None
        if path in self._files:
            data, mode, mtime_s = self._files[path]
            return Stat(mode, len(data), mtime_s)
        return None

    def names(self, path: str) -> list[str]:
        """The names directly inside a folder, sorted."""
        folder = self.resolve(path).rstrip("/") + "/"
        known = [*self._folders, *self._files, *self._computed]
        inside = {p[len(folder) :].split("/")[0] for p in known if p.startswith(folder)}
        return sorted(inside - {""})


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")
