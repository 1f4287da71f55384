"""YAML profiles become frozen configuration objects; an unknown key names the nearest known one.

Knows nothing of what the values are used for. Every section's defaults live here, once.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from jamel.errors import ConfigError


class Section(BaseModel):
    """Base of all sections: frozen, and unknown keys are errors.

    A number must be finite, and `yes` is no number although Python counts with it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_boolean_as_number(cls, value: Any, info: ValidationInfo) -> Any:
        kind = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and kind in (int, float, int | None):
            raise PydanticCustomError("number", "Input should be a number")
        return value


FaultKind = Literal[
    "never_idle",
    "null_root",
    "stale_xml",
    "truncated_coverage",
    "empty_coverage",
    "other_build_coverage",
    "anr_dialog",
    "crash_dialog",
    "keyboard",
    "slow",
    "vanish",
    "offline",
    "unauthorized",
    "reboot",
    "death",
    "adb_killed",
]
"""What the embedded device can do wrong; `jamel.virtual_device.faults` says how each looks."""


class FaultsConfig(Section):
    """How the embedded device misbehaves: the share of steps, the kinds (all by default), by seed.

    `slow_s` is how long a slow answer takes; longer than `step_timeout_s`, it is a frozen device.
    """

    rate: float = Field(0.0, ge=0, le=1)
    kinds: tuple[FaultKind, ...] = ()
    seed: int = 0
    slow_s: float = Field(0.2, ge=0)


class EmulatorConfig(Section):
    """How the AVDs of `device.avds` are started and watched; sizes are those of one emulator.

    `snapshot` is the one it boots from, `default_boot` being the quick boot's own; empty boots
    cold. `max_memory_mb` and `max_cores` bound all of them together; by default what is available.
    """

    executable: str = "emulator"
    gpu: str = Field("swiftshader_indirect", pattern=r"^[a-z_]+$")
    memory_mb: int = Field(2560, gt=0)
    cores: int = Field(2, gt=0)
    max_memory_mb: int | None = Field(None, gt=0)
    max_cores: int | None = Field(None, gt=0)
    read_only: bool = True
    window: bool = False
    snapshot: str = Field("default_boot", pattern=r"^[\w.-]*$")
    options: tuple[str, ...] = ()
    first_port: int = Field(5554, ge=5554, le=5682, multiple_of=2)
    boot_timeout_s: float = Field(300.0, gt=0)
    health_s: float = Field(10.0, gt=0)
    replacements: int = Field(3, ge=0)


PACKAGE = re.compile(r"[A-Za-z][\w.]{0,200}")
"""What an app can be called."""


class DeviceConfig(Section):
    """Where steps happen: embedded, on devices that `serials` names, or on AVDs started for it.

    `in_process` is the fast transport; `adb` goes through a real server, on port 0 a private one
    for the AVDs. On real devices `package` is explored, brought to a new session's state by
    `reset`; the rest is what `jamel.envs.adb_link.AdbLink` takes. A device that went away has
    `recover_s` to come back; a session that cannot go on is begun at most `tries` times.
    """

    transport: Literal["in_process", "adb"] = "in_process"
    serials: tuple[str, ...] = ()
    avds: tuple[Annotated[str, Field(pattern=r"^[\w.-]+$")], ...] = ()
    emulator: EmulatorConfig = EmulatorConfig()
    package: str = ""
    activity: str = ""
    apk: str = ""
    reset: Literal["clear_data", "snapshot", "reinstall"] = "clear_data"
    reset_snapshot: str = Field("", pattern=r"^[\w.-]*$")
    adb_port: int = Field(5037, ge=0, lt=65536)
    coverage_source: Literal["file", "tcpserver", "none"] = "file"
    coverage_file: str = Field("files/coverage.ec", min_length=1)
    coverage_broadcast: str = ""
    coverage_port: int = Field(6300, gt=0, lt=65536)
    coverage_classes: str = ""
    settle_s: float = Field(0.0, ge=0)
    step_timeout_s: float = Field(30.0, gt=0)
    screenshots: bool = False
    recover_s: float = Field(30.0, gt=0)
    tries: int = Field(10, gt=0)
    faults: FaultsConfig = FaultsConfig()

    @model_validator(mode="after")
    def _whole(self) -> DeviceConfig:
        """A real device needs a serial or an AVD, a package and adb, or none of them."""
        real = bool(self.serials or self.avds)
        if not all(self.serials):
            raise ValueError("expected serials, found an empty one. Mend device.serials")
        if self.package and not PACKAGE.fullmatch(self.package):
            raise ValueError(
                f"expected a package such as com.example.app, found {self.package!r}. Mend "
                "device.package"
            )
        if self.serials and self.avds:
            raise ValueError("expected serials or AVDs, found both. Leave one of them out")
        if real and not self.package:
            raise ValueError("expected a package to explore on the devices. Set device.package")
        if self.package and not real:
            raise ValueError("expected devices for the package. Set device.serials or device.avds")
        if real and self.transport != "adb":
            raise ValueError("real devices are reached by adb alone. Set device.transport: adb")
        if not (self.adb_port or self.avds):
            raise ValueError("a private adb server is for AVDs alone. Set device.adb_port")
        if real and self.faults.rate:
            raise ValueError("only the embedded device misbehaves on demand. Leave out faults")
        return self

    @model_validator(mode="after")
    def _resettable(self) -> DeviceConfig:
        """A way to reset needs what it resets from."""
        if self.reset == "reinstall" and not self.apk:
            raise ValueError("expected the APK to install again. Set device.apk")
        if self.reset == "snapshot" and not self.reset_snapshot:
            if self.serials:
                raise ValueError("expected the snapshot to load. Set device.reset_snapshot")
            if self.emulator.read_only:
                raise ValueError(
                    "a read-only emulator saves no snapshot to return to. Name one in "
                    "device.reset_snapshot, or set device.emulator.read_only: false"
                )
        if not self.emulator.read_only and len(set(self.avds)) < len(self.avds):
            raise ValueError(
                "an AVD runs once unless it is read-only. Set device.emulator.read_only: true"
            )
        return self


class CollectConfig(Section):
    """Which sessions are collected in each round."""

    suite: str = "train"
    apps: int = Field(96, gt=0)
    agents: tuple[str, ...] = ("random", "least-tried", "frontier", "planner")
    on_policy_share: float = Field(0.75, ge=0, le=1)
    steps: int = Field(120, gt=0)
    seed: int = 0
    workers: int = Field(2, gt=0)


LabelKind = Literal["counterfactual", "return", "immediate"]


class LabelConfig(Section):
    """How coverage becomes supervision.

    On emulators `counterfactual` tries the candidates of `states_per_session` states from console
    snapshots, for at most `seconds_per_session`; with none it is as `return`.
    """

    kind: LabelKind = "counterfactual"
    gamma: float = Field(0.7, ge=0, lt=1)
    lookahead: int = Field(2, ge=1, le=3)
    search_depth: int = Field(4, ge=0)
    states_per_session: int = Field(0, ge=0)
    seconds_per_session: float = Field(1800.0, gt=0)


class ModelConfig(Section):
    """The compact model. Each ingredient can be switched off alone, for ablation."""

    width: int = Field(96, gt=0)
    heads: int = Field(4, gt=0)
    hash_buckets: int = Field(4096, gt=0)
    memory: Literal["similarity", "append", "state", "none"] = "similarity"
    memory_recent: int = Field(8, ge=0)
    memory_similar: int = Field(24, ge=0)
    memory_alike: int = Field(0, ge=0)
    state_features: int = Field(32, gt=0)
    raw_history: bool = False
    frozen_memory: bool = False
    graph_inputs: bool = True
    action_residual: bool = True
    tied_query_key: bool = True


class TrainConfig(Section):
    """Joint training of memory and policy."""

    updates: int = Field(500, gt=0)
    batch_sessions: int = Field(8, gt=0)
    lr: float = Field(2e-3, gt=0)
    warmup: int = Field(30, ge=0)
    weight_decay: float = Field(0.01, ge=0)
    beta: float = Field(4.0, gt=0)
    novelty_weight: float = Field(1.0, ge=0)
    max_steps: int = Field(120, gt=0)
    decisions: int = Field(48, gt=0)
    checkpoint_every: int = Field(100, gt=0)
    seed: int = 0


class RoundsConfig(Section):
    """On-policy rounds after the first, off-policy one; each one's model is measured on `valid`.

    With `stop: gain` they end once the interval of the gain over the round before includes 0, at
    the latest after `on_policy` of them. `apps: 0` measures nothing.
    """

    on_policy: int = Field(1, ge=0)
    stop: Literal["budget", "gain"] = "budget"
    suite: str = "valid"
    apps: int = Field(32, ge=0)
    seeds: tuple[int, ...] = Field((0,), min_length=1)

    @model_validator(mode="after")
    def _gain_needs_apps(self) -> RoundsConfig:
        if self.stop == "gain" and not self.apps:
            raise ValueError("expected apps to see the gain on. Set rounds.apps above 0")
        return self


class MonkeyConfig(Section):
    """How often each raw event comes, relative to the others."""

    tap: float = Field(60.0, ge=0)
    long_press: float = Field(5.0, ge=0)
    swipe: float = Field(20.0, ge=0)
    key: float = Field(5.0, ge=0)
    back: float = Field(8.0, ge=0)
    restart: float = Field(2.0, ge=0)

    @model_validator(mode="after")
    def _something(self) -> MonkeyConfig:
        if not any(self.model_dump().values()):
            raise ValueError("expected an event that comes at all. Set one weight above 0")
        return self


class TriesConfig(Section):
    """What counts as tried: a candidate on its screen, or its widget wherever it appeared."""

    tried: Literal["screen", "anywhere"] = "screen"


class PlannerConfig(Section):
    """Value of a candidate: gamma^distance × (1 + tries)^-power × (1 + tries anywhere)^-alike."""

    gamma: float = Field(0.7, gt=0, lt=1)
    power: float = Field(6.0, ge=0)
    alike: float = Field(1.0, ge=0)


class FastbotConfig(Section):
    """Learning rate, discount and look-ahead of its Q values; how it chooses by them."""

    alpha: float = Field(0.25, gt=0, le=1)
    gamma: float = Field(0.8, ge=0, lt=1)
    steps: int = Field(5, gt=0)
    epsilon: float = Field(0.05, ge=0, le=1)
    temperature: float = Field(0.1, gt=0)


class LlmConfig(Section):
    """An OpenAI-compatible endpoint, such as http://127.0.0.1:8000/v1, and how it is asked.

    The key is in the environment variable that `key_variable` names, and in no file: the command
    line and the flows read it. Neither it nor the address is in any dump, log or result. A decision
    has `deadline_s`, tries and waits included.
    """

    base_url: str = Field("", exclude=True)
    model: str = ""
    key_variable: str = Field("OPENAI_API_KEY", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    deadline_s: float = Field(60.0, gt=0)
    retries: int = Field(3, ge=0)
    max_tokens: int = Field(512, gt=0)
    temperature: float = Field(0.8, ge=0)
    key: SecretStr = Field(SecretStr(""), exclude=True, repr=False)

    @field_validator("base_url")
    @classmethod
    def _no_secret_in_url(cls, url: str) -> str:
        if not re.fullmatch(r"(https?://[^\s@?#]+)?", url):
            # Not quoted: what is wrong with it may be a password.
            raise ValueError("expected http:// or https:// with host and path and nothing else")
        return url.rstrip("/")

    @field_validator("key", mode="before")
    @classmethod
    def _no_key_in_a_file(cls, key: Any) -> SecretStr:
        if not isinstance(key, SecretStr):
            raise ValueError("a key is in no file. Name its environment variable in key_variable")
        return key


class PolicyConfig(Section):
    """How the agent of a trained model chooses: the temperature of sampling."""

    temperature: float = Field(0.3, gt=0)


class AgentsConfig(Section):
    """The settings of every agent, each tuned on `valid` by `jamel tune`.

    `policy` is for agents with a trained model; `policies` has those that differ, by agent.
    """

    monkey: MonkeyConfig = MonkeyConfig()
    least_tried: TriesConfig = TriesConfig()
    frontier: TriesConfig = TriesConfig()
    planner: PlannerConfig = PlannerConfig()
    fastbot: FastbotConfig = FastbotConfig()
    llm: LlmConfig = LlmConfig()
    policy: PolicyConfig = PolicyConfig()
    policies: dict[str, PolicyConfig] = {"no-memory": PolicyConfig(temperature=2.5)}

    def of(self, agent: str) -> Section | None:
        """The settings of an agent without a model, None where it has none."""
        found = getattr(self, agent.replace("-", "_"), None)
        return found if isinstance(found, Section) else None


class EvaluateConfig(Section):
    """What is measured; `latency` adds one session of a thousand steps an agent."""

    suite: str = "test"
    agents: tuple[str, ...] = (
        "random",
        "least-tried",
        "frontier",
        "planner",
        "no-memory",
        "zeroed-memory",
        "jamel",
    )
    seeds: tuple[int, ...] = (0, 1, 2)
    budget: int = Field(120, gt=0)
    apps: int | None = Field(None, gt=0)
    latency: bool = False
    bootstrap: int = Field(2000, gt=0)
    workers: int = Field(2, gt=0)


class GateConfig(Section):
    """When a model may become champion."""

    max_tokens_ratio: float = Field(1.05, gt=0)
    max_latency_ratio: float = Field(1.5, gt=0)
    metric: Literal["coverage", "reward", "auc"] = "coverage"


class Config(Section):
    """A whole profile.

    `tuned` names a file beside the profile, which `jamel tune` writes: its settings of agents hold
    where the profile's own section `agents` says nothing.
    """

    profile: str = Field("laptop", pattern=r"^[a-z0-9][a-z0-9._-]*$")
    tuned: str = ""
    agents: AgentsConfig = AgentsConfig()
    device: DeviceConfig = DeviceConfig()
    collect: CollectConfig = CollectConfig()
    label: LabelConfig = LabelConfig()
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()
    rounds: RoundsConfig = RoundsConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    gate: GateConfig = GateConfig()


def load_config(path: Path | str) -> Config:
    """Read a profile; raises ConfigError that names the file, the key and the nearest known key."""
    path = Path(path)
    raw = read_yaml(path)
    config = parse_config(raw, source=str(path))
    if not config.tuned:
        return config
    tuned = path.parent / config.tuned
    if not tuned.is_file():
        raise ConfigError(
            f"{path}: expected the agents' settings in {tuned}, found no such file. Write it with "
            "`jamel tune`, or leave out 'tuned'."
        )
    laid_under = {"agents": read_yaml(tuned)}
    parse_config(laid_under, source=str(tuned))
    return parse_config(_merged(laid_under, raw), source=str(path))


def read_yaml(path: Path) -> Any:
    """The plain data of a YAML file; raises ConfigError where it cannot be read."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"expected a profile at {path}, found no such file in {Path.cwd()}. Work in the "
            "project's folder, or name one of the profiles in configs/ with --config."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"expected a profile at {path}, found what cannot be read ({error}). "
            "Name one of the profiles in configs/ with --config."
        ) from None
    except yaml.YAMLError as error:
        where = " ".join(str(error).split())
        raise ConfigError(f"expected YAML in {path}, found: {where}. Mend that line.") from None


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid over `under`, mapping by mapping."""
    both = {
        key: _merged(under[key], value)
        for key, value in over.items()
        if isinstance(value, Mapping) and isinstance(under.get(key), Mapping)
    }
    return {**under, **over, **both}


def with_key(config: Config, environment: Mapping[str, str]) -> Config:
    """The profile with the language model's key; for the command line and the flows alone."""
    llm = config.agents.llm
    key = SecretStr(environment.get(llm.key_variable, ""))
    agents = config.agents.model_copy(update={"llm": llm.model_copy(update={"key": key})})
    return config.model_copy(update={"agents": agents})


def parse_config(raw: Any, source: str) -> Config:
    """Turn plain data into a Config; raises ConfigError."""
    if not isinstance(raw, dict):
        found = "nothing" if raw is None else f"a {type(raw).__name__}"
        raise ConfigError(
            f"{source}: expected a mapping of sections such as collect and train, found {found}. "
            "Copy one of the profiles in configs/."
        )
    _reject_unknown_keys(raw, Config, source, prefix="")
    with _sentence(source):
        return Config.model_validate(raw)


def override(config: Config, section: str, values: Mapping[str, Any], source: str) -> Config:
    """The profile with some values of one section replaced; raises ConfigError."""
    before: Section = getattr(config, section)
    with _sentence(source, f"{section}."):
        after = type(before).model_validate(before.model_dump() | dict(values))
    return config.model_copy(update={section: after})


@contextmanager
def _sentence(source: str, prefix: str = "") -> Iterator[None]:
    """Tell the first of pydantic's findings as one sentence."""
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        key = prefix + ".".join(str(part) for part in first["loc"])
        if first["type"] == "value_error":
            said = first["msg"].removeprefix("Value error, ").rstrip(".")
            raise ConfigError(f"{source}: {key}: {said}.") from None
        wanted = first["msg"].removeprefix("Input should be ").split(", unable")[0]
        raise ConfigError(
            f"{source}: expected {wanted} for '{key}', found {first['input']!r}. "
            "Mend that value; src/jamel/config.py says what each key takes."
        ) from None


def _reject_unknown_keys(raw: dict, section: type[BaseModel], source: str, prefix: str) -> None:
    known = section.model_fields
    for key, value in raw.items():
        if key not in known:
            nearest = difflib.get_close_matches(str(key), list(known), n=1, cutoff=0.0)
            raise ConfigError(
                f"{source}: unknown key '{prefix}{key}'. The nearest known key is "
                f"'{prefix}{nearest[0]}'."
            )
        inner = known[key].annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel) and isinstance(value, dict):
            _reject_unknown_keys(value, inner, source, prefix=f"{prefix}{key}.")


def config_digest(config: Config) -> str:
    """Twelve hex digits that change when any value of the profile does."""
    text = json.dumps(config.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
