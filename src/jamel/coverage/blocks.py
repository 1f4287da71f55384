"""Executed blocks of scripts as a file: JSON → ProbeSet and back, strictly.

Knows nothing of how scripts are cut into blocks; see `jamel.coverage.v8`.
"""

from __future__ import annotations

import json

from jamel.coverage.probes import ClassProbes, ProbeSet
from jamel.errors import CoverageError

_FORMAT = "jamel-v8-blocks"
_VERSION = 1
_MOST_BLOCKS = 1 << 24


def write_blocks(probes: ProbeSet) -> bytes:
    """Executed blocks as JSON, the same bytes for equal probes.

    `{"format", "version", "scripts": [[id, name, blocks, executed], …]}` in ascending id, `id` in
    hex, `executed` the bitmap in hex, bit i for block i.
    """
    scripts = [
        [f"{class_id:016x}", found.name, found.size, f"{found.bits:x}"]
        for class_id, found in sorted(probes.classes.items())
    ]
    content = {"format": _FORMAT, "version": _VERSION, "scripts": scripts}
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()


def read_blocks(data: bytes) -> ProbeSet:
    """The probes that `write_blocks` wrote; raises CoverageError."""
    try:
        content = json.loads(data)
        if (content["format"], content["version"]) != (_FORMAT, _VERSION):
            raise ValueError(f"format {content['format']!r}, version {content['version']!r}")
        classes = {
            int(class_id, 16): _script_probes(str(name), int(size), int(executed, 16))
            for class_id, name, size, executed in content["scripts"]
        }
    except (ValueError, TypeError, KeyError) as error:
        raise CoverageError(
            f"Expected blocks of version {_VERSION}, found something else: {error}. Collect the "
            "session again."
        ) from None
    return ProbeSet(classes)


def _script_probes(name: str, size: int, bits: int) -> ClassProbes:
    if not 0 < size <= _MOST_BLOCKS or bits < 0 or bits >> size:
        raise ValueError(f"{name} has {size} blocks, and block {bits.bit_length() - 1} is set")
    return ClassProbes(name, size, bits)
