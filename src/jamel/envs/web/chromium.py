"""A Chromium of one's own: found, started, confined to an origin, and ended with its worker.

Knows nothing of apps, elements or coverage. Playwright is asynchronous, so one thread runs its loop
and every call waits with a deadline: a page that hangs must not hang the session.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import Coroutine
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from jamel.errors import DeviceError, DeviceLost, DeviceMissing

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Playwright

Result = TypeVar("Result")
NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
START_S = 60.0
ENDED = "Expected a running Chromium, found it ended. Start the session again."
PHONE_PX = (412, 915)
"""The viewport, in CSS pixels: a phone's."""

_WITHOUT = (
    # Of a switch that is given twice the last holds, so Playwright's own are here too.
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding",
    "ThirdPartyStoragePartitioning", "AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints",
    "NetworkTimeServiceQuerying", "AimEnabled", "PreconnectToSearch",
    "PreloadTopChromeWebUI", "ProactivelySwapBrowsingInstance", "Translate",
)  # fmt: skip
_ARGUMENTS = (
    "--disable-smooth-scrolling",
    f"--disable-features={','.join(_WITHOUT)}",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
)
_NOWHERE = "http://127.0.0.1:9"
"""A proxy that refuses: what is not excepted reaches nobody."""


def find_chromium(named: str = "") -> Path:
    """The executable: the one that is named, the system's, or the one Playwright installed.

    Raises:
        DeviceMissing: There is none.
    """
    if named:
        found = shutil.which(named)
        if found is None:
            raise DeviceMissing(
                f"Expected a Chromium at {named}, found no such program. Mend the name, or "
                "leave it out to take the system's."
            )
        return Path(found)
    for name in NAMES:
        if (found := shutil.which(name)) is not None:
            return Path(found)
    if (own := _playwrights()) is not None:
        return own
    raise DeviceMissing(
        "Expected a Chromium, found none on the path. Install Debian's package `chromium`, or run "
        "`playwright install chromium`."
    )


def _playwrights() -> Path | None:
    folder = Path(
        os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache/ms-playwright"
    )
    found = sorted(folder.glob("chromium-*/chrome-linux*/chrome"))
    return found[-1] if found else None


class Loop:
    """An event loop in a thread of its own, and calls into it with deadlines."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="web", daemon=True)
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, Result], seconds: float) -> Result:
        """What a coroutine comes to; raises TimeoutError."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(seconds)
        except FutureTimeout:
            future.cancel()
            raise TimeoutError from None

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Begin something whose end nobody waits for."""
        asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        if not self._thread.is_alive():
            self._loop.close()


class Chromium:
    """A running browser. It ends with `close`, and when this process does, however that comes.

    Args:
        executable: The program, "" to find one.
        host: The only host beside loopback that pages can reach, "" for none.
    """

    def __init__(self, executable: str = "", host: str = "") -> None:
        self.path = find_chromium(executable)
        self._host = host
        self.loop = Loop()
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        try:
            self.loop.call(self._start(), START_S)
        except BaseException as error:
            self.close()
            if isinstance(error, TimeoutError):
                raise DeviceError(
                    f"Expected {self.path} to start within {START_S:.0f} s."
                ) from None
            if isinstance(error, Exception):
                raise DeviceError(
                    f"Expected {self.path} to start, found: {first_line(error)}. Run `{self.path} "
                    "--version`."
                ) from error
            raise

    async def _start(self) -> None:
        from playwright.async_api import async_playwright

        allowed = ["127.0.0.1", "localhost", "[::1]", *([self._host] if self._host else [])]
        excluded = ", ".join(f"EXCLUDE {name}" for name in allowed)
        self._playwright = await async_playwright().start()
        self._browser = await self._playwright.chromium.launch(
            executable_path=str(self.path),
            headless=True,
            # Chromium refuses to sandbox a root user's processes.
            chromium_sandbox=os.geteuid() != 0,
            args=[*_ARGUMENTS, f"--host-resolver-rules=MAP * ~NOTFOUND , {excluded}"],
            proxy={"server": _NOWHERE, "bypass": ",".join(allowed)},
            handle_sigint=False,
            handle_sigterm=False,
            handle_sighup=False,
        )

    @property
    def alive(self) -> bool:
        """Whether the browser answers."""
        return self._browser is not None and self._browser.is_connected()

    @property
    def version(self) -> str:
        """Such as 150.0.7204.92."""
        assert self._browser is not None, "a browser that started has a version"
        return self._browser.version

    async def context(self) -> BrowserContext:
        """A profile of its own, as new: no storage, no cookies, a phone's touched screen."""
        if self._browser is None:
            raise DeviceLost(ENDED)
        width, height = PHONE_PX
        return await self._browser.new_context(
            viewport={"width": width, "height": height},
            is_mobile=True,
            has_touch=True,
            device_scale_factor=1,
            locale="en-US",
            timezone_id="UTC",
            accept_downloads=False,
            service_workers="block",
            permissions=[],
        )

    def close(self) -> None:
        """End the browser; closing twice is harmless."""
        browser, self._browser = self._browser, None
        playwright, self._playwright = self._playwright, None
        # A browser that was killed cannot be closed.
        with suppress(Exception):
            if browser is not None:
                self.loop.call(browser.close(), 10)
        with suppress(Exception):
            if playwright is not None:
                self.loop.call(playwright.stop(), 10)
        self.loop.close()


def first_line(error: BaseException) -> str:
    """What an error of Playwright says, without its log."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
