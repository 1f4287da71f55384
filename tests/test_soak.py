"""Sessions from devices that misbehave, against their twins from one that does not."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from jamel.cli import app
from jamel.collect import explore
from jamel.config import DeviceConfig
from jamel.errors import ConfigError
from jamel.soak import _job, difference, faulty_device, soak
from jamel.types import Session
from jamel.virtual_device.faults import KINDS


def test_over_adb_nothing_is_lost_doubled_or_mislabelled():
    result = soak(faulty_device(0.1, seed=1), sessions=8, steps=20)
    assert result.passed, result.problems
    summary = result.summary
    assert (summary["sessions"], summary["whole"]) == (8, 8) and summary["injected"] >= 8
    assert sum(row["injected"] for row in result.kinds) == summary["injected"]
    assert all(row["recovered"] == row["injected"] for row in result.kinds)
    assert 0 < summary["steps_marked"] <= summary["injected"] + summary["begun_again"]


def test_in_process_sessions_begin_again_until_they_are_whole():
    result = soak(faulty_device(0.03, transport="in_process"), sessions=24, steps=30)
    assert result.passed and result.summary["begun_again"] > 5
    assert result.summary["whole"] + result.summary["set_aside"] == 24
    assert result.summary["whole"] > 20


def test_sessions_that_cannot_be_whole_are_set_aside_each_with_its_reason():
    device = faulty_device(0.9, transport="in_process", kinds=("reboot",))
    result = soak(device.model_copy(update={"tries": 2}), sessions=3, steps=30)
    assert result.passed
    assert (result.summary["whole"], result.summary["set_aside"]) == (0, 3)
    assert [row["recovered"] for row in result.kinds] == [0]
    assert all("told to fail: reboot" in problem for problem in result.problems)


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return explore(_job(DeviceConfig(), 1, 12, tmp_path_factory.mktemp("soak")))


def test_a_difference_is_found(twin: Session):
    def changed(number: int, **values) -> Session:
        episodes = []
        for episode in twin.episodes:
            steps = list(episode.transitions)
            if 0 <= number < len(steps):
                steps[number] = replace(steps[number], **values)
            number -= len(steps)
            episodes.append(replace(episode, transitions=tuple(steps)))
        return replace(twin, episodes=tuple(episodes))

    assert difference(twin, twin) == ""
    assert difference(changed(3, marks="dumped again", duration_ms=3.0), twin) == ""
    assert difference(replace(twin, device="emulator-5554"), twin) == ""
    assert "step 3 has another covered" in difference(changed(3, covered=999), twin)
    assert "step 0 has another executed" in difference(changed(0, executed=False), twin)
    assert "expected 12 steps" in difference(replace(twin, episodes=twin.episodes[:0]), twin)
    assert "header" in difference(replace(twin, seed=77), twin)


def test_the_command_prints_and_writes_what_happened(tmp_path):
    out = tmp_path / "soak.json"
    words = "device soak --sessions 2 --steps 8 --rate 0.2 --transport in_process --workers 1"
    done = CliRunner().invoke(app, [*words.split(), "--json", str(out)])
    written = json.loads(out.read_text())
    assert done.exit_code == 0 and written["passed"] and written["summary"]["sessions"] == 2
    assert {row["fault"] for row in written["kinds"]} <= set(KINDS)


def test_an_unknown_fault_is_a_sentence():
    with pytest.raises(ConfigError, match=r"device\.faults\.kinds.*found 'gremlins'"):
        faulty_device(0.1, ["gremlins"])
