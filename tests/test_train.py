"""Training: it learns, it resumes to the same weights, it survives a crash, it explains itself."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from jamel.config import Config, parse_config
from jamel.episodes import write_session
from jamel.errors import ConfigError, DatasetError
from jamel.label import label
from jamel.train import _require_world, batch_indices, learning_rate, train
from tests.model.sample import session

SMALL = {
    "model": {"width": 16, "heads": 2, "hash_buckets": 64},
    "train": {"updates": 6, "batch_sessions": 2, "warmup": 2, "checkpoint_every": 2},
    "label": {"lookahead": 1, "search_depth": 1},
    "collect": {"workers": 1},
}


def profile(**sections: dict) -> Config:
    merged = {
        name: {**SMALL.get(name, {}), **sections.get(name, {})} for name in {*SMALL, *sections}
    }
    return parse_config(merged, source="test")


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], list[Path]]:
    root = tmp_path_factory.mktemp("data")
    sessions = [write_session(session(12, seed), root / "sessions/round-0") for seed in (0, 1, 2)]
    return sessions, label(profile(), sessions, root / "labels/round-0")


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load_file(path / "model.safetensors")


def same(left: Path, right: Path) -> bool:
    mine, theirs = weights(left), weights(right)
    return all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_loss_falls_and_metrics_are_reported(shards, tmp_path: Path) -> None:
    seen: list[tuple[int, dict[str, float]]] = []
    config = profile(train={"updates": 40, "lr": 0.01})
    result = train(config, *shards, tmp_path / "m", on_metrics=lambda *part: seen.append(part))
    assert sum(result.losses[-5:]) < sum(result.losses[:5])
    assert [number for number, _ in seen] == [10, 20, 30, 40]
    assert {"loss", "policy_loss", "lr", "sessions_per_s"} <= set(seen[0][1])
    assert result.samples == 3 and len(result.losses) == 40


def test_bfloat16_trains_about_as_float32_does(shards, tmp_path: Path) -> None:
    losses = {
        name: train(profile(train={"precision": name}), *shards, tmp_path / name).losses
        for name in ("float32", "bfloat16")
    }
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.05)
    assert losses["bfloat16"] != losses["float32"]


def test_a_killed_training_resumes_to_the_same_weights(shards, tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    whole = train(profile(), *shards, tmp_path / "whole")
    import jamel.train as module

    def killed(self, number: int, real=module._Training.update) -> dict[str, float]:
        if number == 5:
            raise Killed
        return real(self, number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module._Training, "update", killed)
        with pytest.raises(Killed):
            train(profile(), *shards, tmp_path / "again")
    assert not (tmp_path / "again").exists()
    again = train(profile(), *shards, tmp_path / "again")
    assert same(whole.path, again.path) and whole.losses == again.losses
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "whole"]


def test_a_damaged_checkpoint_is_not_used(shards, tmp_path: Path) -> None:
    whole = train(profile(), *shards, tmp_path / "whole")
    folder = tmp_path / ".again.checkpoints/update-4"
    folder.mkdir(parents=True)
    (folder / "progress.json").write_text("{")
    assert same(whole.path, train(profile(), *shards, tmp_path / "again").path)


def test_a_finished_training_is_not_repeated_but_another_recipe_is(shards, tmp_path: Path) -> None:
    first = train(profile(), *shards, tmp_path / "m")
    assert train(profile(), *shards, tmp_path / "m").losses == first.losses
    other = train(profile(train={"updates": 3}), *shards, tmp_path / "m")
    assert other.updates == 3


@pytest.mark.parametrize("arm", ["no-memory", "append-memory", "frozen-memory"])
def test_every_arm_trains(arm: str, shards, tmp_path: Path) -> None:
    assert train(profile(train={"updates": 2}), *shards, tmp_path / arm, arm=arm).updates == 2


@pytest.mark.parametrize("kind", ["return", "immediate"])
def test_other_label_kinds_train(kind: str, shards, tmp_path: Path) -> None:
    config = profile(label={"kind": kind}, train={"updates": 2})
    labels = label(config, shards[0], tmp_path / "labels/round-0")
    assert train(config, shards[0], labels, tmp_path / kind).updates == 2


def test_training_starts_from_another_model(shards, tmp_path: Path) -> None:
    first = train(profile(), *shards, tmp_path / "m").path
    tiny = profile(train={"updates": 9, "further_updates": 1, "lr": 1e-9})
    second = train(tiny, *shards, tmp_path / "n", init_from=first)
    assert second.updates == 1
    mine, theirs = weights(first), weights(second.path)
    assert all(torch.allclose(mine[name], theirs[name], atol=1e-6) for name in mine)


def test_a_training_that_diverges_ends_and_leaves_no_model(shards, tmp_path: Path) -> None:
    wild = {**SMALL, "train": {**SMALL["train"], "lr": 1e30, "warmup": 0, "updates": 40}}
    with pytest.raises(ConfigError, match=r"finite loss and gradient in update \d+"):
        train(parse_config(wild, source="test"), *shards, tmp_path / "wild")
    assert not (tmp_path / "wild").exists()


def test_two_processes_come_to_what_one_does(shards, tmp_path: Path) -> None:
    """Torchrun's processes share each batch, here of two and a half sessions each."""
    config = {**SMALL, "train": {**SMALL["train"], "batch_sessions": 5, "checkpoint_every": 4}}
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs/two.yaml").write_text(yaml.safe_dump(config))
    for kind, paths in zip(("sessions", "labels"), shards, strict=True):
        shutil.copytree(paths[0].parent, tmp_path / "data" / kind / "round-0")
    torchrun = ["torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [*torchrun, "-m", "jamel.cli", "train", "--config", "configs/two.yaml"]
    done = subprocess.run(
        [sys.executable, "-m", *command, "--out", "two"],
        cwd=tmp_path, capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Trained on 3 sessions") == 1, "the first process alone reports"
    one = train(parse_config(config, source="test"), *shards, tmp_path / "one")
    together = json.loads((tmp_path / "two/training.json").read_text())
    assert together["recipe"] == json.loads((one.path / "training.json").read_text())["recipe"]
    assert together["losses"] == pytest.approx(one.losses, rel=1e-4)
    mine, theirs = weights(one.path), weights(tmp_path / "two")
    # No loss depends on the keys' bias or on what all logits share: Adam turns the rounding of
    # their gradients, which are zero, into steps.
    free = {"encoder.qkv.bias", "heads.bias"}
    assert all(torch.allclose(mine[name], theirs[name], atol=1e-5) for name in mine.keys() - free)


def test_processes_that_cannot_share_a_batch_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(ConfigError, match="processes"):
        _require_world(3, 2)
    with pytest.raises(ConfigError, match=r"torch\.distributed\.run"):
        _require_world(1, 8)


def test_nothing_to_train_on_says_what_to_do(shards, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="jamel label"):
        train(profile(), shards[0], [], tmp_path / "m")


def test_every_session_is_seen_once_an_epoch() -> None:
    drawn = [index for number in range(5) for index in batch_indices(10, 2, number, seed=0)]
    assert sorted(drawn) == list(range(10))
    assert batch_indices(10, 4, 7, seed=3) == batch_indices(10, 4, 7, seed=3)
    assert len(batch_indices(3, 8, 0, seed=0)) == 8


def test_learning_rate_warms_up_and_falls() -> None:
    rates = [learning_rate(update, 1.0, 10, 100) for update in range(100)]
    assert rates[9] == 1.0 and max(rates) == 1.0
    assert rates[0] < 0.2 and rates[-1] < 0.05
