"""Class files as JaCoCo instrumented them for an app: which classes there are, with their probes.

Each instrumented class holds a call of JaCoCo's runtime with its id, name and number of probes, as
`OfflineInstrumentationAccessGenerator` writes it. Class files are as chapter 4 of the Java virtual
machine's specification has them. Knows no device and no coverage.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from jamel.coverage.jacoco import decode_utf
from jamel.errors import CoverageError

ARCHIVES = (".jar", ".zip", ".aar")
_MAGIC = b"\xca\xfe\xba\xbe"
_RUNTIME = re.compile(r"org/jacoco/agent/rt/internal\w*/Offline")
_SIGNATURE = "(JLjava/lang/String;I)[Z"
_UTF, _INTEGER, _LONG, _DOUBLE, _CLASS, _STRING = 1, 3, 5, 6, 7, 8
_METHOD, _INTERFACE_METHOD, _NAME_AND_TYPE = 10, 11, 12
_SIZES = {3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4,
          18: 4, 19: 2, 20: 2}  # fmt: skip
_ICONST_0, _BIPUSH, _SIPUSH, _LDC, _LDC_W, _LDC2_W, _INVOKESTATIC = 3, 16, 17, 18, 19, 20, 184


class ListedClass(NamedTuple):
    """One instrumented class, as its own code names it."""

    identifier: int
    name: str
    probes: int


def instrumented_classes(places: Iterable[Path]) -> Iterator[ListedClass]:
    """The instrumented classes in folders, archives and class files; others are passed over.

    Raises:
        CoverageError: A place does not exist, or an archive is damaged.
    """
    for place in places:
        if not place.exists():
            raise CoverageError(
                f"Expected class files in {place}, found no such file or folder. Build the app."
            )
        files = sorted(place.rglob("*")) if place.is_dir() else [place]
        for file in files:
            if file.is_file():
                yield from _classes_in(file.name, file)


def _classes_in(name: str, file: Path | io.BytesIO) -> Iterator[ListedClass]:
    if name.endswith(".class"):
        data = file.read_bytes() if isinstance(file, Path) else file.getvalue()
        listed = listed_class(data)
        if listed is not None:
            yield listed
    elif name.endswith(ARCHIVES):
        try:
            with zipfile.ZipFile(file) as archive:
                for inner in sorted(archive.namelist()):
                    if inner.endswith((".class", *ARCHIVES)):
                        yield from _classes_in(inner, io.BytesIO(archive.read(inner)))
        # NotImplementedError is what zipfile raises for a compression that it does not know.
        except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError) as error:
            raise CoverageError(
                f"Expected an archive of classes in {name}, found: {error}. Build the app again."
            ) from None


def listed_class(data: bytes) -> ListedClass | None:
    """What JaCoCo's call in a class file says; None for a class that is not instrumented."""
    if data[:4] != _MAGIC or _SIGNATURE.encode() not in data:
        return None
    try:
        constants, at = _constants(data)
        calls = (_call(code, constants) for code in _codes(data, at, constants))
        return next((call for call in calls if call is not None), None)
    except (struct.error, IndexError, KeyError, ValueError, TypeError, CoverageError):
        return None


Constants = dict[int, tuple[int, bytes]]
"""Index → (tag, bytes) of the constant pool."""


def _constants(data: bytes) -> tuple[Constants, int]:
    """The constant pool, and where it ends."""
    (count,) = struct.unpack_from(">H", data, 8)
    constants: Constants = {}
    at, index = 10, 1
    while index < count:
        tag = data[at]
        size = 2 + struct.unpack_from(">H", data, at + 1)[0] if tag == _UTF else _SIZES[tag]
        constants[index] = tag, data[at + 1 : at + 1 + size]
        at, index = at + 1 + size, index + (2 if tag in (_LONG, _DOUBLE) else 1)
    return constants, at


def _codes(data: bytes, at: int, constants: Constants) -> Iterator[bytes]:
    """The byte code of every method."""
    (interfaces,) = struct.unpack_from(">H", data, at + 6)
    at += 8 + 2 * interfaces
    for kind in ("field", "method"):
        (members,) = struct.unpack_from(">H", data, at)
        at += 2
        for _ in range(members):
            (attributes,) = struct.unpack_from(">H", data, at + 6)
            at += 8
            for _ in range(attributes):
                name, size = struct.unpack_from(">HI", data, at)
                if kind == "method" and _utf(constants, name) == "Code":
                    (length,) = struct.unpack_from(">I", data, at + 10)
                    yield data[at + 14 : at + 14 + length]
                at += 6 + size


def _call(code: bytes, constants: Constants) -> ListedClass | None:
    """The arguments of the runtime's call: `ldc2_w id; ldc name; push probes; invokestatic`."""
    at = code.find(_LDC2_W)
    while at >= 0:
        found = _arguments(code[at : at + 16], constants)
        if found is not None:
            return found
        at = code.find(_LDC2_W, at + 1)
    return None


def _arguments(code: bytes, constants: Constants) -> ListedClass | None:
    identifier = constants.get(int.from_bytes(code[1:3]))
    if identifier is None or identifier[0] != _LONG:
        return None
    name, at = _pushed(code, 3, constants)
    probes, at = _pushed(code, at, constants)
    called = code[at : at + 1] == bytes([_INVOKESTATIC]) and _method(
        constants, int.from_bytes(code[at + 1 : at + 3])
    )
    if not (called and isinstance(name, str) and isinstance(probes, int)):
        return None
    owner, signature = called
    if not _RUNTIME.fullmatch(owner) or signature != _SIGNATURE:
        return None
    return ListedClass(int.from_bytes(identifier[1]), name, probes)


def _pushed(code: bytes, at: int, constants: Constants) -> tuple[str | int | None, int]:
    """The string or number that an instruction pushes, and where the next one is."""
    what = code[at] if at < len(code) else -1
    if _ICONST_0 <= what <= _ICONST_0 + 5:
        return what - _ICONST_0, at + 1
    if what in (_BIPUSH, _SIPUSH):
        width = what - _BIPUSH + 1
        return int.from_bytes(code[at + 1 : at + 1 + width], signed=True), at + 1 + width
    if what in (_LDC, _LDC_W):
        width = what - _LDC + 1
        tag, value = constants[int.from_bytes(code[at + 1 : at + 1 + width])]
        if tag == _STRING:
            return _utf(constants, int.from_bytes(value)), at + 1 + width
        if tag == _INTEGER:
            return int.from_bytes(value), at + 1 + width
    return None, at


def _method(constants: Constants, index: int) -> tuple[str, str] | None:
    """The class and the signature of a method that is called."""
    tag, value = constants[index]
    if tag not in (_METHOD, _INTERFACE_METHOD):
        return None
    owner, described = struct.unpack(">HH", value)
    _, signature = struct.unpack(">HH", constants[described][1])
    return _utf(constants, int.from_bytes(constants[owner][1])), _utf(constants, signature)


def _utf(constants: Constants, index: int) -> str:
    return decode_utf(constants[index][1][2:])
