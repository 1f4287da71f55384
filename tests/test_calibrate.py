"""A model is calibrated by what it does on apps; evaluations and explorations use it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jamel.agents.base import weights_digest
from jamel.calibrate import calibrate
from jamel.calibration import (
    FILE,
    Calibration,
    Exhausted,
    Line,
    Platt,
    read_calibration,
    write_calibration,
)
from jamel.cli import app
from jamel.config import CalibrateConfig, Config, EvaluateConfig
from jamel.errors import ConfigError, EvaluationError
from jamel.evaluate import evaluate
from jamel.model.configuration import JamelConfig
from jamel.model.modeling import JamelModel
from jamel.report import render

ROOT = Path(__file__).resolve().parents[1]
SHORT = Config(
    calibrate=CalibrateConfig(apps=2, steps=24, window=8),
    evaluate=EvaluateConfig(suite="valid", seeds=(0,), budget=16, apps=2, bootstrap=50, workers=1),
)


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "jamel" / "round-0"
    JamelModel(JamelConfig(width=32, heads=2, hash_buckets=256)).save_pretrained(path)
    return path


def changed(**calibration: object) -> Config:
    section = SHORT.calibrate.model_copy(update=calibration)
    return SHORT.model_copy(update={"calibrate": section})


def test_what_is_fitted_is_kept_and_an_evaluation_shows_before_and_after(model_dir: Path) -> None:
    plain = evaluate(SHORT, {"jamel": model_dir})
    assert plain["reliability"]["jamel"]["novelty"]["after"] is None
    assert "calibrated_on" not in plain["meta"]

    told: list[int] = []
    found = calibrate(SHORT, model_dir, progress=lambda done, total, name: told.append(done))
    assert found["path"] == str(model_dir / FILE) and found["apps"] == 2 and told == [1, 2]
    assert found["reliability"]["novelty"]["before"]["count"] == 48
    assert found["reliability"]["exhausted"]["before"]["count"] == 2 * (24 - 8)
    kept = read_calibration(model_dir)
    assert kept is not None and kept.exhausted.window == 8

    results = evaluate(SHORT, {"planner": None, "jamel": model_dir})
    believed = results["reliability"]
    assert list(believed) == ["jamel"], "an agent without a model has no figures"
    assert set(believed["jamel"]) == {"novelty", "worth", "exhausted"}
    assert believed["jamel"]["exhausted"]["after"]["count"] == 2 * (16 - 8)
    mine = [row["coverage"] for row in results["rows"] if row["agent"] == "jamel"]
    assert mine == [row["coverage"] for row in plain["rows"]], "it changes nothing that is done"
    page = render(results)
    assert "are too good" in page and len(re.findall("data:image/png", page)) == 2
    assert "too good" not in render(plain)


def test_what_cannot_be_calibrated_is_said(model_dir: Path) -> None:
    with pytest.raises(ConfigError, match="test"):
        calibrate(changed(suite="test"), model_dir)
    with pytest.raises(EvaluationError, match=r"more than 8 steps.*calibrate\.steps"):
        calibrate(changed(steps=8), model_dir)
    with pytest.raises(EvaluationError, match="two apps"):
        calibrate(changed(apps=1), model_dir)
    with pytest.raises(ConfigError, match="0 apps"):
        calibrate(changed(apps=0), model_dir)


def test_a_broken_calibration_ends_an_evaluation_before_it_runs(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{}")
    with pytest.raises(EvaluationError, match="jamel calibrate"):
        evaluate(SHORT, {"jamel": tmp_path})


def test_an_exploration_ends_when_a_calibrated_model_is_sure(
    model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    late = Exhausted(mean=(0, 0, 0, 2.0), scale=(1, 1, 1, 0.01), weights=(0, 0, 0, 1), bias=2)
    digest = weights_digest(model_dir)
    fitted = Calibration(
        weights=digest, suite="valid", novelty=Platt(), worth=Line(), exhausted=late
    )
    write_calibration(fitted, model_dir)
    words = ["explore", "valid/0", "--model", str(model_dir), "--out", str(tmp_path)]
    done = CliRunner().invoke(app, [*words, "--until-exhausted", "--patience", "2"])
    assert done.exit_code == 0, done.output
    assert "exhausted: hardly (0 %)" in done.output, "it is said while it runs"
    ended = "exhausted: almost surely (100 %) - fewer than 2 new probes in 20 steps"
    assert ended in done.output
    assert len((tmp_path / "session.jsonl").read_text().splitlines()) < 15
