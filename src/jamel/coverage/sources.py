"""Sources of scripts, kept once each, and the counts that a session's coverage comes to by them.

A folder holds `<SHA-256 of the source in hex>.js`; a script's class id in a ProbeSet is the first
64 bits of that, so a name begins with the 16 digits that a file of blocks has. Knows no browser.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from jamel.coverage.probes import ClassProbes, ProbeSet
from jamel.coverage.v8 import Counts, Script, as_bytes
from jamel.disk import write_bytes
from jamel.errors import CoverageError


def keep_source(folder: Path, source: str) -> Path:
    """Write a script unless it is there, and return its path; raises StoreError."""
    encoded = as_bytes(source)
    path = folder / f"{hashlib.sha256(encoded).hexdigest()}.js"
    return path if path.exists() else write_bytes(path, encoded)


def counts_of(probes: ProbeSet, folder: Path) -> tuple[Counts, Counts]:
    """(executed, known) lines, branches, statements and functions of the scripts in `probes`.

    A script of which nothing ran is in no ProbeSet, and not known here.

    Raises:
        CoverageError: The folder lacks a script, or has it with other content or other blocks.
    """
    executed, known = Counts(0, 0, 0, 0), Counts(0, 0, 0, 0)
    for class_id, found in sorted(probes.classes.items()):
        script = _script(class_id, found, folder)
        executed = executed.plus(script.counts(found.bits))
        known = known.plus(script.known())
    return executed, known


def _script(class_id: int, found: ClassProbes, folder: Path) -> Script:
    paths = sorted(folder.glob(f"{class_id:016x}*.js"))
    if not paths:
        raise CoverageError(
            f"Expected the source of {found.name} in {folder}, found no file {class_id:016x}….js. "
            "Name the folder that the session kept its sources in."
        )
    try:
        content = paths[0].read_bytes()
        script = Script(found.name, content.decode("utf-8", "surrogatepass"))
    except (OSError, ValueError) as error:
        raise CoverageError(
            f"Expected the source of {found.name} in {paths[0]}, found: {error}. Collect the "
            "session again."
        ) from None
    if script.digest.hex() != paths[0].stem:
        raise CoverageError(
            f"Expected {paths[0]} to hold what its name says, found other content. Delete it and "
            "collect the session again."
        )
    if len(script) != found.size:
        raise CoverageError(
            f"Expected {found.size} blocks in {found.name}, found {len(script)} in {paths[0]}: "
            "they were told apart by another version. Collect the session again."
        )
    return script
