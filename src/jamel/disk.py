"""Files that are whole or not there, and what is said when the disk has no room for them.

Knows nothing of what a file holds. Nobody ever reads half of one: it is written under a temporary
name, flushed to the disk and renamed.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from jamel.errors import JamelError, StoreError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_FULL_WORDS = ("database or disk is full", "No space left on device", "Disk quota exceeded")


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A new file that is at `path` once the block has ended well; a former one is replaced.

    Pipes and devices, such as /dev/stdout, are written to and never replaced.

    Raises:
        StoreError: the disk is full, or the folder cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if _is_stream(path):
            with path.open("ab") as stream:
                yield stream
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        sync(path.parent)
    except OSError as error:
        raise StoreError(_cannot_write(path, error)) from None
    finally:
        with suppress(OSError):
            partial.unlink()


def _is_stream(path: Path) -> bool:
    # A redirected /dev/stdout is a regular file that someone else writes to as well.
    if path.parent in (Path("/dev"), Path("/dev/fd")):
        return True
    return path.exists() and not path.is_file() and not path.is_dir()


def digest_of(path: Path) -> str:
    """The SHA-256 of a file in hex digits; it is read again once it was written again.

    Raises:
        OSError: it cannot be read.
    """
    stat = path.stat()
    return _digest(path, (stat.st_mtime_ns, stat.st_size, stat.st_ino))


@lru_cache(maxsize=65536)
def _digest(path: Path, _written: tuple[int, int, int]) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_bytes(path: Path, data: bytes) -> Path:
    """Write a whole file and return its path; raises StoreError as `whole_file` does."""
    with whole_file(path) as file:
        file.write(data)
    return path


def write_text(path: Path, text: str) -> Path:
    """Write a whole file of UTF-8 and return its path; raises StoreError."""
    return write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, data: Any) -> Path:
    """Write plain data as a whole file of JSON and return its path.

    Raises:
        StoreError: as `whole_file` does.
        ValueError: there is a number in `data` that JSON does not have: NaN or an infinity.
    """
    return write_text(path, json.dumps(data, indent=1, allow_nan=False) + "\n")


def append_line(path: Path, text: str) -> None:
    """Append one line and flush it to the disk; raises StoreError.

    A line that a killed writer left unfinished stays a line of its own.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as file:
            if file.tell() and _last_byte(file) != b"\n":
                text = f"\n{text}"
            file.write(f"{text}\n".encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StoreError(_cannot_write(path, error)) from None


def sync(path: Path) -> None:
    """Flush a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def full_disk_is_a_store_error(path: Path | str) -> Iterator[None]:
    """Turn a full disk or an exhausted quota into a StoreError that says where and how much.

    Libraries wrap the system's error in their own: the whole chain of causes is looked through.
    What is a sentence already stays as it is.
    """
    try:
        yield
    except JamelError:
        raise
    except Exception as error:
        if not disk_is_full(error):
            raise
        raise StoreError(full_message(path)) from error


def disk_is_full(error: BaseException | None) -> bool:
    """Whether an exception, or one that it was raised from, says that there is no room left."""
    while error is not None:
        if (isinstance(error, OSError) and error.errno in _FULL) or says_full(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def says_full(text: str) -> bool:
    """Whether a program's output says that there is no room left."""
    return any(words in text for words in _FULL_WORDS)


def full_message(path: Path | str) -> str:
    """The sentence about a full disk under `path`."""
    place = Path(path).resolve()
    existing = next(item for item in (place, *place.parents) if item.exists())
    free_mb = shutil.disk_usage(existing).free / 1e6
    return (
        f"expected room to write under {path}, found a full disk ({free_mb:.0f} MB free). "
        "Free some space and run the same command again: finished work is kept."
    )


def _last_byte(file: BinaryIO) -> bytes:
    file.seek(-1, os.SEEK_END)
    return file.read(1)


def _cannot_write(path: Path, error: OSError) -> str:
    return (
        f"expected to write {path}, found: {error.strerror or error}. "
        "Free some space or mend the permissions and start again; finished work is kept."
    )
