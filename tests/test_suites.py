"""Suites: disjoint, frozen by seed, with reachable probes that are found once and kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from jamel import reach, suites
from jamel.errors import ConfigError
from jamel.reach import search_unknown
from jamel.rollout import session_id
from jamel.suites import (
    app_spec,
    keep_reachable,
    load_suites,
    reachable,
    read_reachable,
    suite_apps,
)
from jamel.virtual_device.apps import App
from jamel.virtual_device.apps.features import NEW_KINDS
from jamel.virtual_device.apps.oracle import Reach, search


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
    assert not first.converged
    assert 0.6 * App(spec).total_probes < first.probes <= App(spec).total_probes


def test_counts_are_kept_and_only_rise(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "reachable.json"
    keep_reachable({"a": Reach(5, False), "b": Reach(1, True)}, path)
    keep_reachable({"a": Reach(3, True), "b": Reach(2, True)}, path)
    assert read_reachable(path) == {"a": Reach(5, False), "b": Reach(2, True)}
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": "b"}', '{"a": null}'])
def test_a_file_that_holds_no_counts_is_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "reachable.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"by build in .*reachable\.json, found something else"):
        keep_reachable({"a": Reach(1, True)}, path)


def test_every_app_of_the_suites_has_a_stored_count() -> None:
    known = read_reachable(suites.REACHABLE_FILE)
    for name in load_suites():
        for spec in suite_apps(name):
            assert bool(known[spec.build].unseen) == (name == "test-new"), spec.name


MINE = """
count: 3
kinds: [notes, feed, shop, quiz]
features: [2, 3]
looks: [flutter, react]
sizes_px: [[720, 1280]]
noise: heavy
"""


def test_a_suite_file_says_what_its_apps_are_made_of(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(MINE)
    specs = suite_apps(str(path))
    assert [spec.name for spec in specs] == [f"{path}/{number}" for number in range(3)]
    for spec in specs:
        kinds = {feature.kind for feature in spec.features} - {"hub"}
        assert kinds <= {"notes", "feed", "shop", "quiz"} and 2 <= len(kinds) <= 3
        assert spec.look in ("flutter", "react") and spec.noise == "heavy"
        assert spec.size_px == (720, 1280)
    assert app_spec(f"{path}@none/1").noise == "none"
    assert "/" not in session_id(str(path), 1, "random", 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Input should be a valid dictionary"),
        ("count: [", "found no YAML"),
        ("first_seed: 3", "count: Field required"),
        ("count: 0", "count: Input should be greater than 0"),
        ("count: 2\nkind: [notes]", "kind: Extra inputs"),
        ("count: 2\nkinds: [novel]", "kinds: expected kinds of .* found 'novel'"),
        ("count: 2\nfeatures: [4, 2]", "features: expected .fewest, most."),
        ("count: 2\nlooks: [swing]", "looks.0: Input should be 'native'"),
        ("count: 2\nnoise: loud", "noise: Input should be 'none'"),
        ("count: 2\nsizes_px: [[10, 1280]]", "sizes_px: expected sides"),
        ("count: 2\nsplit: test-new", "not kept for testing"),
    ],
)
def test_a_bad_suite_file_is_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        suite_apps(str(path))


def test_a_suite_file_that_is_missing_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"found no such file.*suite of train"):
        suite_apps(str(tmp_path / "none.yaml"))


def test_apps_that_nobody_searched_are_searched_with_progress(tmp_path: Path, monkeypatch) -> None:
    path, cache = tmp_path / "two.yaml", tmp_path / "reachable.json"
    path.write_text("{count: 2, kinds: [timer, poll], features: [1, 1]}")
    monkeypatch.setattr(reach, "CACHE_FILE", cache)
    monkeypatch.setattr(suites, "CACHE_FILE", cache)
    names, told = [f"{path}/0", f"{path}/1", "valid/0"], []
    rows = search_unknown(names, 1, lambda done, total, app: told.append((done, total, app)))
    assert told == [(1, 2, names[0]), (2, 2, names[1])]
    assert [row["app"] for row in rows] == names[:2] and all(row["converged"] for row in rows)
    assert reachable(app_spec(names[0])).probes == rows[0]["reachable"]
    assert search_unknown(names, 1) == []


def test_a_suite_files_probes_are_searched_once(tmp_path: Path, monkeypatch) -> None:
    path, cache = tmp_path / "one.yaml", tmp_path / "reachable.json"
    path.write_text("{count: 1, kinds: [timer], features: [1, 1]}")
    monkeypatch.setattr(suites.keep_reachable, "__defaults__", (cache,))
    monkeypatch.setattr(suites, "CACHE_FILE", cache)
    spec = app_spec(f"{path}/0")
    count = reachable(spec)
    assert read_reachable(cache) == {spec.build: count} and count.converged
    monkeypatch.setattr(suites, "reach_of", None)
    assert reachable(spec) == count and count.probes > 0
