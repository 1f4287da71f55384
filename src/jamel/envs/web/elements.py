"""What page.js reads of a page, checked and as an observation with Android's class names."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import urlsplit

from jamel.errors import UiTreeError
from jamel.types import Element, Observation

CLASSES = {
    "button": "android.widget.Button", "link": "android.view.View",
    "textbox": "android.widget.EditText", "searchbox": "android.widget.EditText",
    "spinbutton": "android.widget.EditText", "checkbox": "android.widget.CheckBox",
    "menuitemcheckbox": "android.widget.CheckBox", "radio": "android.widget.RadioButton",
    "menuitemradio": "android.widget.RadioButton", "switch": "android.widget.ToggleButton",
    "combobox": "android.widget.Spinner", "slider": "android.widget.SeekBar",
    "progressbar": "android.widget.ProgressBar", "image": "android.widget.Image",
    "img": "android.widget.Image", "list": "android.widget.ListView",
    "listbox": "android.widget.ListView", "grid": "android.widget.GridView",
    "table": "android.widget.GridView", "dialog": "android.app.Dialog",
    "alertdialog": "android.app.Dialog", "webview": "android.webkit.WebView",
    "": "android.widget.TextView", "heading": "android.widget.TextView",
    "label": "android.widget.TextView", "option": "android.widget.CheckedTextView",
}  # fmt: skip
"""Role -> class, as Chromium names them to Android's accessibility services."""


class Row(NamedTuple):
    """One element as page.js hands it over."""

    role: str
    text: str
    id: str
    label: str
    left: int
    top: int
    right: int
    bottom: int
    flags: int
    parent: int


def observed(seen: Any, package: str) -> Observation:
    """What page.js handed over as an observation.

    Raises:
        UiTreeError: It is not what page.js makes.
    """
    try:
        rows = [Row(*row) for row in seen["rows"]]
        width, height = map(int, seen["size"])
        elements = tuple(_element(row, place) for place, row in enumerate(rows))
        return Observation(package, _activity(str(seen["href"])), elements, (width, height))
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise UiTreeError(f"Expected a page's elements, found something else: {error}") from None


def _element(row: Row, place: int) -> Element:
    flags = int(row.flags)
    return Element(
        cls=CLASSES.get(row.role, "android.view.View"),
        text=str(row.text)[:200],
        resource_id=str(row.id)[:200],
        content_desc=str(row.label)[:200],
        bounds_px=(int(row.left), int(row.top), int(row.right), int(row.bottom)),
        clickable=bool(flags & 1),
        long_clickable=bool(flags & 2),
        scrollable=bool(flags & 4),
        checkable=bool(flags & 8),
        checked=bool(flags & 16),
        enabled=bool(flags & 32),
        focused=bool(flags & 64),
        selected=bool(flags & 128),
        password=bool(flags & 256),
        parent=int(row.parent) if -1 <= int(row.parent) < place else -1,
    )


def _activity(href: str) -> str:
    """The page within its site: its path, and the route where that is after a #."""
    parts = urlsplit(href)
    if parts.scheme not in ("http", "https"):
        return href.split(",")[0][:200]
    route = parts.fragment.split("?")[0]
    return parts.path + (f"#{route}" if route.startswith(("/", "!")) else "")
