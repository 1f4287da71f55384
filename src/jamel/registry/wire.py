"""Observations, actions and remembered steps as JSON, for a model that is served to anyone.

Knows no model and no store. What comes in is from outside: unknown keys, wrong types and huge
screens are refused with a sentence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from jamel.errors import RequestError
from jamel.types import Action, ActionKind, Element, Observation

MAX_ELEMENTS = 5_000
MAX_REMEMBERED = 10_000
Model = TypeVar("Model", bound=BaseModel)


class Remembered(NamedTuple):
    """One past step of the session: what was seen, what was done, whether it was executed."""

    observation: Observation
    action: Action
    executed: bool = True


class Question(NamedTuple):
    """What a served model is asked: the screen now and the session so far, oldest first."""

    observation: Observation
    memory: tuple[Remembered, ...] = ()


class Ranked(NamedTuple):
    """An action with its score, a log-probability, and its worth: new probes, discounted."""

    action: Action
    score: float
    worth: float


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class _Element(_Wire):
    cls: str = ""
    text: str = ""
    resource_id: str = ""
    content_desc: str = ""
    bounds_px: tuple[int, int, int, int] = (0, 0, 0, 0)
    clickable: bool = False
    long_clickable: bool = False
    scrollable: bool = False
    checkable: bool = False
    checked: bool = False
    enabled: bool = True
    focused: bool = False
    selected: bool = False
    password: bool = False
    parent: int = -1


class _Observation(_Wire):
    package: str = ""
    activity: str = ""
    size_px: tuple[int, int] = (1080, 1920)
    elements: tuple[_Element, ...] = Field((), max_length=MAX_ELEMENTS)


class _Action(_Wire):
    kind: ActionKind
    element: int = -1
    text: str = ""
    touch_px: tuple[int, ...] = Field((), max_length=4)


class _Remembered(_Wire):
    observation: _Observation
    action: _Action
    executed: bool = True


class _Memory(_Wire):
    steps: tuple[_Remembered, ...] = Field((), max_length=MAX_REMEMBERED)


def to_json(observation: Observation) -> str:
    """An observation without its screenshot."""
    return json.dumps(_plain(observation))


def memory_to_json(memory: Sequence[Remembered]) -> str:
    """A session so far, oldest step first."""
    steps = [
        {
            "observation": _plain(step.observation),
            "action": _told(step.action),
            "executed": step.executed,
        }
        for step in memory
    ]
    return json.dumps(steps)


def read_observation(text: str) -> Observation:
    """Parse the screen that a client sent; raises RequestError that names the offending key."""
    return _observation(_parse(_Observation, _load(text, "observation"), "observation"))


def read_memory(text: str) -> tuple[Remembered, ...]:
    """The inverse of `memory_to_json`; raises RequestError that names the offending key."""
    read = _parse(_Memory, {"steps": _load(text, "memory")}, "memory")
    return tuple(
        Remembered(_observation(step.observation), _action(step.action), step.executed)
        for step in read.steps
    )


def first_observation(steps: str) -> Observation | None:
    """The screen of the first of some steps in JSON, without a bracket; None where ill-formed."""
    try:
        step, _ = json.JSONDecoder().raw_decode(steps)
        return _observation(_parse(_Remembered, step, "memory").observation)
    except (ValueError, RecursionError, RequestError):
        return None


def read_question(observation: str, memory: str | None = None) -> Question:
    """Parse both; what is stored with versions that were registered before 2026-12 asks for it."""
    return Question(read_observation(observation), read_memory(memory or "[]"))


def ranked_to_json(ranked: Sequence[Ranked]) -> str:
    """Actions with score and worth, best first."""
    return json.dumps(
        [{**_told(item.action), "score": item.score, "worth": item.worth} for item in ranked]
    )


def read_ranked(text: str) -> list[Ranked]:
    """The inverse of `ranked_to_json`."""
    return [Ranked(_read_action(item), item["score"], item["worth"]) for item in json.loads(text)]


def _read_action(item: Mapping[str, Any]) -> Action:
    return Action(ActionKind(item["kind"]), item["element"], item["text"])


def _told(action: Action) -> dict[str, Any]:
    """Without coordinates where there are none."""
    return {key: value for key, value in action._asdict().items() if value != ()}


def _plain(observation: Observation) -> Mapping[str, Any]:
    return {
        "package": observation.package,
        "activity": observation.activity,
        "size_px": observation.size_px,
        "elements": [element._asdict() for element in observation.elements],
    }


def _load(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise RequestError(f"expected the {what} as JSON, found: {error}.") from None


def _parse(model: type[Model], data: Any, what: str) -> Model:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise RequestError(f"{what}: {key or 'the whole'}: {first['msg']}.") from None


def _observation(wire: _Observation) -> Observation:
    elements = tuple(Element(**dict(element)) for element in wire.elements)
    return Observation(wire.package, wire.activity, elements, wire.size_px)


def _action(wire: _Action) -> Action:
    return Action(wire.kind, wire.element, wire.text, wire.touch_px)
