"""Where things lie in a project's folder, said once for the command line and the flows.

Knows names of folders only; creates nothing and reads only directory listings.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jamel.config import Config

DEFAULT_PROFILE = "laptop"
SHARED_ARM = "jamel"
"""The arm whose on-policy rounds carry no prefix, because its rounds are the project's own."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of the project at `root`, all absolute; what is made has one a profile.

    Profiles share the rounds in data/, but for those that name a `dataset` of their own there.
    """

    root: Path
    profile: str = DEFAULT_PROFILE
    dataset: str = ""

    @classmethod
    def at(
        cls, root: Path | str = ".", profile: str = DEFAULT_PROFILE, dataset: str = ""
    ) -> Layout:
        """The layout of the project at `root`, by default the current directory."""
        return cls(Path(root).resolve(), profile, dataset)

    @classmethod
    def of(cls, config: Config, root: Path | str = ".") -> Layout:
        """The layout that a profile sees."""
        return cls.at(root, config.profile, config.rounds.dataset)

    @property
    def data(self) -> Path:
        """What DVC pins: sessions and labels, append-only."""
        return self.root / "data"

    @property
    def sessions(self) -> Path:
        """One folder of session shards a round."""
        return self.data / "sessions" / self.dataset

    @property
    def labels(self) -> Path:
        """One folder of label shards a round, named as the sessions' folder."""
        return self.data / "labels" / self.dataset

    @property
    def build(self) -> Path:
        """Everything a run makes and `make clean` removes."""
        return self.root / "build"

    @property
    def made(self) -> Path:
        """What runs of this profile make: models, evaluation, data docs."""
        return self.build / self.profile

    @property
    def outcome(self) -> Path:
        """What the last run of this profile came to, as JSON."""
        return self.made / "outcome.json"

    @property
    def quarantine(self) -> Path:
        """Broken shards, each with the reason beside it."""
        return self.data / "quarantine"

    @property
    def validation(self) -> Path:
        """The data docs."""
        return self.made / "validation"

    @property
    def results(self) -> Path:
        """The last evaluation, as JSON."""
        return self.made / "evaluation" / "results.json"

    @property
    def report(self) -> Path:
        """The last evaluation, as a page."""
        return self.made / "evaluation" / "report.html"

    def round_results(self, round_index: int) -> Path:
        """What the jamel model of a round came to on the validation suite, as JSON."""
        return self.made / "rounds" / f"round-{round_index}.json"

    def round_name(self, arm: str, round_index: int) -> str:
        """Round 0 is shared by all arms; later rounds are on-policy and an arm's own."""
        shared = round_index == 0 or arm == SHARED_ARM
        return f"round-{round_index}" if shared else f"{arm}-round-{round_index}"

    def model(self, arm: str, round_index: int) -> Path:
        """The model of an arm after a round."""
        return self.made / "models" / arm / f"round-{round_index}"

    @property
    def features(self) -> Path:
        """What sessions come to as arrays, kept from training to training."""
        return self.made / "features"

    def shards(self, kind: str, arm: str, up_to_round: int) -> list[Path]:
        """Shards of `kind` ("sessions" or "labels") that an arm may train on, in a fixed order."""
        names = [self.round_name(arm, index) for index in range(up_to_round + 1)]
        folder = self.data / kind / self.dataset
        return [path for name in names for path in sorted((folder / name).glob("*.parquet"))]

    def every_shard(self, kind: str) -> list[Path]:
        """Shards of `kind` in all rounds of all arms, without those of another `dataset`."""
        return sorted((self.data / kind / self.dataset).glob("*/*.parquet"))

    def session_rounds(self, arm: str) -> dict[str, list[Path]]:
        """Name of each of the arm's rounds that has sessions -> its shards, the first first."""
        prefix = "" if arm == SHARED_ARM else f"{arm}-"
        found = [
            p for p in self.sessions.glob(f"{prefix}round-*") if p.name.rsplit("-", 1)[1].isdigit()
        ]
        named = [path for path in found if path.name == f"{prefix}round-{_number(path)}"]
        return {path.name: sorted(path.glob("*.parquet")) for path in sorted(named, key=_number)}

    def last_round(self, arm: str) -> int:
        """The arm's highest round that has labels, 0 when there is none."""
        index = 0
        while (self.labels / self.round_name(arm, index + 1)).is_dir():
            index += 1
        return index

    def last_model(self, arm: str, before: int | None = None) -> Path | None:
        """The arm's model of the highest round, of those `before` a round if one is given."""
        made = [p for p in (self.made / "models" / arm).glob("round-*") if _is_model(p)]
        found = [p for p in made if before is None or _number(p) < before]
        return max(found, key=_number, default=None)

    def rounds_waiting(self) -> int:
        """How many labelled rounds no model was trained on yet; 0 before the first model."""
        model = self.last_model(SHARED_ARM)
        return 0 if model is None else max(0, self.last_round(SHARED_ARM) - _number(model))

    def version_results(self, version: str) -> Path:
        """What a registered version came to when it appeared, as JSON; its page lies beside it."""
        return self.made / "versions" / version / "results.json"


def _is_model(path: Path) -> bool:
    return (path / "config.json").exists() and path.name.rsplit("-", 1)[1].isdigit()


def _number(path: Path) -> int:
    return int(path.name.rsplit("-", 1)[1])
