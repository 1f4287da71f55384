"""Profiles: every file in configs/ loads, and a mistake is answered with a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from jamel.config import MODEL_NAME, Config, config_digest, load_config, parse_config
from jamel.errors import ConfigError

PROFILES = [
    path
    for path in sorted(Path("configs").glob("*.yaml"))
    if path.stem not in ("promote", "suites", "tune", "tuned", "web-apps")
]


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_every_profile_loads(path: Path) -> None:
    assert load_config(path).profile == path.stem


def test_an_unknown_key_names_the_nearest_known_one() -> None:
    with pytest.raises(ConfigError, match=r"'train\.update'\..* 'train\.updates'\."):
        parse_config({"train": {"update": 3}}, source="x.yaml")


def test_an_unknown_section_names_the_nearest_known_one() -> None:
    with pytest.raises(ConfigError, match="'evaluate'"):
        parse_config({"evalute": {}}, source="x.yaml")


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ({"train": {"lr": -1}}, "train.lr"),
        ({"train": {"lr": "fast"}}, "train.lr"),
        ({"collect": {"on_policy_share": 2}}, "collect.on_policy_share"),
        ({"train": 3}, "train"),
    ],
)
def test_an_ill_typed_value_names_its_key(raw: dict, key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        parse_config(raw, source="x.yaml")


def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_text("- a\n")
    with pytest.raises(ConfigError, match="mapping"):
        load_config(path)


def test_a_missing_file_says_where_profiles_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="configs/"):
        load_config(tmp_path / "none.yaml")


def test_the_digest_changes_with_any_value() -> None:
    assert config_digest(Config()) == config_digest(Config())
    changed = parse_config({"train": {"lr": 0.001}}, source="x.yaml")
    assert config_digest(changed) != config_digest(Config())


def test_a_profile_is_frozen() -> None:
    with pytest.raises(Exception, match="frozen"):
        Config().train.lr = 1.0  # type: ignore[misc]


def test_faults_are_the_embedded_devices_alone() -> None:
    section = {"faults": {"rate": 0.1, "kinds": ["reboot"], "seed": 4}}
    device = parse_config({"device": section}, source="x.yaml").device
    assert (device.faults.rate, device.faults.kinds) == (0.1, ("reboot",))
    real = {"serials": ["R5"], "package": "a.b", "transport": "adb"}
    with pytest.raises(ConfigError, match="only the embedded device misbehaves on demand"):
        parse_config({"device": section | real}, source="x.yaml")
    with pytest.raises(ConfigError, match=r"'device\.faults\.rat'\..* 'device\.faults\.rate'"):
        parse_config({"device": {"faults": {"rat": 1}}}, source="x.yaml")


def test_a_registered_model_has_a_name_that_fits_an_address() -> None:
    gate = parse_config({"gate": {"model": "web-2", "better_than": []}}, source="x.yaml").gate
    assert (gate.model, gate.better_than) == ("web-2", ())
    assert Config().gate.model == MODEL_NAME == "jamel"
    assert Config().gate.better_than == ("no-memory", "random")
    for wrong in ("", "-web", "Web", "a/b", "a' or name='b", "jamel\n", "w" * 65, 3, None):
        with pytest.raises(ConfigError, match=r"'gate\.model'"):
            parse_config({"gate": {"model": wrong}}, source="x.yaml")
    with pytest.raises(ConfigError, match=r"'gate\.better_than'"):
        parse_config({"gate": {"better_than": "random"}}, source="x.yaml")
