"""One page of a Chromium over CDP: its elements, touches on it, and what of its code ran.

Everything here is asynchronous and without deadlines; `link.py` sets those. Nothing that a page
says is trusted: what it can hand over is limited and checked.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from importlib.resources import files
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from jamel.envs.web.elements import observed
from jamel.errors import UiTreeError
from jamel.types import Observation

if TYPE_CHECKING:
    from playwright.async_api import CDPSession, Page

READER = files("jamel.envs.web").joinpath("page.js").read_text(encoding="utf-8")
WORLD = "jamel"
QUIET_MS = 16
MOST_SCRIPTS = 5000
MOST_UNNAMED = 200
MOST_EVALS = 200
EVAL = "eval"
"""The name of code that a script made of a string."""
_TOUCH = "Input.dispatchTouchEvent"
_GONE = ("context", "navigated", "closed", "detached", "Target")


class ScriptFacts(NamedTuple):
    """Where a script came from, V8's digest of its source, and who can hand that out.

    `name` is EVAL for what a script made of a string; `origin` is then the script's own.
    """

    name: str
    origin: tuple[str, str]
    digest: str
    agent: Agent


class Ran(NamedTuple):
    """The functions that V8 reported of one script."""

    script: str
    facts: ScriptFacts
    functions: list[dict[str, Any]]


class Seen(NamedTuple):
    """A page as it was read, whether it had come to rest, and how long its elements took."""

    observation: Observation
    calm: bool
    tree_s: float


class Agent(ABC):
    """The debugger and the profiler of a page or a worker.

    Pages of one origin share an isolate and its counters: one of them `counts` for all, and
    `scripts` are known to all; `news` are those that came since somebody looked. What was reported
    of a script before anybody was told of it is `unnamed`. `origins` are those of the contexts in
    which a page's own code runs.
    """

    def __init__(self) -> None:
        self.scripts: dict[str, ScriptFacts] = {}
        self.news: list[str] = []
        self.origins: dict[int, tuple[str, str]] = {}
        self.isolate = ""
        self.counts = False
        self.too_many_evals = False
        self._evals: set[str] = set()
        self.unnamed: list[dict[str, Any]] = []

    @abstractmethod
    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A CDP command."""

    async def watch(self, others: Sequence[Agent] = ()) -> None:
        """Be told of scripts, and count what runs unless one of the `others` does so here."""
        await self.send("Debugger.enable")
        # A `debugger` statement would stop the page for good.
        await self.send("Debugger.setSkipAllPauses", skip=True)
        self.isolate = (await self.send("Runtime.getIsolateId")).get("id", "")
        for other in others:
            if other.counts and other.isolate == self.isolate:
                other.scripts.update(self.scripts)
                self.scripts = other.scripts
                return
        await self.count()

    async def count(self) -> None:
        """Count what runs from now on."""
        await self.send("Profiler.enable")
        await self.send("Profiler.startPreciseCoverage", callCount=True, detailed=True)
        self.counts = True

    async def count_anew(self) -> None:
        """Let go of documents that are gone: V8 keeps the counters of all until counting ends."""
        if self.counts:
            await self.send("Profiler.stopPreciseCoverage")
            await self.send("HeapProfiler.collectGarbage")
            self.scripts.clear()
            await self.count()

    def parsed(self, event: dict[str, Any]) -> None:
        """Note a script, the oldest in the place of one too many."""
        facts = self._facts(event)
        if facts is None:
            return
        if len(self.scripts) >= MOST_SCRIPTS:
            del self.scripts[next(iter(self.scripts))]
        self.scripts[event["scriptId"]] = facts
        self.news = [*self.news, event["scriptId"]][-MOST_SCRIPTS:]

    def _facts(self, event: dict[str, Any]) -> ScriptFacts | None:
        address, digest = event.get("embedderName") or "", event["hash"]
        if address:
            return ScriptFacts(
                urlsplit(address).path[:200] or "/", origin_of(address), digest, self
            )
        # Of the page's own contexts, and made by code that ran: not by a debugger such as this.
        origin = self.origins.get(event["executionContextId"])
        if origin is None or not event.get("stackTrace", {}).get("callFrames"):
            return None
        if digest not in self._evals and len(self._evals) >= MOST_EVALS:
            self.too_many_evals = True
            return None
        self._evals.add(digest)
        return ScriptFacts(EVAL, origin, digest, self)

    async def take(self) -> list[Ran]:
        """What ran since the last time."""
        if not self.counts:
            return []
        found = await self.send("Profiler.takePreciseCoverage")
        reported, self.unnamed = [*self.unnamed, *found.get("result", ())], []
        return list(self._ran(reported))

    def _ran(self, result: list[dict[str, Any]]) -> Iterator[Ran]:
        for script in result:
            facts = self.scripts.get(script["scriptId"])
            if facts is not None and script["functions"]:
                yield Ran(script["scriptId"], facts, script["functions"])
            elif script["url"]:
                self.unnamed = [*self.unnamed, script][-MOST_UNNAMED:]

    async def source(self, script: str) -> str:
        """The source of a script that this agent was told of."""
        found = await self.send("Debugger.getScriptSource", scriptId=script)
        return str(found["scriptSource"])


class PageAgent(Agent):
    """Of a page, over its own CDP session."""

    def __init__(self, session: CDPSession) -> None:
        super().__init__()
        self.session = session
        session.on("Debugger.scriptParsed", self.parsed)

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A CDP command."""
        found: dict[str, Any] = await self.session.send(method, parameters)
        return found


class WorkerAgent(Agent):
    """Of a worker, through its page's session."""

    def __init__(self, page: PageAgent, session_id: str) -> None:
        super().__init__()
        self._page, self._session_id = page, session_id
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A CDP command."""
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        message = json.dumps({"id": number, "method": method, "params": parameters})
        await self._page.send(
            "Target.sendMessageToTarget", sessionId=self._session_id, message=message
        )
        return await answer

    def heard(self, message: dict[str, Any]) -> None:
        """An answer or an event of the worker."""
        if message.get("method") == "Debugger.scriptParsed":
            self.parsed(message["params"])
        waiting = self._waiting.pop(message.get("id", 0), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(message.get("result") or {})

    async def count(self) -> None:
        """As every agent; of what ran before, V8 knows which functions did."""
        await self.send("Profiler.enable")
        self.unnamed = (await self.send("Profiler.getBestEffortCoverage")).get("result", [])
        await super().count()

    def end(self) -> None:
        """The worker is gone."""
        for waiting in self._waiting.values():
            waiting.cancel()


class Tab:
    """One page and its workers, those that are `starting` included.

    `loads` documents came since its code is counted. `requests` of it are under way; `idle` says
    when none is. Pages that it is `opening` come later.
    """

    def __init__(self, page: Page, session: CDPSession) -> None:
        self.page = page
        self.agent = PageAgent(session)
        self.workers: dict[str, WorkerAgent] = {}
        self.loads = 0
        self.requests = 0
        self.idle = asyncio.Event()
        self.idle.set()
        self.crashed = False
        self.opening = 0
        self._world: int | None = None
        self._frame = ""
        self._worlds = asyncio.Event()
        self.starting: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(cls, page: Page, others: Sequence[Agent] = ()) -> Tab:
        """Take over a page, beside those that `others` count already."""
        tab = cls(page, await page.context.new_cdp_session(page))
        await tab._begin(others)
        return tab

    async def _begin(self, others: Sequence[Agent]) -> None:
        page, agent = self.page, self.agent
        page.on("request", lambda _: self._request(1))
        page.on("requestfinished", lambda _: self._request(-1))
        page.on("requestfailed", lambda _: self._request(-1))
        page.on("crash", lambda _: setattr(self, "crashed", True))
        session = agent.session
        session.on("Runtime.executionContextCreated", self._created)
        session.on("Runtime.executionContextDestroyed", self._destroyed)
        session.on("Runtime.executionContextsCleared", self._cleared)
        session.on("Page.windowOpen", self._opens)
        session.on("Target.attachedToTarget", self._attached)
        session.on("Target.detachedFromTarget", self._detached)
        session.on("Target.receivedMessageFromTarget", self._received)
        self._frame = (await agent.send("Page.getFrameTree"))["frameTree"]["frame"]["id"]
        await agent.send("Runtime.enable")
        await agent.watch(others)
        await agent.send("Page.addScriptToEvaluateOnNewDocument", source=READER, worldName=WORLD)
        await agent.send("Page.enable")
        await agent.send(
            "Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=True, flatten=False
        )
        if self._world is None:
            made = await agent.send(
                "Page.createIsolatedWorld", frameId=self._frame, worldName=WORLD
            )
            self._world = made["executionContextId"]
            await self._evaluate(READER)

    def _request(self, change: int) -> None:
        self.requests = max(self.requests + change, 0)
        if self.requests:
            self.idle.clear()
        else:
            self.idle.set()

    def _opens(self, _: dict[str, Any]) -> None:
        self.opening += 1

    def _created(self, event: dict[str, Any]) -> None:
        context = event["context"]
        if context["auxData"].get("isDefault"):
            self.agent.origins[context["id"]] = origin_of(context["origin"])
            self.loads += context["auxData"].get("frameId") == self._frame
        if context["name"] == WORLD and context["auxData"].get("frameId") == self._frame:
            self._world = context["id"]
            self._worlds.set()

    def _cleared(self, _: dict[str, Any]) -> None:
        self.agent.origins.clear()
        self._lost()

    def _destroyed(self, event: dict[str, Any]) -> None:
        self.agent.origins.pop(event["executionContextId"], None)
        if event["executionContextId"] == self._world:
            self._lost()

    def _lost(self) -> None:
        self._world = None
        self._worlds.clear()

    def _attached(self, event: dict[str, Any]) -> None:
        if event["targetInfo"]["type"] not in ("worker", "shared_worker"):
            return
        worker = self.workers[event["sessionId"]] = WorkerAgent(self.agent, event["sessionId"])
        task = asyncio.ensure_future(_quietly(self._start(worker)))
        self.starting.add(task)
        task.add_done_callback(self.starting.discard)

    async def _start(self, worker: WorkerAgent) -> None:
        await worker.send("Runtime.runIfWaitingForDebugger")
        await worker.watch()

    def _detached(self, event: dict[str, Any]) -> None:
        worker = self.workers.pop(event["sessionId"], None)
        if worker is not None:
            worker.end()

    def _received(self, event: dict[str, Any]) -> None:
        worker = self.workers.get(event["sessionId"])
        if worker is not None:
            worker.heard(json.loads(event["message"]))

    @property
    def agents(self) -> list[Agent]:
        """Everything whose code is counted."""
        return [self.agent, *self.workers.values()]

    async def _evaluate(self, expression: str) -> Any:
        if self._world is None:
            await self._worlds.wait()
        found = await self.agent.send(
            "Runtime.evaluate", expression=expression, contextId=self._world, awaitPromise=True,
            returnByValue=True, includeCommandLineAPI=True, userGesture=True,
        )  # fmt: skip
        if "exceptionDetails" in found:
            said = found["exceptionDetails"]
            raise UiTreeError(
                "Expected the page to be readable, found: "
                f"{said.get('exception', {}).get('description') or said['text']}"[:300]
            )
        return found["result"].get("value")

    async def evaluate(self, expression: str) -> Any:
        """In the reader's world, on whatever document is there by then."""
        while True:
            try:
                return await self._evaluate(expression)
            except Exception as error:
                if isinstance(error, UiTreeError) or not _is_gone(error) or self.page.is_closed():
                    raise
                await asyncio.sleep(0.01)

    async def read(self, package: str, most_ms: int) -> Seen:
        """The page once nothing changes any more, or after `most_ms`."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + most_ms / 1000
        while True:
            left_ms = max(int(1000 * (deadline - clock())), QUIET_MS)
            calm, read_ms, seen = await self.evaluate(
                "globalThis.jamelListeners ??= getEventListeners; (async () => { const calm = "
                f"await jamelSettled({QUIET_MS}, {left_ms}), began = performance.now(), seen = "
                "jamelRead(); return [calm, performance.now() - began, seen]; })()"
            )
            if self.idle.is_set() or left_ms <= QUIET_MS:
                began = clock()
                observation = observed(seen, package)
                tree_s = clock() - began + float(read_ms) / 1000
                return Seen(observation, bool(calm) and self.idle.is_set(), tree_s)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.idle.wait(), left_ms / 1000)

    async def count_anew(self) -> None:
        """Leave the document, and forget the counters of all that came so far."""
        await self.page.goto("about:blank")
        await self.agent.count_anew()
        self.loads = 0

    async def tap(self, x_px: int, y_px: int) -> None:
        """One finger, down and up."""
        touch = self.agent.send
        await asyncio.gather(
            touch(_TOUCH, type="touchStart", touchPoints=[{"x": x_px, "y": y_px}]),
            touch(_TOUCH, type="touchEnd", touchPoints=[]),
        )

    async def hold(self, x_px: int, y_px: int) -> None:
        """What a long press asks for: the context menu."""
        button = {"x": x_px, "y": y_px, "button": "right", "clickCount": 1}
        await asyncio.gather(
            self.agent.send("Input.dispatchMouseEvent", type="mousePressed", **button),
            self.agent.send("Input.dispatchMouseEvent", type="mouseReleased", **button),
        )

    async def back(self) -> bool:
        """To the page before; whether there is one."""
        history = await self.agent.send("Page.getNavigationHistory")
        place = history["currentIndex"]
        before = [entry for entry in history["entries"][:place] if entry["url"] != "about:blank"]
        if not before:
            return False
        await self.agent.send("Page.navigateToHistoryEntry", entryId=before[-1]["id"])
        return True

    async def screenshot(self) -> bytes:
        """A PNG of the viewport."""
        return await self.page.screenshot(type="png", animations="disabled", caret="hide")


def origin_of(address: str) -> tuple[str, str]:
    """Scheme and host with its port: what scripts of one app have in common."""
    parts = urlsplit(address)
    return parts.scheme, parts.netloc


def _is_gone(error: Exception) -> bool:
    return any(word in str(error) for word in _GONE)


async def _quietly(work: Any) -> None:
    with contextlib.suppress(Exception):
        await work
