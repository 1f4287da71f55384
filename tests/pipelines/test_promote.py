"""The tasks around the registry speak of the registered model that the profile names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.artifacts import Artifact

from jamel import registry
from jamel.config import Config, parse_config
from jamel.layout import Layout
from pipelines.promote import champion_model, compare_with_champion, promote_candidate
from pipelines.summary import where_to_look
from tests.conftest import copied
from tests.registered import enter

WEB = parse_config({"profile": "web", "gate": {"model": "web"}}, "test")


@flow
def promotion(root: Path) -> dict[str, Any]:
    """The champions before a promotion, its verdict, and the champions after it."""
    project = Layout.at(root, profile="web")
    profiles = {"web": WEB, "jamel": Config()}
    before = {name: champion_model(config, project) for name, config in profiles.items()}
    decision = promote_candidate(WEB, project, "1")
    compare_with_champion(WEB, project, "2", "1")
    after = {name: champion_model(config, project) for name, config in profiles.items()}
    return {"before": before, "decision": decision, "after": after}


@pytest.mark.usefixtures("server")
def test_the_champion_of_a_profile_is_that_of_its_registered_model(
    databases: Path, tmp_path: Path
) -> None:
    root = copied(databases, tmp_path)
    for model in ("jamel", "web", "web"):
        enter(root, model)
    registry.promote(root)
    found = promotion(root)
    assert found["before"]["web"] is None
    assert found["before"]["jamel"] == found["after"]["jamel"]
    for name, now in found["after"].items():
        assert now["version"] == "1"
        assert (Path(now["folder"]) / "name.txt").read_text() == name
    decision = found["decision"]
    assert (decision["model"], decision["version"], decision["previous"]) == ("web", "1", "")
    outcome = {"validation": {"docs": ""}, "dataset": "", "run_id": "r", "seconds": 1.0}
    told = where_to_look(Layout.at(root), {"decision": decision} | outcome)
    assert "run r, model web version 1\n" in told
    shown = Artifact.get("comparison")
    assert shown is not None
    assert "2 has neither more nor less coverage@10" in str(shown.data)
    logged = registry.Tracker(root).client.list_artifacts(
        registry.get_version(root, "2", model="web").run_id, "comparisons"
    )
    assert "comparisons/with-1.html" in [item.path for item in logged]
