"""What a model's figures stand for: chances that are checked against what came, and mended.

Knows numbers only. A model's novelty is mended by Platt scaling with his smoothed targets (Platt,
Probabilistic outputs for support vector machines, 1999), its worth by a straight line, and the
chance that an app is exhausted is a logistic regression on the survey's features. All are fitted on
the validation suite and kept as JSON beside the weights they belong to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, ValidationError, model_validator

from jamel.agents.base import weights_digest
from jamel.agents.survey import FEATURES
from jamel.config import Section
from jamel.disk import write_json
from jamel.errors import EvaluationError

FILE = "calibration.json"
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


class Line(Section):
    """expected new probes = slope × figure + offset, never below 0."""

    slope: float = 1.0
    offset: float = 0.0

    def __call__(self, figure: float) -> float:
        """The new probes, discounted, that a worth stands for."""
        return max(0.0, self.slope * figure + self.offset)


class Exhausted(Section):
    """The chance of fewer than `fewer` new probes in the next `window` steps, from features."""

    window: int = Field(20, gt=0)
    fewer: int = Field(2, gt=0)
    features: tuple[str, ...] = FEATURES
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float

    @model_validator(mode="after")
    def _fits_the_survey(self) -> Exhausted:
        lengths = {len(part) for part in (self.features, self.mean, self.scale, self.weights)}
        if self.features != FEATURES or lengths != {len(FEATURES)} or min(self.scale) <= 0:
            told = ", ".join(FEATURES)
            raise ValueError(f"expected a mean, a positive scale and a weight of each of {told}")
        return self

    @property
    def means(self) -> str:
        """What "exhausted" stands for, in words."""
        return f"fewer than {self.fewer} new probes in {self.window} steps"

    def __call__(self, features: Sequence[float]) -> float:
        """The chance, given `jamel.agents.survey.Survey.features`."""
        parts = zip(features, self.mean, self.scale, self.weights, strict=True)
        return _sigmoid(self.bias + sum(w * (x - m) / s for x, m, s, w in parts))


class Calibration(Section):
    """What belongs to one model; `weights` is a digest of the weights it was fitted for."""

    jamel_calibration: Literal[1] = 1
    weights: str
    suite: str
    novelty: Platt
    worth: Line
    exhausted: Exhausted


def write_calibration(calibration: Calibration, model_dir: Path) -> Path:
    """Keep a calibration beside its model; raises StoreError."""
    return write_json(model_dir / FILE, calibration.model_dump(mode="json"))


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


def fit_line(figures: np.ndarray, came: np.ndarray, apps: Sequence[str]) -> tuple[Line, np.ndarray]:
    """The straight line through figures and counts, the identity where it does not help.

    Returns:
        The line, and what it says on apps that it was not fitted on.
    """

    def fit(train: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        line = _line(figures[train], came[train])
        return lambda test: np.array([line(figure) for figure in figures[test]])

    scaled = _out_of_fold(fit, apps)
    if np.mean((scaled - came) ** 2) < np.mean((figures - came) ** 2):
        return _line(figures, came), scaled
    return Line(), figures


def fit_exhausted(
    features: np.ndarray, came: np.ndarray, apps: Sequence[str], window: int, fewer: int
) -> tuple[Exhausted, np.ndarray]:
    """The regression on (N, F) features, and its chances on apps that it was not fitted on."""

    def fit(train: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        part = _exhausted(features[train], came[train], window, fewer)
        return lambda test: np.array([part(row) for row in features[test]])

    return _exhausted(features, came, window, fewer), _out_of_fold(fit, apps)


def log_loss(chances: np.ndarray, came: np.ndarray) -> float:
    """Mean negative log-likelihood of what came."""
    safe = np.clip(chances, _EDGE, 1 - _EDGE)
    return float(-np.mean(np.where(came > 0, np.log(safe), np.log1p(-safe))))


def _out_of_fold(
    fit: Callable[[np.ndarray], Callable[[np.ndarray], np.ndarray]], apps: Sequence[str]
) -> np.ndarray:
    """Predictions for each app by fits that did not see it; raises EvaluationError."""
    names = sorted(set(apps))
    if len(names) < 2:
        raise EvaluationError(
            f"expected sessions on at least two apps to calibrate on, found {len(names)}. "
            "Raise calibrate.apps."
        )
    folds = np.array([names.index(app) % FOLDS for app in apps])
    found = np.zeros(len(folds))
    for fold in range(FOLDS):
        test = folds == fold
        if test.any():
            found[test] = fit(~test)(test)
    return found


def _platt(figures: np.ndarray, came: np.ndarray) -> Platt:
    logits = np.array([_logit(figure) for figure in figures])[:, None]
    mean, scale = logits.mean(), max(float(logits.std()), 1e-6)
    weights, bias = fit_logistic((logits - mean) / scale, came)
    slope = float(weights[0] / scale)
    return Platt(slope=slope, offset=float(bias - slope * mean))


def _line(figures: np.ndarray, came: np.ndarray) -> Line:
    """Least squares; figures that are all equal say nothing, so that the mean is left."""
    spread = float(np.var(figures))
    slope = float(np.mean((figures - figures.mean()) * came)) / spread if spread > 1e-12 else 0.0
    slope = max(slope, 0.0)
    return Line(slope=slope, offset=float(came.mean() - slope * figures.mean()))


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


def fit_logistic(inputs: np.ndarray, came: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights (F,) and bias of a ridge logistic regression; the bias is not shrunk.

    The inputs (N, F) are standardised. As Platt has it, what came counts as a little less than
    sure, so that a fit on outcomes that are all alike is not certain of them: every input is there
    with both outcomes, each as likely as it is.
    """
    from sklearn.linear_model import LogisticRegression

    yes = float(came.sum())
    sure, never = (yes + 1) / (yes + 2), 1 / (len(came) - yes + 2)
    likely = np.where(came > 0, sure, never)
    outcomes = np.repeat([1, 0], len(came))
    model = LogisticRegression(C=1 / RIDGE, tol=1e-8, max_iter=1000)
    model.fit(np.concatenate([inputs, inputs]), outcomes, np.concatenate([likely, 1 - likely]))
    return model.coef_[0], float(model.intercept_[0])


def _logit(figure: float) -> float:
    safe = min(max(float(figure), _EDGE), 1 - _EDGE)
    return math.log(safe / (1 - safe))


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-min(max(value, -30.0), 30.0)))
