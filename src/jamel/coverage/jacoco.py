"""JaCoCo execution data (`.exec`, `.ec`): bytes → ProbeSet and back, strictly.

Format version 0x1007, as org.jacoco.core's ExecutionDataWriter writes it (all big-endian):

    header  01  u16 C0C0  u16 1007
    session 10  id (u16 length + modified UTF-8)  i64 start ms  i64 dump ms
    class   11  i64 class id  VM name (as id)  probes: varint count, then bits, lowest first

JaCoCo's own tools read an empty file as 0 % and accept surplus probes; both are errors here,
because they are how a dump cut short by a dying process looks. Knows nothing of the classes an
app has: a class that was never entered is absent.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable
from typing import Protocol

from jamel.coverage.probes import ClassProbes, ProbeSet
from jamel.errors import CoverageError

MAGIC = 0xC0C0
VERSION = 0x1007
HEADER = struct.pack(">BHH", 0x01, MAGIC, VERSION)
_HEADER_BLOCK, _SESSION_BLOCK, _CLASS_BLOCK = 0x01, 0x10, 0x11
_MAX_PROBES = 1 << 24
_FIRST_OF_FOUR_BYTES = 0xF0
_CRC_POLYNOMIAL = 0xD800000000000000


def read_exec(data: bytes) -> ProbeSet:
    """The probes in a JaCoCo execution data file, or in several that were appended.

    Raises:
        CoverageError: the file is empty, cut short, of another version or of mixed builds.
    """
    if not data:
        raise CoverageError(
            "The coverage file is empty (0 bytes) where a JaCoCo header was expected: the app "
            "had not finished its dump. Trigger the dump again and wait until the file parses."
        )
    reader = BlockReader(io.BytesIO(data))
    while (kind := reader.kind()) is not None:
        reader.block(kind)
    return reader.probes()


def write_exec(probes: ProbeSet, session_id: str = "jamel") -> bytes:
    """A file that JaCoCo's own tools accept.

    Classes come in ascending id and the session's times are 0, so equal probes give equal bytes.

    Raises:
        CoverageError: a bit lies beyond its class's probes, or a name is too long for the format.
    """
    session = bytes([_SESSION_BLOCK]) + _encode_utf(session_id) + bytes(16)
    blocks = (_encode_class(class_id, item) for class_id, item in sorted(probes.classes.items()))
    return HEADER + session + b"".join(blocks)


def _encode_class(class_id: int, item: ClassProbes) -> bytes:
    if item.bits >> item.size:
        raise CoverageError(
            f"{item.name} has {item.size} probes, but probe {item.bits.bit_length() - 1} is set. "
            "The coverage and the class come from different builds."
        )
    bits = item.bits.to_bytes((item.size + 7) // 8, "little")
    head = bytes([_CLASS_BLOCK]) + struct.pack(">q", _signed(class_id))
    return head + _encode_utf(item.name) + _encode_varint(item.size) + bits


def class_id(class_bytes: bytes) -> int:
    """JaCoCo's id of an uninstrumented class file: its CRC64 (reflected 0xD8…00, start 0).

    JaCoCo hashes class files of major version 53 (0x35) as version 52, so this does too.
    """
    if class_bytes[6:8] == b"\x00\x35":
        class_bytes = class_bytes[:6] + b"\x00\x34" + class_bytes[8:]
    crc = 0
    for byte in class_bytes:
        crc = (crc >> 8) ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc


def probes_from_flags(classes: Iterable[tuple[int, str, int]], flags: bytes) -> ProbeSet:
    """The executed part of one-byte-a-probe flags laid out in the order of `classes`.

    Args:
        classes: (class id, VM name, number of probes) for each class of the app.
        flags: one byte, 0 or 1, for each probe. Classes without an executed probe are left out,
            as JaCoCo leaves them out.

    Raises:
        CoverageError: there are more or fewer flags than the classes have probes.
    """
    found: dict[int, ClassProbes] = {}
    start = 0
    for identifier, name, size in classes:
        part = flags[start : start + size]
        start += size
        if len(part) == size and any(part):
            bits = int(part[::-1].translate(_AS_DIGITS), 2)
            found[identifier] = ClassProbes(name, size, bits)
    if start != len(flags):
        raise CoverageError(
            f"The classes have {start} probes together, found {len(flags)} flags. "
            "The coverage and the class list come from different builds."
        )
    return ProbeSet(found)


def _crc_row(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ (_CRC_POLYNOMIAL if value & 1 else 0)
    return value


_CRC_TABLE = tuple(_crc_row(byte) for byte in range(256))
_AS_DIGITS = bytes([0x30] + [0x31] * 255)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


class Readable(Protocol):
    """What blocks are read from: a file, or anything else that gives bytes."""

    def read(self, count: int, /) -> bytes:
        """Exactly `count` bytes, fewer at the end only."""
        ...


class BlockReader:
    """Reads block after block from a stream, and says of each read what it was looking for.

    Args:
        stream: a file, or the bytes that come over a connection.
    """

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._classes: dict[int, ClassProbes] = {}
        self.position = 0

    def probes(self) -> ProbeSet:
        """What the blocks so far say was executed."""
        return ProbeSet(self._classes)

    def kind(self) -> int | None:
        """The type of the next block, None at the end. Raises CoverageError at a false start."""
        first = self._stream.read(1)
        if self.position == 0 and first != bytes([_HEADER_BLOCK]):
            raise CoverageError(
                f"Expected JaCoCo data to begin with 01 C0 C0, found {first.hex() or 'nothing'}: "
                "this is no execution data. Check which file or port it came from."
            )
        self.position += len(first)
        return first[0] if first else None

    def block(self, kind: int) -> None:
        """The rest of a header, session or class block. Raises CoverageError."""
        if kind == _CLASS_BLOCK:
            self._class()
        elif kind == _SESSION_BLOCK:
            self._utf("a session id")
            self.take(16, "the session's times")
        elif kind == _HEADER_BLOCK:
            self._header()
        else:
            raise CoverageError(
                f"Unknown JaCoCo block type {kind:#04x} at byte {self.position - 1}: expected 01, "
                "10 or 11. The data is damaged; dump the coverage again."
            )

    def take(self, count: int, what: str) -> bytes:
        """Exactly `count` bytes. Raises CoverageError when the data ends before."""
        part = self._stream.read(count)
        self.position += len(part)
        if len(part) < count:
            raise CoverageError(
                f"The coverage ends at byte {self.position} inside {what}, which needs "
                f"{count - len(part)} more: it was cut short. Wait for the dump to finish and "
                "read it again."
            )
        return part

    def _header(self) -> None:
        magic, version = struct.unpack(">HH", self.take(4, "the header"))
        if magic != MAGIC or version != VERSION:
            raise CoverageError(
                f"Expected JaCoCo magic {MAGIC:04X} and version {VERSION:04X}, found "
                f"{magic:04X} and {version:04X}. Instrument the app with JaCoCo 0.7.5 or newer."
            )

    def _utf(self, what: str) -> str:
        length = int.from_bytes(self.take(2, what), "big")
        return decode_utf(self.take(length, what))

    def _varint(self, what: str) -> int:
        value = shift = 0
        while True:
            byte = self.take(1, what)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value
            if shift > 28:
                raise CoverageError(
                    f"Expected {what} in at most five bytes, found more. "
                    "The data is damaged; dump the coverage again."
                )

    def _class(self) -> None:
        identifier = int.from_bytes(self.take(8, "a class id"), "big")
        name = self._utf("a class name")
        size = self._varint(f"the probe count of {name}")
        if size > _MAX_PROBES:
            raise CoverageError(
                f"{name} claims {size} probes, more than a class can have ({_MAX_PROBES}). "
                "The data is damaged; dump the coverage again."
            )
        bits = int.from_bytes(self.take((size + 7) // 8, f"the probes of {name}"), "little")
        if bits >> size:
            raise CoverageError(
                f"{name} has {size} probes but a bit beyond them is set. "
                "The data is damaged or of another build; dump the coverage again."
            )
        self._add(identifier, ClassProbes(name, size, bits))

    def _add(self, identifier: int, item: ClassProbes) -> None:
        if known := self._classes.get(identifier):
            both = ProbeSet({identifier: known}).union(ProbeSet({identifier: item}))
            item = both.classes[identifier]
        self._classes[identifier] = item


def _encode_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(0x80 | value & 0x7F)
        value >>= 7
    out.append(value)
    return bytes(out)


def _encode_utf(text: str) -> bytes:
    """Java's modified UTF-8: NUL as C0 80, characters beyond the BMP as two surrogates."""
    units = text.encode("utf-16-be", "surrogatepass")
    plain = "".join(chr(units[i] << 8 | units[i + 1]) for i in range(0, len(units), 2))
    data = plain.encode("utf-8", "surrogatepass").replace(b"\x00", b"\xc0\x80")
    if len(data) > 0xFFFF:
        raise CoverageError(f"A name of {len(data)} bytes exceeds JaCoCo's limit of 65535.")
    return struct.pack(">H", len(data)) + data


def decode_utf(data: bytes) -> str:
    """A name in modified UTF-8, as class files have them too; raises CoverageError."""
    try:
        plain = data.replace(b"\xc0\x80", b"\x00").decode("utf-8", "surrogatepass")
        if max(data, default=0) >= _FIRST_OF_FOUR_BYTES:
            raise ValueError("characters of four bytes, which modified UTF-8 does not have")
    except ValueError as error:
        raise CoverageError(
            f"Expected a name in modified UTF-8, found {data[:16].hex(' ')} ({error}): the "
            "coverage is damaged. Dump it again."
        ) from error
    return plain.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "surrogatepass")
