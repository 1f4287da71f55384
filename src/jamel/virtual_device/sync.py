"""The sync: service: push, pull, stat and list over one stream, versions 1 and 2.

Requests are a 4-byte id and a little-endian length or path; see SYNC.TXT and file_sync_protocol.h
of the Android sources. Knows nothing of shells and apps.
"""

from __future__ import annotations

import errno
import posixpath
import struct

from jamel.virtual_device.adbd import Stream
from jamel.virtual_device.files import DeviceFiles, Stat

CHUNK = 64 * 1024
MAX_PATH = 4096
MAX_FILE_BYTES = 256 << 20
_STAT2 = struct.Struct("<4sIQQIIIIQqqq")
_DENT2 = struct.Struct("<4sIQQIIIIQqqqI")


def serve_sync(stream: Stream, files: DeviceFiles) -> None:
    """Answer requests until QUIT or until the stream closes."""
    while True:
        request, length = struct.unpack("<4sI", stream.read(8))
        if request == b"QUIT":
            return
        handler = _HANDLERS.get(request)
        if handler is None or length > MAX_PATH:
            _fail(stream, f"unknown sync request {request!r}")
            return
        handler(stream, files, stream.read(length).decode("utf-8", "replace"))


def _stat1(stream: Stream, files: DeviceFiles, path: str) -> None:
    found = files.stat(path) or Stat(0, 0, 0)
    stream.write(struct.pack("<4sIII", b"STAT", found.mode, found.size, found.mtime_s))


def _stat2(stream: Stream, files: DeviceFiles, path: str) -> None:
    stream.write(_STAT2.pack(*_stat2_fields(b"STA2", files.stat(path))))


def _lstat2(stream: Stream, files: DeviceFiles, path: str) -> None:
    stream.write(_STAT2.pack(*_stat2_fields(b"LST2", files.stat(path))))


def _stat2_fields(name: bytes, found: Stat | None) -> tuple:
    if found is None:
        return (name, errno.ENOENT, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    times = (found.mtime_s,) * 3
    return (name, 0, 1, 1, found.mode, 1, 2000, 2000, found.size, *times)


def _list1(stream: Stream, files: DeviceFiles, path: str) -> None:
    out = bytearray()
    for name in files.names(path):
        found = files.stat(posixpath.join(path, name)) or Stat(0, 0, 0)
        encoded = name.encode()
        head = (b"DENT", found.mode, found.size, found.mtime_s, len(encoded))
        out += struct.pack("<4s4I", *head) + encoded
    stream.write(bytes(out) + struct.pack("<4s4I", b"DONE", 0, 0, 0, 0))


def _list2(stream: Stream, files: DeviceFiles, path: str) -> None:
    out = bytearray()
    for name in files.names(path):
        encoded = name.encode()
        fields = _stat2_fields(b"DNT2", files.stat(posixpath.join(path, name)))
        out += _DENT2.pack(*fields, len(encoded)) + encoded
    stream.write(bytes(out) + _DENT2.pack(*_stat2_fields(b"DONE", Stat(0, 0, 0)), 0))


def _receive(stream: Stream, files: DeviceFiles, path: str) -> None:
    try:
        data = memoryview(files.read(path))
    except OSError as error:
        _fail(stream, error.strerror or "error")
        return
    out = bytearray()
    for start in range(0, len(data), CHUNK):
        part = data[start : start + CHUNK]
        out += struct.pack("<4sI", b"DATA", len(part)) + part
        if len(out) >= 8 * CHUNK:
            stream.write(bytes(out))
            out.clear()
    stream.write(bytes(out) + struct.pack("<4sI", b"DONE", 0))


def _receive2(stream: Stream, files: DeviceFiles, path: str) -> None:
    stream.read(8)
    _receive(stream, files, path)


def _send1(stream: Stream, files: DeviceFiles, path_and_mode: str) -> None:
    path, _, mode = path_and_mode.rpartition(",")
    _store(stream, files, path, int(mode) if mode.isdigit() else 0o644)


def _send2(stream: Stream, files: DeviceFiles, path: str) -> None:
    _, mode, _ = struct.unpack("<4sII", stream.read(12))
    _store(stream, files, path, mode)


def _store(stream: Stream, files: DeviceFiles, path: str, mode: int) -> None:
    data = bytearray()
    problem = ""
    while True:
        request, length = struct.unpack("<4sI", stream.read(8))
        if request == b"DONE":
            break
        if request != b"DATA" or length > CHUNK:
            _fail(stream, "expected DATA or DONE")
            return
        part = stream.read(length)
        if len(data) + length > MAX_FILE_BYTES:
            problem, data = "No space left on device", bytearray()
        elif not problem:
            data += part
    if not problem:
        problem = _write(files, path, bytes(data), mode, length)
    if problem:
        _fail(stream, problem)
    else:
        stream.write(struct.pack("<4sI", b"OKAY", 0))


def _write(files: DeviceFiles, path: str, data: bytes, mode: int, mtime_s: int) -> str:
    try:
        if mode & 0o170000 == 0o040000:
            files.make_folders(path)
        else:
            files.write(path, data, mode=mode, mtime_s=mtime_s, make_parents=True)
    except OSError as error:
        return error.strerror or "error"
    return ""


def _fail(stream: Stream, message: str) -> None:
    encoded = message.encode()
    stream.write(struct.pack("<4sI", b"FAIL", len(encoded)) + encoded)


_HANDLERS = {
    b"STAT": _stat1, b"STA2": _stat2, b"LST2": _lstat2, b"LIST": _list1, b"LIS2": _list2,
    b"RECV": _receive, b"RCV2": _receive2, b"SEND": _send1, b"SND2": _send2,
}  # fmt: skip
