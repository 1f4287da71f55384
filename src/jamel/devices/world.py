"""World: where sessions happen, which apps there are, and how much of an app can be reached."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from jamel.config import DeviceConfig
from jamel.envs.linked import LinkedEnv


class Unseen(NamedTuple):
    """What of an app is of kinds that no training app has: class ids, and probes in reach."""

    classes: frozenset[int]
    reachable: int


class World(ABC):
    """The meaning of one profile's section `device`.

    An app is named `SUITE/NAME`. Sessions are numbered: a world with fewer apps than sessions
    explores them in turn.
    """

    side_by_side = False
    """Whether one process explores with several sessions at once: where steps cost nothing."""
    metrics: tuple[str, ...] = ("coverage", "reward", "auc")
    """What of an evaluation is shown; agents are ordered and compared by the first."""
    coverage_of = "reachable probes"
    """What counts as all of an app's coverage."""
    restores = False
    """Whether labels are made by restoring recorded states, without any device."""
    anywhere = True
    """Whether any machine that has the project can open a session; devices hang on one."""

    def __init__(self, device: DeviceConfig) -> None:
        self.device = device

    @abstractmethod
    def check_suite(self, suite: str) -> None:
        """Raise ConfigError where there is no such suite."""

    @abstractmethod
    def require_tunable(self, suite: str) -> None:
        """Raise ConfigError for a suite that is kept for the one reported measurement."""

    @abstractmethod
    def app_names(self, suite: str, count: int | None = None) -> list[str]:
        """The first `count` apps of a suite, all by default; raises ConfigError."""

    @abstractmethod
    def app_name(self, suite: str, number: int) -> str:
        """The app of a suite's session of that number."""

    @abstractmethod
    def named(self, app: str) -> str:
        """The name of the app that a person means; raises ConfigError."""

    @abstractmethod
    def build(self, app: str) -> str:
        """What tells an app's builds apart before any device is asked."""

    @abstractmethod
    def open(self, app: str, number: int = 0, attempt: int = 0) -> LinkedEnv:
        """The environment of a session.

        Args:
            app: its name.
            number: the session's number; where there are several devices, sessions are spread over
                them by it, and wait for a device that another session uses.
            attempt: how often a device of this session was replaced or begun again; another one
                misbehaves otherwise, and on real devices it is the next.

        Raises:
            ConfigError: no such app.
            DeviceError: there is no such device, no browser, or the app is not there.
        """

    @abstractmethod
    def known_probes(self, app: str, env: LinkedEnv) -> int:
        """How many probes count as all, once a session is over; 0 where nobody knows."""

    def family(self, app: str) -> str:
        """What an app has in common with some others: a model can be worse on these alone."""
        return app.rpartition("/")[0]

    def unseen_part(self, app: str) -> Unseen:
        """The part of an app that is of kinds which no training app has, where that is known."""
        return Unseen(frozenset(), 0)

    def at_noise(self, suite: str, level: str) -> str:
        """The suite at another level of identity noise, where there are levels."""
        return suite

    def to_search(self, apps: Sequence[str]) -> Sequence[str]:
        """Those whose reachable probes a search can find."""
        return ()

    @contextmanager
    def running(self, at_most: int) -> Iterator[DeviceConfig]:
        """The section with devices that run, which are ended after.

        Args:
            at_most: how many sessions there will be at once.

        Raises:
            DeviceError: they cannot be started, or something that the section names is missing.
        """
        yield self.device

    def require_snapshots(self) -> None:
        """Raise DeviceError unless states can be kept and returned to on its devices."""
        return
