"""What one screen is like in figures, and what the screens of real apps are like.

The real figures were counted over 387 uiautomator dumps of 116 apps from public repositories.
Knows elements alone; nothing of apps, suites and learning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from jamel.types import TYPED_TEXTS, Element

Counts = dict[str, Any]
"""Counts of one screen, and lists of sizes and lengths on it."""

REAL: dict[str, dict[str, float]] = {
    "all": {
        "elements p10": 17, "elements p50": 52, "elements p90": 143,
        "depth p10": 8, "depth p50": 13, "depth p90": 22,
        "clickable p10": 2, "clickable p50": 9, "clickable p90": 27,
        "fewer than 3 clickable": 0.12, "none clickable": 0.05,
        "clickable of 90 % of the screen": 0.12,
        "clickable width p50": 0.20, "clickable height p50": 0.06,
        "long-clickable p90": 4, "with long-clickable": 0.42,
        "scrollable p90": 2, "with scrollable": 0.54,
        "checkable p90": 1, "with checkable": 0.14,
        "edit texts p90": 2, "with edit text": 0.32, "with focused": 0.32,
        "with selected": 0.35, "with disabled": 0.13, "edit text says its hint": 0.39,
        "texts p50": 13, "texts p90": 34, "descriptions p50": 6, "descriptions p90": 18,
        "characters p10": 62, "characters p50": 267, "characters p90": 762,
        "text length p10": 1, "text length p50": 6, "text length p90": 24,
        "description length p10": 4, "description length p50": 11, "description length p90": 45,
        "texts with non-ASCII": 0.37,
        "nodes with id p10": 0.02, "nodes with id p50": 0.14, "nodes with id p90": 0.80,
        "ids of the app": 0.69, "ids of 3 letters": 0.19, "ids of android": 0.10,
        "nested clickables p90": 10, "with nested clickables": 0.33,
        "overlapping pairs p90": 6, "with overlapping pairs": 0.29,
        "groups of 4 p50": 1, "groups of 4 p90": 4, "with groups of 4": 0.71,
        "group size p10": 4, "group size p50": 5, "group size p90": 11,
        "child larger than parent": 0.14, "dialogs or sheets": 0.10, "landscape": 0.16,
        "with id": 0.40, "ambiguous": 0.20,
    },
    "native": {"elements p50": 70, "own text": 0.21, "description": 0.38, "label below": 0.31,
               "no label": 0.17, "with id": 0.65, "ambiguous": 0.21},
    "compose": {"elements p50": 54, "own text": 0.04, "description": 0.04, "label below": 0.83,
                "no label": 0.10, "with id": 0.04, "ambiguous": 0.16},
    "flutter": {"elements p50": 24, "own text": 0.06, "description": 0.85, "label below": 0.01,
                "no label": 0.08, "with id": 0.0, "ambiguous": 0.03},
    "react": {"elements p50": 76, "own text": 0.10, "description": 0.89, "label below": 0.0,
              "no label": 0.03, "with id": 0.01, "ambiguous": 0.12},
    "web": {"elements p50": 40, "own text": 0.06, "description": 0.91, "label below": 0.01,
            "no label": 0.02, "with id": 0.17, "ambiguous": 0.42},
}  # fmt: skip
"""By toolkit ("all" for all dumps) and measure. Labels, ids and ambiguity are of clickables."""


def count(elements: Sequence[Element], size_px: tuple[int, int]) -> Counts:
    """Counts of one screen; what is a list has one entry an element, a text or a group."""
    found: Counts = Counter({"elements": len(elements), "landscape": size_px[0] > size_px[1]})
    found["depth"] = max(_depths(elements), default=0)
    _count_flags(found, elements)
    _count_words(found, elements)
    _count_clickables(found, elements, size_px)
    _count_groups(found, elements)
    found["dialog"] = _is_overlay(elements, size_px)
    found["child larger"] = any(
        element.parent >= 0 and _sticks_out(element, elements[element.parent])
        for element in elements
    )
    return dict(found)


def _depths(elements: Sequence[Element]) -> list[int]:
    depths: list[int] = []
    for element in elements:
        depths.append(1 + (depths[element.parent] if element.parent >= 0 else 0))
    return depths


def _count_flags(found: Counts, elements: Sequence[Element]) -> None:
    for element in elements:
        found["long-clickable"] += element.long_clickable
        found["scrollable"] += element.scrollable
        found["checkable"] += element.checkable
        found["focused"] += element.focused
        found["selected"] += element.selected
        found["disabled"] += not element.enabled
        if element.cls.endswith("EditText"):
            found["edit texts"] += 1
            # Walks type these texts and no others, so whatever else a field says is its hint.
            typed = element.text in TYPED_TEXTS or set(element.text) <= {"•"}
            found["edit text hints"] += not typed


def _count_words(found: Counts, elements: Sequence[Element]) -> None:
    texts = [element.text for element in elements if element.text]
    descs = [element.content_desc for element in elements if element.content_desc]
    found["texts"], found["descriptions"] = len(texts), len(descs)
    found["characters"] = sum(map(len, texts + descs))
    found["text length"], found["description length"] = list(map(len, texts)), list(map(len, descs))
    found["texts with non-ASCII"] = sum(not text.isascii() for text in texts)
    ids = [element.resource_id for element in elements if element.resource_id]
    found["ids"] = len(ids)
    found["nodes with id"] = len(ids) / max(1, len(elements))
    names = [name.rpartition("/")[2] for name in ids if not name.startswith("android:")]
    found["ids of android"] = len(ids) - len(names)
    found["ids of 3 letters"] = sum(len(name) <= 3 for name in names)
    found["ids of the app"] = len(names) - found["ids of 3 letters"]


def _count_clickables(found: Counts, elements: Sequence[Element], size_px: tuple[int, int]) -> None:
    below = _labels_below(elements)
    clickable = [index for index, element in enumerate(elements) if element.clickable]
    labels = {i: elements[i].text or elements[i].content_desc or below[i] for i in clickable}
    same = Counter((elements[i].cls, elements[i].resource_id, labels[i]) for i in clickable)
    found["clickable"] = len(clickable)
    widths, heights = found["clickable width"], found["clickable height"] = [], []
    for index in clickable:
        element = elements[index]
        left, top, right, bottom = element.bounds_px
        widths.append((right - left) / size_px[0])
        heights.append((bottom - top) / size_px[1])
        found["whole"] += widths[-1] * heights[-1] > 0.9
        found[_where(element, below[index])] += 1
        found["with id"] += bool(element.resource_id)
        found["ambiguous"] += same[element.cls, element.resource_id, labels[index]] > 1
    _count_pairs(found, elements, clickable)


def _count_pairs(found: Counts, elements: Sequence[Element], clickable: list[int]) -> None:
    above: list[set[int]] = []
    for element in elements:
        above.append(above[element.parent] | {element.parent} if element.parent >= 0 else set())
    chosen = set(clickable)
    found["nested clickables"] = sum(bool(above[index] & chosen) for index in clickable)
    found["overlapping pairs"] = sum(
        _overlap(elements[one], elements[other])
        for place, other in enumerate(clickable)
        for one in clickable[:place]
        if one not in above[other]
    )


def _count_groups(found: Counts, elements: Sequence[Element]) -> None:
    below = _labels_below(elements)
    groups: Counter[tuple] = Counter()
    said: Counter[tuple] = Counter()
    for element, inside in zip(elements, below, strict=True):
        kind = element.parent, element.cls, element.resource_id, element.clickable
        groups[kind] += 1
        said[kind] += bool(element.text or element.content_desc or inside)
    found["groups of 4"] = sum(size >= 4 for size in groups.values())
    found["group size"] = [size for size in said.values() if size >= 4]


def _is_overlay(elements: Sequence[Element], size_px: tuple[int, int]) -> bool:
    """Whether the root leaves some of the screen free, or a scrim lies behind a panel."""
    left, top, right, bottom = elements[0].bounds_px
    inset = (right - left, bottom - top) != size_px
    return (
        inset
        or any(element.resource_id.endswith("touch_outside") for element in elements)
        or (len(elements) > 1 and elements[1].content_desc == "Close")
    )


def _sticks_out(element: Element, parent: Element) -> bool:
    wide, high = _size(element)
    outer_wide, outer_high = _size(parent)
    return wide > outer_wide or high > outer_high


def _size(element: Element) -> tuple[int, int]:
    left, top, right, bottom = element.bounds_px
    return right - left, bottom - top


def _overlap(one: Element, other: Element) -> bool:
    a, b = one.bounds_px, other.bounds_px
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _where(element: Element, below: str) -> str:
    if element.text:
        return "own text"
    if element.content_desc:
        return "description"
    return "label below" if below else "no label"


def _labels_below(elements: Sequence[Element]) -> list[str]:
    """For each element the first label of the elements within it."""
    below = [""] * len(elements)
    for index in range(len(elements) - 1, -1, -1):
        element = elements[index]
        if element.parent >= 0:
            own = element.text or element.content_desc or below[index]
            below[element.parent] = own or below[element.parent]
    return below


Measure = Callable[[list[Counts]], float]


def measures() -> dict[str, Measure]:
    """Each measure's name and how it is taken over the counts of many screens."""
    return {
        name: _measure(name)
        for name in dict.fromkeys(name for real in REAL.values() for name in real)
    }


OF_CLICKABLES = ("own text", "description", "label below", "no label", "with id", "ambiguous")
_OF_SCREENS: dict[str, Callable[[Counts], bool]] = {
    "fewer than 3 clickable": lambda screen: screen["clickable"] < 3,
    "none clickable": lambda screen: screen["clickable"] == 0,
    "clickable of 90 % of the screen": lambda screen: screen.get("whole", 0) > 0,
    "child larger than parent": lambda screen: screen["child larger"],
    "dialogs or sheets": lambda screen: screen["dialog"],
    "landscape": lambda screen: screen["landscape"],
}
_OF_OTHERS = {
    "edit text says its hint": ("edit text hints", "edit texts"),
    "texts with non-ASCII": ("texts with non-ASCII", "texts"),
    "ids of the app": ("ids of the app", "ids"),
    "ids of 3 letters": ("ids of 3 letters", "ids"),
    "ids of android": ("ids of android", "ids"),
}
_PLURAL = {"edit text": "edit texts"}


def _measure(name: str) -> Measure:
    what, _, rank = name.rpartition(" p")
    if rank.isdigit():
        return partial(_quantile, what, int(rank))
    if name in OF_CLICKABLES:
        return partial(_ratio, name, "clickable")
    if name in _OF_OTHERS:
        return partial(_ratio, *_OF_OTHERS[name])
    if name in _OF_SCREENS:
        return partial(_share, _OF_SCREENS[name])
    what = name.removeprefix("with ")
    return partial(_share, lambda screen: screen.get(_PLURAL.get(what, what), 0) > 0)


def _quantile(what: str, rank: int, screens: list[Counts]) -> float:
    found = [screen.get(what, 0) for screen in screens]
    if any(isinstance(value, list) for value in found):
        found = [value for values in found if values for value in values]
    found.sort()
    return float(found[min(len(found) - 1, len(found) * rank // 100)]) if found else 0.0


def _ratio(what: str, of: str, screens: list[Counts]) -> float:
    return sum(s.get(what, 0) for s in screens) / max(1, sum(s.get(of, 0) for s in screens))


def _share(holds: Callable[[Counts], bool], screens: list[Counts]) -> float:
    return sum(bool(holds(screen)) for screen in screens) / max(1, len(screens))
