"""kill -9 in every step of the real loop, on the smallest profile: the end is the same.

The runs share a Prefect server, as those of `jamel serve` do; that nothing is left of a killed run
with a server of its own is shown in test_stopping.py, and by `python -m pipelines.chaos`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import yaml
from prefect.settings import PREFECT_API_URL

from jamel.chaos import KINDS, Bench, kill_every_step
from jamel.config import load_config
from pipelines.chaos import STEPS

pytestmark = pytest.mark.timeout(3000)
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def bench(server: None, tmp_path: Path) -> Bench:
    """The loop with one round, which goes through every step."""
    profile = yaml.safe_load((REPOSITORY / "configs/tiny.yaml").read_text())
    profile |= {"profile": "killed", "rounds": {"on_policy": 0}}
    configs = tmp_path / "configs"
    configs.mkdir()
    (configs / "killed.yaml").write_text(yaml.safe_dump(profile))
    (configs / "promote.yaml").write_bytes((REPOSITORY / "configs/promote.yaml").read_bytes())
    return Bench(
        command=[sys.executable, "-m", "pipelines.retrain", "--config", "configs/killed.yaml"],
        environment={
            "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path]),
            "PREFECT_API_URL": PREFECT_API_URL.value(),
        },
        configs=configs,
        config=load_config(configs / "killed.yaml"),
        folder=tmp_path / "projects",
        say=lambda text: print(text, flush=True),
    )


def test_a_run_killed_in_every_step_comes_to_what_an_undisturbed_one_does(bench: Bench) -> None:
    found = kill_every_step(bench, STEPS, seed=0, lives=1)
    assert found.problems == []
    assert found.lives >= 1
    assert [kill.kind for kill in found.kills] == [
        KINDS[number % len(KINDS)] for number in range(len(STEPS))
    ]
    assert [kill.said.split(",")[0] for kill in found.kills] == list(STEPS)
