"""What a second worker is worth: the same keys everywhere, ratios of what was timed."""

from __future__ import annotations

import json
from pathlib import Path
from time import sleep

import pytest

from jamel.config import load_config
from jamel.errors import ProcessDied
from pipelines import scaling

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(900)
def test_ratios_are_those_of_the_seconds_beside_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prefect's workers are real ones, of a real server, and share a round as processes do."""
    asked, made = [], {}

    def train(config, folder, count):
        asked.append(count)
        made.update({name: _shards(folder, name) for name in ("processes-2", "prefect-2")})
        sleep(0.02)

    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setattr(scaling, "_train", train)
    tiny = load_config("configs/tiny.yaml")
    told: list[str] = []
    row = scaling.scaling(
        tiny,
        ["processes", "prefect"],
        tmp_path / "scaling.jsonl",
        lambda done, of, name: told.append(f"{done}/{of} {name}"),
    )
    assert json.loads((tmp_path / "scaling.jsonl").read_text()) == row
    assert asked == [1, 2] and row["sessions"] == tiny.collect.apps
    assert told[0] == "1/10 collect_processes_1" and told[-1] == "10/10 train_torchrun_2"
    for name in ("collect_processes", "label_processes", "collect_prefect", "label_prefect"):
        one, two = row[f"{name}_1_s"], row[f"{name}_2_s"]
        assert min(one, two) > 0 and row[f"{name}_ratio"] == round(one / two, 3)
    assert len(made["prefect-2"]) == 2 * tiny.collect.apps
    assert made["prefect-2"] == made["processes-2"]


def _shards(folder: Path, name: str) -> dict[str, bytes]:
    found = [*(folder / "sessions" / name).iterdir(), *(folder / "labels" / name).iterdir()]
    return {f"{path.parent.parent.name}/{path.name}": path.read_bytes() for path in found}


def test_a_training_that_torchrun_cannot_do_says_why(tmp_path: Path) -> None:
    for kind in ("sessions", "labels"):
        (tmp_path / kind / "processes-1").mkdir(parents=True)
    laptop = load_config(REPOSITORY / "configs/laptop.yaml")
    with pytest.raises(ProcessDied, match="found: jamel: expected labelled sessions"):
        scaling._train(laptop, tmp_path, 1)
