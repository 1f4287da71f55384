"""Which rounds are run, and from which models."""

from pathlib import Path
from typing import Any

import pytest

from jamel.config import Config, parse_config
from jamel.layout import Layout
from pipelines import rounds


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Run the rounds of a profile where each gains what is given; returns what each began with."""

    def run(config: Config, lows: list[float], start: Path | None = None) -> list[Any]:
        begun: list[Any] = []

        def round_of(config: Config, project: Layout, index: int, models: Any, parent: str) -> Any:
            begun.append(dict(models))
            gain = {"difference": lows[index] + 1, "low": lows[index], "high": lows[index] + 2}
            curve = [{"gain": gain if index else None}]
            made = dict.fromkeys(models, tmp_path / f"round-{index}")
            return rounds.Rounds({}, "md5", made, {"curve": curve})

        monkeypatch.setattr(rounds, "run_round", round_of)
        rounds.run_rounds(config, Layout.at(tmp_path), False, "", start)
        return begun

    return run


def profile(**keys: object) -> Config:
    agents = {"agents": ["random", "no-memory", "champion", "jamel"]}
    return parse_config({"rounds": {"on_policy": 4} | keys, "evaluate": agents}, source="test")


def test_the_budget_is_spent_whatever_is_gained(run: Any) -> None:
    assert len(run(profile(), [0, -1, -1, -1, -1])) == 5


def test_rounds_end_with_the_first_that_gains_nothing_sure(run: Any) -> None:
    assert len(run(profile(stop="gain"), [0, 0.5, -0.1, 1, 1])) == 3
    assert len(run(profile(stop="gain"), [0, 1, 1, 1, 1])) == 5


def test_each_round_goes_on_from_the_models_of_the_one_before(run: Any, tmp_path: Path) -> None:
    first, second, *_ = run(profile(), [0, 0, 0, 0, 0])
    assert first == {"jamel": None, "no-memory": None}
    assert second == dict.fromkeys(first, tmp_path / "round-0")


def test_the_first_round_starts_from_a_model_of_another_world(run: Any, tmp_path: Path) -> None:
    first, *_ = run(profile(), [0, 0, 0, 0, 0], tmp_path / "champion")
    assert first == {"jamel": tmp_path / "champion", "no-memory": None}
