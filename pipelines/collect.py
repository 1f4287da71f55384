"""The task around `jamel.collect`: one round's sessions.

Remembered by profile, round and the exploring model's content.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jamel.collect import collect
from jamel.config import Config
from pipelines.caching import digest, fingerprints, say, step
from pipelines.isolation import in_own_process
from pipelines.shares import share_out
from pipelines.ticker import Ticker
from pipelines.turns import devices


def _key(
    config: Config,
    out_dir: Path,
    round_index: int,
    arm: str | None = None,
    model_dir: Path | None = None,
) -> str:
    # Who does it changes nothing.
    section = config.collect.model_dump(exclude={"workers", "spread", "shares"})
    model = None if model_dir is None else model_dir / "model.safetensors"
    return digest(section, config.device, config.agents, round_index, str(out_dir), arm, model)


@step("collect", _key)
def collect_round(
    config: Config,
    out_dir: Path,
    round_index: int,
    arm: str | None = None,
    model_dir: Path | None = None,
) -> dict[str, Any]:
    """Collect a round; sessions that a killed run left behind are kept, not doubled.

    With an `arm`, its model explores beside the profile's simple agents.
    """
    given = {"out_dir": out_dir, "round_index": round_index, "arm": arm, "model_dir": model_dir}
    share_out("collect", config, **given)
    with devices(config, config.collect.workers):
        shards = in_own_process(
            collect,
            config,
            **given,
            progress=Ticker(f"collect {out_dir.name}"),
        )
    say(f"{out_dir.name}: {len(shards)} sessions")
    return {"files": fingerprints(shards)}
