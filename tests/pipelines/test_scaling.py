"""What a second worker is worth: the same keys everywhere, ratios of what was timed."""

from __future__ import annotations

import json
from pathlib import Path
from time import sleep

import pytest

from jamel.collect import collect
from jamel.config import load_config, parse_config
from jamel.errors import ProcessDied
from pipelines import scaling

REPOSITORY = Path(__file__).resolve().parents[2]


def test_ratios_are_those_of_the_seconds_beside_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(scaling, "_train", lambda *of: (asked.append(of[-1]), sleep(0.02)))
    tiny = load_config(REPOSITORY / "configs/tiny.yaml")
    told: list[str] = []
    row = scaling.scaling(
        tiny,
        ["processes"],
        tmp_path / "scaling.jsonl",
        lambda done, of, name: told.append(f"{done}/{of} {name}"),
    )
    assert json.loads((tmp_path / "scaling.jsonl").read_text()) == row
    assert asked == [1, 2] and row["sessions"] == tiny.collect.apps
    assert told[0] == "1/6 collect_processes_1" and told[-1] == "6/6 train_torchrun_2"
    for name in ("collect_processes", "label_processes"):
        one, two = row[f"{name}_1_s"], row[f"{name}_2_s"]
        assert min(one, two) > 0 and row[f"{name}_ratio"] == round(one / two, 3)


@pytest.mark.timeout(900)
def test_two_workers_of_a_server_share_a_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    keys = {"apps": 4, "steps": 8, "agents": ["random"], "workers": 1}
    config = parse_config({"collect": keys}, "test")
    shared = scaling._spread_over(config, "prefect", 2)
    with (
        scaling._prefect_server(config, tmp_path) as server,
        scaling._another_worker(server, 1),
        scaling._another_worker(server, 2),
    ):
        scaling.share_out("collect", shared, out_dir=tmp_path / "shared")
    logs = server[0].logs
    for worker in (1, 2):
        assert "shared: 2 shards" in (logs / f"worker-{worker}.log").read_text(), "each had a share"
    whole = collect(config, tmp_path / "whole")
    assert {path.name for path in whole} == {p.name for p in (tmp_path / "shared").iterdir()}
    for path in whole:
        assert path.read_bytes() == (tmp_path / "shared" / path.name).read_bytes()


def test_a_training_that_torchrun_cannot_do_says_why(tmp_path: Path) -> None:
    for kind in ("sessions", "labels"):
        (tmp_path / kind / "processes-1").mkdir(parents=True)
    laptop = load_config(REPOSITORY / "configs/laptop.yaml")
    with pytest.raises(ProcessDied, match="found: jamel: expected labelled sessions"):
        scaling._train(laptop, tmp_path, 1)
