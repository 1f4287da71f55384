"""Evaluation of model agents: names, tokens and ablations, with an untrained model."""

from __future__ import annotations

from pathlib import Path

import pytest

from jamel.config import Config, EvaluateConfig
from jamel.evaluate import evaluate
from jamel.model.configuration import JamelConfig
from jamel.model.modeling import JamelModel


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "jamel" / "round-0"
    JamelModel(JamelConfig(width=32, heads=2, hash_buckets=256)).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def rows(model_dir: Path) -> dict[str, dict]:
    measured = {"suite": "valid", "seeds": (0,), "budget": 12, "apps": 1}
    config = Config(evaluate=EvaluateConfig(bootstrap=50, workers=1, **measured))
    names = ("jamel", "champion", "append-memory", "zeroed-memory", "shuffled-memory")
    agents = {name: model_dir for name in names}
    results = evaluate(config, agents)
    assert results["meta"]["models"] == {name: "jamel/round-0" for name in names}
    return {row["agent"]: row for row in results["rows"]}


def test_what_a_model_reads_is_counted(rows):
    assert rows["jamel"]["tokens_memory"] > 0
    assert rows["jamel"]["tokens_screen"] > 1
    assert rows["jamel"]["ms_per_decision"] > 0
    assert rows["zeroed-memory"]["tokens_memory"] == 0


def test_another_name_with_a_model_is_that_model(rows):
    timeless = {"ms_per_decision", "agent"}
    same = [
        {k: v for k, v in rows[name].items() if k not in timeless}
        for name in ("jamel", "champion", "append-memory")
    ]
    assert same[0] == same[1] == same[2]


def test_an_ablation_tampers_with_the_memory_and_nothing_else(rows):
    assert rows["shuffled-memory"]["tokens_memory"] > 0 == rows["zeroed-memory"]["tokens_memory"]
    assert min(rows[name]["tokens_screen"] for name in ("shuffled-memory", "zeroed-memory")) > 1
