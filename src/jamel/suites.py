"""The suites of apps: which are trained on, tuned on and tested on, frozen by seed.

Knows nothing of agents. The definitions are in configs/suites.yaml; reachable probes are found by a
search oracle once and kept.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path

import yaml

from jamel.config import Section
from jamel.disk import write_text
from jamel.errors import ConfigError
from jamel.virtual_device.apps import App, AppSpec, build_app
from jamel.virtual_device.apps.noise import NOISES
from jamel.virtual_device.apps.oracle import search

ROOT = Path(__file__).resolve().parents[2]
SUITES_FILE = ROOT / "configs" / "suites.yaml"
REACHABLE_FILE = ROOT / "configs" / "reachable.json"
CACHE_FILE = ROOT / "build" / "reachable.json"


class Suite(Section):
    """One suite: `count` apps from `first_seed` on; an endless one has fresh apps beyond."""

    split: str
    first_seed: int
    count: int
    noise: str
    new_kinds: bool
    endless: bool


@lru_cache(maxsize=8)
def load_suites(path: Path = SUITES_FILE) -> dict[str, Suite]:
    """The suites by name; raises ConfigError."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        return {name: Suite.model_validate(entry) for name, entry in raw["suites"].items()}
    except FileNotFoundError:
        raise ConfigError(
            f"expected the suites in {path}, found no such file. Restore configs/suites.yaml."
        ) from None
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise ConfigError(f"expected suites in {path}, found something else: {error}") from None


def suite_of(name: str) -> tuple[Suite, str]:
    """A suite and its noise level from "test" or "test@heavy"; raises ConfigError."""
    plain, _, noise = name.partition("@")
    suites = load_suites()
    if plain not in suites:
        raise ConfigError(f"expected a suite of {', '.join(suites)}, found {plain!r}.")
    if noise and noise not in NOISES:
        raise ConfigError(f"expected a noise level of {', '.join(NOISES)}, found {noise!r}.")
    return suites[plain], noise or suites[plain].noise


def suite_apps(name: str, count: int | None = None) -> list[AppSpec]:
    """The first `count` apps of a suite, all of them by default.

    Raises:
        ConfigError: no such suite, or it has fewer apps than asked for.
    """
    suite, _ = suite_of(name)
    wanted = suite.count if count is None else count
    return [app_spec(f"{name}/{index}") for index in range(wanted)]


@lru_cache(maxsize=1024)
def app_spec(name: str) -> AppSpec:
    """One app by its name, e.g. "test/0" or "test@heavy/0"; raises ConfigError."""
    suite_name, _, number = name.rpartition("/")
    if not re.fullmatch(r"[0-9]{1,9}", number):
        raise ConfigError(f"expected an app's name like 'test/0', found {name!r}.")
    suite, noise = suite_of(suite_name)
    index = int(number)
    if index >= suite.count and not suite.endless:
        raise ConfigError(
            f"expected an app of '{suite_name}' below {suite.count}, found {index}. "
            "Only endless suites have more."
        )
    return build_app(
        suite.first_seed + index, split=suite.split, noise=noise,
        new_kinds=suite.new_kinds, name=name,
    )  # fmt: skip


def reachable(spec: AppSpec) -> int:
    """How many probes of an app a search oracle reaches; noise does not matter.

    Looked up by build in configs/reachable.json, then in build/reachable.json; searched for (about
    a second) and kept there if new.
    """
    for path in (REACHABLE_FILE, CACHE_FILE):
        known = _read_counts(path).get(spec.build)
        if known is not None:
            return known
    count = search(App(spec))
    keep_reachable({spec.build: count})
    return count


def keep_reachable(counts: dict[str, int], path: Path = CACHE_FILE) -> None:
    """Raise the stored counts to `counts` where those are higher; raises StoreError."""
    stored = dict(_read_counts(path))
    for build, count in counts.items():
        stored[build] = max(count, stored.get(build, 0))
    write_text(path, json.dumps(stored, indent=0, sort_keys=True) + "\n")
    _READ.pop(path, None)


_READ: dict[Path, tuple[int, dict[str, int]]] = {}


def _read_counts(path: Path) -> dict[str, int]:
    """The file's counts, read again only when it changed."""
    try:
        changed_ns = path.stat().st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return {}
    if path not in _READ or _READ[path][0] != changed_ns:
        try:
            counts = {str(key): int(count) for key, count in json.loads(path.read_bytes()).items()}
        except (AttributeError, TypeError, ValueError):
            raise ConfigError(
                f"expected counts of reachable probes by build in {path}, found something else. "
                "Delete the file."
            ) from None
        _READ[path] = (changed_ns, counts)
    return _READ[path][1]
