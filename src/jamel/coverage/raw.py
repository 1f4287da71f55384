"""Raw coverage of any backend → ProbeSet. Knows the formats' beginnings; each reads its own."""

from __future__ import annotations

from jamel.coverage.blocks import read_blocks
from jamel.coverage.jacoco import read_exec
from jamel.coverage.probes import ProbeSet


def read_coverage(data: bytes) -> ProbeSet:
    """The probes in a session's raw coverage: a JaCoCo file, or blocks of scripts.

    Raises:
        CoverageError: It is neither, or damaged.
    """
    if data[:1] == b"{":
        return read_blocks(data)
    return read_exec(data)
