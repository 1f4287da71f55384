"""The command line: `jamel VERB`, each a thin call of one library function.

Knows options and tables. A JamelError is printed as a sentence with exit status 1; any other
exception is a bug and keeps its traceback.
"""

from __future__ import annotations

import sys

import typer

from jamel.cli import data, machine, models
from jamel.errors import JamelError

app = typer.Typer(
    help="Agents that explore apps: collect, label, validate, train, evaluate, promote.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
)
for module in (machine, data, models):
    module.register(app)


def main() -> None:
    """Entry point of the `jamel` executable."""
    try:
        app()
    except JamelError as error:
        print(f"jamel: {error}", file=sys.stderr)
        raise SystemExit(1) from None
