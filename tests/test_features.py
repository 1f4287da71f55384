"""Sessions as arrays: kept ones are those that a replay gives, and damage is replayed over."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from jamel import features as module
from jamel.collect import collect
from jamel.config import Config, parse_config
from jamel.errors import DatasetError
from jamel.features import Features
from jamel.label import label
from jamel.model.configuration import JamelConfig
from jamel.model.sequences import step_batch
from jamel.train import train

Pairs = list[tuple[Path, Path]]


@pytest.fixture(scope="module")
def config() -> Config:
    keys = {"apps": 3, "steps": 12, "workers": 1}
    sizes = {"width": 8, "heads": 2, "hash_buckets": 64}
    few = {"updates": 3, "batch_sessions": 2, "decisions": 4}
    return parse_config({"collect": keys, "model": sizes, "train": few}, source="test")


@pytest.fixture(scope="module")
def pairs(config: Config, tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    folder = tmp_path_factory.mktemp("data")
    sessions = collect(config, folder / "sessions" / "round-0")
    labels = label(config, sessions, folder / "labels" / "round-0")
    return list(zip(sessions, labels, strict=True))


def made(pairs: Pairs, folder: Path | None = None, **sizes: int) -> Features:
    found = Features(JamelConfig(width=8, heads=2, hash_buckets=64, **sizes), 10, folder)
    for pair in pairs:
        found.add(*pair)
    return found


def tensors(found: Features) -> list[np.ndarray]:
    picks = [np.arange(len(item)) for item in found.sequences]
    parts = step_batch(found.sequences, picks, found.rows)
    return [value.numpy() for part in parts for _, value in sorted(part.items())]


def test_kept_arrays_are_those_of_a_replay(pairs: Pairs, tmp_path: Path, monkeypatch) -> None:
    fresh, first = made(pairs), made(pairs, tmp_path)
    monkeypatch.setattr(module, "read_session", None)
    kept = made(pairs, tmp_path)
    for one, two, three in zip(*map(tensors, (fresh, first, kept)), strict=True):
        assert one.dtype == two.dtype == three.dtype
        assert np.array_equal(one, two) and np.array_equal(one, three)
    plain = [f.name for f in fields(kept.sequences[0]) if f.name != "screens"]
    for one, two in zip(fresh.sequences, kept.sequences, strict=True):
        assert all(np.array_equal(getattr(one, n), getattr(two, n)) for n in plain)


def test_other_settings_have_files_of_their_own(pairs: Pairs, tmp_path: Path) -> None:
    made(pairs, tmp_path)
    made(pairs, tmp_path, memory_recent=3)
    assert len(list(tmp_path.iterdir())) == 2 * len(pairs)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 and no more", None])
def test_a_damaged_file_is_made_again(pairs: Pairs, tmp_path: Path, damage: bytes | None) -> None:
    whole = tensors(made(pairs, tmp_path))
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:900] if damage is None else damage)
    again = made(pairs, tmp_path)
    assert all(np.array_equal(a, b) for a, b in zip(whole, tensors(again), strict=True))


def test_a_training_on_kept_arrays_ends_with_the_same_weights(
    pairs: Pairs, config: Config, tmp_path: Path
) -> None:
    sessions, labels = zip(*pairs, strict=True)
    for name in ("one", "two"):
        train(config, sessions, labels, tmp_path / name, features=tmp_path / "features")
    train(config, sessions, labels, tmp_path / "three")
    weights = {(tmp_path / n / "model.safetensors").read_bytes() for n in ("one", "two", "three")}
    assert len(weights) == 1


def test_labels_of_another_session_are_a_sentence(pairs: Pairs, config: Config, tmp_path) -> None:
    longer = config.model_copy(
        update={"collect": config.collect.model_copy(update={"steps": 14, "apps": 1})}
    )
    sessions = collect(longer, tmp_path / "round-0")
    with pytest.raises(DatasetError, match="do not fit their session"):
        made([(sessions[0], pairs[0][1])])
