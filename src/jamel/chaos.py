"""Kill a run, start it again, and see whether it comes to what it would have come to.

At random times, or once in every step.

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
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import psutil

from jamel.config import Config
from jamel.disk import digest_of
from jamel.errors import ProcessDied, StoreError
from jamel.evaluate import read_json
from jamel.layout import Layout
from jamel.marks import living, marked
from jamel.provenance import dataset_md5
from jamel.registry import Tracker, list_versions
from jamel.stores import TELEMETRY_OFF, init, stores_at

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
        keep: also the projects that came to the reference's end.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    configs: Path
    config: Config
    folder: Path
    say: Say
    keep: bool = False


class Fate(Protocol):
    """When and what is killed."""

    def strike(self, run: Run) -> Strike | None:
        """Wait for the moment of the next kill; None where the run ended, or nothing is to come."""

    def struck(self) -> None:
        """The last strike met living processes."""


@dataclass(frozen=True, slots=True)
class Strike:
    """What dies: one of KINDS, and for a "child" the process that was chosen."""

    kind: str
    child: psutil.Process | None = None


@dataclass(frozen=True, slots=True)
class AtRandom:
    """About every so many seconds, until a moment."""

    rng: random.Random
    every_s: float
    until: float

    def strike(self, run: Run) -> Strike | None:
        """See `Fate`."""
        early = self.rng.random() < STARTING_SHARE
        if early and not run.begun():
            moment = run.started + self.rng.uniform(0, self.every_s / 2)
        else:
            while not run.begun() and run.alive() and not self._over():
                time.sleep(LOOK_EVERY_S)
            moment = time.monotonic() + self.rng.uniform(0, 2 * self.every_s)
        while run.alive() and not self._over() and time.monotonic() < moment:
            time.sleep(min(LOOK_EVERY_S, max(0.0, moment - time.monotonic())))
        if not run.alive() or self._over():
            return None
        steps = [item for item in run.members() if _is_a_step(item)]
        return Strike(self.rng.choice(KINDS), self.rng.choice(steps) if steps else None)

    def struck(self) -> None:
        """See `Fate`."""

    def _over(self) -> bool:
        return time.monotonic() >= self.until


class InEveryStep:
    """Once in each step, when a tenth to seven tenths of its time are over.

    Args:
        steps: name of a step's process -> the seconds that it takes, in the order of the loop.
        first: the place in KINDS of what dies in the first step; the next dies otherwise.
        rng: of the moments.
    """

    def __init__(self, steps: Mapping[str, float], first: int, rng: random.Random) -> None:
        self.left = list(steps)
        self._seconds, self._kind, self._rng = steps, first, rng
        self._patience = 1.0

    def strike(self, run: Run) -> Strike | None:
        """See `Fate`."""
        while self.left and run.alive() and not run.hangs():
            process = run.step(self.left[0])
            if process is None:
                time.sleep(LOOK_EVERY_S)
                continue
            share = self._rng.uniform(0.1, 0.7) * self._patience
            time.sleep(share * self._seconds[self.left[0]])
            if process.is_running() and run.alive():
                return Strike(KINDS[self._kind % len(KINDS)], process)
            # It had less to do than in the reference; the next of its name dies earlier.
            self._patience /= 2
        return None

    def struck(self) -> None:
        """See `Fate`."""
        self.left.pop(0)
        self._kind, self._patience = self._kind + 1, 1.0


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
        StoreError: a project is there already.
    """
    began = time.monotonic()
    if reference is None:
        reference, _ = _reference(bench)
    else:
        outcome_of(reference, bench.config)  # What is wrong with it is said now, not a life later.
    fate = AtRandom(random.Random(seed), every_s, time.monotonic() + 60 * minutes)
    found = Chaos([], 0, [], 0.0)
    while found.passed and (found.lives == 0 or time.monotonic() < fate.until):
        found = _one_life(bench, fate, reference, found)
    return replace(found, seconds=round(time.monotonic() - began, 1))


def kill_every_step(bench: Bench, steps: Sequence[str], seed: int, lives: int) -> Chaos:
    """Kill a run of the loop once in each step and compare its end with one that was left alone.

    Args:
        bench: what is run, and where.
        steps: names of the steps' processes, in the order of the loop.
        seed: of the moments.
        lives: so often at least, each step with another kind of kill; three for all.

    Raises:
        ProcessDied: a run that was left alone failed, or has not all of the steps.
        StoreError: a project is there already.
    """
    began = time.monotonic()
    reference, seconds = _reference(bench)
    if missing := [step for step in steps if step not in seconds]:
        raise ProcessDied(
            f"expected processes named {', '.join(steps)} in a run of the loop, found no "
            f"{', '.join(missing)}. Only steps that the profile has can be killed."
        )
    found = Chaos([], 0, [], 0.0)
    rng = random.Random(seed)
    for number in range(lives):
        fate = InEveryStep({step: seconds[step] for step in steps}, number, rng)
        # A step that was over before its moment came is killed in a further life, and sooner.
        while found.passed and fate.left:
            found = _one_life(bench, fate, reference, found)
    return replace(found, seconds=round(time.monotonic() - began, 1))


def _one_life(bench: Bench, fate: Fate, reference: Path, before: Chaos) -> Chaos:
    """What came of it with one more project, which is kept only where something was wrong."""
    root, kills = _new_project(bench, f"life-{before.lives}"), list(before.kills)
    problems = live(bench, root, before.lives, kills, fate)
    if not problems:
        expected = outcome_of(reference, bench.config)
        problems = compared(expected, outcome_of(root, bench.config), root.name)
    if problems:
        return replace(before, kills=kills, problems=problems)
    bench.say(f"life {before.lives + 1} came to its end as the reference")
    if not bench.keep:
        shutil.rmtree(root)
    return replace(before, kills=kills, lives=before.lives + 1)


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
        "registered versions": len(list_versions(root, model=config.gate.model)),
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
    if root.exists():
        raise StoreError(
            f"expected to make a project in {root}, found that it is there. Name another folder, "
            "or remove it."
        )
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
        run = Run(bench, root, f"{life}-{start}")
        killed = False
        while (strike := fate.strike(run)) is not None:
            kill = run.kill(strike, life, start)
            if kill is not None:
                killed = True
                fate.struck()
                kills.append(kill)
                bench.say(f"kill {len(kills)}: {kill.kind} after {kill.seconds} s, at: {kill.said}")
        status = run.wait()
        if left := run.end_the_rest():
            return [f"{root.name}: expected no process of a run that ended, found {left[0]}"]
        if run.hung:
            silent = f"nothing said for {HUNG_AFTER_S:.0f} s after: {run.tail()}"
            return [f"{root.name}: expected an end, found {silent}"]
        if status == 0:
            return []
        if not killed:
            return [f"{root.name}: a run that was left alone ended with {status}: {run.tail()}"]
    return [f"{root.name}: expected an end after {MOST_STARTS} starts, found none"]


def _reference(bench: Bench) -> tuple[Path, dict[str, float]]:
    """A finished project, and the seconds that the first process of each name took."""
    root = _new_project(bench, "reference")
    bench.say("the reference: a run that is left alone")
    run = Run(bench, root, "reference")
    first: dict[str, tuple[psutil.Process, float]] = {}
    seconds: dict[str, float] = {}
    while run.alive() and not run.hangs():
        for process in run.members():
            # Not by its creation time, which the clock of a virtual machine may not agree with.
            seen, since = first.setdefault(_name(process), (process, time.monotonic()))
            if seen == process:
                seconds[_name(process)] = time.monotonic() - since
        time.sleep(LOOK_EVERY_S)
    status = run.wait()
    run.end_the_rest()
    if status:
        raise ProcessDied(
            f"expected a run that is left alone to end well, found status {status}: {run.tail()} "
            "Mend that first: there is nothing to compare with."
        )
    return root, seconds


class Run:
    """One start of the command, with all the processes that came of it."""

    def __init__(self, bench: Bench, root: Path, name: str) -> None:
        self.mark = f"{os.getpid()}-{root.name}-{name}"
        self.log = root / f"run-{name}.log"
        self.hung = False
        self.started = time.monotonic()
        home = {"PREFECT_HOME": str(stores_at(root).prefect_home)}
        mark = marked(os.environ, self.mark)
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                list(bench.command),
                cwd=root,
                env=os.environ | TELEMETRY_OFF | dict(bench.environment) | home | mark,
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

    def hangs(self) -> bool:
        """Whether it has said nothing for so long that nothing is to come."""
        return time.time() - self.log.stat().st_mtime >= HUNG_AFTER_S

    def wait(self) -> int:
        """The exit status, once there is one; a run that hangs is killed."""
        while self.alive() and not self.hung:
            self.hung = self.hangs()
            time.sleep(LOOK_EVERY_S)
        self.process.kill()
        return self.process.wait()

    def tail(self) -> str:
        """The last that was said."""
        said = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return said[-1].split(" | ")[-1].strip() if said else "nothing yet"

    def members(self) -> list[psutil.Process]:
        """Every living process of this start."""
        return living(self.mark)

    def step(self, name: str) -> psutil.Process | None:
        """The living process of a step, by its name."""
        return next((item for item in self.members() if _name(item) == name), None)

    def kill(self, strike: Strike, life: int, start: int) -> Kill | None:
        """Kill what is struck; None where there is no such process now."""
        said, seconds = self.tail(), round(time.monotonic() - self.started, 1)
        if strike.kind == "flow":
            victims = [psutil.Process(self.process.pid)] if self.alive() else []
        elif strike.kind == "child":
            victims = [strike.child] if strike.child else []
        else:
            victims = self.members()
        where = f"{_name(strike.child)}, {said}" if strike.child else said
        for victim in victims:
            _end(victim)
        return Kill(life, start, seconds, strike.kind, len(victims), where) if victims else None

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
    command = _command(process)
    forked = "multiprocessing.forkserver" in command and not _name(process).startswith("python")
    return forked or "multiprocessing.spawn" in command


def _name(process: psutil.Process) -> str:
    """What the process calls itself, which for a step is its verb; "" where it is gone."""
    try:
        return process.name()
    except psutil.Error:
        return ""


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _end(process: psutil.Process) -> None:
    # One that ended by itself in between is no matter.
    with suppress(psutil.Error):
        process.send_signal(signal.SIGKILL)
