"""Lists of an app's classes with their probes: the denominator of coverage, and its build.

A list is a text file: the build's name, then `id<TAB>name<TAB>probes` a line. Knows no device, and
not how class files are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from jamel.coverage.class_files import ListedClass
from jamel.disk import write_text
from jamel.errors import CoverageError

MAX_BUILD_CHARS = 200
_LINE = re.compile(r"([0-9]{1,20})\t[^\t]*\t([0-9]{1,8})")


class ClassList(NamedTuple):
    """The build's name, and class id → number of probes."""

    build: str
    sizes: dict[int, int]


def parse_class_list(text: str) -> ClassList:
    """Read a list; lines of another form are left out."""
    build, *lines = text.replace("\r\n", "\n").split("\n")
    found = (_LINE.fullmatch(line) for line in lines)
    sizes = {int(match[1]): int(match[2]) for match in found if match is not None}
    return ClassList(build.strip()[:MAX_BUILD_CHARS], sizes)


def read_class_list(path: Path) -> ClassList:
    """Read a list from a file. Raises CoverageError where there is none."""
    try:
        listed = parse_class_list(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CoverageError(
            f"Expected a list of the app's classes in {path}, found: {reason}. Make one with "
            "`jamel device classes`, or leave out device.coverage_classes."
        ) from None
    if not listed.build or not listed.sizes:
        raise CoverageError(
            f"Expected a build and its classes in {path}, found {len(listed.sizes)} classes of "
            f"{listed.build or 'no build'}. Make it again with `jamel device classes`."
        )
    return listed


def write_class_list(path: Path, build: str, classes: Iterable[ListedClass]) -> list[ListedClass]:
    """Write a list, sorted by name and each class once; returns what is in it.

    Raises:
        CoverageError: There is no class, or one name with two ids: those are two builds. Or the
            build has no name.
    """
    if not build.strip() or "\n" in build:
        raise CoverageError(
            f"Expected a name for the build, found {build!r}. Say its version with --build."
        )
    listed = sorted(set(classes), key=lambda item: (item.name, item.identifier))
    if not listed:
        raise CoverageError(
            "Expected class files that JaCoCo instrumented, found none. Build the variant with "
            "enableAndroidTestCoverage, and name the folder its classes are built in, such as "
            "app/build/intermediates."
        )
    for first, second in pairwise(listed):
        if first.name == second.name:
            raise CoverageError(
                f"Expected one build's classes, found {first.name} with the ids "
                f"{first.identifier} and {second.identifier}. Build again from clean, or name the "
                "folder of one variant."
            )
    lines = [f"{item.identifier}\t{item.name}\t{item.probes}" for item in listed]
    write_text(path, "".join(f"{line}\n" for line in (build, *lines)))
    return listed
