"""WebEnv: one web app as an Env. Its folder is served on loopback, or it is where its address says.

Knows nothing of learning. One browser a process, shared by its sessions and ended with it.
"""

from __future__ import annotations

import atexit
import hashlib
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from jamel.coverage.blocks import write_blocks
from jamel.coverage.v8 import Counts
from jamel.disk import digest_of
from jamel.envs.linked import LinkedEnv
from jamel.envs.web.chromium import Chromium
from jamel.envs.web.link import WebLink
from jamel.envs.web.site import Site
from jamel.errors import AppMissing

LONGEST_PAGE = 16 << 20
_OPEN: dict[tuple[str, str], Chromium] = {}


class WebEnv(LinkedEnv):
    """A web app in a Chromium, whose coverage is V8's."""

    backend = "web"
    link: WebLink

    def raw_coverage(self) -> bytes:
        """The executed blocks, as `jamel.coverage.blocks` writes them."""
        return write_blocks(self.coverage())

    def counts(self) -> tuple[Counts, Counts]:
        """(executed, known) lines, branches, statements and functions of the scripts met so far."""
        executed, known = Counts(0, 0, 0, 0), Counts(0, 0, 0, 0)
        found = self.coverage().classes
        for script in self.link.scripts:
            bits = found[script.class_id].bits if script.class_id in found else 0
            executed = executed.plus(script.counts(bits))
            known = known.plus(script.known())
        return executed, known


def open_folder(
    folder: Path,
    start: str = "index.html",
    *,
    app: str = "",
    build: str = "",
    browser: str = "",
    screenshots: bool = False,
    **options: Any,
) -> WebEnv:
    """An app whose pages are files of a folder.

    Args:
        folder: Is served on loopback, read-only.
        start: The first page, within the folder.
        app: What it is called; the folder's name by default.
        build: What tells its builds apart; a digest of all its files by default.
        browser: The Chromium to run, "" to find one.
        screenshots: Whether observations carry a PNG of the screen.
        options: Of `WebLink`: `settle_s`, `timeout_s`, `sources`.

    Raises:
        AppMissing: There is no such folder or page.
        DeviceMissing: There is no Chromium.
    """
    page = folder / start.lstrip("/").split("?")[0].split("#")[0]
    if not page.is_file():
        raise AppMissing(f"Expected an app's first page in {page}, found no such file. Fetch it.")
    chromium = chromium_of(browser)
    site = Site(folder)
    name = app or folder.name
    address = f"{site.origin}/{start.lstrip('/')}"
    build = build or build_of(folder)
    link = WebLink(chromium, name, address, build, on_close=site.close, **options)
    return WebEnv(link, app=name, screenshots=screenshots)


def open_address(
    address: str,
    *,
    app: str = "",
    browser: str = "",
    screenshots: bool = False,
    **options: Any,
) -> WebEnv:
    """An app that runs already; only its own host and loopback can be reached from its pages.

    Args:
        address: Of its first page, http or https.
        app: What it is called; its address by default.
        browser: As in `open_folder`.
        screenshots: As in `open_folder`.
        options: As in `open_folder`.

    Raises:
        AppMissing: Nothing answers there.
        DeviceMissing: There is no Chromium.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise AppMissing(f"Expected an address such as http://127.0.0.1:8000/, found {address!r}.")
    if parts.username or parts.password:
        # Sessions and scripts are named by the address.
        raise AppMissing("Expected an address without a name and a password in it. Leave them out.")
    try:
        with urlopen(Request(address, headers={"Accept": "text/html"}), timeout=20) as answer:
            build = hashlib.sha256(answer.read(LONGEST_PAGE)).hexdigest()[:12]
    except (URLError, OSError, ValueError) as error:
        raise AppMissing(
            f"Expected an app at {address}, found: {getattr(error, 'reason', error)}. Start it, or "
            "mend the address."
        ) from None
    chromium = chromium_of(browser, parts.hostname)
    link = WebLink(chromium, parts.netloc, address, build, **options)
    return WebEnv(link, app=app or address, screenshots=screenshots)


def chromium_of(browser: str = "", host: str = "") -> Chromium:
    """The process's browser, started where it does not run."""
    key = browser, host
    found = _OPEN.get(key)
    if found is None or not found.alive:
        if not _OPEN:
            atexit.register(close_browsers)
        if found is not None:
            found.close()
        _OPEN[key] = Chromium(browser, host)
    return _OPEN[key]


def close_browsers() -> None:
    """End the browsers of this process."""
    while _OPEN:
        _OPEN.popitem()[1].close()


def build_of(folder: Path) -> str:
    """A digest of all files of a folder."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(folder)).encode())
        digest.update(bytes.fromhex(digest_of(path)))
    return digest.hexdigest()[:12]
