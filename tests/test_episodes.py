"""Shards: what is written is read back, the same bytes each time, and damage is noticed."""

import errno
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jamel.agents import make_agent
from jamel.episodes import (
    coverage_digest,
    is_made,
    read_session,
    write_session,
)
from jamel.errors import ShardError, StoreError
from jamel.rollout import rollout
from jamel.shards import read_table, remove_partial, write_table
from jamel.types import Action, ActionKind, Episode, Session
from tests.tiny_env import TinyEnv


@pytest.fixture
def session() -> Session:
    return rollout(
        make_agent("random"), TinyEnv(), seed=3, budget=40, session_id="tiny-000", suite="tiny"
    )


def test_what_is_written_is_read_back(session, tmp_path):
    path = write_session(session, tmp_path)
    assert path.name == "tiny-000.parquet"
    assert read_session(path) == session
    assert is_made(path)


def test_marks_are_read_back_and_cost_nothing_where_there_are_none(session, tmp_path):
    from dataclasses import replace

    sound = write_session(session, tmp_path / "sound")
    assert b"marks" not in pq.read_schema(sound).metadata[b"jamel.session"]
    first, *rest = session.episodes
    begin, *steps = first.transitions
    marked = replace(first, transitions=(begin, replace(steps[0], marks="dumped"), *steps[1:]))
    session = replace(session, episodes=(marked, *rest))
    path = write_session(session, tmp_path)
    assert read_session(path) == session
    assert pq.read_table(path).equals(pq.read_table(sound))


def test_optional_bytes_are_read_back(session, tmp_path):
    from dataclasses import replace

    first = session.transitions()[0]
    picture = first.observation._replace(screenshot_png=b"\x89PNG\0")
    step = replace(first, observation=picture, snapshot=b"\0state")
    richer = replace(session, episodes=(Episode((step,), False, True),))
    richer = replace(
        richer,
        coverage={
            k: v for k, v in session.coverage.items() if k in (session.start_probes, step.probes)
        },
    )
    assert read_session(write_session(richer, tmp_path)) == richer


def test_the_same_session_gives_the_same_bytes(session, tmp_path):
    one = write_session(session, tmp_path / "one").read_bytes()
    assert write_session(session, tmp_path / "two").read_bytes() == one
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize("keep", [0, 4, 100, -1, -100])
def test_a_truncated_shard_is_an_error_that_names_it(session, tmp_path, keep):
    path = write_session(session, tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ShardError, match="tiny-000"):
        read_session(path)
    assert not is_made(path)


def test_a_flipped_bit_in_a_page_is_an_error(session, tmp_path):
    path = write_session(session, tmp_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ShardError):
        read_session(path)


def test_another_schema_version_or_kind_is_an_error(session, tmp_path):
    path = write_session(session, tmp_path)
    with pytest.raises(ShardError, match="labels shard"):
        read_table(path, kind="labels")
    table = pq.read_table(path)
    metadata = dict(table.schema.metadata) | {b"jamel.schema_version": b"2"}
    pq.write_table(table.replace_schema_metadata(metadata), path)
    with pytest.raises(ShardError, match="of version 2"):
        read_session(path)
    assert not is_made(path)


def test_missing_columns_and_wrong_coverage_are_errors(session, tmp_path):
    path = write_session(session, tmp_path)
    table = pq.read_table(path)
    metadata = dict(table.schema.metadata)
    write_table(table.drop_columns(["action"]), path, "session", metadata)
    with pytest.raises(ShardError, match="ill-formed"):
        read_session(path)
    bad = {digest: raw + b"x" for digest, raw in session.coverage.items()}
    session.coverage.update(bad)
    with pytest.raises(ShardError, match="other contents"):
        read_session(write_session(session, tmp_path))


@pytest.mark.parametrize(
    ("key", "value"), [("seed", "x"), ("total_probes", None), ("app", 3), ("budget", True)]
)
def test_a_header_of_other_types_is_an_error(session, tmp_path, key, value):
    path = write_session(session, tmp_path)
    table = pq.read_table(path)
    metadata = dict(table.schema.metadata)
    header = json.loads(metadata[b"jamel.session"]) | {key: value}
    metadata[b"jamel.session"] = json.dumps(header).encode()
    write_table(table, path, "session", metadata)
    with pytest.raises(ShardError, match=f"{key} is {value!r}"):
        read_session(path)
    write_table(table, path, "session", metadata | {b"jamel.session": b'"text"'})
    with pytest.raises(ShardError, match="ill-formed"):
        read_session(path)


@pytest.mark.parametrize("column", ["covered", "package", "action", "executed"])
def test_empty_cells_and_other_types_are_errors(session, tmp_path, column):
    path = write_session(session, tmp_path)
    table = pq.read_table(path)
    metadata, place = dict(table.schema.metadata), table.column_names.index(column)
    empty = pa.nulls(len(table), table.schema.field(column).type)
    write_table(table.set_column(place, column, empty), path, "session", metadata)
    with pytest.raises(ShardError, match=f"the column {column} has empty cells"):
        read_session(path)
    other = pa.array([1.5] * len(table), pa.float32())
    write_table(table.set_column(place, column, other), path, "session", metadata)
    with pytest.raises(ShardError, match=f"the column {column} is of type float"):
        read_session(path)


def test_a_session_id_never_leaves_the_folder(session, tmp_path):
    from dataclasses import replace

    for name in ("../up", "a/b", "", ".hidden"):
        with pytest.raises(ShardError):
            write_session(replace(session, session_id=name), tmp_path)


def test_an_unwritable_place_is_a_sentence(session, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="expected to write"):
        write_session(session, tmp_path / "file")


def test_digest_is_stable():
    assert coverage_digest(b"") == "e3b0c44298fc1c149afbf4c8996fb924"


def test_what_a_killed_writer_left_is_removed(tmp_path):
    left = tmp_path / ".tiny-000.parquet.4711.tmp"
    left.write_bytes(b"half")
    (tmp_path / "tiny-001.parquet").write_bytes(b"whole")
    remove_partial(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny-001.parquet"]


def test_a_full_disk_leaves_no_shard_and_says_so(session, tmp_path, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("jamel.disk.os.fsync", full)
    with pytest.raises(StoreError, match="No space left on device"):
        write_session(session, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_raw_touch_is_read_back_and_costs_nothing_where_there_is_none(session, tmp_path):
    from dataclasses import replace

    plain = write_session(session, tmp_path / "plain")
    assert b"touches" not in pq.read_schema(plain).metadata[b"jamel.session"]
    first, *rest = session.episodes
    begin, *steps = first.transitions
    touch = Action(ActionKind.SCROLL_UP, touch_px=(1, 2, 3, 4))
    touched = replace(first, transitions=(replace(begin, action=touch), *steps))
    raw = replace(session, episodes=(touched, *rest))
    path = write_session(raw, tmp_path)
    assert read_session(path) == raw
    header = json.loads(pq.read_schema(path).metadata[b"jamel.session"])
    for bad in ([1.5, 2], [1, 2, 3], "ab", None):
        table = pq.read_table(path)
        told = json.dumps(header | {"touches": {"0": bad}}).encode()
        metadata = dict(table.schema.metadata) | {b"jamel.session": told}
        write_table(table, path, "session", metadata)
        with pytest.raises(ShardError, match="ill-formed"):
            read_session(path)
