"""Kill the loop again and again and compare what it comes to with an undisturbed run.

`python -m pipelines.chaos --config configs/tiny.yaml --minutes 5` does so at random times,
`--every-step` once in each step, for each step in three ways: everything at once, the flow alone,
the step's process alone. Status 1 says that something was lost, doubled, left running or other than
it should be. All is done in a temporary folder.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from contextlib import nullcontext, suppress
from dataclasses import asdict
from pathlib import Path

from jamel.chaos import KINDS, Bench, chaos, kill_every_step
from jamel.config import load_config
from jamel.disk import write_json
from jamel.errors import JamelError
from jamel.tables import show
from pipelines.isolation import IMPORTABLE

STEPS = (
    "collect", "label", "validate", "version", "train_tracked", "evaluate", "calibrate", "register",
    "weigh",
)  # fmt: skip
"""The loop's steps by the names of their processes (`isolation.in_own_process`)."""


def main() -> None:
    """Entry point of `python -m pipelines.chaos`."""
    options = _options()
    profile = f"configs/{options.config.name}"
    command = [sys.executable, "-m", "pipelines.retrain", "--config", profile]
    temporary = tempfile.TemporaryDirectory(prefix="jamel-chaos-")
    with nullcontext(options.keep) if options.keep else temporary as folder:
        try:
            bench = Bench(
                command=command,
                environment={"PYTHONPATH": _path()},
                configs=options.config.resolve().parent,
                config=load_config(options.config),
                folder=Path(folder).resolve(),
                say=lambda text: print(text, flush=True),
                keep=options.keep is not None,
            )
            if options.every_step:
                found = kill_every_step(bench, STEPS, options.seed, len(KINDS))
            else:
                found = chaos(
                    bench, options.minutes, options.seed, options.every, options.reference
                )
        except JamelError as error:
            print(f"jamel: {error}", file=sys.stderr)
            raise SystemExit(1) from None
    if found.kills:
        show([asdict(kill) for kill in found.kills], f"Kills with seed {options.seed}")
    print(
        f"{found.lives} runs came to their end after {len(found.kills)} kills, in {found.seconds} s"
    )
    for line in found.problems:
        print(line)
    if options.json:
        write_json(options.json, found.as_dict())
    raise SystemExit(0 if found.passed else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.chaos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--config", type=Path, default=Path("configs/tiny.yaml"), help="a profile in configs/"
    )
    parser.add_argument("--minutes", type=_positive, default=5.0, help="how long kills happen")
    parser.add_argument("--seed", type=int, default=0, help="of when and what is killed")
    parser.add_argument(
        "--every", type=_positive, default=20.0, help="mean seconds to the next kill"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--reference", type=Path, help="a finished run's project, else one is made")
    how.add_argument("--every-step", action="store_true", help="kill in each step, not at random")
    parser.add_argument("--keep", type=Path, help="make the projects in this folder and keep them")
    parser.add_argument("--json", type=Path, help="also write what happened to this file")
    return parser.parse_args()


def _positive(text: str) -> float:
    with suppress(ValueError):
        if 0 < (number := float(text)) < math.inf:
            return number
    raise argparse.ArgumentTypeError(f"expected a number above 0, found {text}")


def _path() -> str:
    """Where the runs find this package, wherever their project lies."""
    return ":".join([str(IMPORTABLE), *(item for item in sys.path if item)])


if __name__ == "__main__":
    main()
