"""An app from a seed: which features it has, how they hang together, how it looks.

Knows nothing of running apps. A spec is plain immutable data and can go to another process.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from random import Random
from typing import Any

from jamel.errors import ConfigError
from jamel.virtual_device.apps.features import KINDS, NEW_KINDS, module_of
from jamel.virtual_device.apps.instrument import instrument
from jamel.virtual_device.apps.limits import Limits
from jamel.virtual_device.apps.looks import look_of
from jamel.virtual_device.apps.noise import NOISES
from jamel.virtual_device.apps.wording import POOL_OF, PoolRandom, titles

SIZES_PX = {
    (1080, 2400): 42, (1080, 2340): 17, (1080, 1920): 17, (720, 1280): 8,
    (2400, 1080): 7, (1920, 1080): 6, (1280, 720): 3,
}  # fmt: skip
"""Width and height of displays with their weights; those of real dumps, of which 16 % lie."""

NAMES = ("Plum", "Orbit", "Maple", "Nimbus", "Tern", "Quartz", "Lagoon", "Ember", "Fjord", "Pico")
SPREAD = (0.7548776662466927, 0.5698402909980532)
"""Multiples of these lie evenly in [0, 1), so that any few apps have looks and sizes in their
shares (Roberts, The unreasonable effectiveness of quasirandom sequences, 2018)."""

DEFECT_RATE = 0.06
"""The share of the features that can have one which are released with their defect."""

LEAST_PROBES, MOST_PROBES = 150, 600
ENDS = ("Hub", "Go", "Mate", "Box", "Life", "Desk", "Path", "Kit", "Post", "One")


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """One feature of an app. `parent` is the index of the feature that links to it, -1 for none.

    With `defect` a check is missing, so that a handler raises on some input and the app crashes.
    """

    kind: str
    title: str
    cfg: tuple[tuple[str, Any], ...]
    parent: int
    locked: bool = False
    defect: bool = False


@dataclass(frozen=True, slots=True)
class AppSpec:
    """Everything an app is made of; `App(spec)` runs it. `name` is e.g. "test/0" in a suite."""

    name: str
    seed: int
    split: str
    noise: str
    look: str
    package: str
    title: str
    size_px: tuple[int, int]
    features: tuple[FeatureSpec, ...]

    @property
    def build(self) -> str:
        """Sixteen hex digits that change when any of the app's code does; noise does not."""
        digest = hashlib.blake2b(f"{self.package}{self.seed}".encode(), digest_size=8)
        for feature in self.features:
            digest.update(repr(feature).encode())
            digest.update(instrument(module_of(feature.kind)).digest)
        return digest.hexdigest()

    @property
    def unseen(self) -> frozenset[int]:
        """The indices of the features whose kind no training app has."""
        return frozenset(i for i, item in enumerate(self.features) if item.kind in NEW_KINDS)


def build_app(
    seed: int,
    *,
    split: str = "train",
    noise: str = "real",
    new_kinds: bool = False,
    name: str = "",
    limits: Limits | None = None,
) -> AppSpec:
    """Compose an app; the same arguments always give the same app.

    Args:
        seed: what the app is drawn from, together with the split.
        split: apps of different splits differ even for equal seeds.
        noise: "none", "real" or "heavy"; changes what is shown, never what is covered.
        new_kinds: half or more of the code is of feature kinds that no training app has.
        name: how a suite calls the app.
        limits: what a suite allows, where it does not allow everything.

    Raises:
        ConfigError: there is no such noise level.
    """
    if noise not in NOISES:
        raise ConfigError(f"expected a noise level of {', '.join(NOISES)}, found {noise!r}.")
    rng = PoolRandom(f"{split}/{seed}")
    rng.pool = POOL_OF.get(split, "train")
    title = rng.choice(NAMES) + " " + rng.choice(ENDS)
    look = look_of(seed * SPREAD[0] % 1)
    kinds = _choose_kinds(rng, new_kinds)
    while not LEAST_PROBES <= _probes(kinds) <= MOST_PROBES:
        kinds = _choose_kinds(rng, new_kinds)
    size_px = _size_of(seed * SPREAD[1] % 1)
    if limits is not None:
        kinds, look, size_px = limits.draw(rng, kinds, look, size_px)
    return AppSpec(
        name=name or f"{split}/{seed}", seed=seed, split=split, noise=noise, look=look,
        package=f"com.example.{title.lower().replace(' ', '')}{seed % 10000}", title=title,
        size_px=size_px, features=_compose(rng, kinds, title),
    )  # fmt: skip


def _size_of(draw: float) -> tuple[int, int]:
    """The display at a place in [0, 1)."""
    draw *= sum(SIZES_PX.values())
    for size_px, weight in SIZES_PX.items():
        if draw < weight:
            return size_px
        draw -= weight
    return (1080, 2400)


def _choose_kinds(rng: Random, new_kinds: bool) -> list[str]:
    count = rng.randint(5, 8)
    if not new_kinds:
        return rng.sample(sorted(KINDS), count)
    new, rest = rng.sample(sorted(NEW_KINDS), count), rng.sample(sorted(KINDS), count)
    kinds: list[str] = []
    fresh = 0
    for _ in range(count):
        if kinds and fresh >= 0.55 * _probes([*kinds, rest[-1]]):
            kinds.append(rest.pop())
        else:
            kinds.append(new.pop())
            fresh += _probes([kinds[-1]]) - _probes([])
    return kinds


def _probes(kinds: list[str]) -> int:
    return sum(len(instrument(module_of(kind)).probes) for kind in ["hub", *kinds])


def _compose(rng: Random, kinds: list[str], title: str) -> tuple[FeatureSpec, ...]:
    features = [FeatureSpec("hub", title, _drawn(rng, "hub"), -1)]
    rng.shuffle(kinds)
    on_hub = max(3, len(kinds) - rng.randint(1, 3))
    for number, kind in enumerate(kinds):
        parent = 0 if number < on_hub else rng.randint(1, on_hub)
        locked = "login" in kinds and kind != "login" and parent == 0 and rng.random() < 0.2
        module = module_of(kind)
        name = rng.choice(titles(rng, module.TITLES))
        defect = rng.random() < DEFECT_RATE and hasattr(module, "DEFECT")
        features.append(FeatureSpec(kind, name, _drawn(rng, kind), parent, locked, defect))
    return tuple(features)


def _drawn(rng: Random, kind: str) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(module_of(kind).configure(rng).items()))
