"""The task around `jamel.label`: what every step of a round's sessions was worth.

Remembered by the label settings and the sessions' contents.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jamel.config import Config
from jamel.label import label
from pipelines.caching import digest, fingerprints, say, step
from pipelines.isolation import in_own_process
from pipelines.shares import share_out
from pipelines.ticker import Ticker


def _key(config: Config, sessions: list[Path], out_dir: Path) -> str:
    return digest(config.label, sessions, str(out_dir))


@step("label", _key)
def label_round(config: Config, sessions: list[Path], out_dir: Path) -> dict[str, Any]:
    """Label a round; label shards that are there already are kept."""
    share_out("label", config, session_paths=sessions, out_dir=out_dir)
    shards = in_own_process(
        label, config, sessions, out_dir, progress=Ticker(f"label {out_dir.name}")
    )
    say(f"{out_dir.name}: {len(shards)} sessions labelled")
    return {"files": fingerprints(shards)}
