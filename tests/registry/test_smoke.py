"""A version whose stored model gives no answer, or no finite figures, is refused for that."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from jamel import registry
from jamel.registry import smoke
from tests.registered import enter, tiny_model


def refused_for(root: Path, version: str) -> dict[str, str]:
    """What failed, with what was found; the champion stays."""
    found = registry.weigh(root, version)
    champion = registry.champion(root)
    assert not found["promoted"] and champion is not None and champion.version == "2"
    return {item["name"]: item["found"] for item in found["conditions"] if not item["passed"]}


def test_a_good_version_ranks_every_action_of_the_recorded_screen(champions: Path) -> None:
    found = smoke.smoke_test(champions, "jamel", "3")
    assert found["problem"] == "" and len(found["ranked"]) == found["offered"] > 3
    scores = [score for score, _ in found["ranked"]]
    assert scores == sorted(scores, reverse=True)


# What is no number is warned of on the way, and is an error in tests.
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_weights_that_are_no_numbers_are_refused(champions: Path, tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    spoiled = {name: torch.full_like(value, float("nan")) for name, value in weights.items()}
    save_file(spoiled, folder / "model.safetensors", metadata={"format": "pt"})
    version = enter(champions, "jamel", hf_dir=folder)
    ((name, found),) = refused_for(champions, version).items()
    assert name == "the served model answers" and "0 of them with finite figures" in found


@pytest.mark.parametrize("lost", ["MLmodel", "artifacts/hf/model.safetensors"])
def test_files_that_are_gone_are_refused(champions: Path, lost: str) -> None:
    version = enter(champions, "jamel")
    (registry.model_dir(champions, version).parents[1] / lost).unlink()
    ((name, found),) = refused_for(champions, version).items()
    assert (name == "the served model answers" and "Error" in found) or "Exception" in found
    assert registry.read_audit(champions)[-1]["reason"] == "failed: the served model answers"
