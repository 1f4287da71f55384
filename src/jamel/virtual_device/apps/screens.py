"""What a running app shows: its pages laid out once and remembered, the launcher, system dialogs.

Knows no handlers: an app's state comes in, a screen goes out. Dialogs of the system, about a crash
or a permission, are drawn as the system draws them, whatever the app looks like.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from jamel.types import TYPED_TEXTS, Action, ActionKind, Element
from jamel.virtual_device.apps.compose import AppSpec
from jamel.virtual_device.apps.context import Context
from jamel.virtual_device.apps.crash import CRASHED, crash_page
from jamel.virtual_device.apps.dialect import Dialect
from jamel.virtual_device.apps.furniture import Furniture
from jamel.virtual_device.apps.layout import Fragments, Screen, Situation, Style, layout
from jamel.virtual_device.apps.noise import LOOKS, changing_text
from jamel.virtual_device.apps.permissions import PERMISSION_CONTROLLER, asks
from jamel.virtual_device.apps.widgets import Node, Page
from jamel.virtual_device.apps.wording import POOL_OF

MOST_CACHED_SCREENS = 3000
Known = tuple[int, Screen]
"""A screen and the turn in which it was laid out."""


class Screens:
    """The screens of one app on a display of `size_px`; equal states give equal screens."""

    def __init__(self, spec: AppSpec, modules: list[ModuleType]) -> None:
        self._spec, self._modules = spec, modules
        pool = POOL_OF.get(spec.split, "train")
        self.style = Style(spec.seed, spec.look, spec.noise, spec.package, spec.size_px, pool)
        self._dialect = Dialect(spec.seed, spec.split)
        self._furniture = Furniture(spec)
        self._turn_ticks = LOOKS[spec.look, spec.noise].turn_ticks
        self.most_cached = MOST_CACHED_SCREENS
        self._cache: dict[tuple, Known] = {}
        self._pages: dict[tuple, Known] = {}
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
        self._cache, self._pages, self._fragments = {}, {}, {}
        self._system_fragments, self._actions = {}, {}

    def of(self, nav: dict[str, Any], shared: dict[str, Any], c: Context) -> Screen:
        """The screen of a state; `c` is the feature in front."""
        index, page = nav["stack"][-1]
        turn = nav["tick"] // self._turn_ticks if self._turn_ticks else 0
        key = (
            nav["front"], index, page, len(nav["stack"]) > 1, nav["dialog"], nav["toast"],
            nav["focus"], nav["scroll"], *shared.values(), *c.s.values(),
        )  # fmt: skip
        known = self._cache.get(key)
        if known is None or (known[0] != turn and known[1].turns):
            painted = turn, self._paint(nav, c, index, page, turn)
            known = _keep(self._cache, key, painted, self.most_cached)
        return known[1]

    def elements(self, screen: Screen, ticks: int) -> tuple[Element, ...]:
        """A screen's elements, with what its clocks and counters say after `ticks` events."""
        elements = list(screen.elements)
        for index, kind, salt in screen.changing:
            text = changing_text(kind, self._spec.seed, salt, ticks)
            old = elements[index]
            elements[index] = Element(old.cls, text, *old[2:])
        return tuple(elements)

    def actions(self, screen: Screen) -> list[Action]:
        """The actions that can have an effect on a screen."""
        known = self._actions.get(id(screen))
        if known is None or known[0] is not screen:
            if len(self._actions) >= self.most_cached:
                self._actions.clear()
            known = self._actions[id(screen)] = screen, _actions_on(screen)
        return known[1]

    def _paint(self, nav: dict[str, Any], c: Context, index: int, page: str, turn: int) -> Screen:
        if nav["dialog"] == CRASHED:
            return self._system(crash_page(self._spec.title), "android")
        if not nav["front"]:
            situation = Situation("launcher", {}, "", 0, "", True, 0)
            icon = Node("button", "app_icon", self._spec.title, ("@launch", ""))
            return layout(Page("Launcher", (icon,)), self.style, situation, self._fragments)
        module = self._modules[index]
        if asks(module, nav["dialog"]):
            return self._system(
                getattr(module, "dialog_" + nav["dialog"])(c), PERMISSION_CONTROLLER
            )
        kind = self._spec.features[index].kind
        situation = Situation(
            f"{kind}/{page}", c.s, nav["focus"], nav["scroll"], nav["toast"],
            len(nav["stack"]) == 1, turn,
        )  # fmt: skip
        return self._laid_out(self._page(nav["dialog"], module, c, index, page), c, situation)

    def _page(self, dialog: str, module: ModuleType, c: Context, index: int, page: str) -> Page:
        drawn: Page
        if (dialog or page).startswith("@"):
            return self._furniture.special(dialog or page)
        if dialog:
            drawn = getattr(module, "dialog_" + dialog)(c)
            return drawn
        drawn = getattr(module, "page_" + page)(c)
        if page == "main" and index and c.children:
            links = [Node("row", "link", title, ("@open", i)) for i, title in c.children]
            drawn = drawn._replace(nodes=drawn.nodes + tuple(links))
        return drawn

    def _laid_out(self, page: Page, c: Context, situation: Situation) -> Screen:
        # Most changes of state do not show, so most new states look like one seen before.
        typed = [value for name, value in c.s.items() if name.startswith("t:")]
        key = page, situation.kind, *situation[2:6], *typed
        known = self._pages.get(key)
        if known is None or (known[0] != situation.turn and known[1].turns):
            shown = self._furniture.page(page, situation.kind, c.index)
            screen = layout(self._dialect.page(shown), self.style, situation, self._fragments)
            known = _keep(self._pages, key, (situation.turn, screen), self.most_cached)
        return known[1]

    def _system(self, page: Page, package: str) -> Screen:
        style = self.style._replace(look="native", noise="none", package=package)
        situation = Situation(package, {}, "", 0, "", True, 0)
        return layout(page, style, situation, self._system_fragments.setdefault(package, {}))


def _keep(cache: dict[tuple, Known], key: tuple, known: Known, most: int) -> Known:
    if len(cache) >= most:
        cache.clear()
    cache[key] = known
    return known


def _actions_on(screen: Screen) -> list[Action]:
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
