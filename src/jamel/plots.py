"""Results as pictures: PNG bytes for pages and for MLflow.

Knows the results of an evaluation as plain data. Figures are drawn without a display, and the same
data gives the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curves = Mapping[str, Mapping[str, Sequence[float]]]


def coverage_png(curves: Curves) -> bytes:
    """Coverage after each step for every agent, with its interval; the best agent first."""
    figure, axes = _figure(9)
    best = sorted(curves.items(), key=lambda item: -item[1]["mean"][-1])
    for index, (agent, curve) in enumerate(best):
        steps = range(1, len(curve["mean"]) + 1)
        color, style = f"C{index % 10}", ("-", "--", ":")[index // 10 % 3]
        label = agent.replace("$", r"\$")
        axes.plot(steps, curve["mean"], style, color=color, label=label, linewidth=1.8)
        axes.fill_between(steps, curve["low"], curve["high"], color=color, alpha=0.12, linewidth=0)
    axes.set(xlabel="steps", ylabel="coverage, % of reachable probes", ylim=(0, None))
    figure.legend(loc="outside right upper", frameon=False)
    return _png(figure)


def rounds_png(points: Sequence[Mapping[str, Any]], budget: int, suite: str) -> bytes:
    """Coverage by round with its interval; `points` are those of `jamel.rounds.curve`."""
    figure, axes = _figure(7)
    rounds = [point["round"] for point in points]
    low = [point["mean"] - point["low"] for point in points]
    high = [point["high"] - point["mean"] for point in points]
    means = [point["mean"] for point in points]
    axes.errorbar(rounds, means, yerr=[low, high], fmt="o-", capsize=4, linewidth=1.8)
    axes.set(xlabel="round", ylabel=f"coverage@{budget} on {suite}, %", xticks=rounds)
    return _png(figure)


def _figure(width_in: float) -> tuple[Figure, Axes]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, 5), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.grid(alpha=0.3)
    return figure, axes


def _png(figure: Figure) -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    return picture.getvalue()
