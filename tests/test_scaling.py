"""What a second worker is worth: the same keys everywhere, ratios of what was timed."""

from __future__ import annotations

import json
from pathlib import Path
from time import sleep

import pytest

from jamel import scaling
from jamel.config import load_config
from jamel.errors import ProcessDied

REPOSITORY = Path(__file__).resolve().parents[1]


def test_ratios_are_those_of_the_seconds_beside_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(scaling, "_train", lambda *of: (asked.append(of[-1]), sleep(0.02)))
    monkeypatch.setattr(scaling, "_spreads", lambda: ["processes"])
    tiny = load_config(REPOSITORY / "configs/tiny.yaml")
    told: list[str] = []
    row = scaling.scaling(
        tiny, tmp_path / "scaling.jsonl", lambda done, of, name: told.append(f"{done}/{of} {name}")
    )
    assert json.loads((tmp_path / "scaling.jsonl").read_text()) == row
    assert asked == [1, 2] and row["sessions"] == tiny.collect.apps
    assert told[0] == "1/6 collect_processes_1" and told[-1] == "6/6 train_torchrun_2"
    for name in ("collect_processes", "label_processes"):
        one, two = row[f"{name}_1_s"], row[f"{name}_2_s"]
        assert min(one, two) > 0 and row[f"{name}_ratio"] == round(one / two, 3)


def test_a_training_that_torchrun_cannot_do_says_why(tmp_path: Path) -> None:
    for kind in ("sessions", "labels"):
        (tmp_path / kind / "processes-1").mkdir(parents=True)
    laptop = load_config(REPOSITORY / "configs/laptop.yaml")
    with pytest.raises(ProcessDied, match="found: jamel: expected labelled sessions"):
        scaling._train(laptop, tmp_path, 1)
