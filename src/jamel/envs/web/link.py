"""WebLink: one web app in a Chromium, as `jamel.envs.links.Link` has every device.

Coverage is kept here, as V8's counters begin anew with each reading: the union over pages, tabs,
workers and reloads of the session. Only scripts of the app's own origin count.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from jamel.coverage import ClassProbes, ProbeSet
from jamel.coverage.sources import keep_source
from jamel.coverage.v8 import Script, as_bits, digest_of_source
from jamel.envs.links import Reading
from jamel.envs.web.chromium import ENDED, Chromium, first_line
from jamel.envs.web.tab import MOST_EVALS, Agent, ScriptFacts, Seen, Tab, origin_of
from jamel.errors import AppMissing, CoverageError, DeviceError, DeviceLost
from jamel.types import Action, ActionKind, Observation, action_problem, fingers_px

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Dialog, Page

Result = TypeVar("Result")
SCROLL_SHARE = 0.6
"""Of what is visible, one scroll."""
MOST_TABS = 8
MOST_LOADS = 16
"""Documents after which a restart lets V8 forget the counters of those that are gone."""
MOST_PARSED_BYTES = 32 << 20
"""Of the sources whose blocks a process keeps."""
OPENING_S = 2.0
WORKER_S = 2.0
"""A worker that has not started by then is counted later."""


class WebLink:
    """Drives one app.

    Args:
        chromium: The browser, which stays open when the link closes.
        package: What the app is called.
        start: The address of its first page; scripts of this origin count.
        settle_s: How long a page may take to come to rest.
        timeout_s: How long it may take to answer; one that does not is given up.
        sources: A folder that keeps every script of the app, see `jamel.coverage.sources`.

    `spent_s` are the seconds it waited: for the `browser` to act and its page to settle, for the
    page's elements (`tree`), and for V8's counters (`coverage`).
    """

    device = "chromium"

    def __init__(
        self,
        chromium: Chromium,
        package: str,
        start: str,
        build: str,
        *,
        settle_s: float = 2.0,
        timeout_s: float = 20.0,
        sources: Path | None = None,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        self.package, self.build, self.start = package, build, start
        self.marks: list[str] = []
        self._chromium = chromium
        self._origin = origin_of(start)
        self._settle_ms = int(1000 * settle_s)
        self._timeout_s = timeout_s
        self._sources = sources
        self._on_close = on_close
        self.spent_s = {"browser": 0.0, "coverage": 0.0, "tree": 0.0}
        self._context: BrowserContext | None = None
        self._tabs: list[Tab] = []
        self._scripts: dict[str, Script] = {}
        self._met: dict[int, Script] = {}
        self._executed: dict[int, ClassProbes] = {}
        self._changes = 0
        self._crash = ""
        self._told = False
        self._pending: set[asyncio.Task[Any]] = set()

    def restart(self, new_session: bool) -> Reading:
        """Open the start page; a new session begins with an empty profile and without coverage."""
        if new_session:
            self._executed, self._met, self._changes, self._told = {}, {}, 0, False
            self._call(self._forget())
        return self._call(self._restart())

    def perform(self, observation: Observation, action: Action) -> Reading:
        """Do an action on the element it names in `observation`, the screen read last."""
        problem = action_problem(observation, action)
        if problem:
            return Reading(observation, self._key, False, problem)
        try:
            if action.kind is ActionKind.RESTART:
                return self._call(self._restart())
            reason = self._call(self._act(observation, action))
            reading = self._call(self._read())
        except _Hung:
            return self._replaced("the page did not answer")
        if reason:
            return reading._replace(executed=False, invalid_reason=reason)
        return reading

    def decode(self, coverage: bytes) -> ProbeSet:
        """The probes of the last reading: `coverage` only says how often it grew."""
        if coverage != self._key:
            raise CoverageError("Expected the coverage of the last reading, found an older one.")
        return ProbeSet(self._executed)

    @property
    def scripts(self) -> Sequence[Script]:
        """Every script of the app that the session met."""
        return list(self._met.values())

    @property
    def total_probes(self) -> int:
        """How many blocks those have; 0 before the first came."""
        return sum(map(len, self._met.values()))

    def screenshot(self) -> bytes:
        """The viewport as a PNG."""
        return self._call(self._tabs[-1].screenshot())

    def crash_trace(self) -> str:
        """The last exception that no code of the app caught."""
        return self._crash

    def crash_news(self) -> str:
        """The same, if it is new."""
        crash, self._crash = self._crash, ""
        return crash

    def snapshot(self) -> None:
        """No browser can: labels are made of what happened."""
        return None

    def restore(self, snapshot: bytes) -> Reading:
        """There are no snapshots."""
        raise DeviceError("Expected no snapshot of a web page, as a browser takes none.")

    def rewind(self, snapshot: bytes) -> None:
        """There are no snapshots."""
        self.restore(snapshot)

    def forget(self, snapshot: bytes) -> None:
        """There are no snapshots."""

    def recover(self) -> bool:
        """Whether a new session can begin in the same browser."""
        self._tabs, self._context = [], None
        return self._chromium.alive

    def close(self) -> None:
        """Leave the browser as if nothing had been opened in it."""
        if self._context is not None and self._chromium.alive:
            try:
                self._call(self._forget())
            except DeviceError:
                self._context = None
        if self._on_close is not None:
            self._on_close()
            self._on_close = None

    @property
    def _key(self) -> bytes:
        return str(self._changes).encode()

    def _call(self, work: Coroutine[Any, Any, Result]) -> Result:
        from playwright.async_api import Error

        began, apart_s = time.perf_counter(), self._apart_s
        try:
            return self._chromium.loop.call(work, self._timeout_s)
        except TimeoutError:
            if self._chromium.alive:
                raise _Hung(
                    f"Expected the page to answer within {self._timeout_s:g} s. Look at it, or "
                    "raise device.step_timeout_s."
                ) from None
            raise DeviceLost(ENDED) from None
        except Error as error:
            if not self._chromium.alive:
                raise DeviceLost(ENDED) from None
            if not self._tabs or self._tabs[-1].crashed or self._tabs[-1].page.is_closed():
                raise _Hung("Expected the page to be there, found its renderer ended.") from None
            raise DeviceError(f"Expected the page to answer, found: {first_line(error)}") from error
        finally:
            apart_s = self._apart_s - apart_s
            self.spent_s["browser"] += time.perf_counter() - began - apart_s

    @property
    def _apart_s(self) -> float:
        return self.spent_s["coverage"] + self.spent_s["tree"]

    def _replaced(self, why: str) -> Reading:
        """Begin at the start page in a new tab; what ran since the last reading is not known."""
        tabs, self._tabs = self._tabs, []
        for tab in tabs:
            self._chromium.loop.start(_close(tab.page))
        self.marks.append(f"{why}: begun again at the start page")
        return self._call(self._restart())

    async def _forget(self) -> None:
        context, self._context, self._tabs = self._context, None, []
        if context is not None:
            await context.close()

    async def _restart(self) -> Reading:
        if self._context is None:
            self._context = await self._chromium.context()
            self._context.on("page", self._opened)
        for tab in self._tabs[1:]:
            await _close(tab.page)
        self._tabs = self._tabs[:1]
        if not self._tabs:
            await self._take_over(await self._context.new_page())
        elif self._tabs[0].loads >= MOST_LOADS:
            await self._tabs[0].count_anew()
        page = self._tabs[0].page
        try:
            await page.goto(self.start, wait_until="commit")
        except Exception as error:
            if page.is_closed() or not self._chromium.alive:
                raise
            raise AppMissing(
                f"Expected {self.package} at {self.start}, found: {first_line(error)}. Serve it "
                "there, or mend its start page."
            ) from None
        return await self._read()

    async def _current(self) -> Tab:
        """The page that is looked at; a new one where the app closed all of its own."""
        if not self._tabs:
            await self._restart()
        return self._tabs[-1]

    async def _take_over(self, page: Page) -> Tab:
        page.on("dialog", self._answer)
        page.on("pageerror", self._failed)
        page.on("filechooser", lambda _: None)
        tab = await Tab.open(page, [known.agent for known in self._tabs])
        self._tabs.append(tab)
        page.on("close", lambda _: self._gone(tab))
        return tab

    def _opened(self, page: Page) -> None:
        """A page that the app opened is looked at from now on, as a new activity is."""
        for tab in self._tabs:
            tab.opening = max(tab.opening - 1, 0)
        if self._tabs and len(self._tabs) < MOST_TABS:
            self._later(self._take_over(page))
        elif self._tabs:
            self._later(_close(page))

    def _gone(self, tab: Tab) -> None:
        if tab in self._tabs:
            self._tabs.remove(tab)

    def _later(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(work)
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def _answer(self, dialog: Dialog) -> None:
        self.marks.append(f"{dialog.type} answered: {dialog.message[:80]}")
        await dialog.accept("hello" if dialog.type == "prompt" else "")

    def _failed(self, error: Exception) -> None:
        # The port is another one each time, and the same crash the same.
        said = str(getattr(error, "stack", "") or error)
        self._crash = said.replace("://".join(self._origin), "")[:4000]

    async def _act(self, observation: Observation, action: Action) -> str:
        """Do it; why it cannot be done, "" where it was."""
        tab, kind = await self._current(), action.kind
        if kind is ActionKind.HOME:
            await tab.page.goto("about:blank")
        elif kind is ActionKind.BACK:
            if len(self._tabs) > 1:
                await _close(tab.page)
                self._gone(tab)
            elif not await tab.back():
                return "there is no page before this one"
        elif kind is ActionKind.TYPE:
            await self._type(tab, action)
        elif kind in (ActionKind.SCROLL_DOWN, ActionKind.SCROLL_UP):
            share = SCROLL_SHARE if kind is ActionKind.SCROLL_DOWN else -SCROLL_SHARE
            await tab.evaluate(f"jamelScroll({max(action.element, 0)}, {share})")
        elif not (
            action.element >= 0
            and observation.elements[action.element].cls == _OPTION
            and await tab.evaluate(f"jamelChoose({action.element})")
        ):
            x_px, y_px = fingers_px(observation, action)[:2]
            await (tab.hold if kind is ActionKind.LONG_PRESS else tab.tap)(x_px, y_px)
        return ""

    async def _type(self, tab: Tab, action: Action) -> None:
        await tab.evaluate(f"jamelFocus({action.element})")
        await tab.agent.send("Input.insertText", text=action.text)

    async def _read(self) -> Reading:
        tab = await self._current()
        seen = await self._see(tab)
        await self._await_opening(tab)
        if not self._tabs:
            self.marks.append("the app closed its page: back at the start page")
            return await self._restart()
        if self._tabs[-1] is not tab:
            # A page that opened meanwhile is the one that is looked at.
            tab = self._tabs[-1]
            seen = await self._see(tab)
        if origin_of(tab.page.url) != self._origin and tab.page.url != "about:blank":
            self.marks.append("left the app's origin: back at the start page")
            return await self._restart()
        if tab.page.url == "about:blank":
            blank = seen.observation._replace(package="about:blank", activity="about:blank")
            seen = seen._replace(observation=blank)
        await self._count_all()
        marks = "" if seen.calm else "the page did not come to rest"
        return Reading(seen.observation, self._key, marks=marks)

    async def _see(self, tab: Tab) -> Seen:
        seen = await tab.read(self.package, self._settle_ms)
        self.spent_s["tree"] += seen.tree_s
        return seen

    async def _await_opening(self, tab: Tab) -> None:
        """Until the pages that a page has asked for are taken over; some never come."""
        deadline = asyncio.get_running_loop().time() + OPENING_S
        while tab.opening and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.005)
        tab.opening = 0
        if self._pending:
            await asyncio.wait(self._pending, timeout=self._timeout_s)

    async def _count_all(self) -> None:
        starting = [task for tab in self._tabs for task in tab.starting]
        if starting:
            await asyncio.wait(starting, timeout=WORKER_S)
        agents = [agent for tab in self._tabs for agent in tab.agents]
        counted = {agent.isolate for agent in agents if agent.counts}
        for agent in agents:
            if agent.isolate and agent.isolate not in counted:
                # Whoever counted here was closed.
                await agent.count()
                counted.add(agent.isolate)
        began = time.perf_counter()
        await asyncio.gather(*map(self._count, agents))
        self.spent_s["coverage"] += time.perf_counter() - began

    async def _count(self, agent: Agent) -> None:
        for ran in await agent.take():
            if ran.facts.origin != self._origin:
                continue
            script = await self._script(ran.script, ran.facts)
            bits = as_bits(script.executed(ran.functions))
            known = self._executed.get(script.class_id)
            before = known.bits if known else 0
            if bits & ~before:
                self._changes += 1
                name = known.name if known else script.url
                self._executed[script.class_id] = ClassProbes(name, len(script), before | bits)
        await self._meet(agent)

    async def _meet(self, agent: Agent) -> None:
        """Scripts count as known once they were parsed, whether or not they ran."""
        from playwright.async_api import Error

        news, agent.news = agent.news, []
        for number in news:
            facts = agent.scripts.get(number)
            if facts is not None and facts.origin == self._origin:
                # V8 may have let go of one that never ran.
                with suppress(Error):
                    await self._script(number, facts)
        if agent.too_many_evals and not self._told:
            self._told = True
            self.marks.append(f"only {MOST_EVALS} scripts made of strings were counted")

    async def _script(self, number: str, facts: ScriptFacts) -> Script:
        script = self._scripts.get(facts.digest)
        if script is None:
            source = await facts.agent.source(number)
            script = self._scripts[facts.digest] = parsed(facts.name, source)
            if self._sources is not None:
                keep_source(self._sources, source)
        self._met[script.class_id] = script
        return script


_OPTION = "android.widget.CheckedTextView"
_PARSED: OrderedDict[bytes, Script] = OrderedDict()


class _Hung(DeviceLost):
    """A page did not answer in time, or its renderer ended."""


def parsed(name: str, source: str) -> Script:
    """A script with its blocks; those that this process has met lately are not parsed again."""
    digest = digest_of_source(source)
    script = _PARSED.pop(digest, None) or Script(name, source)
    _PARSED[digest] = script
    held = sum(kept.size for kept in _PARSED.values())
    while held > MOST_PARSED_BYTES and len(_PARSED) > 1:
        held -= _PARSED.popitem(last=False)[1].size
    return script


async def _close(page: Page) -> None:
    if not page.is_closed():
        await page.close()
