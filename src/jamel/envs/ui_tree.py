"""uiautomator dumps → elements, from any toolkit and however mangled; hostile XML is refused.

Knows nothing of devices: bytes in, elements out. Nothing in a dump is trusted: there are no
entities, no DTD, and bytes, nodes and depth are limited. What real dumps do wrong is accepted:
text around the XML, a BOM, UTF-16 under a UTF-8 declaration, class-named tags, missing
attributes, impossible bounds, and emoji written as two character references.
"""

from __future__ import annotations

import codecs
import re
import xml.etree.ElementTree as ET

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from jamel.errors import UiTreeError
from jamel.types import Element

MAX_BYTES = 8 << 20
MAX_NODES = 20_000
MAX_DEPTH = 256
BULLET = "•"
MAX_BULLETS = 20
MAX_TEXT = 20_000
"""Characters kept of one attribute; the longest seen in real dumps is 1,387."""

_ROOT = re.compile(r"<hierarchy(?=[\s/>])")
_DOCTYPE = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_BOUNDS = re.compile(r"\[(-?\d{1,7}),(-?\d{1,7})\]\[(-?\d{1,7}),(-?\d{1,7})\]")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(r"&#(?:x([0-9A-Fa-f]{1,8})|([0-9]{1,10}));")
_REFERENCE_PAIR = re.compile("([\ud800-\udbff])([\udc00-\udfff])")


def parse_hierarchy(data: bytes) -> tuple[tuple[Element, ...], int]:
    """The elements of a `uiautomator dump` in document order, and the rotation (0 to 3).

    Raises:
        UiTreeError: there is no hierarchy, it is cut short, over a limit, or holds a DTD.
    """
    if len(data) > MAX_BYTES:
        raise UiTreeError(
            f"Expected a screen dump of at most {MAX_BYTES} bytes, found {len(data)}. "
            "The screen is hostile or broken; skip it."
        )
    text = _isolate(_decode(data))
    builder = _Builder()
    parser = DefusedXMLParser(target=builder, forbid_dtd=True)
    try:
        parser.feed(text)
        parser.close()
    except DefusedXmlException as error:
        raise UiTreeError(
            f"The screen dump holds a DTD or an entity ({error}); skip it."
        ) from error
    except ET.ParseError as error:
        # Real dumps have text after the root, which expat reports as junk.
        if not builder.complete:
            raise UiTreeError(
                f"The screen dump is cut short or ill-formed ({error}). Dump the screen again."
            ) from error
    return tuple(builder.elements), builder.rotation


def without_passwords(elements: tuple[Element, ...]) -> tuple[Element, ...]:
    """The elements with bullets for what stands in password fields.

    Android dumps bullets too, unless its user has passwords spoken.
    """
    return tuple(
        element._replace(text=BULLET * min(len(element.text), MAX_BULLETS))
        if element.password
        else element
        for element in elements
    )


def _decode(data: bytes) -> str:
    """Text by the bytes themselves: the XML declaration's encoding is often wrong."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    head = data[:200]
    if head.count(0) > len(head) // 4:
        little = head[1::2].count(0) >= head[0::2].count(0)
        return data.decode("utf-16-le" if little else "utf-16-be", "replace")
    return data.decode("utf-8-sig", "replace")


def _isolate(text: str) -> str:
    """The text from the root on, with what XML 1.0 forbids replaced."""
    root = _ROOT.search(text)
    if root is None:
        raise UiTreeError(_why_no_root(text))
    if _DOCTYPE.search(text, 0, root.start()):
        raise UiTreeError("The screen dump declares a DTD, which no device does. Skip it.")
    text = text[root.start() :]
    if "&#" in text:
        text = _REFERENCE_PAIR.sub(_join_pair, _REFERENCE.sub(_resolve_surrogate, text))
    return _NOT_XML.sub("\ufffd", text)


def _why_no_root(text: str) -> str:
    found = text.strip()[:120]
    if "ERROR" in found:
        return f"uiautomator could not dump the screen: {found!r}. Retry, then use a screenshot."
    if not found:
        return "The screen dump is empty. Dump the screen again."
    return f"Expected a uiautomator <hierarchy>, found {found!r}. Check what was dumped."


def _resolve_surrogate(match: re.Match[str]) -> str:
    """Resolve only the references XML forbids: Android writes an emoji as two surrogates."""
    code = int(match[1], 16) if match[1] else int(match[2])
    if 0xD800 <= code <= 0xDFFF:
        return chr(code)
    legal = code in (9, 10, 13) or (0x20 <= code <= 0x10FFFF and code not in (0xFFFE, 0xFFFF))
    return match[0] if legal else "\ufffd"


def _join_pair(match: re.Match[str]) -> str:
    return (match[1] + match[2]).encode("utf-16", "surrogatepass").decode("utf-16")


class _Builder:
    """An XML parser's target: collects elements and stops as soon as a limit is passed."""

    def __init__(self) -> None:
        self.elements: list[Element] = []
        self.rotation = 0
        self.complete = False
        self._open: list[int] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if not self._open:
            self._open.append(-1)
            rotation = attributes.get("rotation", "0")
            self.rotation = int(rotation) if rotation in ("0", "1", "2", "3") else 0
            return
        if len(self.elements) >= MAX_NODES or len(self._open) > MAX_DEPTH:
            raise UiTreeError(
                f"Expected at most {MAX_NODES} nodes nested {MAX_DEPTH} deep, found "
                "more. The screen is hostile or broken; skip it."
            )
        self.elements.append(_element(tag, attributes, self._open[-1]))
        self._open.append(len(self.elements) - 1)

    def end(self, tag: str) -> None:
        self._open.pop()
        self.complete = not self._open

    def data(self, data: str) -> None:
        """Text between nodes means nothing in a dump."""

    def close(self) -> None:
        """The parser asks for a result; `elements` is it."""


def _element(tag: str, attributes: dict[str, str], parent: int) -> Element:
    get = attributes.get
    match = _BOUNDS.fullmatch(get("bounds", "").replace(" ", ""))
    bounds = tuple(int(group) for group in match.groups()) if match else (0, 0, 0, 0)
    return Element(
        cls=(get("class") or tag)[:MAX_TEXT],
        text=get("text", "")[:MAX_TEXT],
        resource_id=get("resource-id", "")[:MAX_TEXT],
        content_desc=get("content-desc", "")[:MAX_TEXT],
        bounds_px=bounds,  # type: ignore[arg-type]
        clickable=get("clickable") == "true",
        long_clickable=get("long-clickable") == "true",
        scrollable=get("scrollable") == "true",
        checkable=get("checkable") == "true",
        checked=get("checked") == "true",
        enabled=get("enabled", "true") == "true",
        focused=get("focused") == "true",
        selected=get("selected") == "true",
        password=get("password") == "true",
        parent=parent,
    )
