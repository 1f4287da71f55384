"""The contract of every environment: Gymnasium's five-tuple API plus coverage and snapshots.

Knows no backend and nothing of learning. `tests/envs/test_contract.py` runs on every Env.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol, runtime_checkable

from jamel.coverage import ProbeSet
from jamel.types import TYPED_TEXTS, Action, ActionKind, Element, Observation


@runtime_checkable
class Env(Protocol):
    """One app on one device (or page).

    `app` is the name that results are kept by and `build` tells its builds apart.

    `reset` starts an episode at the app's first screen; coverage survives it. `options=
    {"new_session": True}` also clears the app's data and the coverage. `step` returns
    (observation, reward, terminated, truncated, info) with reward 1.0 when the step covered new
    probes, else 0.0; `info` holds `executed: bool` and `invalid_reason: str`.
    """

    app: str
    build: str
    backend: str
    device: str

    @property
    def total_probes(self) -> int:
        """How many probes are known to exist by now; 0 where none is."""
        ...

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode, the first or with `new_session` a whole session; (observation, info).

        Raises:
            DeviceError: the device or the app cannot be used.
        """
        ...

    def step(self, action: Action) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Do one action; an invalid one changes nothing and says why in `info`.

        Raises:
            DeviceError: the device was lost, or there was no `reset`.
            CoverageError: the coverage is cut short or of another build.
        """
        ...

    def coverage(self) -> ProbeSet:
        """Every probe executed since the session began; resets and restores take none away."""
        ...

    def raw_coverage(self) -> bytes:
        """The session's coverage as the backend's file, the same bytes for equal probes."""
        ...

    def snapshot(self) -> bytes | None:
        """A name for the present, valid on this environment only; None where it cannot."""
        ...

    def restore(self, snapshot: bytes) -> Observation:
        """Return to a snapshot; raises DeviceError for a name that is unknown."""
        ...

    def close(self) -> None:
        """Release the device; closing twice is harmless."""
        ...


_action = lru_cache(maxsize=8192)(Action)


def candidates(observation: Observation) -> list[Action]:
    """Every action worth considering on a screen, in document order, then back and restart.

    A disabled element is no candidate. A text field yields one TYPE per text of `TYPED_TEXTS`.
    """
    elements = getattr(observation.elements, "like", observation.elements)
    known = _of_screens.get(id(elements))
    if known is None or known[0] is not elements:
        if len(_of_screens) >= MOST_SCREENS:
            _of_screens.clear()
        known = _of_screens[id(elements)] = elements, _candidates(elements)
    return list(known[1])


MOST_SCREENS = 1024
_of_screens: dict[int, tuple[tuple[Element, ...], list[Action]]] = {}
"""By the identity of their elements, which are kept so that no other screen has it."""


def _candidates(elements: Sequence[Element]) -> list[Action]:
    actions: list[Action] = []
    fields = {cls for cls in {element[0] for element in elements} if cls.endswith("EditText")}
    for index, element in enumerate(elements):
        typed = element[0] in fields
        # Most elements do nothing. Clickable, long-clickable, scrollable, checkable and enabled are
        # read by place: names take twice as long.
        if not (typed or element[5] or element[6] or element[7] or element[8]) or not element[10]:
            continue
        if typed:
            actions.extend([_action(ActionKind.TYPE, index, text) for text in TYPED_TEXTS])
            continue
        if element[5] or element[8]:
            actions.append(_action(ActionKind.TAP, index))
        if element[6]:
            actions.append(_action(ActionKind.LONG_PRESS, index))
        if element[7]:
            actions.append(_action(ActionKind.SCROLL_DOWN, index))
            actions.append(_action(ActionKind.SCROLL_UP, index))
    actions.append(_action(ActionKind.BACK))
    actions.append(_action(ActionKind.RESTART))
    return actions
