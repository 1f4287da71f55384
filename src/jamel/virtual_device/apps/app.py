"""A running app of the embedded device: touches in, screens and probes out, snapshots in between.

Knows no protocol and nothing of learning. State is a few flat dicts of immutable values and one
bytearray of probes, so that a snapshot is a handful of shallow copies.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

from jamel.coverage.jacoco import probes_from_flags, write_exec
from jamel.types import TYPED_TEXTS, Action, ActionKind, Element, Observation, action_problem
from jamel.virtual_device.apps.compose import AppSpec
from jamel.virtual_device.apps.context import Context, Values
from jamel.virtual_device.apps.crash import CRASHED, MOST_CRASHES, crash_page, crash_trace
from jamel.virtual_device.apps.dialect import Dialect
from jamel.virtual_device.apps.events import (
    BACK,
    DISMISS,
    HOME,
    RESTART,
    Event,
    dragged,
    events_of,
    held,
    tapped,
)
from jamel.virtual_device.apps.features import module_of
from jamel.virtual_device.apps.instrument import Instrumented, instrument
from jamel.virtual_device.apps.layout import Fragments, Screen, Situation, Style, layout
from jamel.virtual_device.apps.noise import LOOKS, changing_text
from jamel.virtual_device.apps.widgets import Node, Page

MOST_CACHED_SCREENS = 3000
Known = tuple[int, Screen]
"""A screen and the turn in which it was laid out."""

LAUNCHER = ("com.android.launcher3", "com.android.launcher3.uioverrides.QuickstepLauncher")


class AppSnapshot(NamedTuple):
    """A copy of an app's whole state; `App.restore` brings it back."""

    nav: dict[str, Any]
    shared: dict[str, Any]
    features: tuple[dict[str, Any], ...]
    probes: bytes
    ticks: int
    screen: Screen | None = None
    """What is shown, where that is known already."""


class App:
    """One running app.

    `probe_bytes` has one byte (0 or 1) a probe in the order of `classes`, each of which is
    (class id, VM name, number of probes).
    """

    def __init__(self, spec: AppSpec) -> None:
        self.spec = spec
        self.package, self.size_px, self.build = spec.package, spec.size_px, spec.build
        self._modules = [module_of(feature.kind) for feature in spec.features]
        self._code: list[Instrumented] = [instrument(module) for module in self._modules]
        self.classes = [self._class(i) for i in range(len(spec.features))]
        self._lost = [_lost(m, f.cfg) for m, f in zip(self._modules, spec.features, strict=True)]
        self.total_probes = sum(size for _, _, size in self.classes)
        self._probes = bytearray(self.total_probes)
        self._style = Style(spec.seed, spec.look, spec.noise, spec.package, spec.size_px)
        self._dialect = Dialect(spec.seed, spec.split)
        rates = LOOKS[spec.look, spec.noise]
        self._turn_ticks = rates.turn_ticks
        self.ticks = 0
        self._cache: dict[tuple, Known] = {}
        self.most_cached = MOST_CACHED_SCREENS
        self._pages: dict[tuple, Known] = {}
        self._fragments: Fragments = {}
        self._actions: dict[int, tuple[Screen, list[Action]]] = {}
        self._screen: Screen | None = None
        self._observation: Observation | None = None
        self._nav: Values = {}
        self._shared: Values = {}
        self._contexts = self._make_contexts()
        self.crash_log: deque[str] = deque(maxlen=MOST_CRASHES)
        self.clear_data()

    # -- construction ---------------------------------------------------------------------------

    def _class(self, index: int) -> tuple[int, str, int]:
        feature = self.spec.features[index]
        name = f"{self.package.replace('.', '/')}/{feature.kind.title()}{index}"
        digest = hashlib.blake2b(f"{self.build}{name}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big"), name, len(self._code[index].probes)

    def _make_contexts(self) -> list[Context]:
        contexts, base = [], 0
        features = self.spec.features
        for index, feature in enumerate(features):
            c = Context(index, feature.title, dict(feature.cfg), self._probes, base)
            c.children = tuple((i, f.title) for i, f in enumerate(features) if f.parent == index)
            c.locked = tuple(i for i, f in enumerate(features) if f.locked)
            c.defect = feature.defect
            c.login = next((i for i, f in enumerate(features) if f.kind == "login"), 0)
            base += self.classes[index][2]
            contexts.append(c)
        return contexts

    def parts(self) -> tuple[Values, ...]:
        """The whole state but the clock: the navigation, what is shared, each feature's own."""
        return self._nav, self._shared, *(c.s for c in self._contexts)

    def bind(self, parts: Sequence[Values]) -> None:
        """Run on these parts; they are written from now on."""
        self._nav, self._shared, *states = parts
        for c, state in zip(self._contexts, states, strict=True):
            c.nav, c.shared, c.s = self._nav, self._shared, state
        self._screen = self._observation = None

    # -- life ------------------------------------------------------------------------------------

    def clear_data(self) -> None:
        """Start a new session: the app as installed, no data and no probes."""
        self.reset_coverage()
        states = [m.initial(c.cfg) for m, c in zip(self._modules, self._contexts, strict=True)]
        self.bind([_fresh_nav(), {"signed_in": False}, *states])
        self.ticks = 0
        self._enter()

    def restart(self) -> None:
        """Kill the app and start it again: data survives, what was on the screen does not."""
        self.ticks += 1
        self._screen = self._observation = None
        self._nav.update(_fresh_nav())
        for c, lost in zip(self._contexts, self._lost, strict=True):
            c.s.update(lost)
        self._enter()

    def reset_coverage(self) -> None:
        """Forget all executed probes."""
        self._probes[:] = bytes(self.total_probes)

    def _enter(self) -> None:
        self._call(0, "on_enter", "")
        start = next((i for i, m in enumerate(self._modules) if hasattr(m, "on_start")), None)
        if start is not None:
            self._call(start, "on_start", "")

    # -- coverage --------------------------------------------------------------------------------

    def probe_bytes(self) -> bytes:
        """One byte (0 or 1) a probe, in the order of `classes`."""
        return bytes(self._probes)

    def exec_data(self) -> bytes:
        """The coverage as a JaCoCo execution data file."""
        return write_exec(probes_from_flags(self.classes, self.probe_bytes()))

    # -- snapshots -------------------------------------------------------------------------------

    def snapshot(self) -> AppSnapshot:
        """Copy the state; costs microseconds."""
        nav, shared, *states = (dict(part) for part in self.parts())
        probes = bytes(self._probes)
        return AppSnapshot(nav, shared, tuple(states), probes, self.ticks, self._screen)

    def restore(self, snapshot: AppSnapshot) -> None:
        """Go back to a snapshot of this app; coverage goes back too."""
        self._probes[:] = snapshot.probes
        states = (state.copy() for state in snapshot.features)
        self.bind([snapshot.nav.copy(), snapshot.shared.copy(), *states])
        self.ticks, self._screen = snapshot.ticks, snapshot.screen

    def state_key(self) -> tuple:
        """Equal for equal states, whatever the clock says; coverage is no part of it."""
        nav, *others = self.parts()
        return nav_key(nav), *(tuple(part.values()) for part in others)

    def local_key(self, index: int) -> tuple:
        """Equal where one feature and the navigation are, whatever other features' states are."""
        nav = self._nav
        return (
            nav["front"], nav["stack"], nav["dialog"], nav["scroll"], *self._shared.values(),
            *self._contexts[index].s.values(),
        )  # fmt: skip

    def cell(self) -> tuple:
        """A coarse name of where the app is: page, dialog, and which values are set."""
        nav = self._nav
        state = self._contexts[nav["stack"][-1][0]].s
        return nav["stack"][-1], nav["dialog"], tuple(bool(value) for value in state.values())

    def feature_in_front(self) -> int:
        """The index of the feature whose page is on top."""
        return self._nav["stack"][-1][0]

    # -- screens ---------------------------------------------------------------------------------

    @property
    def activity(self) -> str:
        """The activity in front, as the device names it."""
        if self._nav["dialog"] == CRASHED:
            return ""
        if not self._nav["front"]:
            return LAUNCHER[1]
        kind = self.spec.features[self._nav["stack"][-1][0]].kind
        return f"{self.package}.{kind.title()}Activity"

    def observe(self) -> Observation:
        """The screen as it is now; costs a look-up when it was seen before."""
        if self._observation is None:
            screen = self._current()
            elements = screen.elements
            if screen.changing:
                elements = self._with_changes(screen)
            package = self.package if self._nav["front"] else LAUNCHER[0]
            if self._nav["dialog"] == CRASHED:
                package = "android"
            self._observation = Observation(package, self.activity, elements, self.size_px)
        return self._observation

    def _with_changes(self, screen: Screen) -> tuple[Element, ...]:
        elements = list(screen.elements)
        for index, kind, salt in screen.changing:
            text = changing_text(kind, self.spec.seed, salt, self.ticks)
            old = elements[index]
            elements[index] = Element(old.cls, text, *old[2:])
        return tuple(elements)

    def _current(self) -> Screen:
        if self._screen is None:
            nav = self._nav
            index, page = nav["stack"][-1]
            c = self._contexts[index]
            turn = self.turn
            key = (
                nav["front"], index, page, len(nav["stack"]) > 1, nav["dialog"], nav["toast"],
                nav["focus"], nav["scroll"], *self._shared.values(), *c.s.values(),
            )  # fmt: skip
            known = self._cache.get(key)
            if known is None or (known[0] != turn and known[1].turns):
                known = _keep(self._cache, key, (turn, self.paint()), self.most_cached)
            self._screen = known[1]
        return self._screen

    @property
    def turn(self) -> int:
        """How often lists were put in another order and generated ids were made anew."""
        return self.ticks // self._turn_ticks if self._turn_ticks else 0

    def paint(self) -> Screen:
        """Lay out what is to be seen now, without looking whether it was seen before."""
        nav, turn = self._nav, self.turn
        if nav["dialog"] == CRASHED:
            style = self._style._replace(look="native", noise="none", package="android")
            situation = Situation("crash", {}, "", 0, "", True, 0)
            return layout(crash_page(self.spec.title), style, situation, self._fragments)
        if not nav["front"]:
            situation = Situation("launcher", {}, "", 0, "", True, 0)
            icon = Node("button", "app_icon", self.spec.title, ("@launch", ""))
            return layout(Page("Launcher", (icon,)), self._style, situation, self._fragments)
        index, page = nav["stack"][-1]
        c, kind = self._contexts[index], self.spec.features[index].kind
        rooted = len(nav["stack"]) == 1
        situation = Situation(
            f"{kind}/{page}", c.s, nav["focus"], nav["scroll"], nav["toast"], rooted, turn
        )
        module = self._modules[index]
        if nav["dialog"]:
            drawn: Page = getattr(module, "dialog_" + nav["dialog"])(c)
        else:
            drawn = getattr(module, "page_" + page)(c)
            if page == "main" and index and c.children:
                links = [Node("row", "link", title, ("@open", i)) for i, title in c.children]
                drawn = drawn._replace(nodes=drawn.nodes + tuple(links))
        # Most changes of state do not show, so most new states look like one seen before.
        typed = [c.s[name] for name in c.s if name.startswith("t:")]
        key = drawn, situation.kind, *situation[2:6], *typed
        known = self._pages.get(key)
        if known is None or (known[0] != turn and known[1].turns):
            page_shown = self._dialect.page(drawn)
            screen = layout(page_shown, self._style, situation, self._fragments)
            known = _keep(self._pages, key, (turn, screen), self.most_cached)
        return known[1]

    def candidates_fast(self) -> list[Action]:
        """The actions that can have an effect here, for searches that are no agents."""
        screen = self._current()
        known = self._actions.get(id(screen))
        if known is None or known[0] is not screen:
            if len(self._actions) >= self.most_cached:
                self._actions.clear()
            known = self._actions[id(screen)] = screen, self._actions_on(screen)
        return known[1]

    def _actions_on(self, screen: Screen) -> list[Action]:
        elements = screen.elements
        actions = [Action(ActionKind.TAP, i) for i in screen.taps if elements[i].enabled]
        actions += [Action(ActionKind.LONG_PRESS, i) for i in screen.holds if elements[i].enabled]
        actions += [Action(ActionKind.TYPE, i, text) for i in screen.fields for text in TYPED_TEXTS]
        if screen.most_scroll_px:
            scroller = next(i for i, element in enumerate(elements) if element.scrollable)
            actions.append(Action(ActionKind.SCROLL_DOWN, scroller))
            actions.append(Action(ActionKind.SCROLL_UP, scroller))
        actions.append(Action(ActionKind.BACK))
        actions.append(Action(ActionKind.RESTART))
        return actions

    # -- events ----------------------------------------------------------------------------------

    def apply(self, action: Action) -> tuple[bool, str]:
        """Do an action on an element of `observe()`; returns (executed, why it was not)."""
        observation = self.observe()
        problem = action_problem(observation, action)
        if not problem:
            self.perform(observation, action)
        return not problem, problem

    @property
    def crashed(self) -> bool:
        """Whether the system's dialog about a crash is on the screen."""
        return bool(self._nav["dialog"] == CRASHED)

    def close_crash_dialog(self) -> None:
        """Tap the system's "Close app" after a crash: agents see no dialog."""
        if self.crashed:
            self.do(DISMISS)

    def perform(self, observation: Observation, action: Action) -> None:
        """Do an action that is known to be possible on `observation`, the screen as it is now."""
        for event in events_of(self._current(), observation.elements, action):
            self.do(event)

    def tap(self, x_px: int, y_px: int) -> None:
        """Touch a point: the topmost clickable element there gets it."""
        self.do(tapped(self._current(), x_px, y_px))

    def long_press(self, x_px: int, y_px: int) -> None:
        """Touch a point and hold; an element that knows no long press takes it as a tap."""
        self.do(held(self._current(), x_px, y_px))

    def type_text(self, text: str) -> None:
        """Replace the content of the focused field; without one nothing happens."""
        self.do(Event("text", text))

    def swipe(self, x1_px: int, y1_px: int, x2_px: int, y2_px: int) -> None:
        """Drag a finger; the topmost scrollable element at the start moves with it."""
        self.do(dragged(self._current(), x1_px, y1_px, x2_px, y2_px))

    def back(self) -> None:
        """Press back: closes the dialog, else the page, else leaves the app."""
        self.do(BACK)

    def home(self) -> None:
        """Press home: the app goes to the background as it is."""
        self.do(HOME)

    def do(self, event: Event) -> None:
        """Let one event happen; nothing here depends on what the screen looks like."""
        if event == RESTART:
            self.restart()
            return
        nav = self._nav
        self.ticks += 1
        nav["toast"] = ""
        self._screen = self._observation = None
        match event.kind:
            case "call":
                self._dispatch(event.name, event.arg)
            case "focus":
                nav["focus"] = event.name
            case "text" if nav["focus"]:
                self._contexts[nav["stack"][-1][0]].s["t:" + nav["focus"]] = event.name
            case "scroll":
                self._scroll(*event.arg)
            case "back":
                self._back()
            case "home":
                nav["front"] = False

    def _scroll(self, distance_px: int, most_px: int) -> None:
        moved = min(self._nav["scroll"], most_px) + distance_px
        self._nav["scroll"] = max(0, min(moved, most_px))
        if moved > most_px:
            self._reach_end()

    def _reach_end(self) -> None:
        """Someone scrolled on at the end of a page: lists that load more have an `on_end`."""
        index, page = self._nav["stack"][-1]
        if "on_end" in self._code[index].handlers:
            self._call(index, "on_end", page)

    def _back(self) -> None:
        nav = self._nav
        if nav["dialog"] and (nav["front"] or nav["dialog"] == CRASHED):
            nav["dialog"] = ""
        elif not nav["front"]:
            return
        elif len(nav["stack"]) > 1:
            self._contexts[0].up()
        else:
            nav["front"] = False

    def _dispatch(self, name: str, arg: Any) -> None:
        index = self._nav["stack"][-1][0]
        match name:
            case "@up":
                self._contexts[index].up()
            case "@dismiss":
                self._contexts[index].close()
            case "@open":
                self._contexts[index].open(arg)
                self._enter_pending(index)
            case "@launch":
                self._nav["front"] = True
            case _:
                self._call(index, name, arg)

    def _call(self, index: int, name: str, arg: Any) -> None:
        try:
            self._code[index].handlers[name](self._contexts[index], arg)
        except Exception as error:
            if not self._contexts[index].defect:
                raise
            self._crash(index, error)
            return
        self._enter_pending(index)

    def _crash(self, index: int, error: Exception) -> None:
        """A defect: the process dies with a trace in the log; the system's dialog says so."""
        self.crash_log.append(crash_trace(self.package, self.classes[index][1], error))
        for c in self._contexts:
            c.pending.clear()
        self.restart()
        self._nav["front"], self._nav["dialog"] = False, CRASHED

    def _enter_pending(self, index: int) -> None:
        pending = self._contexts[index].pending
        while pending:
            self._call(pending.pop(), "on_enter", "")


def nav_key(nav: Values) -> tuple:
    """What of the navigation makes another state; the focus and the clock do not."""
    return nav["front"], nav["stack"], nav["dialog"], nav["toast"], nav["scroll"]


def _fresh_nav() -> dict[str, Any]:
    return {"stack": ((0, "main"),), "dialog": "", "toast": "", "focus": "", "scroll": 0,
            "front": True}  # fmt: skip


def _lost(module: ModuleType, cfg: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    """What a feature's state is after a restart, but for what survives it."""
    return {k: v for k, v in module.initial(dict(cfg)).items() if k not in module.KEEP}


def _keep(cache: dict[tuple, Known], key: tuple, known: Known, most: int) -> Known:
    if len(cache) >= most:
        cache.clear()
    cache[key] = known
    return known
