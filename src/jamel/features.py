"""Labelled sessions as arrays, made once: a session is replayed when it is first trained on.

Replaying costs more than an epoch of updates on what is replayed, so the arrays are kept as .npz
files, named by all that determines them. Kept or made now, they are the same. Knows shards and the
featurizer; nothing of updates.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from jamel.disk import digest_of, write_bytes
from jamel.envs.base import candidates
from jamel.episodes import read_session, read_table
from jamel.errors import DatasetError, ShardError
from jamel.model.configuration import JamelConfig
from jamel.model.processing import Featurizer, FloatArray, IntArray, Row, Screen
from jamel.model.sequences import LabelledSequence, StepLabels, sequence

RULES = 2
"""Raised whenever the same session and settings would give other arrays."""

_NONE = np.zeros(0, np.float32)
_PLAIN = [f.name for f in fields(LabelledSequence) if f.name not in ("screens", "tokens_per_step")]
Arrays = Mapping[str, np.ndarray]


class Features:
    """The sequences of a training, and the rows that all their screens point to.

    Args:
        config: of the model that is trained.
        limit: steps of a session that are trained on.
        folder: keeps the arrays; None keeps nothing.
    """

    def __init__(self, config: JamelConfig, limit: int, folder: Path | None = None) -> None:
        self._config, self._limit, self._folder = config, limit, folder
        self.rows: list[Row] = []
        self.sequences: list[LabelledSequence] = []

    def add(self, session: Path, labels: Path) -> None:
        """Add one labelled session.

        Raises:
            ShardError: a shard is damaged.
            DatasetError: the labels do not fit their session.
        """
        kept = self._kept(session, labels)
        arrays = _read(kept)
        if arrays is None:
            made = _flattened(*self._replayed(session, labels))
            if kept is not None:
                file = io.BytesIO()
                np.savez_compressed(file, allow_pickle=False, **made)
                write_bytes(kept, file.getvalue())
            arrays = made
        found = _sequence(arrays, len(self.rows))
        self.rows += _rows(arrays)
        self.sequences.append(found)

    def _kept(self, session: Path, labels: Path) -> Path | None:
        if self._folder is None:
            return None
        inputs = json.dumps([RULES, self._limit, self._config.to_dict()], sort_keys=True)
        digest = hashlib.sha256(inputs.encode())
        for path in (session, labels):
            digest.update(bytes.fromhex(digest_of(path)))
        return self._folder / f"{digest.hexdigest()[:24]}.npz"

    def _replayed(self, session: Path, labels: Path) -> tuple[LabelledSequence, list[Row]]:
        featurizer = Featurizer(self._config.hash_buckets)
        recorded = read_session(session)
        episodes = [len(episode.transitions) for episode in recorded.episodes]
        try:
            found = sequence(
                self._config,
                featurizer,
                recorded.transitions(),
                read_labels(labels, episodes),
                candidates,
                limit=self._limit,
            )
        except ValueError as error:
            raise DatasetError(
                f"the labels {labels.parent.name}/{labels.name} do not fit their session: {error}. "
                "Delete them and label the session again."
            ) from None
        return found, featurizer.rows


def read_labels(path: Path, episodes: Sequence[int]) -> StepLabels:
    """Read a label shard of a session whose episodes have so many steps.

    Raises:
        ShardError: it is damaged or of another schema.
    """
    table = read_table(path, kind="labels")
    try:
        columns = {
            name: table.column(name).to_pylist()
            for name in ("q", "novel", "reward", "novelty_to_go")
        }
    except KeyError as error:
        raise ShardError(
            f"expected the column {error} in {path}, found {', '.join(table.column_names)}. "
            "Label the session again."
        ) from None
    return StepLabels(**columns, prefix=prefixes(columns["reward"], episodes))


def prefixes(reward: Sequence[float], episodes: Sequence[int]) -> list[bool]:
    """Whether each step is no later than the last rewarded one of its episode."""
    inside: list[bool] = []
    for length in episodes:
        rewarded = reward[len(inside) : len(inside) + length]
        last = max((place for place, value in enumerate(rewarded) if value), default=-1)
        inside += [place <= last for place in range(length)]
    return inside


def _read(path: Path | None) -> Arrays | None:
    """The kept arrays; None where there are none, or what is there is damaged."""
    if path is None or not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def _flattened(item: LabelledSequence, rows: Sequence[Row]) -> dict[str, np.ndarray]:
    """A session as arrays; of the screens only what an update reads."""
    distinct = {id(screen): screen for screen in item.screens}
    places = {name: place for place, name in enumerate(distinct)}
    arrays: dict[str, Any] = {name: getattr(item, name) for name in _PLAIN}
    arrays["tokens_per_step"] = np.array(item.tokens_per_step)
    arrays["screen"] = np.array([places[id(screen)] for screen in item.screens])
    for name, parts in (
        ("screen_rows", [screen.rows for screen in distinct.values()]),
        ("screen_tokens", [screen.tokens for screen in distinct.values()]),
        ("row_tokens", [row.tokens for row in rows]),
    ):
        arrays[name] = np.concatenate(parts)
        arrays[f"{name}_ends"] = np.cumsum([len(part) for part in parts])
    arrays["row_numeric"] = np.stack([row.numeric for row in rows])
    return arrays


def _sequence(arrays: Arrays, first_row: int) -> LabelledSequence:
    rows, tokens = (_cut(arrays, f"screen_{name}") for name in ("rows", "tokens"))
    screens = [_screen(own + first_row, words) for own, words in zip(rows, tokens, strict=True)]
    return LabelledSequence(
        screens=[screens[place] for place in arrays["screen"]],
        tokens_per_step=int(arrays["tokens_per_step"]),
        **{name: arrays[name] for name in _PLAIN},
    )


def _screen(rows: IntArray, tokens: IntArray) -> Screen:
    nothing = np.zeros(0, np.int64)
    return Screen(0, 0, rows, tokens, _NONE, _NONE, widget=nothing, kind_key=nothing, activity=0)


def _rows(arrays: Arrays) -> list[Row]:
    numeric: FloatArray = arrays["row_numeric"]
    words = _cut(arrays, "row_tokens")
    return [Row(tokens, values, _NONE) for tokens, values in zip(words, numeric, strict=True)]


def _cut(arrays: Arrays, name: str) -> list[np.ndarray]:
    return np.split(arrays[name], arrays[f"{name}_ends"][:-1])
