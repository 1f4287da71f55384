"""Candidates tried on a device from console snapshots, against those tried in process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from jamel.collect import collect
from jamel.config import Config, LabelConfig, override, parse_config
from jamel.counterfactual import label_session
from jamel.devices import open_env
from jamel.envs.links import InProcessLink
from jamel.episodes import read_session
from jamel.errors import DeviceError
from jamel.label import label
from jamel.shards import LABEL_KIND, read_table
from jamel.snapshot_labels import sampled, try_session
from jamel.types import Session
from jamel.validate import validate
from jamel.virtual_device.apps import App, build_app
from jamel.virtual_device.server import VirtualDevice

SPEC = build_app(77)
ONE_AHEAD = LabelConfig(lookahead=1, search_depth=0)
STATES = 4


@pytest.fixture(scope="module")
def emulator() -> Iterator[VirtualDevice]:
    device = VirtualDevice(App(SPEC))
    device.start()
    yield device
    device.close()


def profile(emulator: VirtualDevice, **device: object) -> Config:
    section = {
        "transport": "adb",
        "serials": [emulator.serial],
        "package": SPEC.package,
        "adb_port": emulator.adb.port,
        "step_timeout_s": 10,
    }
    rounds = {"apps": 1, "steps": 14, "workers": 1, "agents": ["least-tried"]}
    raw = {"device": section | device, "collect": rounds, "label": {"states_per_session": STATES}}
    return parse_config(raw, source="test")


@pytest.fixture(scope="module")
def shard(emulator: VirtualDevice, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return collect(profile(emulator), tmp_path_factory.mktemp("data") / "sessions" / "round-0")[0]


@pytest.fixture(scope="module")
def session(shard: Path) -> Session:
    return read_session(shard)


def wanted(session: Session) -> list[tuple[list[float], list[bool]]]:
    """What every step's candidates are worth, tried in process."""
    return [(item.q, item.novel) for item in label_session(session, App(SPEC), ONE_AHEAD)]


@pytest.mark.parametrize("source", ["file", "tcpserver"])
def test_labels_equal_those_tried_in_process_and_are_a_dataset(
    emulator: VirtualDevice, shard: Path, session: Session, tmp_path: Path, source: str
) -> None:
    told: list[str] = []
    config = profile(emulator, coverage_source=source)
    folder = tmp_path / "labels" / "round-0"
    (path,) = label(config, [shard], folder, lambda done, of, name: told.append(name))
    assert told == [f"{session.session_id}: {STATES} of {STATES} states tried"]
    rows = read_table(path, LABEL_KIND).to_pylist()
    steps, expected = sampled(session, STATES), wanted(session)
    assert [bool(row["q"]) for row in rows] == [number in steps for number in range(len(rows))]
    for number in steps:
        assert (rows[number]["q"], rows[number]["novel"]) == expected[number]
    assert any(any(rows[number]["novel"]) for number in steps)
    checked = validate([shard], [path], tmp_path / "checked")
    assert checked.passed and not checked.quarantined
    assert not emulator.device.snapshots
    # What is there is kept, and the device is left alone.
    told.clear()
    label(config, [shard], folder, lambda done, of, name: told.append(name))
    assert not told


def test_every_state_of_a_session_in_process(session: Session) -> None:
    config = LabelConfig(states_per_session=1000)
    tried = try_session(session, InProcessLink(App(SPEC)), config)
    assert list(zip(tried.q, tried.novel, strict=True)) == wanted(session)
    assert (tried.states, tried.stopped) == (len(session.transitions()), "")


def test_a_replay_that_goes_astray_keeps_what_was_tried(session: Session) -> None:
    (episode, *rest) = session.episodes
    steps = list(episode.transitions)
    elements = steps[6].observation.elements
    # Another text is no other screen; another place is.
    texts = tuple(element._replace(text="12:01") for element in elements)
    clock = replace(steps[5], observation=steps[6].observation._replace(elements=texts))
    moved = tuple(e._replace(bounds_px=(0, 0, 9, 9)) for e in elements)
    steps[6] = replace(steps[6], observation=clock.observation)
    for elements, stopped in ((texts, ""), (moved, "the replay showed another screen at step 6")):
        steps[6] = replace(steps[6], observation=steps[6].observation._replace(elements=elements))
        changed = replace(session, episodes=(replace(episode, transitions=tuple(steps)), *rest))
        tried = try_session(changed, InProcessLink(App(SPEC)), LabelConfig(states_per_session=1000))
        assert tried.stopped == stopped
        assert tried.states == (6 if stopped else len(session.transitions()))


def test_time_and_loss_bound_a_session(emulator: VirtualDevice, session: Session) -> None:
    config = LabelConfig(states_per_session=1000, seconds_per_session=1e-9)
    tried = try_session(session, InProcessLink(App(SPEC)), config)
    assert (tried.states, tried.stopped) == (0, "the session's time was over")

    class Lost(InProcessLink):
        """A device that is away when its third snapshot is asked for."""

        def snapshot(self) -> bytes | None:
            if self._taken == 2:
                raise DeviceError("gone.")
            return super().snapshot()

    lost = try_session(session, Lost(App(SPEC)), LabelConfig(states_per_session=1000))
    assert (lost.states, lost.stopped, lost.wanted) == (2, "gone.", len(session.transitions()))


@pytest.mark.parametrize(
    ("keys", "advice"),
    [
        ({"serials": ["R5CT10ABCDE"]}, "Leave it out of device.serials"),
        ({"serials": [], "avds": ["small"]}, "device.emulator.read_only: false"),
    ],
)
def test_devices_without_snapshots_are_told_before_anything_starts(
    emulator: VirtualDevice, shard: Path, tmp_path: Path, keys: dict, advice: str
) -> None:
    with pytest.raises(DeviceError, match=advice):
        label(profile(emulator, **keys), [shard], tmp_path)


def test_without_a_sample_labels_come_from_what_was_covered(
    emulator: VirtualDevice, shard: Path, session: Session, tmp_path: Path
) -> None:
    config = override(profile(emulator), "label", {"states_per_session": 0}, "test")
    rows = read_table(label(config, [shard], tmp_path)[0], LABEL_KIND).to_pylist()
    assert all(len(row["q"]) == len(row["novel"]) > 0 for row in rows)


def test_a_snapshot_that_was_let_go_is_unknown(emulator: VirtualDevice) -> None:
    with closing(open_env(profile(emulator).device, "any/0")) as env:
        env.reset()
        first, second = env.link.snapshot(), env.link.snapshot()
        assert first and second and len(emulator.device.snapshots) == 2
        env.link.forget(first)
        with pytest.raises(DeviceError, match="jamel-1"):
            env.restore(first)
        env.restore(second)
    assert not emulator.device.snapshots
