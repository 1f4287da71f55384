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


def coverage_png(curves: Curves, share_of: str = "reachable probes") -> bytes:
    """Coverage after each step for every agent, with its interval; the best agent first."""
    figure, (axes,) = _figure(9)
    best = sorted(curves.items(), key=lambda item: -item[1]["mean"][-1])
    for index, (agent, curve) in enumerate(best):
        steps = range(1, len(curve["mean"]) + 1)
        color, style = f"C{index % 10}", ("-", "--", ":")[index // 10 % 3]
        label = agent.replace("$", r"\$")
        axes.plot(steps, curve["mean"], style, color=color, label=label, linewidth=1.8)
        axes.fill_between(steps, curve["low"], curve["high"], color=color, alpha=0.12, linewidth=0)
    axes.set(xlabel="steps", ylabel=f"coverage, % of {share_of}", ylim=(0, None))
    figure.legend(loc="outside right upper", frameon=False)
    return _png(figure)


def losses_png(losses: Sequence[float]) -> bytes:
    """The loss of every update of a training."""
    figure, (axes,) = _figure(7)
    axes.plot(range(1, len(losses) + 1), losses, linewidth=1.2)
    axes.set(xlabel="update", ylabel="loss")
    return _png(figure)


def rounds_png(points: Sequence[Mapping[str, Any]], budget: int, suite: str) -> bytes:
    """Coverage by round with its interval; `points` are those of `jamel.rounds.curve`."""
    figure, (axes,) = _figure(7)
    rounds = [point["round"] for point in points]
    low = [point["mean"] - point["low"] for point in points]
    high = [point["high"] - point["mean"] for point in points]
    means = [point["mean"] for point in points]
    axes.errorbar(rounds, means, yerr=[low, high], fmt="o-", capsize=4, linewidth=1.8)
    axes.set(xlabel="round", ylabel=f"coverage@{budget} on {suite}, %", xticks=rounds)
    return _png(figure)


def reliability_png(found: Mapping[str, Mapping[str, Any]]) -> bytes:
    """One panel a figure of a model: what it predicted against what came, with 95 % intervals.

    `found` is what `jamel.reliability.judged` returns for one agent.
    """
    figure, panels = _figure(5 * len(found), len(found))
    for axes, (name, item) in zip(panels, found.items(), strict=True):
        most = 0.0
        for when, style in (("before", "o--"), ("after", "s-")):
            if item[when] is not None:
                most = max(most, _calibration_curve(axes, item[when], style, when))
        axes.plot([0, most], [0, most], color="0.5", linewidth=1)
        axes.set(title=name, xlabel=f"predicted: {item['means']}", ylabel="came")
        axes.legend(frameon=False)
    return _png(figure)


def _calibration_curve(axes: Axes, part: Mapping[str, Any], style: str, label: str) -> float:
    """Draw the bins; returns the highest prediction or outcome."""
    predicted, came, low, high = (
        [one[key] for one in part["bins"]] for key in ("predicted", "came", "low", "high")
    )
    below = [max(c - bound, 0) for c, bound in zip(came, low, strict=True)]
    above = [max(bound - c, 0) for c, bound in zip(came, high, strict=True)]
    axes.errorbar(predicted, came, yerr=[below, above], fmt=style, capsize=3, label=label)
    return max(*predicted, *came, 0)


def _figure(width_in: float, panels: int = 1) -> tuple[Figure, list[Axes]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, 5), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    shown = [figure.add_subplot(1, panels, place + 1) for place in range(panels)]
    for axes in shown:
        axes.grid(alpha=0.3)
    return figure, shown


def _png(figure: Figure) -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    return picture.getvalue()
