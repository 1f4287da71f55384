"""What happens in the loop, told to Prefect as events: prefect.yaml's triggers start runs on them.

A resource is named by what it is about, so that a trigger can ask for one dataset, model or app.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from prefect import runtime
from prefect.events import emit_event

DATASET_PUSHED = "jamel.dataset.pushed"
BUILD_CHANGED = "jamel.build.changed"
MODEL_REGISTERED = "jamel.model.registered"
MODEL_PROMOTED = "jamel.model.promoted"
GATE_REFUSED = "jamel.gate.refused"
VERSION_WAITS = "jamel.model.waiting"
CHAMPION_FELL = "jamel.champion.fell"


def dataset_pushed(md5: str, tag: str) -> None:
    """Data/ has another content than before, pinned and pushed."""
    _tell(DATASET_PUSHED, "jamel.dataset", md5=md5, tag=tag)


def build_changed(app: str, build: str) -> None:
    """An app that is known was met in a build that is not."""
    _tell(BUILD_CHANGED, f"jamel.app.{app}", app=app, build=build)


def model_registered(model: str, version: str) -> None:
    """A registered model has a further version."""
    _tell(MODEL_REGISTERED, f"jamel.model.{model}", model=model, version=version)


def gate_decided(decision: Mapping[str, Any], verdict: str) -> None:
    """The gate let a version become champion, refused it, or has it wait for a person.

    The verdict gives the reasons. That the champion stays what it is, is no event.
    """
    model, version = decision["model"], decision["version"]
    if decision["previous"] != version:
        event = MODEL_PROMOTED if decision["promoted"] else GATE_REFUSED
        event = VERSION_WAITS if "waits_until" in decision else event
        _tell(event, f"jamel.model.{model}", model=model, version=version, verdict=verdict)


def champion_fell(model: str, version: str, fell: Sequence[str]) -> None:
    """A champion does worse than in its first round; `fell` lists in what."""
    what = ", ".join(fell)
    _tell(CHAMPION_FELL, f"jamel.model.{model}", model=model, version=version, fell=what)


def _tell(event: str, resource: str, **payload: Any) -> None:
    # Which flow it was is a label: a retraining must not be started by what retraining pushes.
    flow = str(runtime.flow_run.flow_name or "")
    emit_event(event, {"prefect.resource.id": resource, "jamel.flow": flow}, payload=payload)
