"""A known miscalibration is found; a broken calibration file is told from a good one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jamel.agents.survey import FEATURES
from jamel.calibration import (
    FILE,
    Calibration,
    Exhausted,
    Line,
    Platt,
    fit_exhausted,
    fit_line,
    fit_platt,
    log_loss,
    read_calibration,
    write_calibration,
)
from jamel.errors import EvaluationError

APPS = [f"valid/{number % 20}" for number in range(6000)]
EVEN = Exhausted(mean=(0.0,) * 4, scale=(1.0,) * 4, weights=(0.0,) * 4, bias=0.0)


def drawn(seed: int) -> tuple[np.random.Generator, np.ndarray]:
    """A source of randomness, and figures between 0 and 1."""
    generator = np.random.default_rng(seed)
    return generator, generator.uniform(0.02, 0.98, len(APPS))


@settings(max_examples=10)
@given(st.floats(0.3, 2.5), st.floats(-1.5, 1.5), st.integers(0, 1000))
def test_a_known_distortion_of_chances_is_undone(slope: float, offset: float, seed: int) -> None:
    generator, figures = drawn(seed)
    truth = np.array([Platt(slope=slope, offset=offset)(figure) for figure in figures])
    came = (generator.random(len(truth)) < truth).astype(float)
    found, chances = fit_platt(figures, came, APPS)
    mended = np.array([found(figure) for figure in figures])
    assert np.abs(mended - truth).mean() < 0.03
    assert np.abs(chances - truth).mean() < 0.03, "also on apps that the fit did not see"
    assert log_loss(mended, came) <= log_loss(figures, came) + 1e-9


@settings(max_examples=10)
@given(st.floats(0.1, 3), st.floats(0, 2), st.integers(0, 1000))
def test_a_worth_that_is_too_high_or_low_is_put_right(
    slope: float, offset: float, seed: int
) -> None:
    generator, figures = drawn(seed)
    came = generator.poisson(slope * 5 * figures + offset).astype(float)
    found, _ = fit_line(5 * figures, came, APPS)
    said = np.array([found(figure) for figure in 5 * figures])
    assert np.abs(said - (slope * 5 * figures + offset)).mean() < 0.25


def test_figures_that_are_right_are_left_about_as_they_are() -> None:
    generator, figures = drawn(3)
    found, _ = fit_platt(figures, (generator.random(len(figures)) < figures).astype(float), APPS)
    assert all(abs(found(chance) - chance) < 0.03 for chance in (0.1, 0.5, 0.9))


def test_a_mend_that_does_not_carry_over_to_other_apps_is_left_out() -> None:
    figures = np.tile([0.5, 0.5], 40)
    apps = ["a"] * 40 + ["b"] * 40
    came = np.array([1.0] * 40 + [0.0] * 40)
    assert fit_platt(figures, came, apps)[0] == Platt()
    assert fit_line(figures, came, apps)[0] == Line()


def test_the_chance_of_exhaustion_follows_the_feature_that_says_it() -> None:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(6000, len(FEATURES)))
    truth = 1 / (1 + np.exp(2 * features[:, 1] - 1))
    came = (generator.random(6000) < truth).astype(float)
    found, chances = fit_exhausted(features, came, APPS, 20, 2)
    assert np.abs(chances - truth).mean() < 0.03
    assert np.abs([found(row) for row in features] - truth).mean() < 0.03


@pytest.mark.parametrize("came", [0.0, 1.0])
def test_what_always_came_is_not_certain(came: float) -> None:
    found, _ = fit_exhausted(np.zeros((30, 4)), np.full(30, came), APPS[:30], 20, 2)
    assert abs(found((0.0,) * 4) - came) == pytest.approx(1 / 32, abs=1e-3)


def test_one_app_is_too_few() -> None:
    with pytest.raises(EvaluationError, match=r"at least two apps.*found 1.*calibrate\.apps"):
        fit_platt(np.full(9, 0.5), np.ones(9), ["valid/0"] * 9)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    return tmp_path


def a_calibration(weights: str) -> Calibration:
    worth = Line(slope=0.5)
    return Calibration(
        weights=weights, suite="valid", novelty=Platt(slope=2), worth=worth, exhausted=EVEN
    )


def test_a_calibration_is_read_as_written_until_the_weights_change(model: Path) -> None:
    from jamel.agents.base import weights_digest

    assert read_calibration(model) is None
    written = a_calibration(weights_digest(model))
    write_calibration(written, model)
    assert read_calibration(model) == written
    (model / "model.safetensors").write_bytes(b"others")
    assert read_calibration(model) is None


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("novelty", "slope"), "steep"),
        (("novelty", "slope"), float("nan")),
        (("exhausted", "weights"), [1.0]),
        (("exhausted", "scale"), [1.0, 1.0, 0.0, 1.0]),
        (("exhausted", "features"), ["a", "b", "c", "d"]),
        (("jamel_calibration",), 2),
        (("more",), 1),
    ],
)
def test_a_broken_calibration_says_where_and_what_to_do(
    model: Path, place: tuple[str, ...], value: object
) -> None:
    data = a_calibration("0").model_dump(mode="json")
    part = data
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    (model / FILE).write_text(json.dumps(data))
    with pytest.raises(EvaluationError, match=rf"expected a calibration.*{place[0]}.*calibrate"):
        read_calibration(model)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x80"])
def test_what_is_no_json_object_is_refused(model: Path, text: str) -> None:
    (model / FILE).write_bytes(text.encode("latin-1"))
    with pytest.raises(EvaluationError, match="jamel calibrate"):
        read_calibration(model)
