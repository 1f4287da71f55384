"""Parquet shards of any kind: version and kind in the footer, atomic writes, checked reading.

Knows the labels' columns, which several stages share, and nothing else of what is in a shard. The
same table always gives the same bytes, so that a dataset has the same md5 on every machine.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from jamel.disk import whole_file
from jamel.errors import ShardError

SCHEMA_VERSION = 1
_VERSION_KEY = b"jamel.schema_version"
_KIND_KEY = b"jamel.kind"

LABEL_KIND = "labels"
LABEL_SCHEMA = pa.schema(
    {
        "session_id": pa.string(),
        "step": pa.int32(),
        "reward": pa.int8(),
        "new_probes": pa.int32(),
        "novelty_to_go": pa.float32(),
        "q": pa.list_(pa.float32()),
        "novel": pa.list_(pa.bool_()),
    }
)
"""One row a step; `q` and `novel` are aligned with `envs.base.candidates` of its screen."""


def write_table(
    table: pa.Table, path: Path, kind: str, metadata: dict[bytes, bytes] | None = None
) -> None:
    """Write a shard, whole or not at all, with checksums on every page.

    Args:
        table: its rows.
        path: where; a former shard is replaced.
        kind: what the rows are, such as "session" or "labels".
        metadata: more for the footer.

    Raises:
        StoreError: the disk is full or the folder cannot be written.
    """
    versions = {_VERSION_KEY: str(SCHEMA_VERSION).encode(), _KIND_KEY: kind.encode()}
    table = table.replace_schema_metadata({**versions, **(metadata or {})})
    with whole_file(path) as file:
        pq.write_table(
            table, file, compression="zstd", compression_level=3, write_page_checksum=True
        )


def read_table(path: Path, kind: str, columns: list[str] | None = None) -> pa.Table:
    """Read a shard, checking its version and every page; raises ShardError."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            _check_version(file.schema_arrow.metadata or {}, path, kind)
            return file.read(columns=columns)
    except FileNotFoundError:
        raise ShardError(f"expected a {kind} shard at {path}, found no such file.") from None
    except (OSError, pa.ArrowException) as error:
        raise ShardError(
            f"expected a complete {kind} shard at {path}, found a truncated or damaged file "
            f"({error}). Move it out of data/ and make it again."
        ) from None


def footer(path: Path, kind: str) -> dict[bytes, bytes]:
    """The metadata of a complete shard of this version and kind; empty where there is none."""
    try:
        metadata = pq.read_schema(path).metadata or {}
        _check_version(metadata, path, kind)
    except (OSError, pa.ArrowException, ShardError):
        return {}
    return metadata


def remove_partial(folder: Path) -> None:
    """Remove what a killed writer left; only for one who knows that no other writes there."""
    for partial in Path(folder).glob(".*.parquet.*.tmp"):
        partial.unlink(missing_ok=True)


def _check_version(metadata: dict[bytes, bytes], path: Path, kind: str) -> None:
    version = metadata.get(_VERSION_KEY, b"none").decode(errors="replace")
    found_kind = metadata.get(_KIND_KEY, b"unknown").decode(errors="replace")
    if version != str(SCHEMA_VERSION) or found_kind != kind:
        raise ShardError(
            f"expected a {kind} shard of schema version {SCHEMA_VERSION} at {path}, found "
            f"{found_kind} of version {version}. Read it with the jamel that wrote it."
        )
