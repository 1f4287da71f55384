"""Labels: from coverage alone, and by trying every candidate on the embedded device."""

import hashlib
from dataclasses import replace
from itertools import pairwise

import pytest

from jamel.agents import make_agent
from jamel.collect import collect
from jamel.config import LabelConfig, parse_config
from jamel.counterfactual import label_session
from jamel.envs.android import make_env
from jamel.envs.base import candidates
from jamel.envs.links import InProcessLink
from jamel.episodes import read_session, write_session
from jamel.errors import DatasetError, ShardError
from jamel.label import discounted, label, label_columns, new_probes_of
from jamel.oracles import make_oracle
from jamel.rollout import rollout
from jamel.shards import LABEL_KIND, LABEL_SCHEMA, read_table, write_table
from jamel.suites import app_spec
from jamel.virtual_device.apps import App
from tests.tiny_env import TinyEnv


def profile(**label_keys):
    keys = {"apps": 2, "steps": 60, "workers": 1, "agents": ["planner", "random"]}
    return parse_config({"collect": keys, "label": label_keys}, source="test")


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return collect(profile(), tmp_path_factory.mktemp("sessions"))


@pytest.fixture
def tiny():
    agent, env = make_agent("planner"), TinyEnv()
    session = rollout(agent, env, seed=1, budget=20, session_id="tiny-0", suite="tiny")
    return replace(session, app="com.example.real")


def test_new_probes_come_from_the_coverage_files(tiny):
    counts = new_probes_of(tiny)
    assert sum(counts) == TinyEnv.total_probes - 1
    covered = [1, *(step.covered for step in tiny.transitions())]
    assert counts == [b - a for a, b in pairwise(covered)]


def test_novelty_to_go_is_discounted():
    assert discounted([1, 0, 2], 0.5) == [1.5, 1.0, 2.0]


@pytest.mark.parametrize("kind", ["counterfactual", "return", "immediate"])
def test_without_a_snapshot_only_the_taken_action_has_a_value(tiny, kind):
    columns = label_columns(tiny, LabelConfig(kind=kind))
    expected = columns["new_probes" if kind == "immediate" else "novelty_to_go"]
    for step, q, novel, value, count in zip(
        tiny.transitions(),
        columns["q"],
        columns["novel"],
        expected,
        columns["new_probes"],
        strict=True,
    ):
        actions = candidates(step.observation)
        assert len(q) == len(novel) == len(actions)
        assert sum(q) == q[actions.index(step.action)] == value
        assert novel[actions.index(step.action)] == (count > 0)


def test_the_taken_action_is_as_new_as_the_coverage_says(shards):
    for path in shards:
        session = read_session(path)
        columns = label_columns(session, LabelConfig())
        for number, step in enumerate(session.transitions()):
            q, novel = columns["q"][number], columns["novel"][number]
            actions = candidates(step.observation)
            assert len(q) == len(novel) == len(actions)
            taken = actions.index(step.action)
            assert novel[taken] == (columns["new_probes"][number] > 0)
            assert q[taken] >= columns["new_probes"][number]


def test_values_are_own_novelty_plus_the_best_that_follows(shards):
    """Against a plain recomputation by snapshots, without any memory of earlier tries."""
    session = read_session(shards[0])
    app = App(app_spec(session.app))
    labels = label_session(session, app, LabelConfig())
    InProcessLink(app).restart(new_session=True)
    for number, step in enumerate(session.transitions()[:8]):
        here = app.snapshot()
        best = [_two_steps(app, here, action) for action in candidates(app.observe())]
        assert labels[number].q == pytest.approx(best)
        app.restore(here)
        app.apply(step.action)


def _two_steps(app, here, action):
    app.restore(here)
    app.apply(action)
    own = sum(app.probe_bytes()) - sum(here.probes)
    there = app.snapshot()
    following = []
    for second in candidates(app.observe()):
        app.restore(there)
        app.apply(second)
        following.append(sum(app.probe_bytes()) - sum(there.probes))
    return own + 0.7 * max(following)


def test_where_nothing_is_near_the_search_goes_deeper(shards):
    session = read_session(shards[1])
    app = App(app_spec(session.app))
    shallow = label_session(session, app, LabelConfig(lookahead=1, search_depth=0))
    deep = label_session(session, app, LabelConfig(lookahead=1, search_depth=4))
    empty = [i for i, item in enumerate(shallow) if not any(item.q)]
    assert empty
    powers = [0.0, *(pytest.approx(0.7**n) for n in range(1, 5))]
    for number in empty:
        assert all(any(value == power for power in powers) for value in deep[number].q)
    assert any(any(deep[number].q) for number in empty)
    assert [a.q for i, a in enumerate(shallow) if i not in empty] == [
        a.q for i, a in enumerate(deep) if i not in empty
    ]


def test_shards_are_repeatable_and_kept(shards, tmp_path):
    first = label(profile(), shards, tmp_path / "a")
    assert [path.name for path in first] == [path.name for path in shards]
    before = [path.stat().st_mtime_ns for path in first]
    assert label(profile(), shards, tmp_path / "a") == first
    assert [path.stat().st_mtime_ns for path in first] == before
    again = label(profile(), shards, tmp_path / "b")
    md5 = [[hashlib.md5(p.read_bytes()).hexdigest() for p in paths] for paths in (first, again)]
    assert md5[0] == md5[1]
    table = read_table(first[0], LABEL_KIND)
    assert table.column("step").to_pylist() == list(range(60))


def test_labels_of_another_schema_version_are_made_anew(shards, tmp_path, monkeypatch):
    (path,) = label(profile(), shards[:1], tmp_path)
    before, metadata = path.read_bytes(), read_table(path, LABEL_KIND).schema.metadata
    table = read_table(path, LABEL_KIND).cast(LABEL_SCHEMA)
    with monkeypatch.context() as older:
        older.setattr("jamel.shards.SCHEMA_VERSION", 0)
        write_table(
            table, path, LABEL_KIND, {b"jamel.label.origin": metadata[b"jamel.label.origin"]}
        )
    assert path.read_bytes() != before
    label(profile(), shards[:1], tmp_path)
    assert path.read_bytes() == before


def test_other_settings_label_again(shards, tmp_path):
    first = label(profile(), shards[:1], tmp_path)[0].read_bytes()
    assert label(profile(gamma=0.5), shards[:1], tmp_path)[0].read_bytes() != first


def test_a_replay_that_differs_is_an_error(shards):
    session = read_session(shards[0])
    with pytest.raises(DatasetError, match="expected build"):
        label_columns(replace(session, build="0" * 16), LabelConfig())
    step = session.transitions()[0]
    other = step.observation._replace(activity="another")
    steps = (replace(step, observation=other), *session.transitions()[1:])
    episodes = (replace(session.episodes[0], transitions=steps),)
    with pytest.raises(DatasetError, match="recorded screen at step 0"):
        label_columns(replace(session, episodes=episodes), LabelConfig())


def test_missing_coverage_and_damaged_sessions_are_errors(shards, tiny, tmp_path):
    with pytest.raises(DatasetError, match="no coverage file"):
        new_probes_of(replace(tiny, coverage={}))
    path = write_session(tiny, tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ShardError):
        label(profile(), [path], tmp_path / "labels")
    with pytest.raises(DatasetError, match="found none"):
        label(profile(), [], tmp_path / "labels")


def test_a_session_with_a_crash_is_replayed_and_labelled(tmp_path):
    """After a crash the link closes the system's dialog; the replay has to do the same."""
    config = parse_config({"collect": {"apps": 1}}, source="test")
    for app in ("train/35", "test/14", "valid/2"):
        env = make_env(app_spec(app))
        env.reset(seed=0, options={"new_session": True})
        oracle = make_oracle("oracle-1", env, config.label)
        session = rollout(oracle, env, seed=0, budget=120, session_id="a", suite="train")
        crashes = len(env.link.app.crash_log)
        env.close()
        if crashes:
            columns = label_columns(session, config.label)
            assert len(columns["q"]) == 120
            return
    raise AssertionError("no session crashed: choose other apps")
