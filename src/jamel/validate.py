"""Check recorded sessions and their labels; set aside what is broken and let the rest pass.

Knows shards and folders. The rules are in `expectations.py`; what trains on the data afterwards
is not known here.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jamel.coverage.raw import read_coverage
from jamel.data_docs import write_docs
from jamel.disk import write_bytes, write_json, write_text
from jamel.envs.base import candidates
from jamel.envs.ui_tree import BULLET
from jamel.episodes import read_session
from jamel.errors import JamelError, ShardError, ValidationError
from jamel.expectations import COLUMNS, Verdict, check
from jamel.shards import LABEL_KIND, LABEL_SCHEMA, read_table
from jamel.suites import is_embedded
from jamel.types import Session, Transition, action_problem

if TYPE_CHECKING:
    import pandas

MAX_QUARANTINED_SHARE = 0.5
"""Above this the data is not a dataset with a few bad shards: something upstream is broken."""

Shards = Path | Sequence[Path]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """What was checked.

    `quarantined` maps a shard's path to why it must not be learned from; `broken` lists rules
    that failed for the dataset as a whole; `unsized` names the apps of which nobody listed the
    classes, so that the share of their code that was covered is not known.
    """

    passed: bool
    evaluated: int
    quarantined: dict[str, str]
    docs: str
    rows: int
    sessions: int
    broken: tuple[str, ...] = ()
    unsized: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain data, as written to `validation.json` and read by the gate."""
        lists = {"broken": list(self.broken), "unsized": list(self.unsized)}
        return {name: getattr(self, name) for name in self.__slots__} | lists


def validate(
    session_paths: Shards,
    label_paths: Shards,
    out_dir: Path,
    quarantine_dir: Path | None = None,
) -> ValidationResult:
    """Check every session and its labels; write data docs and `validation.json` to `out_dir`.

    A shard that cannot be read, or a session with a row that breaks a rule, is quarantined: moved
    to `quarantine_dir` when that is given, else only reported. The rest is then checked again and
    passes when every rule holds for it.

    Args:
        session_paths: session shards, or a folder of them at any depth.
        label_paths: label shards, or a folder of them.
        out_dir: receives `docs/index.html` and `validation.json`.
        quarantine_dir: where broken shards go, each with a `.reason.txt` beside it.

    Raises:
        ValidationError: there is no session, a session has no labels, or fewer expectations were
            evaluated than exist.
    """
    sessions, labels = _listed(session_paths), _listed(label_paths)
    _require_labels(sessions, labels)
    rows, quarantined = _read_all(sessions, {_key(path): path for path in labels})
    # Great Expectations takes absolute folders only.
    out_dir = out_dir.resolve()
    verdict, rows = _check_twice(rows, sessions, labels, quarantined, out_dir / "docs")
    result = _result(verdict, rows, len(sessions), quarantined)
    shards = {_key(Path(name)): reason for name, reason in quarantined.items()}
    write_docs(out_dir / "docs", verdict.rules, _summary(result), shards)
    write_json(out_dir / "validation.json", result.as_dict())
    if quarantine_dir is not None:
        quarantine(quarantined, quarantine_dir)
    return result


def quarantine(reasons: Mapping[str, str], folder: Path) -> list[Path]:
    """Move shards aside, each by one rename, with the reason in a text file beside it.

    A shard keeps its place below the folder that `folder` is in, `sessions/web/round-0`: a session
    and its labels have the same name. The reason is written first, so that no shard is ever set
    aside without one. A shard that is gone already is skipped: the command can be repeated after a
    crash.
    """
    moved: list[Path] = []
    for name, reason in reasons.items():
        source = Path(name)
        if not source.exists():
            continue
        target = folder / _place(source, folder.parent)
        write_text(target.with_suffix(".reason.txt"), reason + "\n")
        _move(source, target)
        moved.append(target)
    return moved


def _place(shard: Path, data: Path) -> Path:
    """The shard's path in `data`; of one that lies elsewhere, its path from the root."""
    shard, data = shard.resolve(), data.resolve()
    return shard.relative_to(data if shard.is_relative_to(data) else shard.anchor)


def require(result: ValidationResult) -> None:
    """Raise ValidationError that says why the dataset as a whole did not pass."""
    if not result.passed:
        why = "; ".join(result.broken) or "too many sessions are broken"
        raise ValidationError(
            f"expected a valid dataset, found: {why} ({len(result.quarantined)} shards set aside, "
            f"{result.rows} rows left). See {result.docs}."
        )


def _check_twice(
    rows: dict[str, list[Row]],
    sessions: Sequence[Path],
    labels: Sequence[Path],
    quarantined: dict[str, str],
    docs_dir: Path,
) -> tuple[Verdict, dict[str, list[Row]]]:
    """The suite on everything, then, when sessions were set aside, on what is left.

    The data docs show the last check; `quarantined` is extended in place.
    """
    verdict = _fresh_check(rows, docs_dir)
    if not verdict.bad:
        return verdict, rows
    for path in (*sessions, *labels):
        if _key(path) in verdict.bad:
            quarantined.setdefault(str(path), verdict.bad[_key(path)])
    rows = {key: group for key, group in rows.items() if key not in verdict.bad}
    return _fresh_check(rows, docs_dir), rows


def _fresh_check(rows: dict[str, list[Row]], docs_dir: Path) -> Verdict:
    shutil.rmtree(docs_dir, ignore_errors=True)
    return check(_frame(rows), docs_dir)


def _result(
    verdict: Verdict, rows: dict[str, list[Row]], sessions: int, quarantined: dict[str, str]
) -> ValidationResult:
    broken = list(verdict.broken)
    share = 1 - len(rows) / sessions
    if share > MAX_QUARANTINED_SHARE:
        broken.append(
            f"expected at most {MAX_QUARANTINED_SHARE:.0%} of the sessions to be broken, "
            f"found {share:.0%} of {sessions}"
        )
    return ValidationResult(
        passed=verdict.passed and not broken,
        evaluated=verdict.evaluated,
        quarantined=dict(quarantined),
        docs=str(verdict.docs),
        rows=sum(len(group) for group in rows.values()),
        sessions=len(rows),
        broken=tuple(broken),
        unsized=tuple(sorted(_unsized(rows.values()))),
    )


def _unsized(groups: Iterable[list[Row]]) -> set[str]:
    """The apps whose number of probes is not known."""
    return {row["app"] for group in groups for row in group if not row["total_probes"]}


def _summary(result: ValidationResult) -> Row:
    """What the data docs say first."""
    return {
        "passed": result.passed,
        "expectations evaluated": result.evaluated,
        "sessions": result.sessions,
        "steps": result.rows,
        "shards set aside": len(result.quarantined),
        "apps of unknown size": ", ".join(result.unsized) or "none",
        "why it did not pass": "; ".join(result.broken),
    }


def _listed(shards: Shards) -> list[Path]:
    found = shards.rglob("*.parquet") if isinstance(shards, Path) else shards
    return sorted(Path(path) for path in found)


def _key(path: Path) -> str:
    """Round and session, such as `round-0/train-001-random-s0`: a session and its labels agree."""
    return f"{path.parent.name}/{path.stem}"


def _require_labels(sessions: Sequence[Path], labels: Sequence[Path]) -> None:
    if not sessions:
        raise ValidationError(
            "expected session shards to validate, found none. Run `jamel collect` first."
        )
    missing = sorted({_key(path) for path in sessions} - {_key(path) for path in labels})
    if missing:
        raise ValidationError(
            f"expected a label shard for every session, found none for {len(missing)} of "
            f"{len(sessions)}, the first of them {missing[0]}. Run `jamel label` first."
        )


def _read_all(
    sessions: Sequence[Path], labels: Mapping[str, Path]
) -> tuple[dict[str, list[Row]], dict[str, str]]:
    """Rows by shard name, and the shards that cannot be read with the reason."""
    rows: dict[str, list[Row]] = {}
    quarantined: dict[str, str] = {}
    for path in sessions:
        key = _key(path)
        try:
            steps = _rows(_read_named(path), _read_labels(labels[key]))
        except JamelError as error:
            # Quarantine travels with the dataset: without the folders of this machine.
            reason = str(error).replace(f"{path.parent}/", "").replace(f"{labels[key].parent}/", "")
            quarantined[str(path)] = quarantined[str(labels[key])] = reason
            continue
        rows[key] = [{"shard": key} | row for row in steps]
    known = {_key(path) for path in sessions}
    orphans = [path for key, path in labels.items() if key not in known]
    return rows, quarantined | {str(path): "no session shard of this name" for path in orphans}


def _read_named(path: Path) -> Session:
    session = read_session(path)
    if session.session_id != path.stem:
        raise ShardError(
            f"expected session {path.stem} at {path}, found {session.session_id}. "
            "Give the shard its session's name back."
        )
    return session


def _read_labels(path: Path) -> list[Row]:
    import pyarrow as pa

    try:
        table = read_table(path, LABEL_KIND, columns=LABEL_SCHEMA.names).cast(LABEL_SCHEMA)
        columns = [table.column(name) for name in LABEL_SCHEMA.names]
    except (KeyError, ValueError, pa.ArrowException) as error:
        raise ShardError(
            f"expected a label shard with the columns {', '.join(LABEL_SCHEMA.names)} at {path}, "
            f"found: {error}. Label the session again."
        ) from None
    if any(column.null_count for column in columns):
        raise ShardError(
            f"expected every label at {path} to be filled in, found empty ones. "
            "Label the session again."
        )
    return table.to_pylist()


def _rows(session: Session, labels: list[Row]) -> list[Row]:
    steps = session.transitions()
    if not steps:
        raise ShardError(f"expected at least one step in session {session.session_id}, found none.")
    if [label["session_id"] for label in labels] != [session.session_id] * len(steps):
        raise ShardError(
            f"expected {len(steps)} labels of session {session.session_id}, found {len(labels)} "
            "rows or another session's. Label the session again."
        )
    counts = {name: read_coverage(data).count() for name, data in session.coverage.items()}
    before = counts.get(session.start_probes, 0)
    rows: list[Row] = []
    episodes = [index for index, e in enumerate(session.episodes) for _ in e.transitions]
    for position, (step, label) in enumerate(zip(steps, labels, strict=True)):
        row = _step_row(step, before) | _label_row(label)
        row |= {"position": position, "episode": episodes[position], "steps": len(steps)}
        row["raw_covered"] = _raw_count(session, step, counts)
        row |= _bounds_row(session, row)
        row["passwords"] = 0 if is_embedded(session.app) else _passwords(step)
        rows.append(_session_row(session) | row)
        before = step.covered
    return rows


def _raw_count(session: Session, step: Transition, counts: Mapping[str, int]) -> int:
    """What the stored coverage file counts; a step before any coverage has no file."""
    if step.probes in counts:
        return counts[step.probes]
    if step.covered == 0:
        return 0
    raise ShardError(
        f"expected the coverage file {step.probes} in session {session.session_id}, found "
        f"{len(counts)} others. Collect the session again."
    )


def _session_row(session: Session) -> Row:
    names = ("session_id", "suite", "app", "build", "agent", "seed", "budget", "total_probes")
    return {name: getattr(session, name) for name in names}


def _bounds_row(session: Session, row: Row) -> Row:
    """What an embedded app's session always has, and one on a real device may lack."""
    total, embedded = session.total_probes, is_embedded(session.app)
    left_out = not embedded and row["q_count"] == 0
    return {
        "sized": total > 0 or not embedded,
        "uncovered": total - row["covered"] if total else 0,
        "to_label": 0 if left_out else row["candidates"],
    }


def _passwords(step: Transition) -> int:
    """How many password fields of a screen have a text that can be read."""
    fields = (element for element in step.observation.elements if element.password)
    return sum(bool(element.text.strip(BULLET)) for element in fields)


def _step_row(step: Transition, before: int) -> Row:
    return {
        "kind": str(step.action.kind),
        "element": step.action.element,
        "possible": not (step.executed and action_problem(step.observation, step.action)),
        "executed": step.executed,
        "invalid_reason": step.invalid_reason,
        "reason_agrees": step.executed == (step.invalid_reason == ""),
        "covered": step.covered,
        "previous_covered": before,
        "gained": step.covered - before,
        "rewarded": int(step.covered > before),
        "duration_ms": step.duration_ms,
        "candidates": len(candidates(step.observation)),
    }


def _label_row(label: Row) -> Row:
    q, novel = label["q"] or [], label["novel"] or []
    finite = [value for value in q if value is not None and math.isfinite(value)]
    return {name: label[name] for name in ("step", "reward", "new_probes", "novelty_to_go")} | {
        "q_count": len(q),
        "novel_count": len(novel),
        "q_min": min(finite, default=0.0),
        "q_finite": len(finite) == len(q),
    }


def _frame(rows: Mapping[str, list[Row]]) -> pandas.DataFrame:
    import pandas as pd

    flat = [row for group in rows.values() for row in group]
    suites_of_build = _distinct(flat, "build", "suite")
    suites_of_app = _distinct(flat, "app", "suite")
    for row in flat:
        row["suites_of_build"] = suites_of_build[row["build"]]
        row["suites_of_app"] = suites_of_app[row["app"]]
    frame = pd.DataFrame(flat, columns=list(COLUMNS))
    return frame.astype(COLUMNS) if len(frame) else frame


def _distinct(rows: Iterable[Row], key: str, value: str) -> dict[str, int]:
    """How many different values each key occurs with."""
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row[key], set()).add(row[value])
    return {name: len(values) for name, values in found.items()}


def _move(source: Path, target: Path) -> None:
    try:
        os.replace(source, target)
    except OSError:
        # The quarantine lies on another file system.
        write_bytes(target, source.read_bytes())
        source.unlink()
