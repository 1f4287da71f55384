"""What every command shares: the options, the profile and the printing of rows.

Knows no verb. Options are declared once, so that they read the same in every --help.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from jamel.config import Config, load_config
from jamel.layout import Layout
from jamel.tables import show, write_json

DEFAULT_PROFILE = Path("configs/laptop.yaml")
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
    config = load_config(path)
    for name, values in sections.items():
        given = {key: value for key, value in values.items() if value is not None}
        section = getattr(config, name)
        merged = type(section).model_validate(section.model_dump() | given)
        config = config.model_copy(update={name: merged})
    return config


def here() -> Layout:
    """The project in the current directory."""
    return Layout.at()


def present(
    rows: Sequence[Mapping[str, Any]], title: str, json: Path | None, data: Any = None
) -> None:
    """Print rows and, when asked, write them (or `data` in their place) as JSON."""
    show(rows, title)
    if json is not None:
        write_json(json, list(rows) if data is None else data)


def comma_list(text: str | None) -> tuple[str, ...] | None:
    """`"a,b"` as ("a", "b"); None stays None."""
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())
