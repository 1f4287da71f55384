"""A study: arms from seeds, one evaluation a suite and seed, taken up again where it stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from jamel import study as module
from jamel.config import Config, parse_config
from jamel.errors import ConfigError
from jamel.evaluate import read_json
from jamel.results import Measured, verdicts
from jamel.study import study


@pytest.fixture(scope="module")
def config() -> Config:
    return parse_config(
        {
            "profile": "study",
            "collect": {"apps": 3, "steps": 10, "workers": 1},
            "model": {"width": 8, "heads": 2, "hash_buckets": 64},
            "train": {"updates": 2, "further_updates": 2, "batch_sessions": 2, "decisions": 4},
            "rounds": {"on_policy": 1, "apps": 1},
            "evaluate": {
                "agents": ["random", "zeroed-memory", "jamel"],
                "budget": 8,
                "apps": 2,
                "workers": 1,
            },
            "study": {"arms": {"jamel": [0, 1], "no-memory": [1]}, "suites": ["valid"]},
        },
        source="test",
    )


@pytest.fixture(scope="module")
def done(config: Config, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path], list]:
    folder, told = tmp_path_factory.mktemp("study"), []
    files = study(config, folder, lambda *what: told.append(what))
    return folder, files, told


def test_every_seed_is_measured_beside_the_simple_agents(done: tuple) -> None:
    _, files, told = done
    assert [path.name for path in files] == ["simple.json", "seed-0.json", "seed-1.json"]
    agents = [sorted(read_json(path)["meta"]["versions"]) for path in files]
    assert agents == [
        ["random"], ["jamel", "zeroed-memory"], ["jamel", "no-memory", "zeroed-memory"],
    ]  # fmt: skip
    assert [item[:2] for item in told] == [(number, 11) for number in range(1, 12)]
    versions = [read_json(path)["meta"]["versions"].get("jamel") for path in files[1:]]
    assert versions[0] != versions[1]


def test_results_pair_trainings_with_agents_of_other_files(done: tuple) -> None:
    measured = Measured([read_json(path) for path in done[1]])
    found = measured.difference("valid@real", "jamel", "random", "coverage", 8)
    assert found is not None and found.estimate.trainings == 2
    (minutes,) = [v for v in verdicts(measured) if v.goal == "all rounds of the default model"]
    assert minutes.verdict == "met"


def test_arms_of_a_seed_share_the_first_round_alone(done: tuple) -> None:
    folder = done[0]
    names = sorted(path.name for path in (folder / "seed-1" / "data" / "sessions").iterdir())
    assert names == ["no-memory-round-1", "round-0", "round-1"]
    assert not (folder / "seed-0" / "data" / "sessions" / "no-memory-round-1").exists()


def test_a_finished_study_is_not_done_again(
    done: tuple, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, files, _ = done
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    monkeypatch.setattr(module, "evaluate", None)
    assert study(config, folder) == files
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_model_that_changed_is_measured_anew(done: tuple, config: Config) -> None:
    folder, files, _ = done
    was = read_json(files[1])["meta"]["versions"]
    other = config.model_copy(update={"train": config.train.model_copy(update={"updates": 3})})
    study(other, folder)
    assert read_json(files[1])["meta"]["versions"] != was


@pytest.mark.parametrize(
    ("section", "changed", "said"),
    [
        ("study", {"arms": {"jamle": (0,)}}, "found 'jamle'"),
        ("study", {"arms": {"champion": (0,)}}, "found 'champion'"),
        ("study", {"suites": ("valid", "vlid")}, "found 'vlid'"),
        ("evaluate", {"agents": ("plannr",)}, "found 'plannr'"),
    ],
)
def test_a_mistake_is_told_before_anything_is_made(
    config: Config, tmp_path: Path, section: str, changed: dict, said: str
) -> None:
    wrong = getattr(config, section).model_copy(update=changed)
    with pytest.raises(ConfigError, match=said):
        study(config.model_copy(update={section: wrong}), tmp_path / "study")
    assert not (tmp_path / "study").exists()
