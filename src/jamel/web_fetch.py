"""Web apps' packages, fetched by npm and pip, checked against their lock and unpacked.

Knows nothing of what is done with them. No script of a package runs: npm packs and pip takes
wheels alone. What is unpacked is there as a whole or not at all. One process fetches at a time.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jamel import web_apps
from jamel.archives import BadArchive, unpack
from jamel.disk import digest_of, disk_is_full, full_message, write_bytes
from jamel.errors import AppMissing, StoreError
from jamel.web_apps import (
    Manifest,
    Package,
    WebApp,
    app_folder,
    is_fetched,
    named,
    package_folder,
    require_fetched,
)

Progress = Callable[[int, int, str], None]
"""Called with (apps that are there, apps in all, the one just finished)."""
DOWNLOAD_S = 900.0
_PARTIAL = ".fetching-"


def fetch(
    manifest: Manifest, names: Iterable[str] | None = None, progress: Progress | None = None
) -> list[dict[str, Any]]:
    """Fetch what is not there yet and put our own pages into it; one row an app.

    Args:
        manifest: Says what to fetch.
        names: Of the apps to fetch, all by default.
        progress: Is told of every app.

    Raises:
        ConfigError: There is no such app, or a page of ours is missing.
        AppMissing: A package cannot be had, or is not what its lock says.
        StoreError: The disk is full or cannot be written.
    """
    apps = named(manifest, names)
    rows: list[dict[str, Any]] = []
    for app in apps:
        if progress is not None:
            progress(len(rows), len(apps), app.name)
        found = "no need" if app.package is None else "was there"
        if app.package is not None and not is_fetched(app):
            found = "fetched"
            _fetch_app(app)
        require_fetched(app)
        rows.append({"app": app.name, "package": source_text(app), "state": found})
    if progress is not None:
        progress(len(rows), len(apps), "")
    return rows


def source_text(app: WebApp) -> str:
    """Where an app comes from, for a person."""
    return app.package.text if app.package is not None else app.folder or app.address


def lock_of(package: Package) -> str:
    """The SHA-256 of a package's archive as its client downloads it; raises as `fetch` does."""
    with _partial_folder() as partial:
        return digest_of(download(package, partial))


def download(package: Package, into: Path) -> Path:
    """Have npm or pip put a package's archive into an empty folder; raises AppMissing."""
    if package.registry == "npm":
        _run_npm(package, into)
    else:
        _run_pip(package, into)
    found = sorted(into.iterdir())
    if len(found) != 1:
        raise AppMissing(
            f"Expected one archive of {package.text}, found {len(found)}. Look at what the client "
            "says by itself."
        )
    return found[0]


def _run_npm(package: Package, into: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise AppMissing(
            f"Expected npm to fetch {package.text}, found no such program. Install it: "
            "apt install npm."
        )
    asked = [npm, "pack", package.text, "--pack-destination", str(into), "--ignore-scripts"]
    # Where no package of a developer's is, or its settings would count.
    _run(package, [*asked, "--loglevel=error", "--no-update-notifier"], into)


def _run_pip(package: Package, into: Path) -> None:
    asked = [sys.executable, "-m", "pip", "download", package.text, "-d", str(into), "--no-deps"]
    # To look into a source archive, pip would run its setup.
    quiet = ["--only-binary=:all:", "--no-input", "--disable-pip-version-check", "-q"]
    _run(package, [*asked, *quiet], into)


def _run(package: Package, command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=DOWNLOAD_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        found = "nothing in time" if isinstance(error, subprocess.TimeoutExpired) else str(error)
    else:
        if done.returncode == 0:
            return
        found = _last_words(done.stderr.decode("utf-8", "replace"))
    raise AppMissing(
        f"Expected {package.text} from {package.registry}, found: {found}. See that this machine "
        "reaches it and that the version exists, then fetch again."
    )


def _last_words(text: str) -> str:
    """Why a client failed, of all it says: its first two errors, on one line."""
    said = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in said if "error" in line.lower()] or said[-1:]
    return "; ".join(errors[:2])[:300].rstrip(".") or "no word of why"


def _fetch_app(app: WebApp) -> None:
    """Its package and its page, where they are not there."""
    try:
        if not package_folder(app).is_dir():
            _fetch_package(app)
        if app.page:
            _put_page(app)
    except OSError as error:
        where = web_apps.FETCHED
        raise StoreError(
            full_message(where)
            if disk_is_full(error)
            else f"expected to write {where}, found: {error.strerror or error}. Mend the "
            "permissions and fetch again."
        ) from None


def _fetch_package(app: WebApp) -> None:
    package = app.package
    assert package is not None
    with _partial_folder() as partial:
        received, files = partial / "received", partial / "files"
        received.mkdir()
        files.mkdir()
        archive = download(package, received)
        _require_lock(app, package, digest_of(archive))
        try:
            # A wheel's files are as they are installed; anything else has a folder around them.
            unpack(archive, files, strip=0 if archive.suffix == ".whl" else 1)
        except BadArchive as error:
            raise AppMissing(
                f"Expected plain files in {package.text}, found {error}. Do not use it, or take "
                "another version."
            ) from None
        files.rename(package_folder(app))


def _require_lock(app: WebApp, package: Package, found: str) -> None:
    if found != app.sha256:
        raise AppMissing(
            f"Expected {package.text} with the SHA-256 {app.sha256}, found {found}. If this "
            f"archive is meant, write its SHA-256 into {app.name}'s sha256 in the manifest."
        )


@contextmanager
def _partial_folder() -> Iterator[Path]:
    """A folder beside the fetched ones, gone after the block; also those that a kill left."""
    home = web_apps.FETCHED
    home.mkdir(parents=True, exist_ok=True)
    for left in home.glob(f"{_PARTIAL}*"):
        shutil.rmtree(left, ignore_errors=True)
    partial = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=home))
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _put_page(app: WebApp) -> None:
    path = app_folder(app) / app.start_file
    if not app_folder(app).is_dir():
        raise AppMissing(
            f"Expected {app.root} in {source_text(app)}, found no such folder. Mend {app.name}'s "
            "root in the manifest."
        )
    write_bytes(path, app.own_page()).chmod(0o444)


def size_mb(app: WebApp) -> float | None:
    """How large the package or folder is, None where it is not there or at an address."""
    if app.address or not package_folder(app).is_dir():
        return None
    files = (path for path in package_folder(app).rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in files) / 1e6
