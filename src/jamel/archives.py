"""Archives from strangers, unpacked into a folder: plain files only, and nothing outside of it.

Knows nothing of what an archive is for. A half unpacked folder is the caller's to remove.
"""

from __future__ import annotations

import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from gzip import BadGzipFile
from pathlib import Path
from typing import IO

MOST_BYTES = 1 << 29
MOST_FILES = 50_000
_BLOCK = 1 << 20
_ILL_FORMED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    BadGzipFile,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
    UnicodeError,
)
"""What tarfile and zipfile raise for an archive that is none, is cut short, is encrypted, or is
compressed in a way that zipfile does not know: that is what its NotImplementedError says."""


class BadArchive(Exception):
    """An archive is none, is cut short or holds what must not be unpacked; says what was found."""


def unpack(archive: Path, folder: Path, *, strip: int = 0) -> None:
    """Write the files of an archive into a folder, read-only and without their times or owners.

    Args:
        archive: A zip, such as a wheel, or else a tar, compressed or not.
        folder: An empty one.
        strip: How many leading folders of each name to leave out.

    Raises:
        BadArchive: There is a link, a device, a name that leads out, or too much in it; or it is
            no archive.
        OSError: It cannot be read, or its files cannot be written.
    """
    unpacker = _Unpacker(folder, strip)
    with _as_bad_archive():
        if zipfile.is_zipfile(archive):
            _unpack_zip(archive, unpacker)
        else:
            _unpack_tar(archive, unpacker)
    if not unpacker.files:
        raise BadArchive("no files in it")


@contextmanager
def _as_bad_archive() -> Iterator[None]:
    try:
        yield
    except _ILL_FORMED as error:
        raise BadArchive(f"no whole archive ({error})") from None
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise BadArchive(f"a file where a folder is as well: {error.filename}") from None


def _unpack_zip(archive: Path, unpacker: _Unpacker) -> None:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise BadArchive(f"a link or a device in it: {info.filename}")
            if not info.is_dir():
                with opened.open(info) as content:
                    unpacker.write(info.filename, content)


def _unpack_tar(archive: Path, unpacker: _Unpacker) -> None:
    with tarfile.open(archive) as opened:
        for info in opened:
            if info.isdir():
                continue
            content = opened.extractfile(info) if info.isreg() else None
            if content is None:
                raise BadArchive(f"a link or a device in it: {info.name}")
            unpacker.write(info.name, content)


class _Unpacker:
    """Writes files below `folder` and counts them."""

    def __init__(self, folder: Path, strip: int) -> None:
        self._folder, self._strip = folder, strip
        self._bytes = self.files = 0

    def write(self, name: str, content: IO[bytes]) -> None:
        """One file; raises BadArchive where it must not be written."""
        parts = inside(name)[self._strip :]
        if not parts:
            return
        self.files += 1
        if self.files > MOST_FILES:
            raise BadArchive(f"more than {MOST_FILES} files in it")
        path = self._folder.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        # A tar may have a file twice; the first one is read-only by now.
        path.unlink(missing_ok=True)
        with path.open("xb") as file:
            while block := content.read(_BLOCK):
                self._bytes += len(block)
                if self._bytes > MOST_BYTES:
                    raise BadArchive(f"more than {MOST_BYTES >> 20} MB in it")
                file.write(block)
        path.chmod(0o444)


def inside(name: str) -> tuple[str, ...]:
    """The parts of a relative name with slashes; raises BadArchive for one that leads out."""
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if name.startswith("/") or ".." in parts or "\\" in name or "\0" in name:
        raise BadArchive(f"a name that leads out of it: {name!r}")
    return parts
