"""What a model's figures stand for: chances that are checked against what came, and mended.

Knows numbers only. A model's novelty is mended by Platt scaling (Platt, Probabilistic outputs for
support vector machines, 1999), and the chance that an app is exhausted is a logistic regression on
the survey's features; both are fitted on the validation suite and kept as JSON beside the weights
they belong to. The expected calibration error is that of Naeini et al. (AAAI 2015) over bins of
equal size; its interval is bootstrapped over apps.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, ValidationError

from jamel.config import Section
from jamel.disk import write_text
from jamel.errors import EvaluationError
from jamel.statistics import bounds, resampling_weights

FILE = "calibration.json"
BINS = 10
FOLDS = 5
RIDGE = 1.0
"""Weight of the squared coefficients, of standardised inputs, in a fit."""
_EDGE = 1e-4


class Platt(Section):
    """chance = sigmoid(slope × logit(figure) + offset)."""

    slope: float = 1.0
    offset: float = 0.0

    def __call__(self, figure: float) -> float:
        """The chance that a figure stands for."""
        return _sigmoid(self.slope * _logit(figure) + self.offset)


class Exhausted(Section):
    """The chance of fewer than `fewer` new probes in the next `window` steps, from features."""

    window: int = Field(20, gt=0)
    fewer: int = Field(2, gt=0)
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float

    def __call__(self, features: Sequence[float]) -> float:
        """The chance, given `jamel.agents.survey.Survey.features`."""
        parts = zip(features, self.mean, self.scale, self.weights, strict=True)
        return _sigmoid(self.bias + sum(w * (x - m) / s for x, m, s, w in parts))


class Calibration(Section):
    """What belongs to one model; `weights` is a digest of the weights it was fitted for."""

    jamel_calibration: Literal[1] = 1
    weights: str
    suite: str
    novelty: Platt = Platt()
    exhausted: Exhausted | None = None


def weights_digest(model_dir: Path) -> str:
    """Twelve hex digits of a model's weights."""
    with (model_dir / "model.safetensors").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def write_calibration(calibration: Calibration, model_dir: Path) -> Path:
    """Keep a calibration beside its model; raises StoreError."""
    text = json.dumps(calibration.model_dump(mode="json"), indent=1, sort_keys=True)
    return write_text(model_dir / FILE, text + "\n")


def read_calibration(model_dir: Path) -> Calibration | None:
    """A model's calibration, None where it has none or the weights have changed since.

    Raises:
        EvaluationError: the file is no calibration.
    """
    path = model_dir / FILE
    if not path.is_file():
        return None
    try:
        found = Calibration.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise EvaluationError(
            f"expected a calibration in {path}, found: {place}: {first['msg']}. Delete it, and "
            "write it again with `jamel calibrate`."
        ) from None
    return found if found.weights == weights_digest(model_dir) else None


def fit_platt(
    figures: np.ndarray, came: np.ndarray, apps: Sequence[str]
) -> tuple[Platt, np.ndarray]:
    """The Platt scaling of figures, the identity where it does not help on apps left out.

    Returns:
        The scaling, and the chances it gives on apps that it was not fitted on.
    """

    def fit(train: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        platt = _platt(figures[train], came[train])
        return lambda test: np.array([platt(figure) for figure in figures[test]])

    scaled = _out_of_fold(fit, apps)
    if log_loss(scaled, came) < log_loss(figures, came):
        return _platt(figures, came), scaled
    return Platt(), figures


def fit_exhausted(
    features: np.ndarray, came: np.ndarray, apps: Sequence[str], window: int, fewer: int
) -> tuple[Exhausted, np.ndarray]:
    """The regression on (N, F) features, and its chances on apps that it was not fitted on."""

    def fit(train: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        part = _exhausted(features[train], came[train], window, fewer)
        return lambda test: np.array([part(row) for row in features[test]])

    return _exhausted(features, came, window, fewer), _out_of_fold(fit, apps)


def reliability(
    predicted: np.ndarray, came: np.ndarray, apps: Sequence[str], resamples: int = 1000
) -> dict[str, Any]:
    """How well predictions agree with what came, as plain data.

    Args:
        predicted: (N,) chances, or expected counts.
        came: (N,) what came of it: 0 or 1, or counts.
        apps: of each, for the interval.

    Returns:
        `{"count", "rate", "error", "low", "high", "bins"}`: the error is the mean distance of the
        bins' predictions from what came; a bin is `{"predicted", "came", "count"}`.

    Raises:
        EvaluationError: there is nothing to compare.
    """
    if not len(predicted):
        raise EvaluationError("expected decisions to calibrate on, found none. Run more sessions.")
    place = _bins(predicted)
    names = sorted(set(apps))
    of_app = np.array([names.index(app) for app in apps])
    sums = np.zeros((len(names), BINS, 3))
    np.add.at(sums, (of_app, place), np.stack([predicted, came, np.ones(len(came))], axis=1))
    draws = resampling_weights(len(names), resamples) @ sums.reshape(len(names), -1)
    low, high = bounds(_error(draws.reshape(resamples, BINS, 3)))
    whole = sums.sum(axis=0)
    return {
        "count": len(predicted),
        "rate": float(np.mean(came)),
        "error": float(_error(whole[None])[0]),
        "low": low,
        "high": high,
        "bins": [
            {"predicted": p / n, "came": c / n, "count": int(n)} for p, c, n in whole.tolist() if n
        ],
    }


def log_loss(chances: np.ndarray, came: np.ndarray) -> float:
    """Mean negative log-likelihood of what came."""
    safe = np.clip(chances, _EDGE, 1 - _EDGE)
    return float(-np.mean(np.where(came > 0, np.log(safe), np.log1p(-safe))))


def _error(sums: np.ndarray) -> np.ndarray:
    """(R,) errors of (R, BINS, 3) sums of predictions, outcomes and counts."""
    predicted, came, count = np.moveaxis(sums, 2, 0)
    return np.abs(predicted - came).sum(axis=1) / count.sum(axis=1)


def _bins(predicted: np.ndarray) -> np.ndarray:
    """The bin of each prediction: bins of equal size, equal predictions in one."""
    edges = np.quantile(predicted, np.linspace(0, 1, BINS + 1)[1:-1])
    return np.searchsorted(edges, predicted, side="right")


def _out_of_fold(
    fit: Callable[[np.ndarray], Callable[[np.ndarray], np.ndarray]], apps: Sequence[str]
) -> np.ndarray:
    """Predictions for each app by fits that did not see it."""
    names = sorted(set(apps))
    folds = np.array([names.index(app) % FOLDS for app in apps])
    found = np.zeros(len(folds))
    for fold in range(FOLDS):
        test = folds == fold
        if test.any() and not test.all():
            found[test] = fit(~test)(test)
    return found


def _platt(figures: np.ndarray, came: np.ndarray) -> Platt:
    logits = np.array([_logit(figure) for figure in figures])[:, None]
    mean, scale = logits.mean(), max(float(logits.std()), 1e-6)
    weights, bias = fit_logistic((logits - mean) / scale, came)
    slope = float(weights[0] / scale)
    return Platt(slope=slope, offset=float(bias - slope * mean))


def _exhausted(features: np.ndarray, came: np.ndarray, window: int, fewer: int) -> Exhausted:
    mean, scale = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-6)
    weights, bias = fit_logistic((features - mean) / scale, came)
    return Exhausted(
        window=window,
        fewer=fewer,
        mean=tuple(mean.tolist()),
        scale=tuple(scale.tolist()),
        weights=tuple(weights.tolist()),
        bias=bias,
    )


def fit_logistic(inputs: np.ndarray, came: np.ndarray, steps: int = 30) -> tuple[np.ndarray, float]:
    """Weights (F,) and bias of a ridge logistic regression, by Newton's method.

    The inputs (N, F) are standardised; the bias is not shrunk.
    """
    with_bias = np.concatenate([inputs, np.ones((len(inputs), 1))], axis=1)
    ridge = np.full(with_bias.shape[1], RIDGE)
    ridge[-1] = 1e-6
    theta = np.zeros(with_bias.shape[1])
    for _ in range(steps):
        chances = 1 / (1 + np.exp(-np.clip(with_bias @ theta, -30, 30)))
        slope = with_bias.T @ (chances - came) + ridge * theta
        curvature = (with_bias * (chances * (1 - chances) + 1e-9)[:, None]).T @ with_bias
        step = np.linalg.solve(curvature + np.diag(ridge), slope)
        theta -= step
        if np.abs(step).max() < 1e-8:
            break
    return theta[:-1], float(theta[-1])


def _logit(figure: float) -> float:
    safe = min(max(float(figure), _EDGE), 1 - _EDGE)
    return math.log(safe / (1 - safe))


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-min(max(value, -30.0), 30.0)))
