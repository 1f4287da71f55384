"""Featurizer: the only bridge from observations to numbers. Pure numpy.

Knows nothing of torch, coverage or how candidates are chosen: the caller passes the actions.
Digits become `#` and bounds are coarse, so that clocks and counters do not change a screen.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from jamel.model.configuration import NUMERIC_INPUTS
from jamel.types import Action, ActionKind, Element, Observation

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

SKETCH_SIZE = 128
ACTION_SKETCH_SIZE = 64
MAX_LABEL_CHARS = 80
MAX_ROW_TOKENS = 32
ROW_HEAD = 3
"""Words that every row begins with: its class, what is done, and the text that is typed."""

MAX_SCREEN_TOKENS = 96
MAX_SCREENS_KEPT = 5_000

_WORD = re.compile(r"[^\W\d_]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_DIGITS = re.compile(r"\d+")
_KINDS = tuple(ActionKind)
_KIND_INDEX = {kind: index for index, kind in enumerate(_KINDS)}
_NO_ELEMENT = Element(
    cls="",
    text="",
    resource_id="",
    content_desc="",
    bounds_px=(0, 0, 0, 0),
    clickable=False,
    long_clickable=False,
    scrollable=False,
    checkable=False,
    checked=False,
    enabled=True,
    focused=False,
    selected=False,
    password=False,
    parent=-1,
)


@dataclass(frozen=True, slots=True)
class Row:
    """One candidate as numbers: hashed words (n,) and `NUMERIC_INPUTS` floats.

    `sketch` (ACTION_SKETCH_SIZE,) is a fixed unit vector: what is alike has similar words.
    """

    tokens: IntArray
    numeric: FloatArray
    sketch: FloatArray


@dataclass(frozen=True, slots=True)
class Screen:
    """One observation with its candidates as numbers.

    `rows` (C,) index `Featurizer.rows`; `tokens` (n,) are the hashed words of all elements;
    `sketch` (SKETCH_SIZE,) is a fixed unit vector for similarity, `sketches`
    (C, ACTION_SKETCH_SIZE) are those of the candidates; `widget`, `kind_key` and
    `coarse_key` are identities for the session graph: of this widget with its label, of its kind
    without the label, and of the screen without labels; `activity` is the hash of its name.
    """

    key: int
    coarse_key: int
    rows: IntArray
    tokens: IntArray
    sketch: FloatArray
    sketches: FloatArray
    widget: IntArray
    kind_key: IntArray
    activity: int


class Featurizer:
    """Turns observations into `Screen`s, and remembers the rows and screens it has seen."""

    def __init__(self, hash_buckets: int) -> None:
        self.hash_buckets = hash_buckets
        self.rows: list[Row] = []
        self._row_ids: dict[tuple[object, ...], tuple[int, int, int]] = {}
        self._screens: dict[tuple[object, ...], Screen] = {}
        self._alike: dict[tuple[bytes, bytes, int], Screen] = {}

    def screen(self, observation: Observation, actions: Sequence[Action]) -> Screen:
        """The numbers of one screen; `actions` are its candidates in their order."""
        key = (observation.activity, observation.elements, observation.size_px)
        found = self._screens.get(key)
        if found is None:
            if len(self._screens) >= MAX_SCREENS_KEPT:
                self._screens.clear()
                self._alike.clear()
            built = self._build(observation, actions)
            # Screens that differ in a clock or a counter only are one and the same object.
            content = (built.rows.tobytes(), built.tokens.tobytes(), built.key)
            found = self._screens[key] = self._alike.setdefault(content, built)
        return found

    def _build(self, observation: Observation, actions: Sequence[Action]) -> Screen:
        labels = subtree_labels(observation.elements)
        places = standings(observation.elements)
        described = [self._row(observation, action, labels, places) for action in actions]
        rows, widgets, kinds = (np.array(part, np.int64) for part in zip(*described, strict=True))
        words = _screen_words(observation)
        activity = zlib.crc32(observation.activity.encode())
        return Screen(
            key=_combine(activity, *sorted(widgets.tolist())),
            coarse_key=_combine(activity, *sorted(set(kinds.tolist()))),
            rows=rows,
            tokens=self._buckets(words[:MAX_SCREEN_TOKENS]),
            sketch=_sketch([_hashed(word) for word in words] + widgets.tolist(), SKETCH_SIZE),
            sketches=np.stack([self.rows[row].sketch for row in rows.tolist()]),
            widget=widgets,
            kind_key=kinds,
            activity=activity,
        )

    def _row(
        self,
        observation: Observation,
        action: Action,
        labels: list[str],
        places: Sequence[Standing],
    ) -> tuple[int, int, int]:
        inside = action.element >= 0
        element = observation.elements[action.element] if inside else _NO_ELEMENT
        label = labels[action.element] if inside else ""
        place = places[action.element] if inside else _NOWHERE
        box = _coarse_box(element, observation.size_px)
        shown = element[:1] + element[2:3], label, box, place, element[5:14]
        key = (*shown, action.kind, action.text)
        found = self._row_ids.get(key)
        if found is None:
            found = self._row_ids[key] = self._new_row(element, label, box, place, action)
        return found

    def _new_row(
        self,
        element: Element,
        label: str,
        box: tuple[float, ...],
        place: Standing,
        action: Action,
    ) -> tuple[int, int, int]:
        head = [f"c:{_short(element.cls)}", f"k:{action.kind}", f"t:{action.text}"]
        words = head + [f"i:{word}" for word in id_words(element.resource_id)]
        words += [f"w:{word}" for word in label_words(label)] + grams(label)
        sketch = _sketch([_hashed(word) for word in words], ACTION_SKETCH_SIZE)
        tokens = self._buckets(words[:MAX_ROW_TOKENS])
        self.rows.append(Row(tokens, _numeric(element, label, box, place, action), sketch))
        name = _DIGITS.sub("#", element.resource_id) or _structure(place, box)
        kind = "|".join([*head[:2], name, action.text])
        widget = f"{kind}|{_DIGITS.sub('#', label)}"
        return len(self.rows) - 1, zlib.crc32(widget.encode()), zlib.crc32(kind.encode())

    def _buckets(self, words: Sequence[str]) -> IntArray:
        buckets = [_hashed(word) % self.hash_buckets for word in words]
        return np.array(buckets or [0], np.int64)


def subtree_labels(elements: Sequence[Element]) -> list[str]:
    """Each element's own text or description, else those of the elements below it, joined."""
    own = [element.text or element.content_desc for element in elements]
    below: list[list[str]] = [[] for _ in elements]
    for index in range(len(elements) - 1, -1, -1):
        said = [own[index]] if own[index] else below[index][::-1]
        parent = elements[index].parent
        if 0 <= parent < index:
            below[parent].extend(said[::-1])
    joined = (own[i] or " ".join(reversed(below[i])) for i in range(len(elements)))
    return [label[:MAX_LABEL_CHARS] for label in joined]


class Standing(NamedTuple):
    """Where an element stands in the tree: its depth, its parent's class, and how many of the
    parent's children are of its own class (up to 8: those of a long list are as many)."""

    depth: int
    parent: str
    alike: int


_NOWHERE = Standing(0, "", 0)
_ROWS = 3
"""So many children of one class are the rows of a list, or its cells."""


def standings(elements: Sequence[Element]) -> list[Standing]:
    """Of each element of a screen."""
    alike: dict[tuple[int, str], int] = {}
    for element in elements:
        group = element.parent, element.cls
        alike[group] = alike.get(group, 0) + 1
    found: list[Standing] = []
    for index, element in enumerate(elements):
        above = element.parent if 0 <= element.parent < index else -1
        depth = found[above].depth + 1 if above >= 0 else 0
        parent = _short(elements[above].cls) if above >= 0 else ""
        found.append(Standing(depth, parent, min(alike[element.parent, element.cls], 8)))
    return found


def _structure(place: Standing, box: tuple[float, ...]) -> str:
    """What stands for the id of an element without one: rows of a list share it."""
    return f"{place.parent}/{place.depth}/{place.alike >= _ROWS}/{round(box[2] * 8)}"


@lru_cache(maxsize=50_000)
def label_words(label: str) -> tuple[str, ...]:
    """Lower-case words; every number is `#`."""
    return tuple("#" if word.isdigit() else word for word in _WORD.findall(label.lower()))


@lru_cache(maxsize=50_000)
def grams(label: str) -> list[str]:
    """Character trigrams of the first words: unseen words share parts with seen ones."""
    padded = [f"<{word}>" for word in label_words(label)[:3] if word != "#"]
    return [f"g:{word[i : i + 3]}" for word in padded for i in range(min(len(word) - 2, 7))]


@lru_cache(maxsize=50_000)
def id_words(resource_id: str) -> tuple[str, ...]:
    """The words of a resource id, split at underscores and capitals."""
    return label_words(_CAMEL.sub(" ", resource_id.rsplit("/", 1)[-1]))


@lru_cache(maxsize=200_000)
def _hashed(word: str) -> int:
    return zlib.crc32(word.encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=2_000)
def _short(cls: str) -> str:
    return cls.rsplit(".", 1)[-1]


def _combine(*values: int) -> int:
    return hash(values)


def _coarse_box(element: Element, size_px: tuple[int, int]) -> tuple[float, ...]:
    left, top, right, bottom = element.bounds_px
    width, height = max(size_px[0], 1), max(size_px[1], 1)
    centre_x, centre_y = (left + right) / 2 / width, (top + bottom) / 2 / height
    shape = (right - left) / width, (bottom - top) / height
    return tuple(round(value * 16) / 16 for value in (centre_x, centre_y, *shape))


def _numeric(
    element: Element, label: str, box: tuple[float, ...], place: Standing, action: Action
) -> FloatArray:
    numbers = np.zeros(NUMERIC_INPUTS, np.float32)
    numbers[:4] = box
    numbers[4:13] = element[5:14]
    numbers[13] = bool(label)
    numbers[14] = min(len(label), 40) / 40
    numbers[15] = any(character.isdigit() for character in label)
    numbers[16 + _KIND_INDEX[action.kind]] = 1.0
    numbers[24:] = min(place.depth, 24) / 24, place.alike / 8, place.alike >= _ROWS
    return numbers


def _screen_words(observation: Observation) -> list[str]:
    """Distinct words of a screen in order: texts, descriptions, ids, classes that can be used."""
    words: dict[str, None] = {f"a:{observation.activity.rsplit('.', 1)[-1]}": None}
    for element in observation.elements:
        words.update((f"w:{word}", None) for word in label_words(element.text[:MAX_LABEL_CHARS]))
        said = element.content_desc[:MAX_LABEL_CHARS]
        words.update((f"w:{word}", None) for word in label_words(said))
        words.update((f"i:{word}", None) for word in id_words(element.resource_id))
        if element.checked or element.selected:
            words[f"on:{element.resource_id or element.text or element.content_desc}"] = None
    return list(words)


def _sketch(hashes: Sequence[int], size: int) -> FloatArray:
    """A signed feature hash, of unit length."""
    values = np.array(hashes, np.uint64)
    sketch = np.zeros(size, np.float32)
    signs = np.where((values >> np.uint64(20)) & np.uint64(1), 1.0, -1.0).astype(np.float32)
    np.add.at(sketch, (values % np.uint64(size)).astype(np.int64), signs)
    return sketch / max(float(np.linalg.norm(sketch)), 1e-6)
