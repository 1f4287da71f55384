"""An evaluation in MLflow: its tables, its plots, its page and its figures.

Knows results as plain data; a run of its own or one that is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jamel.config import Config
from jamel.disk import full_disk_is_a_store_error
from jamel.gate import CANDIDATE
from jamel.plots import coverage_png, reliability_png
from jamel.registry.notes import of_results
from jamel.registry.system import watched
from jamel.registry.tracking import Tracker
from jamel.registry.versions import EVALUATION_FILE
from jamel.statistics import final_budget
from jamel.tables import agents_table, coverage_of, mean_rows


def log_results(tracker: Tracker, run_id: str, results: Mapping[str, Any]) -> None:
    """Log the results, their figures in words and numbers, their tables and plots to a run."""
    final = final_budget(results)
    tracker.log_metrics(run_id, figures(final["rows"]))
    tracker.add_note(run_id, of_results(results))
    tracker.log_suite(run_id, results["meta"])
    tracker.set_tags(run_id, {"suite": results["meta"]["suite"]})
    tracker.log_json(run_id, results, EVALUATION_FILE)
    tracker.log_table(run_id, final["rows"], "tables/rows.json")
    tracker.log_table(run_id, final["paired"], "tables/paired.json")
    if results.get("summary"):
        tracker.log_table(run_id, agents_table(results), "tables/agents.json")
    if results.get("curves"):
        picture = coverage_png(results["curves"], coverage_of(results))
        tracker.log_bytes(run_id, picture, "plots/coverage.png")
    for agent, found in results.get("reliability", {}).items():
        tracker.log_bytes(run_id, reliability_png(found), f"plots/reliability-{agent}.png")


def figures(rows: Sequence[Mapping[str, Any]], agent: str = CANDIDATE) -> dict[str, float]:
    """The candidate's means, as metrics of its run; empty when it was not evaluated."""
    found = [row for row in mean_rows(rows) if row["agent"] == agent]
    if not found:
        return {}
    mean = found[0]
    tokens = mean["tokens_memory"] + mean["tokens_screen"]
    kept = {name: float(mean[name]) for name in ("coverage", "reward", "auc")}
    return kept | {"tokens_per_decision": tokens, "ms_per_decision": mean["ms_per_decision"]}


@contextmanager
def evaluation_run(root: Path | str, config: Config) -> Iterator[str]:
    """A run for an evaluation that is made meanwhile, with the machine's load; gives its id.

    Raises:
        StoreError: the stores are missing, or the disk is full.
    """
    with (
        full_disk_is_a_store_error(root),
        Tracker(root).run(f"evaluate {config.evaluate.suite}", config, stage="evaluate") as run_id,
        watched(root, run_id, config.tracking.system_metrics_s),
    ):
        yield run_id


def log_evaluation(root: Path | str, run_id: str, results: Mapping[str, Any], report: Path) -> None:
    """Log what an evaluation came to in its run.

    Each agent's means are metrics of the run, such as `jamel.coverage_at_120`; jamel's own have
    the names that they have in a run of the loop, too, such as `coverage`.
    """
    tracker = Tracker(root)
    log_results(tracker, run_id, results)
    tracker.log_artifact(run_id, report, "files")
    tracker.log_metrics(run_id, _figures(results))


def track_table(
    root: Path | str, config: Config, rows: Sequence[Mapping[str, Any]], stage: str
) -> str:
    """Log a table in a run of its own and return the run's id; raises StoreError."""
    tracker = Tracker(root)
    with full_disk_is_a_store_error(root), tracker.run(stage, config, stage=stage) as run_id:
        tracker.log_table(run_id, rows, f"tables/{stage}.json")
    return run_id


def _figures(results: Mapping[str, Any]) -> dict[str, float]:
    return {
        f"{item['agent']}.{item['metric']}_at_{item['budget']}": float(item["mean"])
        for item in results["summary"]
    }
