"""Runs, models and their promotion: the only package that imports MLflow.

`Tracker` logs runs; `register` and `log_model` store a model and check it; `promote`, `approve`,
`refuse`, `rollback`, `compare`, `compare_two` and `compare_tracked` work on registered versions.
MLflow is imported when one is called.
"""

from jamel.registry.answers import answer, approve, refuse, waiting
from jamel.registry.audit import read_audit
from jamel.registry.comparison import compare_tracked, compare_two
from jamel.registry.evaluation import evaluation_run, log_evaluation, track_table
from jamel.registry.models import log_model, register
from jamel.registry.promotion import promote, rollback, weigh
from jamel.registry.rounds import close_round, note_dataset, open_round
from jamel.registry.system import watched
from jamel.registry.tracking import (
    Tracker,
    close_run,
    environment_digest,
    open_run,
    origin_tags,
)
from jamel.registry.training import train_tracked
from jamel.registry.versions import (
    ModelVersion,
    champion,
    champion_dir,
    compare,
    get_version,
    list_versions,
    model_dir,
    report_file,
    start_dir,
)

__all__ = [
    "ModelVersion",
    "Tracker",
    "answer",
    "approve",
    "champion",
    "champion_dir",
    "close_round",
    "close_run",
    "compare",
    "compare_tracked",
    "compare_two",
    "environment_digest",
    "evaluation_run",
    "get_version",
    "list_versions",
    "log_evaluation",
    "log_model",
    "model_dir",
    "note_dataset",
    "open_round",
    "open_run",
    "origin_tags",
    "promote",
    "read_audit",
    "refuse",
    "register",
    "report_file",
    "rollback",
    "start_dir",
    "track_table",
    "train_tracked",
    "waiting",
    "watched",
    "weigh",
]
