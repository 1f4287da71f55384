"""Suites: disjoint, frozen by seed, with reachable probes that are found once and kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from jamel import suites
from jamel.errors import ConfigError
from jamel.suites import app_spec, keep_reachable, load_suites, suite_apps
from jamel.virtual_device.apps import App
from jamel.virtual_device.apps.features import NEW_KINDS
from jamel.virtual_device.apps.oracle import search


def test_suites_are_disjoint_by_build() -> None:
    builds = [spec.build for name in load_suites() for spec in suite_apps(name)]
    assert len(builds) == len(set(builds)) == 86 + 32 + 48 + 48


def test_new_kinds_are_in_test_new_alone_and_weigh_half() -> None:
    for name in ("train", "valid", "test"):
        assert not any(f.kind in NEW_KINDS for spec in suite_apps(name) for f in spec.features)
    for spec in suite_apps("test-new"):
        app = App(spec)
        fresh = sum(size for (_, _, size), feature in zip(app.classes, spec.features, strict=True)
                    if feature.kind in NEW_KINDS)  # fmt: skip
        assert fresh >= 0.5 * app.total_probes, spec.name


def test_noise_can_be_asked_for_by_name() -> None:
    assert app_spec("test@heavy/3").noise == "heavy"
    assert app_spec("test@heavy/3").build == app_spec("test/3").build


def test_train_is_endless_and_test_is_not() -> None:
    assert app_spec("train/500").name == "train/500"
    assert [spec.name for spec in suite_apps("valid", 2)] == ["valid/0", "valid/1"]
    with pytest.raises(ConfigError, match="below 48"):
        app_spec("test/48")


@pytest.mark.parametrize("name", ["nowhere/0", "test@loud/0", "test/x", "test"])
def test_a_wrong_name_says_what_was_expected(name: str) -> None:
    with pytest.raises(ConfigError, match="expected"):
        app_spec(name)


def test_reachable_is_within_the_app_and_the_same_every_time() -> None:
    spec = app_spec("valid/0")
    first = search(App(spec), 12_000)
    assert first == search(App(spec), 12_000)
    assert 0.6 * App(spec).total_probes < first <= App(spec).total_probes


def test_counts_are_kept_and_only_rise(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "reachable.json"
    keep_reachable({"a": 5, "b": 1}, path)
    keep_reachable({"a": 3, "b": 2}, path)
    assert suites._read_counts(path) == {"a": 5, "b": 2}
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": "b"}', '{"a": null}'])
def test_a_file_that_holds_no_counts_is_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "reachable.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"by build in .*reachable\.json, found something else"):
        keep_reachable({"a": 1}, path)


def test_every_app_of_the_suites_has_a_stored_count() -> None:
    known = suites._read_counts(suites.REACHABLE_FILE)
    for name in load_suites():
        assert all(spec.build in known for spec in suite_apps(name)), name
