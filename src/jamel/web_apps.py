"""The web apps that agents are trained, tuned and tested on: a manifest, and what it names.

Knows nothing of browsers or agents. Apps are other people's packages: fetched with npm and pip,
locked by their SHA-256, never committed and never run while they are fetched.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from jamel.archives import BadArchive, inside
from jamel.config import Section
from jamel.errors import AppMissing, ConfigError

ROOT = Path(__file__).resolve().parents[2]
MANIFEST_FILE = ROOT / "configs" / "web-apps.yaml"
FETCHED = ROOT / "build" / "web-apps"
OWN_PAGE = "jamel-start.html"
"""What the first page is called where it is one of ours."""
FETCH = "Run `jamel web fetch`."

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")
_SPLIT = re.compile(r"(?:[a-z0-9-]+-)?(?:train|valid|test)")
_NPM = re.compile(r"((?:@[a-z0-9][a-z0-9._-]*/)?[A-Za-z0-9][A-Za-z0-9._-]*)@([0-9][A-Za-z0-9.+-]*)")
_PYPI = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([0-9][A-Za-z0-9.+!]*)")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Package(NamedTuple):
    """One version of a package of npm or PyPI."""

    registry: Literal["npm", "pypi"]
    name: str
    version: str

    @property
    def text(self) -> str:
        """As its client writes it: ace-builds@1.43.3, miniwob==1.1.0."""
        return f"{self.name}{'@' if self.registry == 'npm' else '=='}{self.version}"


def package_of(registry: Literal["npm", "pypi"], text: str) -> Package:
    """A package from "ace-builds@1.43.3" or "miniwob==1.1.0"; raises ValueError."""
    found = (_NPM if registry == "npm" else _PYPI).fullmatch(text)
    if found is None:
        like = "ace-builds@1.43.3" if registry == "npm" else "miniwob==1.1.0"
        raise ValueError(f"expected one version of a package, such as {like!r}, found {text!r}")
    return Package(registry, found[1], found[2])


class WebApp(Section):
    """One app of a manifest. Its pages come of `npm`, `pypi` or `folder`, or it is at `address`.

    `root` is the folder that is served, within the package or folder; `start` the first page,
    within `root`. `page` is a page of ours that becomes the first one.
    """

    name: str
    beside: Path = Field(description="The manifest's folder, which paths are relative to.")
    split: str
    npm: str = ""
    pypi: str = ""
    folder: str = ""
    address: str = ""
    sha256: str = ""
    root: str = "."
    start: str = "index.html"
    page: str = ""

    @model_validator(mode="before")
    @classmethod
    def _usual_start(cls, entry: Any) -> Any:
        if isinstance(entry, dict) and entry.get("page") and "start" not in entry:
            return {**entry, "start": OWN_PAGE}
        return entry

    @field_validator("name")
    @classmethod
    def _plain_name(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"expected a name of small letters, digits, dots and dashes, found {name!r}"
            )
        return name

    @field_validator("split")
    @classmethod
    def _known_use(cls, split: str) -> str:
        # What may be learned from and what is kept for testing is told by the name.
        if not _SPLIT.fullmatch(split):
            raise ValueError(
                f"expected train, valid, test or a split that ends so, as my-train; found {split!r}"
            )
        return split

    @field_validator("root", "start", "page")
    @classmethod
    def _within(cls, path: str) -> str:
        try:
            inside(path)
        except BadArchive:
            raise ValueError(f"expected a path without .. and \\, found {path!r}") from None
        return path

    @model_validator(mode="after")
    def _one_source(self) -> WebApp:
        given = [key for key in ("npm", "pypi", "folder", "address") if getattr(self, key)]
        if len(given) != 1:
            raise ValueError(
                "expected one of npm, pypi, folder and address, found "
                f"{' and '.join(given) or 'none'}"
            )
        if self.address:
            self._check_address()
        package = self.package
        if package is not None and not _SHA256.fullmatch(self.sha256):
            raise ValueError(
                f"expected sha256, 64 hex digits that `jamel web lock {self.npm or self.pypi}` "
                f"prints, found {self.sha256!r}"
            )
        if package is None and (self.sha256 or self.page):
            raise ValueError(f"expected no sha256 and no page beside {given[0]}, found one")
        return self

    def _check_address(self) -> None:
        parts = urlsplit(self.address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(
                f"expected an address such as http://127.0.0.1:8000/, found {self.address!r}"
            )
        if self.model_fields_set & {"root", "start"}:
            raise ValueError("expected no root and no start beside address, found one")

    @property
    def package(self) -> Package | None:
        """The package it comes of, None where it comes of none."""
        if self.npm:
            return package_of("npm", self.npm)
        return package_of("pypi", self.pypi) if self.pypi else None

    @property
    def start_file(self) -> str:
        """The file of the first page: `start` without what follows ? or #."""
        return re.split(r"[?#]", self.start)[0]

    def own_page(self) -> bytes:
        """What is in its page of ours, b"" where it has none; raises ConfigError."""
        if not self.page:
            return b""
        path = self.beside / self.page
        try:
            return path.read_bytes()
        except OSError as error:
            raise ConfigError(
                f"expected the first page of {self.name} in {path}, found "
                f"{(error.strerror or 'nothing').lower()}. Restore it, or mend its manifest."
            ) from None


class Manifest(NamedTuple):
    """The apps of a manifest, in its order."""

    path: Path
    apps: tuple[WebApp, ...]


def load_manifest(path: Path = MANIFEST_FILE) -> Manifest:
    """The manifest in a file; it is read again once it was written again. Raises ConfigError."""
    try:
        stat = path.stat()
        return _load(path, (stat.st_mtime_ns, stat.st_size, stat.st_ino))
    except OSError as error:
        raise ConfigError(
            f"expected a manifest of web apps in {path}, found "
            f"{(error.strerror or 'nothing').lower()}. Restore configs/web-apps.yaml, or name "
            "another."
        ) from None


@lru_cache(maxsize=8)
def _load(path: Path, _written: tuple[int, int, int]) -> Manifest:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        found = " ".join(str(error).split())
        raise ConfigError(f"expected YAML in {path}, found: {found}. Mend that line.") from None
    entries = raw.get("apps") if isinstance(raw, dict) else None
    if not isinstance(entries, dict) or not entries:
        raise ConfigError(
            f"expected a mapping `apps: {{name: {{split: …, npm: …}}}}` in {path}, found none. "
            "docs/web.md shows one."
        )
    apps = tuple(_app(path, name, entry) for name, entry in entries.items())
    _require_pages_of_their_own(path, apps)
    return Manifest(path, apps)


def _app(path: Path, name: Any, entry: Any) -> WebApp:
    fields = [key for key in WebApp.model_fields if key not in ("name", "beside")]
    try:
        if not isinstance(entry, dict):
            raise ValueError(f"expected a mapping, found {entry!r}")
        odd = [str(key) for key in entry if key not in fields]
        if odd:
            raise ValueError(f"expected keys of {', '.join(fields)}, found {odd[0]!r}")
        return WebApp.model_validate({**entry, "name": name, "beside": path.parent.resolve()})
    except ValueError as error:
        raise ConfigError(f"{path}: apps.{name}: {_first_mistake(error)}. Mend it.") from None


def _first_mistake(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    mistake = error.errors()[0]
    place = ".".join(str(part) for part in mistake["loc"])
    said = mistake["msg"].removeprefix("Value error, ")
    if mistake["type"] == "missing":
        return f"expected {place}, found none"
    if mistake["type"] == "string_type":
        said = f"expected text, found {mistake['input']!r}"
    return f"{place}: {said}" if place else said


def _require_pages_of_their_own(path: Path, apps: Iterable[WebApp]) -> None:
    """Two apps of a package may not put different first pages into the same place."""
    seen: dict[tuple[str, str, str], WebApp] = {}
    for app in (app for app in apps if app.package is not None):
        place = app.sha256, "/".join(inside(app.root)), "/".join(inside(app.start_file))
        other = seen.setdefault(place, app)
        if other.page != app.page:
            raise ConfigError(
                f"{path}: apps.{app.name}: expected another first page than that of {other.name}, "
                f"found {app.start_file} for both. Give one of them a `start` of its own."
            )


def splits(manifest: Manifest) -> tuple[str, ...]:
    """The names of the splits, in the order in which they come up."""
    return tuple(dict.fromkeys(app.split for app in manifest.apps))


def apps_of(manifest: Manifest, split: str) -> list[WebApp]:
    """The apps of a split, which are numbered in this order; raises ConfigError."""
    found = [app for app in manifest.apps if app.split == split]
    if not found:
        raise ConfigError(
            f"expected a split of {', '.join(splits(manifest))} in {manifest.path}, found "
            f"{split!r}."
        )
    return found


def named(manifest: Manifest, names: Iterable[str] | None) -> list[WebApp]:
    """The apps of these names, all of them where there are none; raises ConfigError."""
    known = {app.name: app for app in manifest.apps}
    wanted = list(dict.fromkeys(names or known))
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise ConfigError(
                f"expected an app of {manifest.path}, found {name!r}."
                + (f" Did you mean {near[0]}?" if near else " `jamel web list` names them.")
            )
    return [known[name] for name in wanted]


def package_folder(app: WebApp) -> Path:
    """Where its package lies once fetched, or its folder; raises ConfigError for an address."""
    package = app.package
    if package is not None:
        plain = package.name.replace("@", "").replace("/", "-").lower()
        return FETCHED / f"{plain}-{package.version}-{app.sha256[:12]}"
    if not app.folder:
        raise ConfigError(f"expected an app with a folder, found {app.name} at {app.address}.")
    return app.beside / app.folder


def app_folder(app: WebApp) -> Path:
    """The folder that is served; raises ConfigError for an app that is at an address."""
    return package_folder(app) / app.root


def app_build(app: WebApp) -> str:
    """A digest of all that determines what is explored; raises ConfigError, AppMissing."""
    facts = [app.npm, app.pypi, app.address, app.sha256, app.root, app.start]
    if app.page:
        facts.append(hashlib.sha256(app.own_page()).hexdigest())
    if app.folder:
        from jamel.envs.web.env import build_of

        require_fetched(app)
        facts.append(build_of(app_folder(app)))
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]


def is_fetched(app: WebApp) -> bool:
    """Whether all is there that the manifest says of it; raises ConfigError."""
    return not _lacks(app)


def require_fetched(app: WebApp) -> None:
    """Raise AppMissing where an app cannot be opened yet, and say what to do."""
    lack = _lacks(app)
    if lack:
        raise AppMissing(f"Expected the web app {app.name} {lack}")


def _lacks(app: WebApp) -> str:
    """What is missing of an app, "" for nothing."""
    if app.address:
        return ""
    folder, start = package_folder(app), app_folder(app) / app.start_file
    if not folder.is_dir():
        what_to_do = FETCH if app.package else "Mend its manifest."
        return f"in {folder}, found no such folder. {what_to_do}"
    if app.page:
        same = start.is_file() and start.read_bytes() == app.own_page()
        return "" if same else f"with {app.page} as {start}, found no such page. {FETCH}"
    if not start.is_file():
        return f"to start with {start}, found no such file. Mend its root or start in the manifest."
    return ""
