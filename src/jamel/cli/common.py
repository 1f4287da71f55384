"""What every command shares: the options, the profile and the printing of rows.

Knows no verb, and imports nothing that `--help` need not wait for. Options are declared once, so
that they read the same in every --help.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jamel.disk import write_json
from jamel.errors import ConfigError
from jamel.layout import SHARED_ARM, Layout

if TYPE_CHECKING:
    from jamel.config import Config

DEFAULT_PROFILE = Path("configs/laptop.yaml")
PROJECT_SIGNS = ("configs", "stores")
ConfigOption = Annotated[Path, typer.Option("--config", help="The profile, a YAML of configs/.")]
JsonOption = Annotated[
    Path | None, typer.Option("--json", help="Also write what is printed to this file.")
]
ArmOption = Annotated[str, typer.Option("--arm", help="jamel, no-memory or another ablation.")]


def example(*lines: str) -> str:
    """The example at the foot of a command's --help."""
    return "Example: " + "   |   ".join(lines)


def profile(path: Path, **sections: Mapping[str, Any]) -> Config:
    """The profile at `path` with the options that were given laid over it.

    `sections` maps a section to its overrides; an override of None was not given.
    """
    from jamel.config import load_config, override, with_key

    config = load_config(path)
    for name, values in sections.items():
        given = {key: value for key, value in values.items() if value is not None}
        if given:
            config = override(config, name, given, source="the command line")
    return with_key(config, os.environ)


def here(settings: Config | None = None) -> Layout:
    """The project in the current directory, as a profile sees it.

    Raises:
        ConfigError: there is no project here.
        StoreError: the profile names other stores than the project's.
    """
    from jamel.stores import require_named, stores_at

    project = Layout.at() if settings is None else Layout.of(settings)
    if not any((project.root / name).exists() for name in PROJECT_SIGNS):
        raise ConfigError(
            f"expected a project with {' or '.join(f'{name}/' for name in PROJECT_SIGNS)} in "
            f"{project.root}, found neither. Go to the project's folder, or make one here with "
            "`jamel init`."
        )
    if settings is not None:
        require_named(stores_at(project.root), settings.stores)
    return project


def folder_lock(root: Path, folder: Path) -> AbstractContextManager[None]:
    """As `jamel.stores.folder_lock`, whose imports wait until a command runs."""
    from jamel.stores import folder_lock as lock

    return lock(root, folder)


def checked_arm(arm: str) -> str:
    """The arm if there is one of that name; raises ConfigError."""
    # The arms' own file imports transformers: seconds that the usual arm need not wait.
    if arm != SHARED_ARM:
        from jamel.model.configuration import ARMS

        if arm not in ARMS:
            raise ConfigError(f"expected an arm, one of {', '.join(ARMS)}; found '{arm}'.")
    return arm


def present(
    rows: Sequence[Mapping[str, Any]], title: str, json: Path | None, data: Any = None
) -> None:
    """Print rows and, when asked, write them (or `data` in their place) as JSON."""
    if rows:
        from jamel.tables import show

        show(rows, title)
    else:
        typer.echo(f"{title}: none")
    if json is not None:
        write_json(json, list(rows) if data is None else data)


def comma_list(text: str | None) -> tuple[str, ...] | None:
    """`"a,b"` as ("a", "b"); None stays None."""
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())
