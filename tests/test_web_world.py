"""Web apps through the whole library: collected, labelled, checked, trained on and measured."""

import json
from pathlib import Path

import pytest
import yaml

from jamel.collect import collect, plan
from jamel.config import Config, load_config, override, parse_config
from jamel.devices import Web, world_of
from jamel.episodes import read_session
from jamel.errors import ConfigError, DeviceError
from jamel.evaluate import evaluate
from jamel.label import label
from jamel.layout import Layout
from jamel.results.measured import Measured
from jamel.results.page import results_page
from jamel.suites import ROOT
from jamel.train import train
from jamel.validate import validate
from tests.envs.browser import no_browser

SITE = Path(__file__).parent / "envs" / "web_site"
SPLITS = {"one": "web-train", "two": "web-train", "three": "web-test"}


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Three apps of one folder, each with a first page of its own."""
    site = {"folder": str(SITE)}
    apps = {
        name: site | {"split": split, "start": f"index.html?{name}"}
        for name, split in SPLITS.items()
    }
    path = tmp_path / "apps.yaml"
    path.write_text(yaml.safe_dump({"apps": apps}, sort_keys=False))
    return path


def profile(manifest: Path, **keys: object) -> Config:
    sources = str(manifest.parent / "scripts")
    browser = {"manifest": str(manifest), "sources": sources, "settle_s": 1}
    return parse_config(
        {
            "profile": "web",
            "device": {"transport": "browser", "browser": browser, "step_timeout_s": 20},
            "collect": {"suite": "web-train", "apps": 3, "steps": 5, "agents": ["random"]},
            "label": {"kind": "return"},
            "train": {"updates": 2, "further_updates": 2, "decisions": 4},
            "evaluate": {"suite": "web-test", "budget": 4, "seeds": [0], "workers": 1},
        }
        | keys,
        source="test",
    )


def test_apps_are_named_by_split_and_taken_in_turn(manifest: Path, tmp_path: Path) -> None:
    config = profile(manifest)
    world = world_of(config.device)
    assert isinstance(world, Web)
    assert world.app_names("web-train") == ["web-train/one", "web-train/two"]
    assert world.named("three") == world.named("web-test/three") == "web-test/three"
    jobs = plan(config, tmp_path, round_index=1)
    assert [job.app.rpartition("/")[2] for job in jobs] == ["two", "one", "two"]
    assert len({job.session_id for job in jobs}) == 3
    assert len({world.build(app) for app in world.app_names("web-train")}) == 2


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda world: world.check_suite("test"), "web-train, web-test"),
        (lambda world: world.require_tunable("web-test"), "kept for testing"),
        (lambda world: world.app_names("web-test", 2), "found 1"),
        (lambda world: world.named("thre"), "three"),
        (lambda world: world.build("web-train/three"), "web-test/three"),
    ],
)
def test_what_is_not_there_is_said(manifest: Path, ask: object, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        ask(world_of(profile(manifest).device))  # type: ignore[operator]


def test_states_are_not_tried_on_a_browser(manifest: Path, tmp_path: Path) -> None:
    config = profile(manifest, label={"states_per_session": 3})
    shard = tmp_path / "some.parquet"
    shard.touch()
    with pytest.raises(DeviceError, match=r"label[.]kind: return"):
        label(config, [shard], tmp_path / "labels")


def test_only_the_embedded_device_misbehaves(manifest: Path) -> None:
    with pytest.raises(ConfigError, match="only the embedded device misbehaves"):
        override(profile(manifest), "device", {"faults": {"rate": 0.1}}, "test")


def test_the_profile_that_ships_has_a_dataset_and_a_model_of_its_own() -> None:
    config = load_config(ROOT / "configs" / "web.yaml")
    layout = Layout.of(config)
    assert layout.sessions.name == layout.labels.name == "web"
    assert layout.shards("sessions", "jamel", 0) == []
    world = world_of(config.device)
    for suite in (config.collect.suite, config.rounds.suite, config.evaluate.suite):
        assert world.app_names(suite)
    assert not set(world.app_names("web-train")) & set(world.app_names("web-test"))
    assert config.rounds.apps == len(world.app_names(config.rounds.suite))


@pytest.mark.skipif(bool(no_browser()), reason=no_browser())
def test_the_loop_on_web_apps(manifest: Path, tmp_path: Path) -> None:
    config = profile(manifest)
    shards = collect(config, tmp_path / "sessions" / "round-0")
    sessions = [read_session(path) for path in shards]
    assert [session.app for session in sessions] == [
        "web-train/one", "web-train/two", "web-train/one",
    ]  # fmt: skip
    assert {session.backend for session in sessions} == {"web"}
    assert all(session.total_probes >= session.transitions()[-1].covered for session in sessions)
    assert collect(config, tmp_path / "sessions" / "round-0") == shards
    labels = label(config, shards, tmp_path / "labels" / "round-0")
    checked = validate(tmp_path / "sessions", tmp_path / "labels", tmp_path / "checked")
    assert checked.passed and not checked.quarantined and not checked.unsized
    model = train(config, shards, labels, tmp_path / "model").path
    further = train(config, shards, labels, tmp_path / "further", init_from=model).path
    agents = {"random": None, "planner": None, "jamel": further, "transferred": model}
    results = evaluate(config, agents)
    assert {row["app"] for row in results["rows"]} == {"web-test/three"}
    assert all(0 < row["coverage"] <= 100 and row["probes"] >= 0 for row in results["rows"])
    page = results_page(Measured([json.loads(json.dumps(results))]))
    assert "| three |" in page and "probes@4" in page and "transferred" in page
