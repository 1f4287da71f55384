"""A tiny app as an Env, for tests that need no device: three screens and a list."""

from __future__ import annotations

from typing import Any

from jamel.coverage import ProbeSet
from jamel.coverage.jacoco import write_exec
from jamel.coverage.probes import ClassProbes
from jamel.types import NO_ACTION, Action, ActionKind, Element, Observation

TREE = {"home": ["list", "form"], "list": ["row", "row2"], "row": [], "row2": ["deep"]}
TREE |= {"form": [], "deep": []}


def element(text: str, cls: str = "android.widget.Button", top: int = 0) -> Element:
    """A clickable element."""
    bounds = (0, top, 100, top + 50)
    flags = (True, False, False, False, False, True, False, False, False)
    return Element(cls, text, f"id/{text}", "", bounds, *flags, -1)


class TinyEnv:
    """Screens by name; probe i is executed when screen i is first shown."""

    app, build, backend, device = "tiny/0", "abc123", "android", "virtual"
    total_probes = len(TREE)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        if options and options.get("new_session"):
            self.bits = 0
        self.stack = ["home"]
        self._cover()
        return self._observe(), {}

    def step(self, action: Action) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        before = self.bits
        problem = "no text field" if action.kind is ActionKind.TYPE else ""
        problem = "no such element" if action == NO_ACTION else problem
        if action.kind is ActionKind.RESTART:
            self.stack = ["home"]
        elif action.kind is ActionKind.BACK:
            self.stack = self.stack[:-1] or ["home"]
        elif action.kind is ActionKind.TAP and not problem:
            self._tap(action)
        self._cover()
        info = {"executed": not problem, "invalid_reason": problem}
        return self._observe(), float(self.bits != before), False, False, info

    def _tap(self, action: Action) -> None:
        names, index = TREE[self.stack[-1]], action.element
        if action.touch_px:
            index = action.touch_px[1] // 60
        if index < len(names):
            self.stack.append(names[index])

    def _cover(self) -> None:
        self.bits |= 1 << list(TREE).index(self.stack[-1])

    def _observe(self) -> Observation:
        names = TREE[self.stack[-1]]
        elements = tuple(element(name, top=60 * i) for i, name in enumerate(names))
        return Observation("tiny", self.stack[-1], elements, (100, 400))

    def coverage(self) -> ProbeSet:
        return ProbeSet({1: ClassProbes("tiny/Main", len(TREE), self.bits)})

    def raw_coverage(self) -> bytes:
        return write_exec(self.coverage())

    def snapshot(self) -> bytes | None:
        return None

    def restore(self, snapshot: bytes) -> Observation:
        return self._observe()

    def close(self) -> None:
        return None
