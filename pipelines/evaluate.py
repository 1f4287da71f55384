"""The tasks around `jamel.validate`, `jamel.dataset`, `jamel.evaluate` and `jamel.report`.

Validation and evaluation leave artifacts in the Prefect UI; evaluation is remembered by the
suite, the seeds and the models' contents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jamel.calibration import FILE as CALIBRATION
from jamel.config import Config
from jamel.dataset import version
from jamel.disk import write_json
from jamel.episodes import read_session
from jamel.errors import ShardError
from jamel.evaluate import evaluate, read_json
from jamel.layout import SHARED_ARM, Layout
from jamel.provenance import UNKNOWN, commit, dataset_md5, is_a_commit
from jamel.report import write_report
from jamel.rounds import rewarded
from jamel.validate import ValidationResult, quarantine, require, validate
from pipelines.artifacts import show_dataset, show_validation
from pipelines.caching import digest, fingerprints, say, step
from pipelines.events import dataset_pushed
from pipelines.isolation import in_own_process
from pipelines.ticker import Ticker
from pipelines.turns import devices


@step("validate")
def validate_dataset(project: Layout) -> dict[str, Any]:
    """Check every shard; bad ones go to quarantine and the rest goes on."""
    sessions, labels = project.every_shard("sessions"), project.every_shard("labels")
    found = in_own_process(validate, sessions, labels, project.validation, project.quarantine)
    record = found.as_dict()
    show_validation(project, record)
    say(
        f"validation {'passed' if record['passed'] else 'FAILED'}: {record['evaluated']} "
        f"expectations, {len(record['quarantined'])} shards in quarantine"
    )
    return record


def require_valid(record: Mapping[str, Any]) -> None:
    """Raise ValidationError unless the dataset as a whole passed."""
    require(ValidationResult(**record))


@step("set aside")
def set_unreadable_aside(project: Layout, folder: Path) -> list[str]:
    """Move session shards that cannot be read to quarantine, so that the round can go on."""
    reasons = {str(path): why for path in folder.glob("*.parquet") if (why := _unreadable(path))}
    for path, why in reasons.items():
        say(f"quarantine {Path(path).name}: {why}")
    return [str(path) for path in quarantine(reasons, project.quarantine)]


def _unreadable(path: Path) -> str:
    try:
        read_session(path)
    except ShardError as error:
        return str(error)
    return ""


@step("version")
def version_dataset(project: Layout, tag: str) -> str:
    """Pin data/ with DVC and push it; the md5 names the dataset. A new one is an event."""
    before = dataset_md5(project.root)
    md5 = str(in_own_process(version, project.root, tag))
    say(f"dataset {md5} pinned as {tag}")
    show_dataset(project, md5, tag)
    if md5 != before:
        dataset_pushed(md5, tag)
    return md5


def _measured(
    config: Config,
    models: Mapping[str, Path | None],
    out: Path,
    read: Sequence[str] = ("model.safetensors", CALIBRATION),
) -> str:
    contents = {name: path and [path / file for file in read] for name, path in models.items()}
    settings = config.evaluate.model_copy(update={"workers": 1})
    return digest(settings, config.agents, config.device, contents, str(out))


def _key(
    config: Config,
    models: Mapping[str, Path | None],
    project: Layout,
    rounds: Mapping[str, Any] | None = None,
) -> str:
    return _measured(config, models, project.results)


def committed_since(config: Config, project: Layout) -> bool:
    """Whether the gate would refuse remembered results for code that is committed by now."""
    if not (config.gate.committed and project.results.is_file()):
        return False
    then = str(read_json(project.results)["meta"].get("commit") or UNKNOWN)
    return not is_a_commit(then) and is_a_commit(commit(project.root))


@step("evaluate", _key)
def evaluate_models(
    config: Config,
    models: Mapping[str, Path | None],
    project: Layout,
    rounds: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Measure the agents on the profile's suite and write the results and the report.

    The curve of the rounds, which led to the models, is kept with the results.
    """
    results = measured(config, models, "evaluate")
    results |= {"rounds": rounds} if rounds else {}
    write_json(project.results, results)
    write_report(results, project.report)
    return {"files": fingerprints([project.results])}


def _round_key(
    config: Config, model: Path, project: Layout, round_index: int, seconds: float
) -> str:
    # The last round's model is calibrated once it is measured, which changes no choice of it.
    read = ["model.safetensors"]
    return _measured(config, {SHARED_ARM: model}, project.round_results(round_index), read)


@step("measure round", _round_key)
def measure_round(
    config: Config, model: Path, project: Layout, round_index: int, seconds: float
) -> dict[str, Any]:
    """Measure the model of a round, as `jamel.rounds.settings` says.

    `seconds` is what the round took; a remembered round keeps what it took then.
    """
    results = measured(config, {SHARED_ARM: model}, f"round {round_index}")
    name = project.round_name(SHARED_ARM, round_index)
    labels = sorted((project.labels / name).glob("*.parquet"))
    sessions = [project.sessions / name / path.name for path in labels]
    explored = rewarded(sessions, labels, project.last_model(SHARED_ARM, before=round_index))
    about = {"round": round_index, "seconds": round(seconds, 1), "rewarded": explored}
    results |= {"round": about}
    path = write_json(project.round_results(round_index), results)
    return {"files": fingerprints([path])}


def measured(config: Config, models: Mapping[str, Path | None], name: str) -> dict[str, Any]:
    """An evaluation on the profile's devices, once they are free."""
    with devices(config, config.evaluate.workers):
        return dict(in_own_process(evaluate, config, models, Ticker(name)))


def _version_key(
    config: Config, models: Mapping[str, Path | None], project: Layout, version: str
) -> str:
    return _measured(config, models, project.version_results(version))


@step("measure version", _version_key)
def measure_version(
    config: Config, models: Mapping[str, Path | None], project: Layout, version: str
) -> dict[str, Any]:
    """Measure a registered version beside other agents; its results and page are kept for it."""
    results = measured(config, models, f"version {version}")
    path = write_json(project.version_results(version), results)
    write_report(results, path.with_name("report.html"))
    return {"files": fingerprints([path])}
