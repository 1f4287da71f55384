"""The command line: `jamel VERB`, each a thin call of one library function.

Knows options and tables. A JamelError, and a command line that makes no sense, is printed as a
sentence with exit status 1; any other exception is a bug and keeps its traceback.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

import typer

from jamel.cli import data, explore, machine, measure, models, web
from jamel.disk import full_disk_is_a_store_error
from jamel.errors import JamelError

INTERRUPTED = 130
"""The exit status after Ctrl-C, which typer makes of it too, without a word."""

app = typer.Typer(
    help="Agents that explore apps: collect, label, validate, train, evaluate, promote.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
)
for module in (machine, data, measure, models, explore, web):
    module.register(app)


def main() -> None:
    """Entry point of the `jamel` executable."""
    # One progress display is enough; transformers would add bars of its own.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    try:
        with full_disk_is_a_store_error(Path.cwd()):
            status = app(standalone_mode=False, prog_name="jamel")
        if status == INTERRUPTED:
            raise KeyboardInterrupt
        raise SystemExit(status)
    except typer.TyperException as error:
        # Without a message the help was asked for, and shown, by naming no command.
        _fail(_usage(error) if error.format_message() else "", 1)
    except JamelError as error:
        _fail(str(error), 1)
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted; finished work is kept. Start it again to go on.", INTERRUPTED)


def _usage(error: typer.TyperException) -> str:
    """What is wrong with the command line, and where the right way is shown."""
    context: typer.Context | None = getattr(error, "ctx", None)
    command = context.command_path if context else "jamel"
    return f"{error.format_message().rstrip('.')}. See `{command} --help`."


def _fail(sentence: str, status: int) -> NoReturn:
    if sentence:
        print(f"jamel: {sentence}", file=sys.stderr)
    raise SystemExit(status)
