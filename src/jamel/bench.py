"""How fast this machine explores, labels, trains and decides: one JSON line a run.

Knows nothing of how well anything works. What cannot be measured here (no adb, say) is null,
with the reason beside it, so that lines from different machines have the same keys.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from jamel import provenance
from jamel.config import Config
from jamel.disk import append_line
from jamel.errors import JamelError
from jamel.parallel import Progress, collect_garbage_rarely, one_torch_thread
from jamel.scores import LATENCY_STEPS, WINDOW, latencies
from jamel.web_bench import web_speed

if TYPE_CHECKING:
    from jamel.virtual_device.apps import AppSpec

APP = "valid/0"
IN_PROCESS_S = 2.0
ADB_S = 5.0
WEB_S = 20.0
SUITE, WARM_STEPS, TIMED_STEPS = "test", 4000, 8000
FAST_STEPS_PER_S = 20_000
SNAPSHOTS = 2000
UPDATES = 20
WARM_UPDATES = 10
TRAINED_SESSIONS, TRAINED_STEPS = 8, 60
SERVED_STEPS, SERVED_TIMES = (10, 100), 20
WARM_UP = 20
"""Sessions after which every kind of feature has been met."""


def bench(
    config: Config, path: Path | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Measure this machine and append the figures to `path`.

    Args:
        config: the profile; its model, label and train sections are what is measured.
        path: a file of JSON lines, created when missing; None appends nowhere.
        progress: is told of every finished measure.
    """
    collect_garbage_rarely()
    row = provenance.stamp(config)
    with tempfile.TemporaryDirectory() as folder:
        measures: dict[str, Callable[[], dict[str, Any]]] = {
            "device in process": lambda: {
                "in_process_steps_per_s": device_speed("in_process", IN_PROCESS_S)
            },
            "every app in process": corpus_speed,
            "snapshots": lambda: {"snapshot_and_restore_us": snapshot_speed()},
            "device over adb": lambda: _try(
                lambda: {"adb_steps_per_s": device_speed("adb", ADB_S)}, "adb_steps_per_s"
            ),
            "web apps": lambda: _try(lambda: web_speed(WEB_S), "web_steps_per_s"),
            "planner": lambda: decision_latency("planner", None),
            "labels, training, model": lambda: learning_speed(config, Path(folder)),
        }
        for number, (name, measure) in enumerate(measures.items(), 1):
            row |= measure()
            if progress is not None:
                progress(number, len(measures), name)
    if path is not None:
        append_line(path, json.dumps(row))
    return row


def device_speed(
    transport: str, at_least_s: float, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Environment steps a second of random actions, after ten to warm up."""
    from jamel.envs.android import make_env
    from jamel.envs.base import candidates
    from jamel.suites import app_spec

    env = make_env(app_spec(APP), transport=transport)
    choose = random.Random(0).choice
    try:
        observation, _ = env.reset(seed=0, options={"new_session": True})
        steps, began = -10, clock()
        while steps < 10 or clock() - began < at_least_s:
            if steps == 0:
                began = clock()
            observation, _, ended, cut, _ = env.step(choose(candidates(observation)))
            steps += 1
            if ended or cut:
                observation, _ = env.reset()
        return round(steps / (clock() - began), 2)
    finally:
        env.close()


def corpus_speed() -> dict[str, Any]:
    """How fast every app of a suite is in process: the share that is fast, the spread, and all.

    Steps are random actions of an environment, observations included, a second of one core's time.
    """
    from jamel.suites import suite_apps

    speeds = sorted(app_speed(spec) for spec in suite_apps(SUITE))
    fast = sum(speed >= FAST_STEPS_PER_S for speed in speeds)
    return {
        f"apps_at_{FAST_STEPS_PER_S}_steps_per_s": round(fast / len(speeds), 3),
        "apps_slowest_steps_per_s": round(speeds[0]),
        "apps_p10_steps_per_s": round(speeds[len(speeds) // 10]),
        "apps_median_steps_per_s": round(speeds[len(speeds) // 2]),
        "apps_together_steps_per_s": round(len(speeds) / sum(1 / speed for speed in speeds)),
    }


def app_speed(spec: AppSpec) -> float:
    """Steps a second of processor time, once the app has been walked through for a while."""
    from jamel.envs.android import make_env
    from jamel.envs.base import candidates

    env, choose = make_env(spec), random.Random(0).choice
    try:
        observation, _ = env.reset()
        began_s = 0.0
        for step in range(WARM_STEPS + TIMED_STEPS):
            if step == WARM_STEPS:
                began_s = time.process_time()
            observation = env.step(choose(candidates(observation)))[0]
        return TIMED_STEPS / (time.process_time() - began_s)
    finally:
        env.close()


def snapshot_speed() -> float:
    """Microseconds to keep an app's state and to go back to it, the screen included; a median."""
    from jamel.suites import app_spec
    from jamel.virtual_device.apps import App

    app = App(app_spec(APP))
    choose = random.Random(0).choice
    times = []
    for _ in range(SNAPSHOTS):
        app.perform(app.observe(), choose(app.candidates_fast()))
        began = time.perf_counter()
        app.restore(app.snapshot())
        app.observe()
        times.append(time.perf_counter() - began)
    return round(1e6 * sorted(times)[SNAPSHOTS // 2], 2)


def decision_latency(name: str, model_dir: Path | None) -> dict[str, float]:
    """Milliseconds of a decision around step 10, 100 and 1,000 of one session."""
    from jamel.trials import Job, run_job

    budget = max(LATENCY_STEPS) + WINDOW
    run = run_job(Job("valid", APP, name, model_dir, 0, budget, Config()))
    return {f"{name}_ms_at_{row['step']}": row["ms"] for row in latencies(run)}


def served_latency(model_dir: Path, session: Path, folder: Path) -> dict[str, float]:
    """Milliseconds of an answer over HTTP, JSON included, with so many past steps; medians.

    `served_ms_at_…` is of questions asked along a session; `served_anew_ms_at_…` of those whose
    session the server reads from its start, as it does one that it never met.

    Raises:
        StoreError: the server does not answer.
    """
    from jamel.episodes import read_session
    from jamel.registry.models import save_model
    from jamel.registry.server import ask_over_http, serving
    from jamel.registry.wire import Question, Remembered

    steps = read_session(session).transitions()
    past = [Remembered(step.observation, step.action, step.executed) for step in steps]
    questions = [Question(step.observation, tuple(past[:at])) for at, step in enumerate(past)]
    stored = save_model(model_dir, folder / "served")
    with serving(str(stored), folder) as address:

        def took_ms(asked: list[Question]) -> list[float]:
            took = []
            for question in asked:
                began = time.perf_counter()
                ask_over_http(address, [question])
                took.append(1000 * (time.perf_counter() - began))
            return took

        along, anew, asked = {}, {}, 0
        for number in (at for at in SERVED_STEPS if at + SERVED_TIMES <= len(questions)):
            timed = slice(number, number + SERVED_TIMES)
            took_ms(questions[asked:number])
            along[f"served_ms_at_{number}"] = round(median(took_ms(questions[timed])), 2)
            asked = timed.stop
        for number in (at for at in SERVED_STEPS if at < asked):
            repeated = [questions[number]] * SERVED_TIMES
            anew[f"served_anew_ms_at_{number}"] = round(median(took_ms(repeated)), 2)
    return along | anew


def learning_speed(config: Config, folder: Path) -> dict[str, Any]:
    """Labels and training samples a second on a round of the profile; the model's decisions.

    A sample is one step of one session in one update.
    """
    from jamel.collect import collect
    from jamel.train import train

    apps = max(config.collect.apps, 2 * WARM_UP)
    enough = config.collect.model_copy(update={"apps": apps})
    short = config.train.model_copy(
        update={"updates": UPDATES, "checkpoint_every": UPDATES, "max_steps": TRAINED_STEPS}
    )
    config = config.model_copy(update={"collect": enough, "train": short})
    sessions = collect(config, folder / "sessions" / "round-0")
    measured, labelled = label_speed(config, sessions, folder / "labels" / "round-0")
    kept = slice(TRAINED_SESSIONS)
    trained = train(config, sessions[kept], labelled[kept], folder / "model")
    # Decisions are measured as an evaluation makes them.
    one_torch_thread()
    samples = UPDATES * short.batch_sessions * min(TRAINED_STEPS, config.collect.steps)
    return {
        **measured,
        "training_samples_per_s": round(samples / trained.seconds, 2),
        **decision_latency("jamel", trained.path),
        **_try(lambda: served_latency(trained.path, sessions[0], folder), "served_ms_at_10"),
        "training_bfloat16_ratio": precision_ratio(config, sessions[kept], labelled[kept], folder),
    }


def precision_ratio(
    config: Config, sessions: list[Path], labelled: list[Path], folder: Path
) -> float:
    """Updates a second in bfloat16 over those in float32, once warm."""
    from jamel.train import LOG_EVERY, train

    ends: list[float] = []
    speeds = []
    for precision in ("float32", "bfloat16"):
        settings = {"updates": WARM_UPDATES + UPDATES, "precision": precision}
        section = config.train.model_copy(update=settings)
        ends.clear()
        train(
            config.model_copy(update={"train": section}), sessions, labelled, folder / precision,
            on_metrics=lambda *_: ends.append(time.perf_counter()),
        )  # fmt: skip
        speeds.append(UPDATES / (ends[-1] - ends[WARM_UPDATES // LOG_EVERY - 1]))
    return round(speeds[1] / speeds[0], 3)


def label_speed(
    config: Config, sessions: list[Path], folder: Path
) -> tuple[dict[str, Any], list[Path]]:
    """Labels a second on all workers, what one costs, and the shards.

    A label is one labelled step, with all its candidates. The time that workers need to start does
    not count.
    """
    from jamel.label import label

    ends: list[float] = []
    labelled = label(config, sessions, folder, lambda *_: ends.append(time.perf_counter()))
    workers = min(config.collect.workers, WARM_UP)
    labels_per_s = (len(sessions) - workers) * config.collect.steps / (ends[-1] - ends[workers - 1])
    cost = {"app_steps_per_label": label_cost(config, sessions, folder.parent / "again")}
    return {"labels_per_s": round(labels_per_s, 2), "label_workers": workers, **cost}, labelled


def label_cost(config: Config, sessions: list[Path], folder: Path) -> float:
    """How many app steps take the processor as long as a label, on one core.

    Processor time, so that it means the same on a busy machine.
    """
    from jamel.label import label_shard

    warm_up, measured = sessions[:WARM_UP], sessions[WARM_UP : 2 * WARM_UP]
    for path in warm_up:
        label_shard(config.label, path, folder)
    began = time.process_time()
    for path in measured:
        label_shard(config.label, path, folder)
    label_s = (time.process_time() - began) / len(measured) / config.collect.steps
    return round(label_s * device_speed("in_process", IN_PROCESS_S, time.process_time), 2)


def _try(measure: Callable[[], dict[str, Any]], key: str) -> dict[str, Any]:
    """A measure that this machine cannot make is null, with the reason."""
    try:
        return measure()
    except JamelError as error:
        return {key: None, f"{key}_reason": str(error)}
