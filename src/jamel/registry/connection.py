"""The one way to MLflow: the project's own store, quiet and without telemetry.

Knows nothing of runs or models. MLflow is imported on first use; it takes a second or two.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from jamel.stores import open_stores, telemetry_off

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

EXPERIMENT = "jamel"


def connect(root: Path | str) -> MlflowClient:
    """A client of the project's store; raises StoreError when it is not initialised."""
    stores = open_stores(root)
    telemetry_off()
    os.environ.update(stores.for_mlflow | {"MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"})
    import mlflow

    mlflow.set_tracking_uri(stores.mlflow_uri)
    mlflow.set_registry_uri(stores.mlflow_uri)
    return mlflow.MlflowClient(stores.mlflow_uri, stores.mlflow_uri)


def experiment_id(root: Path | str) -> str:
    """The project's experiment, created on first use with an absolute place for files."""
    from mlflow.exceptions import MlflowException

    client = connect(root)
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    location = open_stores(root).artifacts_uri
    try:
        return str(client.create_experiment(EXPERIMENT, artifact_location=location))
    except MlflowException:
        # Another process was faster.
        found = client.get_experiment_by_name(EXPERIMENT)
        if found is None:
            raise
        return str(found.experiment_id)


@contextmanager
def missing() -> Iterator[bool]:
    """Swallow MLflow's "there is no such model or alias"; any other error goes through."""
    from mlflow.exceptions import MlflowException

    try:
        yield True
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise


@contextmanager
def quiet() -> Iterator[None]:
    """Advice on type hints and input examples, which do not fit a JSON interface, is not shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
