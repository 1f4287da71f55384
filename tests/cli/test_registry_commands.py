"""The commands about registered models follow the profile: each its own model and champion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jamel import registry
from jamel.cli import app
from jamel.cli.model_folders import agent_models
from jamel.config import GateConfig
from jamel.errors import ConfigError, GateError
from jamel.layout import Layout
from tests.conftest import copied
from tests.registered import enter, tiny_model

WEB = ("--config", "configs/web.yaml")


@pytest.fixture
def project(databases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory has two profiles and a version of either's model."""
    root = copied(databases, tmp_path)
    (root / "configs").mkdir()
    (root / "configs" / "laptop.yaml").write_text("profile: laptop\n")
    (root / "configs" / "web.yaml").write_text("profile: web\ngate: {model: web}\n")
    monkeypatch.chdir(root)
    for model in ("jamel", "web"):
        enter(root, model)
    return root


def run(*words: str) -> Any:
    """What a command wrote as JSON; its exception where it ends with one."""
    done = CliRunner().invoke(app, [*words, "--json", "out.json"])
    if done.exception is not None:
        raise done.exception
    return json.loads(Path("out.json").read_text())


def champions(root: Path) -> list[str]:
    found = [registry.champion(root, model=model) for model in ("jamel", "web")]
    return [item.version if item else "" for item in found]


def test_promote_rollback_and_compare_follow_the_profile(project: Path) -> None:
    assert run("promote", *WEB)[0]["model"] == "web"
    assert champions(project) == ["", "1"]
    assert run("promote")[0]["model"] == "jamel"
    enter(project, "web")
    run("promote", *WEB, "--version", "2")
    assert champions(project) == ["1", "2"]
    rows = run("compare", *WEB)
    assert [(row["model"], row["version"]) for row in rows] == [("web", "2"), ("web", "1")]
    assert [row["version"] for row in run("compare")] == ["1"]
    found = run("compare", "2", "champion", *WEB, "--track", "--html", "page.html")
    assert Path("page.html").read_text().count("<table") >= 4
    run_id = registry.get_version(project, "2", model="web").run_id
    assert found["page"] == f"runs:/{run_id}/comparisons/with-champion.html"
    logged = registry.Tracker(project).client.list_artifacts(run_id, "comparisons")
    assert [item.path for item in logged] == [
        f"comparisons/with-champion.{end}" for end in ("html", "json")
    ]
    with pytest.raises(GateError, match="of the model 'jamel'"):
        run("rollback")
    assert run("rollback", *WEB)[0]["version"] == "1"
    assert champions(project) == ["1", "1"]


def test_a_person_answers_on_the_command_line(project: Path) -> None:
    person = project / "configs" / "person.yaml"
    person.write_text("profile: person\ngate: {approval: person}\n")
    asked = ("--config", str(person), "--by", "Ada Byron", "--reason")
    (waits,) = run("promote", "--config", str(person))
    assert (waits["promoted"], champions(project)) == (False, ["", ""]) and waits["waits_until"]
    with pytest.raises(ConfigError, match="expected a reason"):
        run("approve", "1", *asked, " ")
    assert run("approve", "1", *asked, "better")["by"] == "Ada Byron"
    assert champions(project) == ["1", ""]
    with pytest.raises(GateError, match="promoted by Ada Byron: better"):
        run("refuse", "1", *asked, "worse")
    enter(project, "jamel")
    run("promote", "--config", str(person))
    assert not run("refuse", "2", *asked, "worse")["promoted"]
    events = [(entry["event"], entry["by"]) for entry in registry.read_audit(project)]
    assert events == [
        ("wait", "the gate"),
        ("promote", "Ada Byron"),
        ("wait", "the gate"),
        ("refuse", "Ada Byron"),
    ]


def test_the_agent_champion_is_that_of_the_first_model_that_has_one(project: Path) -> None:
    def found(*registered: str) -> str:
        models = agent_models(["champion"], Layout.at(project), None, registered)
        assert models["champion"] is not None
        return (models["champion"] / "name.txt").read_text()

    with pytest.raises(ConfigError, match="expected a champion of web or jamel, found none"):
        found("web", "jamel")
    registry.promote(project)
    assert found("web", "jamel") == "jamel"
    with pytest.raises(ConfigError, match="expected a champion of web, found none"):
        found("web")
    registry.promote(project, gate=GateConfig(model="web"))
    assert (found("web", "jamel"), found("jamel")) == ("web", "jamel")


def test_exploring_falls_back_from_the_profiles_champion_to_jamels(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    hf_dir = tiny_model(tmp_path_factory.mktemp("model"))
    explored = ("explore", "valid/0", *WEB, "--steps", "1")
    assert run(*explored)["agent"] == "planner"
    enter(project, "jamel", hf_dir=hf_dir)
    registry.promote(project, "2")
    assert run(*explored)["agent"] == "champion", "jamel's: the profile's model has none yet"
    registry.promote(project, gate=GateConfig(model="web"))
    folder = registry.champion_dir(project, model="web")
    assert folder is not None
    (folder / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match="expected a trained model"):
        run(*explored)  # The profile's own champion is what is taken.
