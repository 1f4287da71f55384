"""The suites of apps: which are trained on, tuned on and tested on, frozen by seed.

Knows nothing of agents. The named suites are in configs/suites.yaml; a suite can also be a file of
its own, named by its path. Reachable probes are found by a search once and kept.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator

from jamel.config import Section
from jamel.disk import write_text
from jamel.errors import ConfigError
from jamel.virtual_device.apps import AppSpec, build_app
from jamel.virtual_device.apps.features import KINDS, NEW_KINDS
from jamel.virtual_device.apps.limits import SIDES_PX, Limits
from jamel.virtual_device.apps.noise import NOISES, Noise
from jamel.virtual_device.apps.oracle import Reach, reach_of

ROOT = Path(__file__).resolve().parents[2]
SUITES_FILE = ROOT / "configs" / "suites.yaml"
REACHABLE_FILE = ROOT / "configs" / "reachable.json"
CACHE_FILE = ROOT / "build" / "reachable.json"
RESERVED = ("test", "test-new")
"""Splits that no suite file may draw from, or test apps would leak into training."""

_FILE = re.compile(r"(.+\.ya?ml)(?:@(.*))?")


class Suite(Section):
    """One suite: `count` apps from `first_seed` on; an endless one has fresh apps beyond.

    `kinds`, `features` (fewest, most), `looks` and `sizes_px` limit what its apps are made of;
    left out, they do not. Of the kinds the hub, which every app has, is none.
    """

    split: str = "train"
    first_seed: int = Field(0, ge=0)
    count: int = Field(gt=0)
    noise: Noise = "real"
    new_kinds: bool = False
    endless: bool = False
    kinds: tuple[str, ...] = ()
    features: tuple[int, int] | None = None
    looks: tuple[Literal["native", "compose", "flutter", "react", "web"], ...] = ()
    sizes_px: tuple[tuple[int, int], ...] = ()

    @field_validator("kinds")
    @classmethod
    def _known_kinds(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        known = sorted({*KINDS, *NEW_KINDS})
        odd = [kind for kind in kinds if kind not in known]
        if odd:
            raise ValueError(f"expected kinds of {', '.join(known)}, found {odd[0]!r}")
        return tuple(dict.fromkeys(kinds))

    @field_validator("features")
    @classmethod
    def _some_features(cls, features: tuple[int, int] | None) -> tuple[int, int] | None:
        if features is not None and not 1 <= features[0] <= features[1]:
            raise ValueError(f"expected [fewest, most], at least 1; found {list(features)}")
        return features

    @field_validator("sizes_px")
    @classmethod
    def _drawable(cls, sizes: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
        least, most = SIDES_PX
        if any(not least <= side <= most for size in sizes for side in size):
            raise ValueError(f"expected sides of {least} to {most} pixels")
        return sizes

    def limits(self) -> Limits | None:
        """What the suite's apps may be made of, None for anything."""
        kinds = self.kinds
        if self.features and not kinds:
            kinds = tuple(sorted({*KINDS, *NEW_KINDS} if self.new_kinds else KINDS))
        limits = Limits(kinds, self.features, self.looks, self.sizes_px)
        return None if limits == Limits() else limits


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


@lru_cache(maxsize=64)
def load_suite_file(path: Path) -> Suite:
    """A suite that somebody wrote: one YAML mapping of `Suite`'s settings; raises ConfigError."""
    try:
        suite = Suite.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(
            f"expected a suite in {path}, found {(error.strerror or 'nothing').lower()}. Name a "
            f"YAML file, or a suite of {', '.join(load_suites())}."
        ) from None
    except ValidationError as error:
        raise ConfigError(
            f"expected a suite in {path}, found: {_first_mistake(error)}. A suite is a mapping of "
            f"{', '.join(Suite.model_fields)}; only count is needed."
        ) from None
    except (yaml.YAMLError, ValueError) as error:
        found = " ".join(str(error).split())
        raise ConfigError(f"expected a suite in {path}, found no YAML: {found}.") from None
    if suite.split in RESERVED:
        raise ConfigError(
            f"expected a split that is not kept for testing in {path}, found {suite.split!r}. "
            "Take 'train', 'valid' or a name of your own."
        )
    return suite


def _first_mistake(error: ValidationError) -> str:
    mistake = error.errors()[0]
    place = ".".join(str(part) for part in mistake["loc"])
    said = mistake["msg"].removeprefix("Value error, ")
    return f"{place}: {said}" if place else said


def suite_of(name: str) -> tuple[Suite, str]:
    """A suite and its noise level from "test", "test@heavy" or "my/suite.yaml".

    Raises:
        ConfigError: no such suite, suite file or noise level.
    """
    file = _FILE.fullmatch(name)
    plain, noise = (file[1], file[2] or "") if file else name.partition("@")[::2]
    if not file and plain not in load_suites():
        raise ConfigError(
            f"expected a suite of {', '.join(load_suites())}, or a suite file that ends in .yaml; "
            f"found {plain!r}."
        )
    if noise and noise not in NOISES:
        raise ConfigError(f"expected a noise level of {', '.join(NOISES)}, found {noise!r}.")
    suite = load_suite_file(Path(plain)) if file else load_suites()[plain]
    return suite, noise or suite.noise


def require_tunable(name: str) -> None:
    """Raise ConfigError for a suite that is kept for the one reported measurement."""
    if suite_of(name)[0].split in RESERVED:
        raise ConfigError(
            f"expected a suite to tune on, found {name!r}, which is kept for testing: what was "
            "chosen by it says nothing about unseen apps. Take 'valid'."
        )


def is_embedded(app: str) -> bool:
    """Whether an app's name is one of the embedded device's, of a suite or of a suite file."""
    suite = app.rpartition("/")[0]
    return bool(_FILE.fullmatch(suite)) or suite.partition("@")[0] in load_suites()


def with_noise(name: str, noise: str) -> str:
    """The same suite at another noise level, by name."""
    file = _FILE.fullmatch(name)
    return f"{file[1] if file else name.partition('@')[0]}@{noise}"


def at_noise(name: str, noise: str) -> str:
    """The suite at another noise level than its usual one; a level in the name stays."""
    usual = suite_of(name)[1]
    return name if name.endswith(f"@{usual}") or noise == usual else with_noise(name, noise)


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
    """One app by its name, e.g. "test/0", "test@heavy/0" or "my/suite.yaml/0".

    Raises:
        ConfigError: no such suite or app.
    """
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
        new_kinds=suite.new_kinds, name=name, limits=suite.limits(),
    )  # fmt: skip


def reachable(spec: AppSpec) -> Reach:
    """The probes of an app that a search reaches; noise does not matter.

    Looked up by build in configs/reachable.json, then in build/reachable.json; searched for (some
    seconds) and kept there if new.
    """
    known = known_reach(spec)
    if known is None:
        known = reach_of(spec)
        keep_reachable({spec.build: known})
    return known


def known_reach(spec: AppSpec) -> Reach | None:
    """What was found of an app's probes before, None where nobody has searched it yet."""
    known = read_reachable(REACHABLE_FILE).get(spec.build)
    return read_reachable(CACHE_FILE).get(spec.build) if known is None else known


def keep_reachable(counts: dict[str, Reach], path: Path = CACHE_FILE) -> None:
    """Raise the stored counts to `counts` where those are higher; raises StoreError."""
    stored = dict(read_reachable(path))
    for build, found in counts.items():
        stored[build] = max(found, stored.get(build, found))
    rows = {build: found._asdict() for build, found in sorted(stored.items())}
    lines = ",\n".join(f"{json.dumps(build)}: {json.dumps(row)}" for build, row in rows.items())
    write_text(path, f"{{\n{lines}\n}}\n")
    _READ.pop(path, None)


_READ: dict[Path, tuple[int, dict[str, Reach]]] = {}


def read_reachable(path: Path) -> dict[str, Reach]:
    """The counts kept in a file, by build; read again only when it changed.

    An entry is {"probes": n, "converged": whether the search found all it can}, or n alone.

    Raises:
        ConfigError: the file holds something else.
    """
    try:
        changed_ns = path.stat().st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return {}
    if path not in _READ or _READ[path][0] != changed_ns:
        try:
            raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            counts = {
                build: Reach(**row) if isinstance(row, dict) else Reach(int(row), False)
                for build, row in raw.items()
            }
        except (ValueError, TypeError, AttributeError):
            raise ConfigError(
                f"expected counts of reachable probes by build in {path}, found something else. "
                "Delete the file."
            ) from None
        _READ[path] = (changed_ns, counts)
    return _READ[path][1]
