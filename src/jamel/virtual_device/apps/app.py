"""A running app of the embedded device: touches in, screens and probes out, snapshots in between.

Knows no protocol and nothing of learning. State is a few flat dicts of immutable values and one
bytearray of probes, so that a snapshot is a handful of shallow copies.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from typing import Any

from jamel.coverage.jacoco import probes_from_flags, write_exec
from jamel.types import Action, Observation, action_problem
from jamel.virtual_device.apps.compose import AppSpec
from jamel.virtual_device.apps.context import Context, Values
from jamel.virtual_device.apps.crash import CRASHED, MOST_CRASHES, InducedCrash, crash_trace
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
from jamel.virtual_device.apps.furniture import initial
from jamel.virtual_device.apps.instrument import Instrumented, instrument
from jamel.virtual_device.apps.layout import Screen
from jamel.virtual_device.apps.links import app_links
from jamel.virtual_device.apps.permissions import (
    GRANT_ACTIVITY,
    PERMISSION_CONTROLLER,
    asks,
    granted_of,
    set_granted,
)
from jamel.virtual_device.apps.screens import Screens
from jamel.virtual_device.apps.state import AppSnapshot, fresh_nav, lost_to_death, nav_key

LAUNCHER = ("com.android.launcher3", "com.android.launcher3.uioverrides.QuickstepLauncher")


class App:
    """One running app.

    `probe_bytes` has one byte (0 or 1) a probe in the order of `classes`, each of which is
    (class id, VM name, number of probes). `ticks` counts events: the clock of what changes by
    itself.
    """

    def __init__(self, spec: AppSpec) -> None:
        self.spec = spec
        self.package, self.build = spec.package, spec.build
        self.natural_px = self.size_px = spec.size_px
        self._modules = [module_of(feature.kind) for feature in spec.features]
        self._code: list[Instrumented] = [instrument(module) for module in self._modules]
        self.activities = [f"{spec.package}.{f.kind.title()}Activity" for f in spec.features]
        self.links = app_links(spec, self.activities)
        self.classes = [self._class(i) for i in range(len(spec.features))]
        self._lost = [
            lost_to_death(m, f.cfg) for m, f in zip(self._modules, spec.features, strict=True)
        ]
        self.total_probes = sum(size for _, _, size in self.classes)
        self._probes = bytearray(self.total_probes)
        self.screens = Screens(spec, self._modules)
        self._screen: Screen | None = None
        self._observation: Observation | None = None
        self.ticks = 0
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
        """Run on these parts, which are written from now on."""
        self._nav, self._shared, *states = parts
        for c, state in zip(self._contexts, states, strict=True):
            c.nav, c.shared, c.s = self._nav, self._shared, state
        self._screen = self._observation = None

    # -- life ------------------------------------------------------------------------------------

    def clear_data(self) -> None:
        """Start a new session: the app as installed, no data and no probes."""
        self.reset_coverage()
        states = [initial(m, c.cfg) for m, c in zip(self._modules, self._contexts, strict=True)]
        self.bind([fresh_nav(), {"signed_in": False}, *states])
        self.ticks = 0
        self._enter()

    def restart(self) -> None:
        """Kill the app and start it again: data survives, what was on the screen does not."""
        self._tick()
        self._nav.update(fresh_nav())
        for c, lost in zip(self._contexts, self._lost, strict=True):
            c.s.update(lost)
        self._enter()

    def recreate(self) -> None:
        """A new process after the old one died in the background, with what its activities saved.

        What is on the back stack comes back as it was, typed texts, place and dialog included; of
        everything else only data survives, and toasts never do.
        """
        self._tick()
        saved = {index for index, _ in self._nav["stack"]}
        for index, c in enumerate(self._contexts):
            if index not in saved:
                c.s.update(self._lost[index])
        self._nav["front"] = True

    def turn(self, size_px: tuple[int, int]) -> None:
        """The display has another size: the activity is made anew with what it saved.

        A toast goes; what is typed, the place, the dialog and the back stack stay.
        """
        self.lay_out_for(size_px)
        self._tick()

    def lay_out_for(self, size_px: tuple[int, int]) -> None:
        """Show everything on a display of this size from now on; no event, and state stays."""
        self.size_px = size_px
        self.screens.lay_out_for(size_px)
        self._screen = self._observation = None

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
        probes, now = bytes(self._probes), (self.ticks, self._screen, self.size_px)
        return AppSnapshot(nav, shared, tuple(states), probes, *now)

    def restore(self, snapshot: AppSnapshot) -> None:
        """Go back to a snapshot of this app; coverage goes back too."""
        self._probes[:] = snapshot.probes
        states = (state.copy() for state in snapshot.features)
        self.bind([snapshot.nav.copy(), snapshot.shared.copy(), *states])
        if snapshot.size_px != self.size_px:
            self.lay_out_for(snapshot.size_px)
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
        """A coarse name of where the app is: page, dialog, screenful, and which values are set."""
        nav = self._nav
        state = self._contexts[nav["stack"][-1][0]].s
        seen = nav["dialog"], 2 * nav["scroll"] // self.size_px[1]
        return nav["stack"][-1], *seen, tuple(bool(value) for value in state.values())

    def feature_in_front(self) -> int:
        """The index of the feature whose page is on top."""
        return self._nav["stack"][-1][0]

    # -- screens ---------------------------------------------------------------------------------

    @property
    def in_front(self) -> bool:
        """Whether the app is in the foreground, be it below a question of the system."""
        return bool(self._nav["front"]) and not self.crashed

    @property
    def back_stack(self) -> list[str]:
        """The app's activities, the first opened first; a page of a feature counts as its own."""
        return [self.activities[index] for index, _ in self._nav["stack"]]

    @property
    def activity(self) -> str:
        """The activity in front, as the device names it."""
        return self._front_window()[1]

    def _front_window(self) -> tuple[str, str]:
        """Package and activity of the window in front."""
        nav = self._nav
        index = nav["stack"][-1][0]
        if nav["dialog"] == CRASHED:
            return "android", ""
        if not nav["front"]:
            return LAUNCHER
        if nav["dialog"] and asks(self._modules[index], nav["dialog"]):
            return PERMISSION_CONTROLLER, GRANT_ACTIVITY
        return self.package, self.activities[index]

    def observe(self) -> Observation:
        """The screen as it is now; costs a look-up when it was seen before."""
        if self._observation is None:
            screen = self._current()
            state = self._contexts[self.feature_in_front()].s
            elements = self.screens.elements(screen, self._nav["focus"], state, self.ticks)
            front = self._front_window()
            self._observation = Observation(*front, elements, self.size_px)
        return self._observation

    def _current(self) -> Screen:
        if self._screen is None:
            front = self._contexts[self.feature_in_front()]
            self._screen = self.screens.of(self._nav, front, self.ticks)
        return self._screen

    def paint(self) -> Screen:
        """What is shown now, without a look at what was shown in equal states."""
        front = self._contexts[self.feature_in_front()]
        return self.screens.paint(self._nav, front, self.ticks)

    def candidates_fast(self) -> list[Action]:
        """The actions that can lead to code that has not run, for searches that are no agents."""
        return self.screens.actions(self._current())

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
        """Tap the system's "Close app" if the app has crashed: agents see no such dialog."""
        if self.crashed:
            self.do(DISMISS)

    def perform(self, observation: Observation, action: Action) -> None:
        """Do an action that is known to be possible on `observation`, the screen as it is now."""
        for event in events_of(self._current(), observation, action):
            self.do(event)

    def tap(self, x_px: int, y_px: int) -> bool:
        """Touch a point: the topmost clickable element there gets it; whether that is a field."""
        event = tapped(self._current(), x_px, y_px)
        self.do(event)
        return event.kind == "focus"

    def long_press(self, x_px: int, y_px: int) -> bool:
        """Touch a point and hold; an element that knows no long press takes it as a tap."""
        event = held(self._current(), x_px, y_px)
        self.do(event)
        return event.kind == "focus"

    def swipe(self, x1_px: int, y1_px: int, x2_px: int, y2_px: int) -> None:
        """Drag a finger; the topmost scrollable element at the start moves with it."""
        self.do(dragged(self._current(), x1_px, y1_px, x2_px, y2_px))

    def back(self) -> None:
        """Press back: closes the dialog, else the page, else leaves the app."""
        self.do(BACK)

    def home(self) -> None:
        """Press home: the app goes to the background as it is."""
        self.do(HOME)

    def type_text(self, text: str) -> None:
        """Replace the content of the focused field; without one nothing happens."""
        self.do(Event("text", text))

    def do(self, event: Event) -> None:
        """Let one event happen: what it does depends on the state alone, not on how it looks."""
        if event == RESTART:
            self.restart()
            return
        self._tick()
        match event.kind:
            case "call":
                self._dispatch(event.name, event.arg)
            case "focus":
                self._nav["focus"] = event.name
            case "text" if self._focused:
                self._fill(event.name)
            case "scroll":
                self._scroll(*event.arg)
            case "back":
                self._back()
            case "home":
                self._nav["front"] = False

    def _tick(self) -> None:
        self.ticks += 1
        self._nav["toast"] = ""
        self._screen = self._observation = None

    @property
    def field(self) -> str | None:
        """What is typed in the focused field, None while no field of this app has the focus."""
        if not self._focused:
            return None
        text: str = self._contexts[self.feature_in_front()].s["t:" + self._nav["focus"]]
        return text

    @property
    def _focused(self) -> bool:
        return bool(self._nav["focus"]) and self.in_front

    def erase(self, count: int) -> None:
        """Take characters off the focused field's end: a part of typing, and no event."""
        text = self.field
        if text and count > 0:
            self._fill(text[:-count])
            self._screen = self._observation = None

    def _fill(self, text: str) -> None:
        nav = self._nav
        self._contexts[nav["stack"][-1][0]].s["t:" + nav["focus"]] = text

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

    def to_front(self) -> None:
        """The app's icon was chosen: it comes back as it was left, over a dialog about its end."""
        self._tick()
        if self.crashed:
            self._nav["dialog"] = ""
        self._nav["front"] = True

    def show(self, activity: str) -> None:
        """An intent opens one of `activities`, with the pages that lead to it below it.

        A feature for members only shows what its door shows. Raises ValueError for an activity
        that the app does not have.
        """
        path = [self.activities.index(activity)]
        while path[0] > 0:
            path.insert(0, max(0, self.spec.features[path[0]].parent))
        closed = not self._shared["signed_in"] and set(path) & set(self._contexts[0].locked)
        self._tick()
        stack = tuple((index, "main") for index in (path[:1] if closed else path))
        dialog = "locked" if closed else ""
        self._nav.update(stack=stack, dialog=dialog, scroll=0, focus="", front=True)
        if not closed:
            self._call(path[-1], "on_enter", "")

    # -- permissions -----------------------------------------------------------------------------

    @property
    def permissions(self) -> dict[str, bool]:
        """The runtime permissions that the app's features ask for, and whether they have them."""
        return granted_of(self._modules, [c.s for c in self._contexts])

    def grant(self, name: str, granted: bool) -> None:
        """Answer for every feature that asks for a permission, as `pm grant` and `revoke` do."""
        set_granted(self._modules, [c.s for c in self._contexts], name, granted)
        self._screen = self._observation = None

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
            case "@say":
                self._contexts[index].close()
                self._contexts[index].toast(arg)
            case "@menu":
                self._contexts[index].dialog(arg)
            case "@visit":
                self._contexts[index].close()
                self._contexts[index].go(arg)
            case "@jump":
                self._jump(arg)
            case "@top":
                self._nav["scroll"] = 0
            case "@launch":
                self._nav["front"] = True
            case _:
                self._call(index, name, arg)

    def _jump(self, index: int) -> None:
        """The bottom navigation: the feature's first page, right above the app's first screen."""
        stack = ((0, "main"), (index, "main")) if index else ((0, "main"),)
        if self._nav["stack"] == stack:
            self._nav["scroll"] = 0
        else:
            self._nav.update(stack=stack, scroll=0, focus="")
            self._call(index, "on_enter", "")

    def _call(self, index: int, name: str, arg: Any) -> None:
        try:
            self._code[index].handlers[name](self._contexts[index], arg)
        except Exception as error:
            if not self._contexts[index].defect:
                raise
            self._crash(index, error)
            return
        self._enter_pending(index)

    def crash(self) -> None:
        """Die of an exception in the middle of nothing, as `am crash` has it."""
        self._tick()
        self._crash(self.feature_in_front(), InducedCrash("shell-induced crash"))

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
