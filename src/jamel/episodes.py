"""Sessions on disk: the Parquet schema, and sessions to rows and back.

One shard a session, one row a step; what belongs to the whole session is JSON in the file's
metadata. Knows nothing of devices, agents or learning. The same session always gives the same
bytes. Raw coverage is stored once per change, in the row that first reached it.

What few sessions have is in the session's JSON by step, so that one without has the same bytes as
before it existed: marks of a device that misbehaved, the coordinates of raw touches, and what a
model thought the candidates were worth.

Columns: session_id, episode, step, package, activity, width_px, height_px, elements (list of
structs in document order), screenshot_png, action, element, text, executed, invalid_reason,
probes, covered, coverage, duration_ms, snapshot.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from jamel.errors import ShardError
from jamel.shards import footer, read_table, write_table
from jamel.types import Action, ActionKind, Element, Episode, Observation, Session, Transition

KIND = "session"
_SESSION_KEY = b"jamel.session"
_ORIGIN_KEY = b"jamel.origin"
_START_KEY = "start_coverage"
_MARKS_KEY = "marks"
_TOUCHES_KEY = "touches"
_WORTH_KEY = "worth"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,199}")

_ELEMENT_FIELDS: dict[str, pa.DataType] = {
    "cls": pa.string(),
    "text": pa.string(),
    "resource_id": pa.string(),
    "content_desc": pa.string(),
    "left_px": pa.int32(),
    "top_px": pa.int32(),
    "right_px": pa.int32(),
    "bottom_px": pa.int32(),
    **dict.fromkeys(Element._fields[5:14], pa.bool_()),
    "parent": pa.int32(),
}
SCHEMA = pa.schema(
    {
        "session_id": pa.string(),
        "episode": pa.int32(),
        "step": pa.int32(),
        "package": pa.string(),
        "activity": pa.string(),
        "width_px": pa.int32(),
        "height_px": pa.int32(),
        "elements": pa.list_(pa.struct(list(_ELEMENT_FIELDS.items()))),
        "screenshot_png": pa.binary(),
        "action": pa.string(),
        "element": pa.int32(),
        "text": pa.string(),
        "executed": pa.bool_(),
        "invalid_reason": pa.string(),
        "probes": pa.string(),
        "covered": pa.int32(),
        "coverage": pa.binary(),
        "duration_ms": pa.float64(),
        "snapshot": pa.binary(),
    }
)
_ILL_FORMED = (AttributeError, LookupError, TypeError, ValueError, pa.ArrowException)
_MAY_BE_EMPTY = {"screenshot_png", "coverage", "snapshot"}


def coverage_digest(raw: bytes) -> str:
    """The name of a raw coverage file: 32 hex digits of its SHA-256."""
    return hashlib.sha256(raw).hexdigest()[:32]


def shard_path(folder: Path, session_id: str) -> Path:
    """Where a session's shard lies; raises ShardError for a name that is no plain file name."""
    if not _NAME.fullmatch(session_id):
        raise ShardError(
            f"expected a session id of letters, digits and ._@-, found {session_id!r}."
        )
    return Path(folder) / f"{session_id}.parquet"


def write_session(session: Session, folder: Path, origin: str = "") -> Path:
    """Write one shard atomically and return its path; an existing one is replaced.

    Args:
        session: What happened.
        folder: The folder of the round.
        origin: A digest of what determined the session, for `is_made`.

    Raises:
        ShardError: The session id is no file name.
        StoreError: The disk is full or the folder cannot be written.
    """
    path = shard_path(folder, session.session_id)
    table = pa.Table.from_pydict(_columns(session), schema=SCHEMA)
    metadata = {
        _SESSION_KEY: json.dumps(_header(session), sort_keys=True).encode(),
        _ORIGIN_KEY: origin.encode(),
    }
    write_table(table, path, kind=KIND, metadata=metadata)
    return path


def read_session(path: Path) -> Session:
    """Read one shard.

    Raises:
        ShardError: The file is missing, truncated, damaged or of another schema version.
    """
    table = read_table(path, kind=KIND)
    try:
        return _session(table)
    except _ILL_FORMED as error:
        raise ShardError(
            f"expected a session shard at {path}, found ill-formed contents ({error!r}). "
            "Move it out of data/ and collect the session again."
        ) from None


def is_made(path: Path, origin: str = "") -> bool:
    """Whether a complete shard of this version and origin lies there, by its footer alone."""
    return footer(path, KIND).get(_ORIGIN_KEY) == origin.encode()


def app_of(path: Path) -> str:
    """Which app a shard's session is on, by its footer alone; "" where there is no such shard."""
    try:
        return str(json.loads(footer(path, KIND)[_SESSION_KEY])["app"])
    except _ILL_FORMED:
        return ""


def _header(session: Session) -> dict[str, Any]:
    start = session.coverage.get(session.start_probes)
    header = {
        name: getattr(session, name)
        for name in session.__slots__
        if name not in ("episodes", "coverage")
    }
    header["episodes"] = [
        [len(episode.transitions), episode.terminated, episode.truncated]
        for episode in session.episodes
    ]
    header[_START_KEY] = None if start is None else start.hex()
    steps = list(enumerate(session.transitions()))
    marks = {str(n): step.marks for n, step in steps if step.marks}
    touches = {str(n): list(step.action.touch_px) for n, step in steps if step.action.touch_px}
    worth = {str(n): list(step.worth) for n, step in steps if step.worth}
    rare = {_MARKS_KEY: marks, _TOUCHES_KEY: touches, _WORTH_KEY: worth}
    return header | {key: values for key, values in rare.items() if values}


def _columns(session: Session) -> dict[str, Any]:
    steps = session.transitions()
    observations = [step.observation for step in steps]
    stored = {session.start_probes}
    coverage: list[bytes | None] = []
    for step in steps:
        coverage.append(None if step.probes in stored else session.coverage.get(step.probes))
        stored.add(step.probes)
    return {
        "session_id": [session.session_id] * len(steps),
        "episode": [i for i, episode in enumerate(session.episodes) for _ in episode.transitions],
        "step": list(range(len(steps))),
        "package": [o.package for o in observations],
        "activity": [o.activity for o in observations],
        "width_px": [o.size_px[0] for o in observations],
        "height_px": [o.size_px[1] for o in observations],
        "elements": _element_column(observations),
        "screenshot_png": [o.screenshot_png for o in observations],
        "action": [step.action.kind.value for step in steps],
        "element": [step.action.element for step in steps],
        "text": [step.action.text for step in steps],
        "executed": [step.executed for step in steps],
        "invalid_reason": [step.invalid_reason for step in steps],
        "probes": [step.probes for step in steps],
        "covered": [step.covered for step in steps],
        "coverage": coverage,
        "duration_ms": [step.duration_ms for step in steps],
        "snapshot": [step.snapshot for step in steps],
    }


def _element_column(observations: list[Observation]) -> pa.Array:
    offsets: list[int] = [0]
    flat: list[Element] = []
    for observation in observations:
        flat.extend(observation.elements)
        offsets.append(len(flat))
    values = [[*e[:4], *e[4], *e[5:]] for e in flat]
    fields = list(zip(*values, strict=True)) or [()] * len(_ELEMENT_FIELDS)
    arrays = [
        pa.array(field, kind) for field, kind in zip(fields, _ELEMENT_FIELDS.values(), strict=True)
    ]
    struct = pa.StructArray.from_arrays(arrays, names=list(_ELEMENT_FIELDS))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), struct)


def _session(table: pa.Table) -> Session:
    header = json.loads(table.schema.metadata[_SESSION_KEY])
    start = header.pop(_START_KEY)
    lengths = header.pop("episodes")
    _check_header(header)
    _check_columns(table)
    marks, touches = _popped(header, _MARKS_KEY), _popped(header, _TOUCHES_KEY)
    worth = _popped(header, _WORTH_KEY)
    rows = {
        name: table.column(name).to_pylist()
        for name in SCHEMA.names
        if name not in ("elements", "session_id")
    }
    numbers = [str(number) for number in range(table.num_rows)]
    rows["marks"] = [str(marks.get(number, "")) for number in numbers]
    rows["worth"] = [_worth(worth.get(number, ())) for number in numbers]
    rows["touch_px"] = [_touch(touches.get(number, ())) for number in numbers]
    steps = list(_transitions(rows, _elements(table)))
    if sum(length for length, _, _ in lengths) != len(steps):
        raise ValueError("the episodes do not add up to the steps")
    files = {header["start_probes"]: bytes.fromhex(start)} if start is not None else {}
    for digest, raw in zip(rows["probes"], rows["coverage"], strict=True):
        if raw is not None:
            files[digest] = raw
    for digest, raw in files.items():
        if coverage_digest(raw) != digest:
            raise ValueError(f"the coverage named {digest} has other contents")
    return Session(episodes=tuple(_episodes(steps, lengths)), coverage=files, **header)


def _popped(header: dict[str, Any], key: str) -> dict[str, Any]:
    values = header.pop(key, {})
    if not isinstance(values, dict):
        raise ValueError(f"the {key} are {values!r}")
    return values


def _touch(values: Any) -> tuple[int, ...]:
    if len(values) not in (0, 2, 4) or any(type(value) is not int for value in values):
        raise ValueError(f"a touch is {values!r}")
    return tuple(values)


def _worth(values: Any) -> tuple[float, ...]:
    if any(type(value) is not float or not 0 <= value < math.inf for value in values):
        raise ValueError(f"what candidates are worth is {values!r}")
    return tuple(values)


def _check_header(header: dict[str, Any]) -> None:
    """Raise ValueError for a value of another type than a session's field."""
    for field in fields(Session):
        value = header.get(field.name, "" if field.type == "str" else 0)
        if field.type in ("str", "int") and type(value).__name__ != field.type:
            raise ValueError(f"{field.name} is {value!r}")


def _check_columns(table: pa.Table) -> None:
    """Raise ValueError for columns of another type, or with empty cells where none may be."""
    for name, kind in zip(SCHEMA.names, SCHEMA.types, strict=True):
        column = table.column(name)
        if column.type != kind:
            raise ValueError(f"the column {name} is of type {column.type}")
        if column.null_count and name not in _MAY_BE_EMPTY:
            raise ValueError(f"the column {name} has empty cells")


def _episodes(steps: list[Transition], lengths: list[list[Any]]) -> Iterator[Episode]:
    begin = 0
    for length, terminated, truncated in lengths:
        yield Episode(tuple(steps[begin : begin + length]), terminated, truncated)
        begin += length


def _elements(table: pa.Table) -> list[tuple[Element, ...]]:
    """Per row its elements; equal elements are one object, as are those of equal screens."""
    column = table.column("elements").combine_chunks()
    fields = [_codes(field) for field in column.flatten().flatten()]
    # Equal elements have equal codes, so that each is made but once: most are on many screens.
    codes = np.stack([field for field, _ in fields], axis=1)
    keys = codes.view(np.dtype((np.void, codes.itemsize * len(fields)))).ravel().tolist()
    places = {key: place for place, key in enumerate(keys)}
    kept = codes[list(places.values())].T
    made = _made([say(of_field) for of_field, (_, say) in zip(kept, fields, strict=True)])
    flat = list(map(dict(zip(places, made, strict=True)).__getitem__, keys))
    screens: dict[tuple[int, ...], tuple[Element, ...]] = {}
    rows, begin = [], 0
    for length in column.value_lengths().to_pylist():
        screen = tuple(flat[begin : begin + length])
        rows.append(screens.setdefault(tuple(map(id, screen)), screen))
        begin += length
    return rows


def _made(fields: list[list[Any]]) -> list[Element]:
    """Elements of their fields' values; as Element._make, without a call in Python for each."""
    values = zip(*fields[:4], zip(*fields[4:8], strict=True), *fields[8:], strict=True)
    return list(map(partial(tuple.__new__, Element), values))


def _codes(field: pa.Array) -> tuple[np.ndarray, Callable[[np.ndarray], list[Any]]]:
    """Each value as a number, and what the numbers say; raises ValueError where one is empty."""
    if field.null_count:
        raise ValueError("an element has empty fields")
    if pa.types.is_string(field.type):
        encoded = field.dictionary_encode()
        words = encoded.dictionary.to_pylist()
        return encoded.indices.to_numpy(), lambda codes: [words[code] for code in codes.tolist()]
    kind = np.bool_ if pa.types.is_boolean(field.type) else np.int32
    values = field.to_numpy(zero_copy_only=False)
    return values.astype(np.int32), lambda codes: codes.astype(kind).tolist()


def _transitions(
    rows: dict[str, list[Any]], elements: list[tuple[Element, ...]]
) -> Iterator[Transition]:
    names = list(rows)
    for row_elements, *values in zip(elements, *(rows[name] for name in names), strict=True):
        row = dict(zip(names, values, strict=True))
        observation = Observation(
            row["package"],
            row["activity"],
            row_elements,
            (row["width_px"], row["height_px"]),
            row["screenshot_png"],
        )
        yield Transition(
            observation=observation,
            action=Action(ActionKind(row["action"]), row["element"], row["text"], row["touch_px"]),
            executed=row["executed"],
            invalid_reason=row["invalid_reason"],
            probes=row["probes"],
            covered=row["covered"],
            duration_ms=row["duration_ms"],
            snapshot=row["snapshot"],
            marks=row["marks"],
        )
