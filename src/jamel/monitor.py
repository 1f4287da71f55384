"""Is the champion still what it was? Its later sessions beside its first round after promotion.

Three questions: does it reach new code as often, does its figure "this reaches new code now" still
come true, and do screens look as they did. The figures are those of the champion on the recorded
screens, read again. Knows shards and a model's folder; nothing of registries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jamel.agents.base import weights_digest
from jamel.calibration import read_calibration
from jamel.coverage.raw import read_coverage
from jamel.dumps import count
from jamel.envs.base import candidates
from jamel.episodes import read_session, session_header
from jamel.errors import DatasetError
from jamel.parallel import Progress, one_torch_thread, run_parallel
from jamel.reliability import Said, calibration_error
from jamel.statistics import Independent, independent_difference
from jamel.types import Session

REWARDED = "rewarded steps, %"
CALIBRATION = "novelty: calibration error"
SCREEN = ("elements", "depth", "clickable", "texts", "characters", "nodes with id", "ambiguous")
"""What of a screen is compared; `jamel.dumps.count` has the definitions."""


class Seen(NamedTuple):
    """One session: the app, its rewarded steps in %, the means of its screens' counts, and the
    figures (N,) of the actions that the model could have taken with what came of them (N,)."""

    session: str
    app: str
    rewarded: float
    screen: dict[str, float]
    figures: np.ndarray
    came: np.ndarray


def own_rounds(rounds: Mapping[str, Sequence[Path]], model_dir: Path) -> dict[str, list[Path]]:
    """Of each round the shards that these very weights explored; rounds without are left out."""
    weights = weights_digest(model_dir)
    found = {
        name: [p for p in shards if _version(p).startswith(weights)]
        for name, shards in rounds.items()
    }
    return {name: shards for name, shards in found.items() if shards}


def _version(path: Path) -> str:
    return str(session_header(path).get("agent_version", ""))


def monitor(
    model_dir: Path,
    rounds: Mapping[str, Sequence[Path]],
    *,
    last: int = 4,
    sessions: int = 48,
    workers: int = 1,
    resamples: int = 2000,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Compare the last rounds that a model explored with the first one.

    Args:
        model_dir: the model's folder.
        rounds: name -> session shards that the model explored, oldest round first.
        last: how many of the later rounds are compared with the first.
        sessions: at most so many are read on each side, evenly spread.
        workers: processes.
        resamples: of the bootstrap.
        progress: is told of every session that was read.

    Returns:
        `{"first", "last", "sessions", "unit", "measures", "fell"}`. A measure is `{"measure",
        "then", "now", "difference", "low", "high", "fell"}` with the 95 % interval of the
        difference over apps, or over sessions (`unit`) where a side has one app only. It fell when
        the interval lies below 0, for an error above; what screens are like cannot fall. "fell"
        lists those that did.

    Raises:
        DatasetError: there are not two rounds to compare.
        ShardError: a shard cannot be read.
    """
    names = list(rounds)
    if len(names) < 2:
        raise DatasetError(
            f"expected two rounds that the champion explored, found {len(names)}. Collect more "
            "rounds with it: `jamel serve` does every hour, and so does a run of collect/hourly."
        )
    later = names[1:][-last:]
    sides = [_spread(rounds[names[0]], sessions)]
    sides.append(_spread([path for name in later for path in rounds[name]], sessions))
    read = _read(model_dir, [*sides[0], *sides[1]], workers, progress)
    then, now = ([read[path] for path in side] for side in sides)
    by_app = min(len({seen.app for seen in side}) for side in (then, now)) > 1
    rows = _rows(then, now, by_app, resamples)
    return {
        "first": names[0],
        "last": later,
        "sessions": [len(then), len(now)],
        "unit": "app" if by_app else "session",
        "measures": rows,
        "fell": [row["measure"] for row in rows if row["fell"]],
    }


def _spread(paths: Sequence[Path], most: int) -> list[Path]:
    """At most `most` of the paths, evenly spread."""
    step = max(1.0, len(paths) / most)
    return [paths[int(place * step)] for place in range(min(most, len(paths)))]


def _read(
    model_dir: Path, paths: Sequence[Path], workers: int, progress: Progress | None
) -> dict[Path, Seen]:
    found: dict[Path, Seen] = {}
    for path, seen in run_parallel(partial(_seen, model_dir), paths, workers):
        found[path] = seen
        if progress is not None:
            progress(len(found), len(paths), seen.session)
    return found


def _seen(model_dir: Path, path: Path) -> tuple[Path, Seen]:
    one_torch_thread()
    return path, look_at(read_session(path), model_dir)


def look_at(session: Session, model_dir: Path) -> Seen:
    """What a model says of a recorded session, step by step, and what came of it."""
    from jamel.agents.learned import ModelPolicy

    policy, calibration = ModelPolicy.load(model_dir), read_calibration(model_dir)
    believed = calibration.novelty if calibration else float
    memory = policy.start(session.seed)
    covered = _start(session)
    figures, came, screens, rewarded = [], [], [], 0
    steps = session.transitions()
    for step in steps:
        policy.scores([memory], [step.observation])
        offered = candidates(step.observation)
        new = step.covered > covered
        if step.action in offered:
            figures.append(believed(float(memory.novelty[offered.index(step.action)])))
            came.append(float(new))
        policy.note(memory, step.observation, step.action, step.executed)
        screens.append(count(step.observation.elements, step.observation.size_px))
        rewarded += new
        covered = step.covered
    means = {name: float(np.mean([screen.get(name, 0) for screen in screens])) for name in SCREEN}
    share = 100 * rewarded / max(1, len(steps))
    return Seen(session.session_id, session.app, share, means, np.array(figures), np.array(came))


def _start(session: Session) -> int:
    raw = session.coverage.get(session.start_probes)
    return 0 if raw is None else read_coverage(raw).count()


def _rows(
    then: Sequence[Seen], now: Sequence[Seen], by_app: bool, resamples: int
) -> list[dict[str, Any]]:
    def means(side: Sequence[Seen], value: Any) -> list[float]:
        units: dict[str, list[float]] = {}
        for seen in side:
            units.setdefault(seen.app if by_app else seen.session, []).append(value(seen))
        return [float(np.mean(values)) for values in units.values()]

    def row(name: str, found: Independent, fell: bool) -> dict[str, Any]:
        return {"measure": name} | found._asdict() | {"fell": fell}

    def compared(value: Any) -> Independent:
        return independent_difference(means(now, value), means(then, value), resamples)

    rewarded = compared(lambda seen: seen.rewarded)
    rows = [row(REWARDED, rewarded, rewarded.high < 0)]
    if all(any(len(seen.figures) for seen in side) for side in (then, now)):
        error = calibration_error(_said(now, by_app), _said(then, by_app), resamples)
        rows.append(row(CALIBRATION, error, error.low > 0))
    for name in SCREEN:
        rows.append(
            row(f"screen: {name}", compared(lambda seen, key=name: seen.screen[key]), False)
        )
    return rows


def _said(side: Sequence[Seen], by_app: bool) -> Said:
    names = [seen.app if by_app else seen.session for seen in side for _ in seen.figures]
    return Said(
        np.concatenate([seen.figures for seen in side]),
        np.concatenate([seen.came for seen in side]),
        names,
    )
