"""What a run is about, in words: MLflow shows it on top of the run's page.

Knows the configuration and results as plain data; sentences and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jamel.config import Config
from jamel.gate import CANDIDATE, Decision
from jamel.statistics import final_budget
from jamel.tables import agents_table, shown


def of_loop(config: Config) -> str:
    """The whole loop."""
    return (
        f"The loop with the profile `{config.profile}`: rounds 0 to {config.rounds.on_policy} of "
        f"collecting on `{config.collect.suite}`, labelling and training, then an evaluation on "
        f"`{config.evaluate.suite}` beside {', '.join(config.evaluate.agents)}, and the gate of "
        f"the registered model `{config.gate.model}`."
    )


def of_round(config: Config, index: int) -> str:
    """One round of it."""
    measured = f", its model measured on `{config.rounds.suite}`" if config.rounds.apps else ""
    return f"Round {index} of the loop: sessions, labels and a training of every arm{measured}."


def of_training(arm: str, sessions: int, updates: int, goes_on: bool) -> str:
    """One training of an arm."""
    start = "from the weights of the round before" if goes_on else "from new weights"
    return f"A training of the arm `{arm}` on {sessions} sessions, {updates} updates {start}."


def of_results(results: Mapping[str, Any]) -> str:
    """What an evaluation came to, one agent a line, the best first."""
    meta = results["meta"]
    if not results.get("summary"):
        return ""
    metric = f"{shown(results)[0]}@{meta['budget']}"
    lines = [
        f"- {row['agent']}: {metric} {row[metric]}, {row['tokens/decision']} tokens and "
        f"{row['ms/decision']} ms a decision"
        for row in agents_table(results)
    ]
    apps = len({row["app"] for row in results["rows"]})
    where = f"{apps} apps of `{meta['suite']}`"
    return "\n".join([f"Measured on {where}, means with 95 % intervals over apps:", "", *lines])


def of_version(model: str, version: str, results: Mapping[str, Any]) -> str:
    """What was registered, and what it gained over what it has to beat."""
    metric = shown(results)[0]
    gains = [
        f"{pair['difference']:+.1f} [{pair['low']:+.1f}, {pair['high']:+.1f}] against "
        f"{pair['against']}"
        for pair in final_budget(results)["paired"]
        if (pair["agent"], pair["metric"]) == (CANDIDATE, metric)
    ]
    against = f" Paired differences in {metric}: {'; '.join(gains)}." if gains else ""
    return f"Registered as version {version} of `{model}`.{against}"


def of_decision(decision: Decision) -> str:
    """What the gate said."""
    if decision.promoted:
        return "The gate let it through."
    failed = "; ".join(f"{item.name}: {item.found}" for item in decision.failed())
    return f"The gate refused it. {failed}."
