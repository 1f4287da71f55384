"""What a running app shows: its pages laid out once and remembered, the launcher, system dialogs.

Knows no handlers: an app's state comes in, a screen goes out. Dialogs of the system, about a crash
or a permission, are drawn as the system draws them, whatever the app looks like.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from jamel.types import TYPED_TEXTS, Action, ActionKind, Element, Elements
from jamel.virtual_device.apps.compose import AppSpec
from jamel.virtual_device.apps.context import Context, Values
from jamel.virtual_device.apps.crash import CRASHED, crash_page
from jamel.virtual_device.apps.dialect import Dialect
from jamel.virtual_device.apps.furniture import COMMENT, SEARCH, Furniture, leads_on
from jamel.virtual_device.apps.layout import (
    Fragments,
    Screen,
    Situation,
    Style,
    layout,
    with_toast,
)
from jamel.virtual_device.apps.noise import LOOKS, changing_text
from jamel.virtual_device.apps.permissions import PERMISSION_CONTROLLER, asks
from jamel.virtual_device.apps.widgets import Node, Page, shape_of
from jamel.virtual_device.apps.wording import POOL_OF

MOST_CACHED_SCREENS = 3000
LONG = 12
Known = dict[tuple, Screen | None]
"""Screens by what they depend on; None for one that is kept once a turn, under (key, turn)."""


class _Seen(dict):
    """A feature's state that remembers which of its values somebody looked at."""

    def __init__(self, state: Values) -> None:
        super().__init__(state)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.names.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)


class _Place:
    """A page or dialog of an app: the state values that its screens depend on, and its screens."""

    __slots__ = ("names", "screens")

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        self.names = names
        self.screens: Known = {}


class Screens:
    """The screens of one app on a display of `size_px`; equal states give equal screens.

    Without `words`, only what a touch does is as it should be: whatever is read on a screen, typed
    or chosen moves nothing, so that far fewer screens differ.
    """

    def __init__(self, spec: AppSpec, modules: list[ModuleType], words: bool = True) -> None:
        self._spec, self._modules = spec, modules
        pool = POOL_OF.get(spec.split, "train")
        self.style = Style(
            spec.seed, spec.look, spec.noise, spec.package, spec.size_px, pool, words
        )
        self._dialect = Dialect(spec.seed, spec.split)
        self._furniture = Furniture(spec)
        self._rates = LOOKS[spec.look, spec.noise]
        self.most_cached = MOST_CACHED_SCREENS
        self._forget()

    def _forget(self) -> None:
        self._places: dict[tuple, _Place] = {}
        self._cached = 0
        self._pages: Known = {}
        self._told: dict[tuple[int, str], tuple[Screen, Screen]] = {}
        self._fragments: Fragments = {}
        self._system_fragments: dict[str, Fragments] = {}
        self._actions: dict[int, tuple[Screen, list[Action]]] = {}

    @property
    def size_px(self) -> tuple[int, int]:
        """The display's width and height."""
        return self.style.size_px

    def lay_out_for(self, size_px: tuple[int, int]) -> None:
        """Lay screens out for another display from now on."""
        self.style = self.style._replace(size_px=size_px)
        self._forget()

    def turn(self, ticks: int) -> int:
        """Which of their orders and generated ids lists have after so many events."""
        return self._rates.turn(ticks)

    def of(self, nav: Values, c: Context, ticks: int) -> Screen:
        """The screen of a state after so many events; `c` is the feature in front."""
        stack = nav["stack"]
        where = (*stack[-1], nav["dialog"], nav["front"], len(stack) > 1)
        place = self._places.get(where) or self._places.setdefault(where, _Place())
        turn = self.turn(ticks)
        key = (nav["scroll"], *map(c.s.get, place.names))
        screen = _known(place.screens, key, turn)
        if screen is None:
            screen = self._look(nav, c, where, ticks)
        if nav["toast"] and nav["front"] and not nav["dialog"]:
            return self._with_toast(screen, nav["toast"])
        return screen

    def _look(self, nav: Values, c: Context, where: tuple, ticks: int) -> Screen:
        """Lay the screen out and keep it, with the values of the state that it depends on."""
        state = c.s
        c.s = seen = _Seen(state)
        try:
            screen = self.paint(nav, c, ticks)
        finally:
            c.s = state
        place = self._places[where]
        if not seen.names <= set(place.names):
            place = self._places[where] = _Place(tuple(sorted(seen.names | set(place.names))))
        self._cached += 1
        if self._cached > self.most_cached:
            self._places, self._cached = {where: place}, 0
            place.screens = {}
        key = (nav["scroll"], *map(state.get, place.names))
        _keep(place.screens, key, self.turn(ticks), screen)
        return screen

    def _with_toast(self, screen: Screen, toast: str) -> Screen:
        known = self._told.get((id(screen), toast))
        if known is None or known[0] is not screen:
            if len(self._told) >= self.most_cached:
                self._told.clear()
            known = self._told[id(screen), toast] = screen, with_toast(screen, toast, self.style)
        return known[1]

    def elements(
        self, screen: Screen, focus: str, state: Values, ticks: int
    ) -> tuple[Element, ...]:
        """A screen's elements, with what is typed and what its clocks and counters say now."""
        if not (screen.changing or screen.fields):
            return screen.elements
        elements = list(screen.elements)
        for index, kind, salt in screen.changing:
            text = changing_text(kind, self._spec.seed, salt, ticks)
            old = elements[index]
            elements[index] = Element(old.cls, text, *old[2:])
        for index, name in screen.fields.items():
            text, focused = state["t:" + name], focus == name
            if text or focused:
                elements[index] = _filled(elements[index], text, focused)
        return Elements(elements, screen.elements)

    def actions(self, screen: Screen) -> list[Action]:
        """The actions on a screen that can lead to code that has not run."""
        known = self._actions.get(id(screen))
        if known is None or known[0] is not screen:
            if len(self._actions) >= self.most_cached:
                self._actions.clear()
            known = self._actions[id(screen)] = screen, _actions_on(screen)
        return known[1]

    def paint(self, nav: Values, c: Context, ticks: int) -> Screen:
        """As `of`, without a look at what was shown in equal states."""
        if nav["dialog"] == CRASHED:
            return self._system(crash_page(self._spec.title), "android")
        if not nav["front"]:
            situation = Situation("launcher", 0, True, 0)
            icon = Node("button", "app_icon", self._spec.title, ("@launch", ""))
            return layout(Page("Launcher", (icon,)), self.style, situation, self._fragments)
        index, page = nav["stack"][-1]
        module = self._modules[index]
        if asks(module, nav["dialog"]):
            return self._system(
                getattr(module, "dialog_" + nav["dialog"])(c), PERMISSION_CONTROLLER
            )
        kind = f"{self._spec.features[index].kind}/{page}"
        situation = Situation(kind, nav["scroll"], len(nav["stack"]) == 1, self.turn(ticks))
        drawn = self._page(nav["dialog"], module, c, index, page)
        if not self.style.words:
            return self._bare(drawn, situation, index)
        return self._furnished(drawn, situation, index)

    def _furnished(self, page: Page, situation: Situation, index: int) -> Screen:
        shown = self._furniture.page(page, situation.kind, index)
        return layout(shown, self.style, situation, self._fragments, self._dialect)

    def _bare(self, page: Page, situation: Situation, index: int) -> Screen:
        """Most pages without words are like one before."""
        key = shape_of(page), situation[:3], index
        screen = _known(self._pages, key, situation.turn)
        if screen is None:
            screen = self._furnished(page, situation, index)
            if len(self._pages) >= self.most_cached:
                self._pages.clear()
            _keep(self._pages, key, situation.turn, screen)
        return screen

    def _page(self, dialog: str, module: ModuleType, c: Context, index: int, page: str) -> Page:
        drawn: Page
        if (dialog or page).startswith("@"):
            return self._furniture.special(dialog or page)
        if dialog:
            drawn = getattr(module, "dialog_" + dialog)(c)
            return drawn
        drawn = getattr(module, "page_" + page)(c)
        if page == "main" and index and c.children:
            links = tuple([Node("row", "link", title, ("@open", i)) for i, title in c.children])
            # Nobody puts the way to another feature below many screens of rows.
            rows = sum([len(node.children) for node in drawn.nodes])
            nodes = links + drawn.nodes if rows > LONG else drawn.nodes + links
            drawn = drawn._replace(nodes=nodes)
        return drawn

    def _system(self, page: Page, package: str) -> Screen:
        style = self.style._replace(look="native", noise="none", package=package)
        situation = Situation(package, 0, True, 0)
        return layout(page, style, situation, self._system_fragments.setdefault(package, {}))


def _filled(field: Element, text: str, focused: bool) -> Element:
    shown = "•" * len(text) if field.password else text or field.text
    return field._replace(text=shown, focused=focused)


def _known(screens: Known, key: tuple, turn: int) -> Screen | None:
    screen = screens.get(key)
    return screens.get((key, turn)) if screen is None and key in screens else screen


def _keep(screens: Known, key: tuple, turn: int, screen: Screen) -> None:
    screens[key] = None if screen.turns else screen
    if screen.turns:
        screens[key, turn] = screen


def _actions_on(screen: Screen) -> list[Action]:
    elements = screen.elements
    taps = [i for i, call in screen.taps.items() if elements[i].enabled and leads_on(call)]
    holds = [i for i, call in screen.holds.items() if elements[i].enabled and leads_on(call)]
    fields = [i for i, name in screen.fields.items() if name not in (SEARCH, COMMENT)]
    actions = [Action(ActionKind.TAP, i) for i in taps]
    actions += [Action(ActionKind.LONG_PRESS, i) for i in holds]
    actions += [Action(ActionKind.TYPE, i, text) for i in fields for text in TYPED_TEXTS]
    if screen.most_scroll_px:
        scroller = next(i for i, element in enumerate(elements) if element.scrollable)
        actions.append(Action(ActionKind.SCROLL_DOWN, scroller))
        actions.append(Action(ActionKind.SCROLL_UP, scroller))
    actions.append(Action(ActionKind.BACK))
    actions.append(Action(ActionKind.RESTART))
    return actions
