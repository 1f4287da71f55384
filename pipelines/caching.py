"""How tasks are retried, remembered and described: the same for every task of the loop.

A task's result is small JSON that names files. Its cache key is a digest of what goes in: the
parts of the profile it reads, the contents of files (never their times), and where it writes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.exceptions import MissingContextError
from prefect.logging import get_logger, get_run_logger
from pydantic import BaseModel

from jamel.errors import (
    Busy,
    ConfigError,
    DatasetError,
    EvaluationError,
    GateError,
    ShardError,
    StoreError,
    ValidationError,
)

HOPELESS = (
    Busy,
    ConfigError,
    DatasetError,
    EvaluationError,
    GateError,
    ShardError,
    StoreError,
    ValidationError,
)
"""What another attempt cannot mend."""


def digest(*parts: Any) -> str:
    """Sixteen hex digits over plain data, configuration sections and the contents of files."""
    text = json.dumps([_content(part) for part in parts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _content(part: Any) -> Any:
    if isinstance(part, BaseModel):
        return part.model_dump(mode="json")
    if isinstance(part, Path):
        return _file_or_folder(part)
    if isinstance(part, (list, tuple)):
        return [_content(item) for item in part]
    if isinstance(part, Mapping):
        return {str(key): _content(value) for key, value in part.items()}
    return part


def _file_or_folder(path: Path) -> Any:
    if path.is_dir():
        return {file.name: _content(file) for file in sorted(path.iterdir()) if file.is_file()}
    if not path.exists():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def worth_retrying(of: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Whether another attempt may help: a lost device yes, a wrong profile no."""
    error = state.result(raise_on_failure=False)
    return not isinstance(error, HOPELESS)


def step(name: str, key: Callable[..., str] | None = None, **options: Any) -> Callable[..., Any]:
    """A Prefect task with this project's retries; remembered across runs when it has a `key`.

    `key` takes the task's own parameters and returns a digest.
    """
    settings: dict[str, Any] = {
        "name": name,
        "retries": 2,
        "retry_delay_seconds": [2, 10],
        "retry_jitter_factor": 0.5,
        "retry_condition_fn": worth_retrying,
        "result_serializer": "json",
        # Prefect's default would answer a second call in the same run from memory: a dataset
        # that has grown would count as validated.
        "cache_policy": NO_CACHE,
    }
    if key is not None:
        del settings["cache_policy"]
        settings |= {
            "cache_key_fn": lambda context, given: f"{name}-{key(**given)}",
            "persist_result": True,
        }
    return task(**(settings | options))


def remembered(of: Task[..., Any], /, refresh: bool = False, **given: Any) -> dict[str, Any]:
    """Run a cached task; again to `refresh`, or when files it made are gone or of other content."""
    result = of.with_options(refresh_cache=refresh)(**given)
    if fingerprints(Path(name) for name in result["files"]) == result["files"]:
        return result
    return of.with_options(refresh_cache=True)(**given)


def fingerprints(made: Iterable[Path]) -> dict[str, str | None]:
    """Files with a digest of their contents, None for one that is not there."""
    return {str(path): _file_or_folder(path) for path in made}


def say(message: str) -> None:
    """Log to the run where there is one, else to the terminal."""
    try:
        get_run_logger().info(message)
    except MissingContextError:
        get_logger("pipelines").info(message)
