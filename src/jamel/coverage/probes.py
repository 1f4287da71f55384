"""ProbeSet: executed probes as class id → bitmap, with union, difference and count.

Knows no file format. A bitmap is a Python int, bit i set when probe i was executed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from jamel.errors import CoverageError


class ClassProbes(NamedTuple):
    """The probes of one class: its VM name, how many there are, and which were executed."""

    name: str
    size: int
    bits: int


class ProbeSet:
    """An immutable set of executed probes.

    Two builds of an app never merge: they have other class ids, and a class id whose probe count
    differs raises `CoverageError`.
    """

    __slots__ = ("classes",)

    def __init__(self, classes: Mapping[int, ClassProbes] | None = None) -> None:
        self.classes: dict[int, ClassProbes] = dict(classes or {})

    def count(self) -> int:
        """How many probes were executed."""
        return sum(item.bits.bit_count() for item in self.classes.values())

    def union(self, other: ProbeSet) -> ProbeSet:
        """Probes executed in either; raises CoverageError on differing builds of a class."""
        merged = dict(self.classes)
        for class_id, theirs in other.classes.items():
            mine = merged.get(class_id)
            if mine is None:
                merged[class_id] = theirs
                continue
            _check_same_class(class_id, mine, theirs)
            merged[class_id] = mine._replace(bits=mine.bits | theirs.bits)
        return ProbeSet(merged)

    def difference(self, other: ProbeSet) -> ProbeSet:
        """Probes executed here and not in `other`; classes left empty are dropped."""
        rest: dict[int, ClassProbes] = {}
        for class_id, mine in self.classes.items():
            theirs = other.classes.get(class_id)
            if theirs is not None:
                _check_same_class(class_id, mine, theirs)
                mine = mine._replace(bits=mine.bits & ~theirs.bits)
            if mine.bits:
                rest[class_id] = mine
        return ProbeSet(rest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ProbeSet) and self.classes == other.classes

    def __repr__(self) -> str:
        return f"ProbeSet({self.count()} probes in {len(self.classes)} classes)"


def _check_same_class(class_id: int, mine: ClassProbes, theirs: ClassProbes) -> None:
    if mine.size != theirs.size or mine.name != theirs.name:
        raise CoverageError(
            f"class {class_id:#018x} is {mine.name} with {mine.size} probes in one coverage file "
            f"and {theirs.name} with {theirs.size} in another: they come from different builds. "
            "Collect both from the same build of the app."
        )
