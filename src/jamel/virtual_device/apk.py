"""Android packages: reading what installing one needs, and writing the smallest that can be read.

An APK is a zip with an AndroidManifest.xml in Android's binary XML: chunks of `u16 type, u16 header
size, u32 size`, a string pool, then the start and end of each element with typed attributes (see
ResourceTypes.h of the Android sources). Knows nothing of code, resources or signatures.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import NamedTuple
from urllib.parse import urlsplit

MANIFEST = "AndroidManifest.xml"
MAX_MANIFEST = 4 << 20
_POOL, _XML, _RESOURCES, _START, _END = 0x0001, 0x0003, 0x0180, 0x0102, 0x0103
_START_NAMESPACE, _END_NAMESPACE = 0x0100, 0x0101
_STRING, _INTEGER, _UTF8 = 0x03, 0x10, 1 << 8
_NONE = 0xFFFFFFFF
_ANDROID = "http://schemas.android.com/apk/res/android"
_LAUNCHER = "android.intent.category.LAUNCHER"
_VIEW = "android.intent.action.VIEW"
_RESOURCE_IDS = {"versionCode": 0x0101021B, "versionName": 0x0101021C, "name": 0x01010003,
                 "scheme": 0x01010027, "host": 0x01010028}  # fmt: skip
# What zipfile raises for archives that are cut short, encrypted or compressed in unknown ways.
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)

Attributes = dict[str, str]


class NotAnApk(Exception):
    """The file is no APK; the message is the detail that Android prints."""


class DeepLink(NamedTuple):
    """One `<data>` of an intent filter for VIEW: which activity takes addresses of this form."""

    activity: str
    scheme: str
    host: str

    def takes(self, uri: str) -> bool:
        """Whether an address is one of these; its path and query may be any."""
        try:
            parts = urlsplit(uri)
            host = parts.hostname or ""
        except ValueError:
            return False
        return (uri.partition(":")[0], host) == (self.scheme, self.host)


class ApkManifest(NamedTuple):
    """What a manifest says about its app; `activity` is the launcher's, "" if it has none."""

    package: str
    version_code: int = 1
    version_name: str = "1.0"
    activity: str = ""
    links: tuple[DeepLink, ...] = ()
    permissions: tuple[str, ...] = ()


def read_apk(data: bytes) -> ApkManifest:
    """The manifest of an APK. Raises NotAnApk."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if archive.getinfo(MANIFEST).file_size > MAX_MANIFEST:
                raise NotAnApk("the manifest is too large")
            content = archive.read(MANIFEST)
    except (*_UNREADABLE, KeyError, OSError, ValueError) as error:
        raise NotAnApk("Failed to parse base.apk") from error
    try:
        return _manifest(_elements(content))
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise NotAnApk("Corrupt XML binary file") from error


def write_apk(manifest: ApkManifest) -> bytes:
    """An APK that holds this manifest alone; equal manifests give equal bytes."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr(zipfile.ZipInfo(MANIFEST, (2024, 1, 1, 0, 0, 0)), _binary(manifest))
    return archive.getvalue()


def _manifest(elements: list[tuple[str, Attributes]]) -> ApkManifest:
    package, code, name, activity, latest, action = "", 1, "", "", "", ""
    links, permissions = list[DeepLink](), list[str]()
    for tag, attributes in elements:
        if tag == "manifest":
            package = attributes.get("package", "")
            number = attributes.get("versionCode", "1")
            code = int(number) if number.isdigit() else 1
            name = attributes.get("versionName", "")
        elif tag in ("activity", "activity-alias"):
            latest = attributes.get("name", "")
        elif tag == "category" and attributes.get("name") == _LAUNCHER:
            activity = activity or latest
        elif tag == "uses-permission":
            permissions.append(attributes.get("name", ""))
        elif tag == "action":
            action = attributes.get("name", "")
        elif tag == "data" and action == _VIEW and attributes.get("scheme"):
            links.append(DeepLink(latest, attributes["scheme"], attributes.get("host", "")))
    if not package:
        raise NotAnApk("<manifest> has no package attribute")
    return ApkManifest(package, code, name, activity, tuple(links), tuple(permissions))


# -- binary XML ---------------------------------------------------------------------------------


def _elements(content: bytes) -> list[tuple[str, Attributes]]:
    kind, header, _ = struct.unpack_from("<HHI", content, 0)
    if kind != _XML:
        raise NotAnApk("Corrupt XML binary file")
    found: list[tuple[str, Attributes]] = []
    strings: list[str] = []
    at = header
    while at + 8 <= len(content):
        kind, header, size = struct.unpack_from("<HHI", content, at)
        if kind == _POOL:
            strings = _strings(content[at : at + size], header)
        elif kind == _START:
            found.append(_element(content, at + header, strings))
        at += max(size, 8)
    return found


def _strings(chunk: bytes, header: int) -> list[str]:
    count, _, flags, start, _ = struct.unpack_from("<5I", chunk, 8)
    offsets = struct.unpack_from(f"<{count}I", chunk, header)
    return [_string(chunk, start + offset, bool(flags & _UTF8)) for offset in offsets]


def _string(chunk: bytes, at: int, utf8: bool) -> str:
    if utf8:
        at += 1 + (chunk[at] >> 7)
        length, more = chunk[at] & 0x7F, chunk[at] >> 7
        if more:
            length = length << 8 | chunk[at + 1]
        return chunk[at + 1 + more : at + 1 + more + length].decode("utf-8", "replace")
    (length,) = struct.unpack_from("<H", chunk, at)
    if length & 0x8000:
        length = (length & 0x7FFF) << 16 | struct.unpack_from("<H", chunk, at + 2)[0]
        at += 2
    return chunk[at + 2 : at + 2 + 2 * length].decode("utf-16-le", "replace")


def _element(content: bytes, at: int, strings: list[str]) -> tuple[str, Attributes]:
    _, name, start, size, count = struct.unpack_from("<IIHHH", content, at)
    attributes: Attributes = {}
    for number in range(count):
        place = at + start + number * size
        _, key, raw, _, _, kind, value = struct.unpack_from("<IIIHBBI", content, place)
        text = strings[value] if kind == _STRING else str(value)
        attributes[strings[key]] = strings[raw] if raw != _NONE and kind == _STRING else text
    return strings[name], attributes


def _tree(manifest: ApkManifest) -> list[tuple[int, str, list[tuple[str, str | int]]]]:
    """The manifest's elements in document order: depth, tag and attributes."""
    tree: list[tuple[int, str, list[tuple[str, str | int]]]] = [
        (0, "manifest", [("versionCode", manifest.version_code),
                         ("versionName", manifest.version_name), ("package", manifest.package)]),
    ]  # fmt: skip
    for name in manifest.permissions:
        tree.append((1, "uses-permission", [("name", name)]))
    tree.append((1, "application", []))
    if manifest.activity:
        tree += [
            (2, "activity", [("name", manifest.activity)]),
            (3, "intent-filter", []),
            (4, "action", [("name", "android.intent.action.MAIN")]),
            (4, "category", [("name", _LAUNCHER)]),
        ]
    for link in manifest.links:
        tree += [
            (2, "activity", [("name", link.activity)]),
            (3, "intent-filter", []),
            (4, "action", [("name", _VIEW)]),
            (4, "category", [("name", "android.intent.category.DEFAULT")]),
            (4, "category", [("name", "android.intent.category.BROWSABLE")]),
            (4, "data", [("scheme", link.scheme), ("host", link.host)]),
        ]
    return tree


def _binary(manifest: ApkManifest) -> bytes:
    tree = _tree(manifest)
    pool = list(_RESOURCE_IDS)
    wanted = ["android", _ANDROID, *(tag for _, tag, _ in tree)]
    wanted += [name for *_, attributes in tree for name, _ in attributes]
    wanted += [str(v) for *_, attributes in tree for _, v in attributes if isinstance(v, str)]
    pool += [text for text in dict.fromkeys(wanted) if text not in pool]
    index = {text: number for number, text in enumerate(pool)}
    ids = struct.pack(f"<{len(_RESOURCE_IDS)}I", *_RESOURCE_IDS.values())
    chunks = [_pool(pool), _chunk(_RESOURCES, 8, ids)]
    space = struct.pack("<II", index["android"], index[_ANDROID])
    chunks.append(_node(_START_NAMESPACE, space))
    opened: list[str] = []
    for depth, tag, attributes in [*tree, (0, "", [])]:
        while len(opened) > depth:
            chunks.append(_node(_END, struct.pack("<II", _NONE, index[opened.pop()])))
        if tag:
            chunks.append(_node(_START, _start(tag, attributes, index)))
            opened.append(tag)
    chunks.append(_node(_END_NAMESPACE, space))
    return _chunk(_XML, 8, b"".join(chunks))


def _start(tag: str, attributes: list[tuple[str, str | int]], index: dict[str, int]) -> bytes:
    data = struct.pack("<II6H", _NONE, index[tag], 20, 20, len(attributes), 0, 0, 0)
    for name, value in attributes:
        space = index[_ANDROID] if name in _RESOURCE_IDS else _NONE
        if isinstance(value, str):
            raw, kind, number = index[value], _STRING, index[value]
        else:
            raw, kind, number = _NONE, _INTEGER, value
        data += struct.pack("<IIIHBBI", space, index[name], raw, 8, 0, kind, number)
    return data


def _pool(strings: list[str]) -> bytes:
    data, offsets = bytearray(), []
    for text in strings:
        offsets.append(len(data))
        encoded = text.encode("utf-16-le")
        data += struct.pack("<H", len(encoded) // 2) + encoded + b"\0\0"
    data += bytes(-len(data) % 4)
    head = struct.pack("<5I", len(strings), 0, 0, 28 + 4 * len(strings), 0)
    return _chunk(_POOL, 28, head + struct.pack(f"<{len(offsets)}I", *offsets) + data)


def _node(kind: int, body: bytes) -> bytes:
    return _chunk(kind, 16, struct.pack("<II", 1, _NONE) + body)


def _chunk(kind: int, header: int, body: bytes) -> bytes:
    return struct.pack("<HHI", kind, header, 8 + len(body)) + body
