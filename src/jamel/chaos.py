"""Kill a run at random, start it again, and see whether it comes to what it would have come to.

Knows how to start a command, to find and kill its processes, and what a finished run of the loop
leaves on disk; nothing of the steps in between. It kills only processes that it started, which
carry a mark in their environment, and always with SIGKILL: nothing can tidy up.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from jamel.config import Config
from jamel.disk import digest_of
from jamel.errors import ProcessDied
from jamel.evaluate import read_json
from jamel.layout import Layout
from jamel.provenance import dataset_md5
from jamel.registry import Tracker, list_versions
from jamel.stores import TELEMETRY_OFF, init, stores_at

MARK = "JAMEL_CHAOS"
BEGUN = "open run"
"""What a run says once its flow is under way; before, it starts Prefect's server."""
KINDS = ("all", "flow", "child")
"""Every process of the run at once, as when a machine dies; the flow alone; one process of a step,
as the kernel does for want of memory."""
LEFT_AFTER_S = 120.0
HUNG_AFTER_S = 1800.0
"""So long a run may say nothing."""
LOOK_EVERY_S = 0.2
MOST_STARTS = 1000
STARTING_SHARE = 0.2
"""Of the kills, those aimed at a run that has not begun its flow."""
MEASURED = ("ms_per_decision",)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill: in which life of a project and start of a run, when, of what, and where it was."""

    life: int
    start: int
    seconds: float
    kind: str
    processes: int
    said: str


@dataclass(frozen=True, slots=True)
class Chaos:
    """What came of it; `problems` are sentences, none when every life came to the reference."""

    kills: list[Kill]
    lives: int
    problems: list[str]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether nothing was lost, doubled, left running or other than the reference."""
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self) | {"passed": self.passed}


@dataclass(frozen=True, slots=True)
class Bench:
    """What is run, and where.

    Args:
        command: runs the loop in the current directory.
        environment: is added to this process's own.
        configs: the folder of profiles that every project gets.
        config: the profile.
        folder: where the projects are made.
        say: is told of what happens.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    configs: Path
    config: Config
    folder: Path
    say: Say


@dataclass(frozen=True, slots=True)
class Fate:
    """When and what is killed: at random, about every so many seconds, until a moment."""

    rng: random.Random
    every_s: float
    until: float

    def over(self) -> bool:
        """Whether nothing is killed any more."""
        return time.monotonic() >= self.until


def chaos(
    bench: Bench, minutes: float, seed: int, every_s: float, reference: Path | None = None
) -> Chaos:
    """Kill runs of the loop for a while, and compare each that ends with one that was left alone.

    Args:
        bench: what is run, and where.
        minutes: kills happen for so long; the last run then goes on undisturbed.
        seed: of the times and of what is killed.
        every_s: mean time from the start of a flow, or from the last kill, to the next kill.
        reference: a project in which the very profile has been run; by default one is made.

    Raises:
        ProcessDied: a run that was left alone failed.
    """
    began = time.monotonic()
    if reference is None:
        reference = _new_project(bench, "reference")
        bench.say("the reference: a run that is left alone")
        _leave_alone(bench, reference)
    expected = outcome_of(reference, bench.config)
    fate = Fate(random.Random(seed), every_s, time.monotonic() + 60 * minutes)
    kills: list[Kill] = []
    problems: list[str] = []
    lives = 0
    while not problems and (lives == 0 or not fate.over()):
        root = _new_project(bench, f"life-{lives}")
        problems = live(bench, root, lives, kills, fate)
        if not problems:
            problems = compared(expected, outcome_of(root, bench.config), root.name)
            lives += 1
            bench.say(f"life {lives} came to its end: {problems or 'as the reference'}")
        if not problems:
            shutil.rmtree(root)
    return Chaos(kills, lives, problems, round(time.monotonic() - began, 1))


def outcome_of(root: Path, config: Config) -> dict[str, Any]:
    """All that a finished run determines: data, weights, figures, without what clocks measured."""
    project = Layout.of(config, root)
    results = read_json(project.results)
    curve = (results.get("rounds") or {}).get("curve", ())
    weights = sorted(project.made.glob("models/*/*/model.safetensors"))
    runs = Tracker(root).client
    experiments = [item.experiment_id for item in runs.search_experiments()]
    left = runs.search_runs(experiments, "attributes.status = 'RUNNING'")
    return {
        "dataset md5": dataset_md5(root),
        "weights": {str(path.relative_to(project.made)): digest_of(path) for path in weights},
        "rows of the evaluation": [_unmeasured(row, MEASURED) for row in results["rows"]],
        "curve of the rounds": [_unmeasured(point, ("seconds",)) for point in curve],
        "reliability": results.get("reliability"),
        "shards in quarantine": sorted(path.name for path in project.quarantine.rglob("*.*")),
        "changes that are not pinned": stores_at(root).data_changing.exists(),
        "MLflow runs left open": len(left),
        "a registered version": bool(list_versions(root, model=config.gate.model)),
    }


def _unmeasured(row: Mapping[str, Any], measured: Sequence[str]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in measured}


def compared(expected: Mapping[str, Any], found: Mapping[str, Any], name: str) -> list[str]:
    """Every part of an outcome that is not as expected, as a sentence."""
    return [
        f"{name}: expected {what} as in the reference, found other ones: "
        f"{_short(found[what])} in place of {_short(value)}"
        for what, value in expected.items()
        if found[what] != value
    ]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 200 else f"{text[:200]}…"


def _new_project(bench: Bench, name: str) -> Path:
    """A project with empty stores; the databases are made once and copied."""
    root, template = bench.folder / name, bench.folder / "template"
    init(template)
    shutil.copytree(bench.configs, root / "configs")
    made, new = stores_at(template), stores_at(root)
    for path in (made.mlflow_db, made.prefect_home / "prefect.db"):
        place = new.folder / path.relative_to(made.folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    init(root)
    return root


def live(bench: Bench, root: Path, life: int, kills: list[Kill], fate: Fate) -> list[str]:
    """One project from nothing to its end, through any number of kills.

    Args:
        bench: what is run.
        root: the project.
        life: its number.
        kills: gets every kill.
        fate: when and what is killed.

    Returns:
        What went wrong, as sentences.
    """
    for start in range(MOST_STARTS):
        run = _Run(bench, root, f"{life}-{start}")
        killed = False
        while _wait(run, fate):
            kill = run.kill(fate.rng.choice(KINDS), fate.rng, life, start)
            if kill is not None:
                killed = True
                kills.append(kill)
                bench.say(f"kill {len(kills)}: {kill.kind} after {kill.seconds} s, at: {kill.said}")
        status = run.wait()
        if left := run.end_the_rest():
            return [f"{root.name}: expected no process of a run that ended, found {left[0]}"]
        if status == 0:
            return []
        if not killed:
            return [f"{root.name}: a run that was left alone ended with {status}: {run.tail()}"]
    return [f"{root.name}: expected an end after {MOST_STARTS} starts, found none"]


def _wait(run: _Run, fate: Fate) -> bool:
    """Wait for the moment of the next kill; False where the run ended, or the time is over."""
    if fate.rng.random() < STARTING_SHARE:
        moment = run.started + fate.rng.uniform(0, fate.every_s / 2)
    else:
        while not run.begun() and run.alive() and not fate.over():
            time.sleep(LOOK_EVERY_S)
        moment = time.monotonic() + fate.rng.uniform(0, 2 * fate.every_s)
    while run.alive() and not fate.over() and time.monotonic() < moment:
        time.sleep(min(LOOK_EVERY_S, max(0.0, moment - time.monotonic())))
    return run.alive() and not fate.over()


def _leave_alone(bench: Bench, root: Path) -> None:
    run = _Run(bench, root, "reference")
    status = run.wait()
    run.end_the_rest()
    if status:
        raise ProcessDied(
            f"expected a run that is left alone to end well, found status {status}: {run.tail()} "
            "Mend that first: there is nothing to compare with."
        )


class _Run:
    """One start of the command, with all the processes that came of it."""

    def __init__(self, bench: Bench, root: Path, name: str) -> None:
        self.mark = f"{os.getpid()}-{root.name}-{name}"
        self.log = root / f"run-{name}.log"
        self.started = time.monotonic()
        home = {"PREFECT_HOME": str(stores_at(root).prefect_home)}
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                list(bench.command),
                cwd=root,
                env=os.environ | TELEMETRY_OFF | dict(bench.environment) | home | {MARK: self.mark},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def alive(self) -> bool:
        """Whether the flow still runs."""
        return self.process.poll() is None

    def begun(self) -> bool:
        """Whether the flow is under way."""
        return BEGUN in self.log.read_text(encoding="utf-8", errors="replace")

    def wait(self) -> int:
        """The exit status, once there is one; a run that hangs is killed."""
        while self.alive() and time.time() - self.log.stat().st_mtime < HUNG_AFTER_S:
            time.sleep(LOOK_EVERY_S)
        self.process.kill()
        return self.process.wait()

    def tail(self) -> str:
        """The last that was said."""
        said = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return said[-1].split(" | ")[-1].strip() if said else "nothing yet"

    def members(self) -> list[psutil.Process]:
        """Every living process of this start."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            ours = process.environ().get(MARK) == self.mark
            return ours and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def kill(self, kind: str, rng: random.Random, life: int, start: int) -> Kill | None:
        """Kill what `kind` says; None where there is no such process now."""
        said, seconds = self.tail(), round(time.monotonic() - self.started, 1)
        if kind == "flow":
            victims = [psutil.Process(self.process.pid)] if self.alive() else []
        else:
            victims = self.members()
            if kind == "child":
                steps = [item for item in victims if _is_a_step(item)]
                victims = [rng.choice(steps)] if steps else []
        for victim in victims:
            _end(victim)
        return Kill(life, start, seconds, kind, len(victims), said) if victims else None

    def end_the_rest(self) -> list[str]:
        """Wait for what a run leaves behind to go by itself; end and tell what does not."""
        deadline = time.monotonic() + LEFT_AFTER_S
        while (left := self.members()) and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY_S)
        told = [_command(process) for process in left]
        for process in left:
            _end(process)
        return told


def _is_a_step(process: psutil.Process) -> bool:
    """Whether it does a part of the work: a verb in its own process, or one of its workers."""
    return "multiprocessing.spawn" in _command(process)


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _end(process: psutil.Process) -> None:
    # One that ended by itself in between is no matter.
    with suppress(psutil.Error):
        process.send_signal(signal.SIGKILL)
