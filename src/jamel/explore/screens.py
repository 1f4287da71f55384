"""Names of screens and elements that another process, or a person, finds again.

Knows no environment. A screen's name leaves out texts, order and repetition, as the agents' own
graph does: clocks, adverts and typed words would make every visit a new screen.
"""

from __future__ import annotations

import hashlib
import json
from typing import NamedTuple

from jamel.agents.graph import labels_of, without_digits
from jamel.types import Action, ActionKind, Observation

MOST_LABEL = 120
_VERBS = {
    ActionKind.TAP: "tap",
    ActionKind.LONG_PRESS: "hold",
    ActionKind.TYPE: "type",
    ActionKind.SCROLL_DOWN: "scroll down",
    ActionKind.SCROLL_UP: "scroll up",
    ActionKind.BACK: "back",
    ActionKind.HOME: "home",
    ActionKind.RESTART: "restart",
}


class ElementName(NamedTuple):
    """How an element is found again: what it is, what it says, and which of its like it is."""

    cls: str
    resource_id: str
    label: str
    nth: int


def screen_name(observation: Observation) -> str:
    """Twelve hex digits, equal for screens of equal structure in any process.

    Structure is the package, the activity and the set of the elements' classes and ids without
    digits.
    """
    kinds = {(element.cls, without_digits(element.resource_id)) for element in observation.elements}
    told = json.dumps([observation.package, observation.activity, sorted(kinds)])
    return hashlib.blake2b(told.encode(), digest_size=6).hexdigest()


def element_name(observation: Observation, index: int) -> ElementName | None:
    """The name of an element; None where the index is none of the screen's."""
    names = _plain_names(observation)
    if not 0 <= index < len(names):
        return None
    return ElementName(*names[index], names[:index].count(names[index]))


def find_element(observation: Observation, name: ElementName) -> int:
    """The index of the element of that name, -1 where there is none.

    Looked for by class, id and label; then with digits left out of the label; then by class and
    id alone where there is an id.
    """
    names, wanted = _plain_names(observation), name[:3]
    exact = [i for i, other in enumerate(names) if other == wanted]
    if not exact:
        bare = _without_digits(wanted)
        exact = [i for i, other in enumerate(names) if _without_digits(other) == bare]
    if not exact and name.resource_id:
        exact = [i for i, other in enumerate(names) if other[:2] == wanted[:2]]
    return exact[name.nth] if name.nth < len(exact) else -1


def describe(
    kind: ActionKind, name: ElementName | None, text: str = "", touch_px: tuple[int, ...] = ()
) -> str:
    """An action in words: `tap "Sign in"`, `type "12" into email`, `tap at 40, 80`."""
    verb = _VERBS[kind]
    if touch_px:
        return f"{verb} at {', '.join(map(str, touch_px))}"
    if name is None:
        return verb
    what = f'"{name.label}"' if name.label else _short_id(name)
    return f'{verb} "{text}" into {what}' if kind is ActionKind.TYPE else f"{verb} {what}"


def describe_on(observation: Observation, action: Action) -> str:
    """The same for an action on a screen."""
    name = element_name(observation, action.element)
    return describe(action.kind, name, action.text, action.touch_px)


def _plain_names(observation: Observation) -> list[tuple[str, str, str]]:
    labels = labels_of(observation.elements)
    return [
        # What is in a text field does not make it another field.
        (e.cls, e.resource_id, "" if e.cls.endswith("EditText") else label[:MOST_LABEL])
        for e, label in zip(observation.elements, labels, strict=True)
    ]


def _without_digits(name: tuple[str, str, str]) -> tuple[str, ...]:
    return tuple(without_digits(part) for part in name)


def _short_id(name: ElementName) -> str:
    plain = name.resource_id.rsplit("/", 1)[-1] or name.cls.rsplit(".", 1)[-1]
    return f"{plain} #{name.nth + 1}" if name.nth else plain
