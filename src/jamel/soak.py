"""Many sessions on devices that misbehave, each compared with a twin on a device that does not.

Every session is collected as a round's are (begun again where it was interrupted, written to a
shard, or set aside with a reason) and read back; its twin is explored in process without faults.
They must be equal in everything but the device's name, the time taken and the marks. Knows nothing
of what the faults do.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from jamel.collect import Job, collect_session, explore
from jamel.config import AgentsConfig, DeviceConfig, parse_config
from jamel.devices import open_env
from jamel.envs.linked import LinkedEnv
from jamel.episodes import read_session
from jamel.label import new_probes_of
from jamel.parallel import run_parallel
from jamel.rollout import VIRTUAL
from jamel.types import Session, Transition

Progress = Callable[[int, int, str], None]
"""Called with (sessions there, sessions in all, what the last one came to)."""

SUITE, APPS = "train", 40
AGENTS = ("random", "least-tried", "frontier")
STEP_TIMEOUT_S, RECOVER_S, SLOW_S = 5.0, 5.0, 0.1


@dataclass(frozen=True, slots=True)
class Soaked:
    """What one session came to; `problem` is "" for the twin's equal and for one set aside."""

    session_id: str
    injected: tuple[str, ...]
    begun: int
    marked: int
    reason: str
    problem: str


@dataclass(frozen=True, slots=True)
class SoakResult:
    """One row a fault kind, the sessions in one row, and what went wrong in sentences."""

    kinds: list[dict[str, Any]]
    summary: dict[str, Any]
    problems: list[str]

    @property
    def passed(self) -> bool:
        """Whether nothing was lost, doubled or other than its twin."""
        return not any(self.summary[name] for name in ("lost", "doubled", "mismatches"))

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self) | {"passed": self.passed}


def faulty_device(
    rate: float,
    kinds: Sequence[str] = (),
    seed: int = 0,
    transport: str = "adb",
    screenshots: bool = False,
) -> DeviceConfig:
    """A device section with faults. Raises ConfigError for an unknown kind or transport."""
    faults = {"rate": rate, "kinds": list(kinds), "seed": seed, "slow_s": SLOW_S}
    section = {
        "transport": transport,
        "faults": faults,
        "step_timeout_s": STEP_TIMEOUT_S,
        "recover_s": RECOVER_S,
        "screenshots": screenshots,
    }
    return parse_config({"device": section}, source="the command line").device


def soak(
    device: DeviceConfig,
    sessions: int,
    steps: int,
    workers: int = 1,
    progress: Progress | None = None,
) -> SoakResult:
    """Collect `sessions` of `steps` actions, each with its twin.

    Args:
        device: The section whose `faults` are injected.
        sessions: How many; apps and agents take turns.
        steps: Actions a session.
        workers: Processes, each with one device at a time.
        progress: Is told of every finished session.
    """
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="jamel-soak-") as folder:
        jobs = [_job(device, number, steps, Path(folder)) for number in range(sessions)]
        done: list[Soaked] = []
        for soaked in run_parallel(soak_session, jobs, workers):
            done.append(soaked)
            if progress is not None:
                progress(len(done), sessions, soaked.session_id)
        shards = Counter(path.stem for path in Path(folder).rglob("*.parquet"))
        reasons = {path.name for path in Path(folder).rglob("*.reason.txt")}
    return _result(jobs, done, shards, reasons, time.perf_counter() - began)


def soak_session(job: Job) -> Soaked:
    """One session under faults, beside its twin without."""
    opened: list[LinkedEnv] = []

    def open_one(*where: Any) -> LinkedEnv:
        opened.append(open_env(*where))
        return opened[-1]

    _, reason = collect_session(job, open_one)
    problem, marked, begun = "", 0, job.device.tries
    if not reason:
        session = read_session(job.path)
        marks = [step.marks for step in session.transitions() if step.marks]
        marked, begun = len(marks), 1 + sum(text.count("begun again") for text in marks)
        sound = DeviceConfig(screenshots=job.device.screenshots)
        problem = difference(session, explore(replace(job, device=sound)))
    injected = tuple(kind for env in opened for _, kind in env.faults)
    return Soaked(job.session_id, injected, begun, marked, reason, problem)


def difference(session: Session, twin: Session) -> str:
    """How a session differs from its twin, "" where it does not."""
    ours, theirs = session.transitions(), twin.transitions()
    if len(ours) != len(theirs):
        return f"expected {len(theirs)} steps, found {len(ours)}"
    for number, (step, other) in enumerate(zip(ours, theirs, strict=True)):
        if _bare(step) != _bare(other):
            names = [n for n in Transition.__slots__ if getattr(step, n) != getattr(other, n)]
            return f"step {number} has another {' and '.join(names)}"
    if new_probes_of(session) != new_probes_of(twin):
        return "other labels"
    same = replace(session, episodes=(), device=VIRTUAL) == replace(twin, episodes=())
    shapes = [
        [(len(e.transitions), e.terminated, e.truncated) for e in one.episodes]
        for one in (session, twin)
    ]
    return "" if same and shapes[0] == shapes[1] else "another header, episodes or coverage files"


def _bare(step: Transition) -> Transition:
    return replace(step, marks="", duration_ms=0.0)


def _job(device: DeviceConfig, number: int, steps: int, folder: Path) -> Job:
    # Apps come again, and with them the names of their fault plans: each session has its own seed.
    faults = device.faults.model_copy(update={"seed": device.faults.seed * 100_003 + number})
    return Job(
        suite=SUITE,
        index=number % APPS,
        agent=AGENTS[number % len(AGENTS)],
        model_dir=None,
        seed=number // APPS,
        steps=steps,
        settings=AgentsConfig(),
        device=device.model_copy(update={"faults": faults}),
        out_dir=folder,
    )


def _result(
    jobs: list[Job], done: list[Soaked], shards: Counter, reasons: set[str], seconds: float
) -> SoakResult:
    aside = [one for one in done if one.reason]
    wrong = [one for one in done if one.problem]
    there = Counter({job.session_id: 0 for job in jobs}) + shards
    for one in aside:
        there[one.session_id] += f"{one.session_id}.reason.txt" in reasons
    summary = {
        "sessions": len(jobs),
        "whole": len(done) - len(aside),
        "set_aside": len(aside),
        "lost": sum(there[job.session_id] == 0 for job in jobs),
        "doubled": sum(count > 1 for count in there.values()) + len(done) - len(jobs),
        "mismatches": len(wrong),
        "begun_again": sum(one.begun - 1 for one in done),
        "injected": sum(len(one.injected) for one in done),
        "steps_marked": sum(one.marked for one in done),
        "seconds": round(seconds, 1),
    }
    problems = [f"{one.session_id} is not its twin's equal: {one.problem}" for one in wrong]
    problems += [f"{one.session_id} was set aside: {one.reason}" for one in aside]
    return SoakResult(_by_kind(done), summary, problems)


def _by_kind(done: list[Soaked]) -> list[dict[str, Any]]:
    """Per kind: how often it happened, and in which sessions it ended well."""
    rows = []
    for kind in sorted({kind for one in done for kind in one.injected}):
        with_it = [(one, one.injected.count(kind)) for one in done if kind in one.injected]
        rows.append(
            {
                "fault": kind,
                "injected": sum(count for _, count in with_it),
                "recovered": sum(n for one, n in with_it if not (one.reason or one.problem)),
                "sessions": len(with_it),
                "set_aside": sum(bool(one.reason) for one, _ in with_it),
                "mismatches": sum(bool(one.problem) for one, _ in with_it),
            }
        )
    return rows
