"""What two runs did not have in common: code, installed packages, sessions of the dataset.

Knows git, plain lists and nothing of where they were logged. Everything is the first beside the
second; a difference of the code reads from the second to the first, as that from old to new.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jamel import provenance

DIRTY = "-dirty"
_COMMIT = re.compile(r"[0-9a-f]{7,40}")

Row = dict[str, Any]
Sessions = Mapping[str, Mapping[str, str]]
"""Session -> its `md5` and its `app`."""


def code(root: Path, first: str, second: str) -> dict[str, Any]:
    """Commits that only one of them has, and the files that differ.

    Args:
        root: the project, in a git repository.
        first: a commit as `provenance.commit` tells it.
        second: likewise.

    Returns:
        `{"commits", "files", "notes"}`: rows of `{in, commit, subject}`, where `in` is "first" or
        "second", and of `{file, added, removed}` in lines, None for a file that is no text. The
        notes are sentences about what cannot be told.
    """
    notes = [
        f"the {side} run was made with changes that were not committed, which are not listed"
        for side, name in (("first", first), ("second", second))
        if name.endswith(DIRTY)
    ]
    plain = [name.removesuffix(DIRTY) for name in (first, second)]
    if plain[0] == plain[1] not in ("", provenance.UNKNOWN):
        return {"commits": [], "files": [], "notes": notes}
    lost = [name for name in dict.fromkeys(plain) if not _is_commit(root, name)]
    if lost:
        names = ", ".join(name or provenance.UNKNOWN for name in lost)
        notes.append(f"the changed files are not known: this repository has no commit {names}")
        return {"commits": [], "files": [], "notes": notes}
    try:
        return {"commits": _commits(root, *plain), "files": _files(root, *plain), "notes": notes}
    except LookupError:
        notes.append("the changed files are not known: git did not tell them")
        return {"commits": [], "files": [], "notes": notes}


def packages(first: Iterable[str], second: Iterable[str]) -> list[Row]:
    """Packages whose versions differ, as `{name, first, second}`; None where one is missing.

    Both are lists of `name==version`.
    """
    mine, theirs = ({line.split("==")[0]: line.split("==")[-1] for line in it} for it in
                    (first, second))  # fmt: skip
    return [
        {"name": name, "first": mine.get(name), "second": theirs.get(name)}
        for name in sorted(mine.keys() | theirs.keys())
        if mine.get(name) != theirs.get(name)
    ]


def sessions(first: Sessions, second: Sessions) -> dict[str, Any]:
    """Sessions and apps of two versions of a dataset.

    Returns:
        `{"in_both", "only_first", "only_second", "changed", "apps_only_first",
        "apps_only_second"}`, the first a count, the others sorted names; a changed session has one
        name and other contents.
    """
    both = first.keys() & second.keys()
    changed = sorted(name for name in both if first[name]["md5"] != second[name]["md5"])
    apps = [{item["app"] for item in side.values()} for side in (first, second)]
    return {
        "in_both": len(both) - len(changed),
        "only_first": sorted(first.keys() - second.keys()),
        "only_second": sorted(second.keys() - first.keys()),
        "changed": changed,
        "apps_only_first": sorted(apps[0] - apps[1]),
        "apps_only_second": sorted(apps[1] - apps[0]),
    }


def _is_commit(root: Path, name: str) -> bool:
    # Names come from a store that others write to: nothing that git would take for an option.
    if not _COMMIT.fullmatch(name):
        return False
    return provenance.git(root, "cat-file", "-e", f"{name}^{{commit}}") is not None


def _told(root: Path, *arguments: str) -> str:
    """What git says; raises LookupError where it fails, which is not the same as no difference."""
    told = provenance.git(root, *arguments)
    if told is None:
        raise LookupError(arguments[0])
    return told


def _commits(root: Path, first: str, second: str) -> list[Row]:
    told = _told(root, "log", "--left-right", "--format=%m %h %s", f"{first}...{second}")
    sides = {"<": "first", ">": "second"}
    found = []
    for line in told.splitlines():
        mark, commit, subject = (*line.split(" ", 2), "")[:3]
        found.append({"in": sides[mark], "commit": commit, "subject": subject})
    return found


def _files(root: Path, first: str, second: str) -> list[Row]:
    """By `git diff`, from the second to the first."""
    told = _told(root, "diff", "--numstat", "--no-renames", second, first)
    found = []
    for line in told.splitlines():
        added, removed, name = line.split("\t", 2)
        # Of a file that is no text, git tells "-".
        lines = [int(count) if count.isdecimal() else None for count in (added, removed)]
        found.append({"file": name, "added": lines[0], "removed": lines[1]})
    return found
