"""Logging a trained model so that it loads without pickle, and registering what was checked.

Knows how a model is stored; not whether it is good enough: that is the gate's, in `versions.py`.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

from jamel import provenance
from jamel.calibration import FILE as CALIBRATION
from jamel.config import MODEL_NAME, Config
from jamel.disk import digest_of, full_disk_is_a_store_error
from jamel.errors import StoreError
from jamel.gate import CANDIDATE
from jamel.registry.connection import connect, quiet
from jamel.registry.evaluation import log_results
from jamel.registry.notes import of_version
from jamel.registry.smoke import ask, columns, load
from jamel.registry.tracking import PROCESS_TAG, Tracker, origin_tags
from jamel.registry.versions import (
    AGAINST_TAG,
    VALIDATION_FILE,
    ModelVersion,
    champion,
    get_version,
    list_versions,
)
from jamel.registry.wire import Question, Ranked
from jamel.statistics import final_budget
from jamel.tables import mean_rows

CONTENTS_TAG = "contents"
NAME = "policy"
SERVED = Path(__file__).with_name("served_model.py")
TOLERANCE = 1e-4
"""Of log-probabilities: the same weights, loaded twice, on the same machine."""
KEPT = (".json", ".safetensors", ".md", ".txt")
PICKLES = (".bin", ".pkl", ".pickle", ".pt", ".pth", ".ckpt")


class RanksActions(Protocol):
    """The model in memory that the stored one is compared with."""

    def rank(self, question: Question) -> list[Ranked]:
        """Actions with score and worth, best first."""
        ...


def register(
    root: Path | str,
    hf_dir: Path,
    config: Config,
    results: Mapping[str, Any],
    validation: Mapping[str, Any],
    *,
    arm: str = CANDIDATE,
    losses: Sequence[float] = (),
    files: Sequence[Path] = (),
    run_id: str = "",
) -> ModelVersion:
    """Log everything there is to know about a trained model in one run, and register it.

    It becomes a version of the registered model `config.gate.model`. Where there is one with the
    same weights and the same evaluation, measured against the champion that still is, that is
    returned and nothing is logged: a run that was killed after it had registered goes on with it.

    Args:
        root: the project.
        hf_dir: what `save_pretrained` wrote.
        config: the profile it was trained with.
        results: the evaluation, `{"meta", "rows", "paired"}`.
        validation: `ValidationResult.as_dict()`.
        arm: which arm the model is.
        losses: of every update.
        files: more files or folders, such as the report and the data docs.
        run_id: the run to log to; a new one by default.

    Raises:
        StoreError: there is no model in the folder, or a pickle; the stored model does not load or
            answers otherwise than the one in memory.
    """
    _check_folder(hf_dir)
    contents = _contents(hf_dir, results)
    if there := _registered(root, config.gate.model, contents):
        return there
    tracker = Tracker(root)
    own = tracker.run("register", config, arm=arm) if not run_id else nullcontext(run_id)
    with full_disk_is_a_store_error(root), own as run_id:
        origin = origin_tags(Path(root), config)
        tracker.set_tags(run_id, origin | {"arm": arm, CONTENTS_TAG: contents})
        tracker.log_dataset(run_id, origin["dataset_md5"], "training")
        tracker.log_sessions(run_id, origin["dataset_md5"])
        tracker.log_history(run_id, {"loss": losses})
        log_results(tracker, run_id, results)
        tracker.log_json(run_id, validation, VALIDATION_FILE)
        final = final_budget(results)
        for path in files:
            tracker.log_artifact(run_id, path, "files")
        card = _card(root, config, arm, final, validation)
        made = log_model(root, run_id, hf_dir, card, model=config.gate.model)
        tracker.add_note(run_id, of_version(made.model, made.version, results))
        return made


def _contents(hf_dir: Path, results: Mapping[str, Any]) -> str:
    """A digest of what a version is: weights, their calibration, and what was measured."""
    files = [hf_dir / name for name in ("model.safetensors", CALIBRATION)]
    parts = [digest_of(path) for path in files if path.is_file()]
    parts.append(json.dumps(results, sort_keys=True))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _registered(root: Path | str, model: str, contents: str) -> ModelVersion | None:
    now = champion(root, model=model)
    wanted = {CONTENTS_TAG: contents, AGAINST_TAG: now.version if now else ""}
    found = list_versions(root, model=model)
    return next((made for made in found if wanted.items() <= made.tags.items()), None)


def log_model(
    root: Path | str,
    run_id: str,
    hf_dir: Path,
    card: str,
    reference: RanksActions | None = None,
    *,
    model: str = MODEL_NAME,
) -> ModelVersion:
    """Store a model, load it back, compare its answers, and only then register a version.

    Both are asked about a few fixed screens.

    Args:
        root: the project.
        run_id: the run it belongs to.
        hf_dir: `config.json` and `model.safetensors`; a pickle in it is refused.
        card: the model card, Markdown.
        reference: the model in memory, by default loaded from `hf_dir` without MLflow.
        model: the name of the registered model that gets a version.

    Raises:
        StoreError: the folder holds a pickle or no model, or the answers differ.
    """
    from jamel.registry.serving import example_questions, load_ranker

    _check_folder(hf_dir)
    client = connect(root)
    uri, model_id = _store(root, run_id, hf_dir)
    expected = reference or load_ranker(hf_dir)
    _check_same(uri, expected, example_questions())
    client.log_text(run_id, card, "model-card.md")
    return _register(root, model, run_id, uri, model_id, card)


def packaged(hf_dir: Path) -> dict[str, Any]:
    """What MLflow is told of a model, to log it or to save it: code, columns, an example."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    from jamel.registry.serving import example_questions

    inputs = Schema([ColSpec("string", "observation"), ColSpec("string", "memory", required=False)])
    outputs = Schema([ColSpec("string", "ranked")])
    return {
        "python_model": str(SERVED),
        "artifacts": {"hf": str(hf_dir)},
        "signature": ModelSignature(inputs=inputs, outputs=outputs),
        "input_example": columns(example_questions()[-1:]),
        "pip_requirements": ["jamel", "torch", "transformers", "mlflow"],
    }


def save_model(hf_dir: Path, path: Path) -> Path:
    """Write a model to a folder as a registration stores it, without any registry."""
    import mlflow

    with quiet(), _staged(hf_dir) as staged:
        mlflow.pyfunc.save_model(path, **packaged(staged))
    return path


def _store(root: Path | str, run_id: str, hf_dir: Path) -> tuple[str, str]:
    """Returns the model's address and id. The fluent call is the only one that stores a model."""
    import mlflow

    connect(root)
    with quiet(), _staged(hf_dir) as staged, mlflow.start_run(run_id=run_id):
        info = mlflow.pyfunc.log_model(name=NAME, **packaged(staged))
    return info.model_uri, info.model_id


@contextmanager
def _staged(hf_dir: Path) -> Iterator[Path]:
    """A folder of one fixed name with the model's own files, without checkpoints beside them."""
    with tempfile.TemporaryDirectory(prefix="jamel-") as temporary:
        staged = Path(temporary) / "hf"
        staged.mkdir()
        for path in Path(hf_dir).iterdir():
            if path.is_file() and path.suffix in KEPT:
                shutil.copyfile(path, staged / path.name)
        yield staged


def _check_folder(hf_dir: Path) -> None:
    folder = Path(hf_dir)
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    pickles = sorted(name for name in names if Path(name).suffix in PICKLES)
    if pickles:
        raise StoreError(
            f"expected safetensors only in {hf_dir}, found {', '.join(pickles)}: loading a pickle "
            "runs its code. Save the model with save_pretrained."
        )
    if not {"config.json", "model.safetensors"} <= names:
        found = ", ".join(sorted(names)) or "nothing"
        raise StoreError(
            f"expected config.json and model.safetensors in {hf_dir}, found {found}. "
            "Train the model first."
        )


def _check_same(uri: str, reference: RanksActions, questions: Sequence[Question]) -> None:
    answers = ask(load(uri), questions)
    for index, (question, stored) in enumerate(zip(questions, answers, strict=True)):
        if not _alike(stored, reference.rank(question)):
            raise StoreError(
                f"expected the stored model to answer as the one in memory, found another "
                f"ranking for question {index}. Nothing was registered; train and log it again."
            )


def _alike(stored: Sequence[Ranked], live: Sequence[Ranked]) -> bool:
    """The same scores for the same actions; equal scores may change places."""
    mine, theirs = ({item.action: item.score for item in side} for side in (stored, live))
    return mine.keys() == theirs.keys() and all(
        math.isclose(mine[action], theirs[action], abs_tol=TOLERANCE) for action in mine
    )


def _register(
    root: Path | str, model: str, run_id: str, uri: str, model_id: str, card: str
) -> ModelVersion:
    from mlflow.exceptions import MlflowException

    client = connect(root)
    try:
        client.create_registered_model(model, description="Explores apps it has never seen.")
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    now, run_tags = champion(root, model=model), client.get_run(run_id).data.tags
    kept = (item for item in run_tags.items() if item[0] != PROCESS_TAG)
    tags = {key: value for key, value in kept if not key.startswith("mlflow.")}
    tags[AGAINST_TAG] = "" if now is None else now.version
    made = client.create_model_version(
        model, source=uri, run_id=run_id, model_id=model_id, tags=tags, description=card
    )
    return get_version(root, str(made.version), model=model)


def _card(
    root: Path | str,
    config: Config,
    arm: str,
    final: Mapping[str, Any],
    validation: Mapping[str, Any],
) -> str:
    """The model card: what it is, where it comes from, what was measured, what it cannot do."""
    origin = origin_tags(Path(root), config)
    machine = provenance.machine()
    meta = final.get("meta", {})
    lines = [
        f"# {config.gate.model} ({arm})",
        "Chooses actions that explore an app: it ranks what can be done on a screen, given the "
        "session so far. It sees no coverage and knows no task.",
        "## Origin",
        *(f"- {key.replace('_', ' ')}: `{value}`" for key, value in origin.items()),
        f"- data: {validation.get('sessions', 'unknown')} sessions, "
        f"{validation.get('rows', 'unknown')} steps, validated",
        f"- model: `{json.dumps(config.model.model_dump(mode='json'))}`",
        f"- evaluated on: {machine['processor']}, {machine['cores']} cores",
        f"## Measured on {meta.get('suite', 'no suite')}, {meta.get('budget', 0)} steps",
        _table(mean_rows(final["rows"]), ("agent", "coverage", "reward", "auc")),
        "## Limits",
        f"- Trained on apps of `{config.collect.suite}` and measured on those of "
        f"`{meta.get('suite', 'no suite')}`; figures for other apps are not known.",
        "- It explores: it taps, types and submits whatever is on the screen. Use test accounts.",
    ]
    return "\n\n".join(lines[:3]) + "\n\n" + "\n".join(lines[3:]) + "\n"


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    head = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    body = [f"| {' | '.join(_cell(row[name]) for name in columns)} |" for row in rows]
    return "\n".join([*head, *body])


def _cell(value: Any) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)
