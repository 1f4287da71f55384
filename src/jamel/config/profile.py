"""The sections of a profile, and the profile: frozen objects with every default, once.

Knows nothing of what the values are used for.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from jamel.config.agents import AgentsConfig
from jamel.config.section import Section

FaultKind = Literal[
    "never_idle",
    "null_root",
    "stale_xml",
    "empty_webview",
    "black_screenshot",
    "truncated_coverage",
    "empty_coverage",
    "other_build_coverage",
    "anr_dialog",
    "crash_dialog",
    "keyboard",
    "slow",
    "process_death",
    "framework_restart",
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


class BrowserConfig(Section):
    """Web apps, on the transport `browser`: an empty `manifest` is configs/web-apps.yaml.

    An empty `executable` is the Chromium that is found. A page has `settle_s` to come to rest.
    Scripts are kept once by their content in the folder `sources`; none are kept where it is empty.
    """

    executable: str = ""
    manifest: str = ""
    settle_s: float = Field(2.0, gt=0)
    sources: str = "build/scripts"


PACKAGE = re.compile(r"[A-Za-z][\w.]{0,200}")
"""What an app can be called."""


class DeviceConfig(Section):
    """Where steps happen: embedded, on devices that `serials` names, on AVDs, or in a browser.

    `in_process` is the fast transport; `adb` goes through a real server, on port 0 a private one
    for the AVDs; `browser` is Chromium, for web apps. On real devices `package` is explored,
    brought to a new session's state by `reset`; the rest is what `jamel.envs.adb_link.AdbLink`
    takes. A device that went away has `recover_s` to come back; a session that cannot go on is
    begun at most `tries` times.
    """

    transport: Literal["in_process", "adb", "browser"] = "in_process"
    serials: tuple[str, ...] = ()
    avds: tuple[Annotated[str, Field(pattern=r"^[\w.-]+$")], ...] = ()
    emulator: EmulatorConfig = EmulatorConfig()
    browser: BrowserConfig = BrowserConfig()
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
        if (real or self.transport == "browser") and self.faults.rate:
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


Spread = Literal["processes", "ray", "prefect"]
"""Who shares the work of a round: processes of this machine, a Ray cluster, Prefect's workers."""


class CollectConfig(Section):
    """Which sessions are collected in each round, and who collects and labels them.

    The embedded apps have these levels of identity noise in turn. A suite that names its own, as
    `train@heavy` does, keeps it. `workers` sessions are under way at once, on this machine, on the
    Ray cluster, or in each of the `shares` that Prefect's workers take up.
    """

    suite: str = "train"
    noise: tuple[Literal["none", "real", "heavy"], ...] = ("real", "real", "heavy")
    apps: int = Field(96, gt=0)
    agents: tuple[str, ...] = ("random", "least-tried", "frontier", "planner")
    on_policy_share: float = Field(0.75, ge=0, le=1)
    steps: int = Field(120, gt=0)
    seed: int = 0
    workers: int = Field(2, gt=0)
    spread: Spread = "processes"
    shares: int = Field(2, gt=0)


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
    expectations: bool = True
    action_residual: bool = True
    tied_query_key: bool = True


class TrainConfig(Section):
    """Joint training of memory and policy.

    `updates` are those of a new model, `further_updates` those of one that goes on from the round
    before: many short rounds on fresh apps are worth more than few long ones on the same.
    `unread_words` is the share of all words that an update leaves out: apps to come say other ones.
    `precision` is that of products of matrices; `jamel bench` says what bfloat16 gains.
    """

    updates: int = Field(300, gt=0)
    further_updates: int = Field(120, gt=0)
    batch_sessions: int = Field(8, gt=0)
    lr: float = Field(2e-3, gt=0)
    warmup: int = Field(20, ge=0)
    weight_decay: float = Field(0.01, ge=0)
    beta: float = Field(4.0, gt=0)
    novelty_weight: float = Field(1.0, ge=0)
    max_steps: int = Field(120, gt=0)
    decisions: int = Field(48, gt=0)
    unread_words: float = Field(0.3, ge=0, lt=1)
    precision: Literal["float32", "bfloat16"] = "float32"
    checkpoint_every: int = Field(100, gt=0)
    seed: int = 0

    def updates_of(self, new: bool) -> int:
        """How many updates a training has, of a new model or of one that goes on."""
        return self.updates if new else self.further_updates


class RoundsConfig(Section):
    """On-policy rounds after the first, off-policy one; each one's model is measured on `valid`.

    With `stop: gain` they end once the interval of the gain over the round before includes 0, at
    the latest after `on_policy` of them. `apps: 0` measures nothing. `start` is what the first
    round explores with and trains on from: the folder of a model, or `champion` for that of the
    registered model `jamel`, where there is one; empty begins anew. Rounds with a `dataset` lie in
    a folder of that name in data/sessions and data/labels, apart from those of other profiles.
    """

    start: str = ""
    dataset: str = Field("", pattern=r"^([a-z0-9][a-z0-9-]*)?$")
    on_policy: int = Field(3, ge=0)
    stop: Literal["budget", "gain"] = "budget"
    suite: str = "valid"
    apps: int = Field(32, ge=0)
    seeds: tuple[int, ...] = Field((0,), min_length=1)

    @model_validator(mode="after")
    def _gain_needs_apps(self) -> RoundsConfig:
        if self.stop == "gain" and not self.apps:
            raise ValueError("expected apps to see the gain on. Set rounds.apps above 0")
        return self


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


class CalibrateConfig(Section):
    """On what a model is calibrated, in sessions of so many steps; `apps: 0` leaves it out.

    "Exhausted" means fewer than `fewer` new probes in the next `window` steps.
    """

    suite: str = "valid"
    apps: int = Field(32, ge=0)
    seeds: tuple[int, ...] = Field((0,), min_length=1)
    steps: int = Field(240, gt=0)
    window: int = Field(20, gt=0)
    fewer: int = Field(2, gt=0)


class StudyConfig(Section):
    """What a study trains and where it measures: seeds of every arm, and the suites."""

    arms: dict[str, Annotated[tuple[int, ...], Field(min_length=1)]] = Field(
        {"jamel": (0,)}, min_length=1
    )
    suites: tuple[str, ...] = Field(("test",), min_length=1)


_DATABASE = re.compile(r"postgresql://([\w.-]+@)?([\w.-]+|\[[0-9a-f:]+\])?(:\d+)?/[\w.-]+")
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]+(/[\w./=-]*)?")
_SERVER = re.compile(r"https?://([\w.-]+|\[[0-9a-f:]+\])(:\d+)?/?")

MODEL_NAME = "jamel"
"""The registered model of profiles that name none."""


class GateConfig(Section):
    """When a model may become champion, and of what.

    `model` is the name under which models are registered and one of them is champion: models of
    another world, measured on other suites, have a name of their own and do not contend with these.
    `better_than` are the agents without which no model is promoted: it has to beat each with its
    whole paired interval. `jamel.gate` says which agents those can be. A family of apps counts by
    itself from `family_apps` apps on, smaller ones together; 0 judges none. With `committed` the
    code has to be that of a commit, so that others can make the model again. With `approval:
    person` a model that holds every condition waits for someone's yes, `approval_hours` at most.
    """

    model: str = Field(MODEL_NAME, pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=64)
    better_than: tuple[str, ...] = ("no-memory", "random")
    max_tokens_ratio: float = Field(1.05, gt=0)
    max_latency_ratio: float = Field(1.5, gt=0)
    metric: Literal["coverage", "reward", "auc", "probes"] = "coverage"
    family_apps: int = Field(3, ge=0)
    committed: bool = False
    approval: Literal["none", "person"] = "none"
    approval_hours: float = Field(72.0, gt=0)


class StoresConfig(Section):
    """Stores that several machines share; what is left empty is embedded in the project's folder.

    `mlflow` and `prefect` are databases of a PostgreSQL, `postgresql://host:port/database`;
    `artifacts`, MLflow's files, and `dvc_remote` are folders of a bucket, `s3://bucket/folder`, at
    `s3_endpoint` where that is not Amazon's. Users, passwords and keys come from the environment
    alone (PGUSER, PGPASSWORD or ~/.pgpass, AWS_ACCESS_KEY_ID and so on), and so does a host that
    is left out, as in `postgresql:///database` (PGHOST, AWS_ENDPOINT_URL).
    """

    mlflow: str = ""
    artifacts: str = ""
    dvc_remote: str = ""
    prefect: str = ""
    s3_endpoint: str = ""

    @field_validator("*")
    @classmethod
    def _without_password(cls, value: str) -> str:
        """No file of a project holds a password; what was found is not repeated either."""
        user, at, _ = value.partition("://")[2].rpartition("@")
        if (at and ":" in user) or "password=" in value.lower():
            raise ValueError(
                "expected an address without a password, found one. Take it out, and give it in "
                "PGPASSWORD or ~/.pgpass, or in AWS_SECRET_ACCESS_KEY"
            )
        return value

    @field_validator("mlflow", "prefect")
    @classmethod
    def _is_a_database(cls, value: str) -> str:
        if value and not _DATABASE.fullmatch(value):
            raise ValueError(
                f"expected postgresql://host:port/database, found {value!r}. Mend that address; "
                "other settings have variables of their own, such as PGSSLMODE"
            )
        return value

    @field_validator("artifacts", "dvc_remote")
    @classmethod
    def _is_in_a_bucket(cls, value: str) -> str:
        if value and not _BUCKET.fullmatch(value):
            raise ValueError(f"expected s3://bucket/folder, found {value!r}. Mend that address")
        return value.rstrip("/")

    @field_validator("s3_endpoint")
    @classmethod
    def _is_a_server(cls, value: str) -> str:
        if value and not _SERVER.fullmatch(value):
            raise ValueError(f"expected http(s)://host:port, found {value!r}. Mend that address")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _fits(self) -> StoresConfig:
        """Both keep their version in a table of the same name, and files follow their database."""
        if bool(self.mlflow) != bool(self.artifacts):
            raise ValueError(
                "expected a shared database and a shared place for its files, found one of them. "
                "Set both stores.mlflow and stores.artifacts, or none"
            )
        if self.mlflow and self.mlflow == self.prefect:
            raise ValueError(
                "expected a database each for MLflow and Prefect, found the same one. Create "
                "another for stores.prefect"
            )
        return self

    @property
    def shared(self) -> bool:
        """Whether any store lies elsewhere."""
        return self != StoresConfig()

    def named(self) -> list[tuple[str, str]]:
        """The keys that are set, with their values."""
        return [(name, str(value)) for name, value in self if value]


class TrackingConfig(Section):
    """What MLflow is told of the machine: processor, memory, disk, network and GPU, so often.

    With `system_metrics_s: 0` nothing.
    """

    system_metrics_s: float = Field(10.0, ge=0)


class Config(Section):
    """A whole profile.

    `tuned` and `promote` name files beside the profile: the agents' settings, which `jamel tune`
    writes, and the gate that several profiles share. They hold where the profile's own sections
    `agents` and `gate` say nothing.
    """

    profile: str = Field("laptop", pattern=r"^[a-z0-9][a-z0-9._-]*$")
    tuned: str = ""
    promote: str = ""
    agents: AgentsConfig = AgentsConfig()
    device: DeviceConfig = DeviceConfig()
    collect: CollectConfig = CollectConfig()
    label: LabelConfig = LabelConfig()
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()
    rounds: RoundsConfig = RoundsConfig()
    calibrate: CalibrateConfig = CalibrateConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    gate: GateConfig = GateConfig()
    study: StudyConfig = StudyConfig()
    stores: StoresConfig = StoresConfig()
    tracking: TrackingConfig = TrackingConfig()
