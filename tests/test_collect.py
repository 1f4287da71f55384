"""Collection: who explores what, resuming, and equal shards whatever the number of workers."""

import contextlib
import hashlib
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from jamel.agents.together import Stopped, Together
from jamel.collect import collect, collect_session, plan
from jamel.config import parse_config
from jamel.devices import open_env
from jamel.episodes import read_session
from jamel.errors import ConfigError, SessionLost, StoreError
from jamel.label import label


def profile(**collect_keys):
    keys = {"apps": 4, "steps": 12, "workers": 1} | collect_keys
    return parse_config({"collect": keys}, source="test")


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    from jamel.model.configuration import JamelConfig
    from jamel.model.modeling import JamelModel

    folder = tmp_path_factory.mktemp("model")
    JamelModel(JamelConfig(width=16, heads=2, hash_buckets=64)).save_pretrained(folder)
    return folder


def digests(paths: list[Path]) -> list[str]:
    return [hashlib.md5(path.read_bytes()).hexdigest() for path in paths]


def test_rounds_use_fresh_apps_and_agents_take_turns(tmp_path):
    first = plan(profile(), tmp_path)
    second = plan(profile(), tmp_path, round_index=1)
    assert [job.index for job in first] == [0, 1, 2, 3]
    assert [job.index for job in second] == [4, 5, 6, 7]
    assert [job.agent for job in first] == ["random", "least-tried", "frontier", "planner"]
    assert first[1].session_id == "train-001-least-tried-s0"


def test_what_determines_a_devices_session_is_part_of_its_origin(tmp_path):
    def origin(**device):
        section = {"transport": "adb", "serials": ["emulator-5554"], "package": "com.example"}
        given = {"device": section | device, "collect": {"apps": 1, "agents": ["random"]}}
        return plan(parse_config(given, source="test"), tmp_path)[0].origin()

    assert origin() == origin(settle_s=2.0, serials=["emulator-5556"]), "how it is reached"
    changes = {"coverage_source": "none"}, {"coverage_file": "a.ec"}, {"package": "com.other"}
    assert len({origin(), *(origin(**change) for change in changes)}) == 4


def test_shares_are_the_round_without_gaps_and_leave_the_others_files_alone(tmp_path):
    whole = collect(profile(apps=5), tmp_path / "whole")
    (tmp_path / "shared").mkdir()
    of_another = tmp_path / "shared" / ".other.parquet.1.tmp"
    of_another.write_bytes(b"half")
    shares = [collect(profile(apps=5), tmp_path / "shared", share=(k, 3)) for k in range(3)]
    assert [len(share) for share in shares] == [2, 2, 1]
    assert collect(profile(apps=2), tmp_path / "few", share=(2, 3)) == []
    assert of_another.exists()
    there = sorted(tmp_path.glob("shared/*.parquet"))
    assert [path.name for path in there] == sorted(path.name for path in whole)
    assert digests(there) == digests(sorted(whole))
    made = [path.stat().st_mtime_ns for path in there]
    assert collect(profile(apps=5), tmp_path / "shared") == [
        tmp_path / "shared" / path.name for path in whole
    ]
    assert [path.stat().st_mtime_ns for path in there] == made
    assert not of_another.exists()
    labels = [label(profile(), whole, tmp_path / "labels", share=(k, 2)) for k in range(2)]
    assert [len(share) for share in labels] == [3, 2]
    assert digests(label(profile(), whole, tmp_path / "at-once")) == digests(
        label(profile(), whole, tmp_path / "labels")
    )


def test_apps_have_levels_of_noise_in_turn(tmp_path):
    keys = {"apps": 4, "noise": ("real", "none", "heavy")}
    suites = [job.suite for job in plan(profile(**keys), tmp_path)]
    assert suites == ["train", "train@none", "train@heavy", "train"]
    named = plan(profile(suite="train@heavy", **keys), tmp_path, round_index=1)
    assert {job.suite for job in named} == {"train@heavy"}
    assert [job.index for job in named] == [4, 5, 6, 7]


def test_a_model_gets_its_share(tmp_path):
    mixed = profile(apps=8, agents=("random",))
    jobs = plan(mixed, tmp_path, round_index=1, arm="no-memory", model_dir=tmp_path)
    assert [job.agent for job in jobs].count("no-memory") == 6
    assert [job.agent for job in jobs].count("random") == 2
    assert {job.model_dir for job in jobs if job.agent == "random"} == {None}
    only = plan(profile(agents=("jamel",)), tmp_path, model_dir=tmp_path)
    assert {job.agent for job in only} == {"jamel"}


def test_the_sessions_of_an_arm_are_its_own(tmp_path):
    small = profile(agents=("random",))
    rounds = [
        plan(small, tmp_path, round_index=1, arm=arm, model_dir=tmp_path)
        for arm in (None, "jamel", "no-memory", "append-memory")
    ]
    agents = [{job.agent for job in jobs if job.model_dir} for jobs in rounds]
    assert agents == [{"jamel"}, {"jamel"}, {"no-memory"}, {"append-memory"}]
    assert [jobs[0].seed for jobs in rounds] == [0, 0, 1, 1]
    jamels, others = ({job.session_id for job in jobs} for jobs in rounds[1:3])
    assert not jamels & others


def test_shards_are_the_same_for_any_number_of_workers(tmp_path):
    one = collect(profile(), tmp_path / "one")
    two = collect(profile(workers=2), tmp_path / "two")
    assert [path.name for path in one] == [path.name for path in two]
    assert digests(one) == digests(two)
    session = read_session(one[3])
    assert (session.agent, session.app, len(session.transitions())) == ("planner", "train/3", 12)


def test_an_interrupted_round_goes_on_where_it_stopped(tmp_path):
    def interrupt(number: int, total: int, name: str) -> None:
        if number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collect(profile(), tmp_path / "a", progress=interrupt)
    kept = sorted((tmp_path / "a").glob("*.parquet"))
    assert len(kept) == 2
    kept[0].write_bytes(kept[0].read_bytes()[:50])
    before = kept[1].stat().st_mtime_ns
    seen: list[tuple[int, int]] = []
    paths = collect(
        profile(), tmp_path / "a", progress=lambda n, total, name: seen.append((n, total))
    )
    assert seen == [(2, 4), (3, 4), (4, 4)]
    assert kept[1].stat().st_mtime_ns == before
    assert digests(paths) == digests(collect(profile(), tmp_path / "b"))
    assert not list(tmp_path.rglob("*.tmp"))


RUN = """
import sys
from pathlib import Path
from jamel.collect import collect
from jamel.config import parse_config

if __name__ == "__main__":
    keys = {"apps": 6, "steps": 300, "workers": 2}
    collect(parse_config({"collect": keys}, "test"), Path(sys.argv[1]))
"""


def children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            found += [int(stat.parent.name)] if fields[1] == str(pid) else []
    return found


def test_kill_9_in_the_middle_loses_only_what_was_under_way_and_no_worker_stays(tmp_path):
    script, out = tmp_path / "run.py", tmp_path / "killed"
    script.write_text(RUN)
    with subprocess.Popen([sys.executable, str(script), str(out)]) as process:
        while not list(out.glob("*.parquet")):
            assert process.poll() is None
            time.sleep(0.01)
        workers = children(process.pid)
        process.kill()
    finished = {path: path.read_bytes() for path in out.glob("*.parquet")}
    assert workers and 1 <= len(finished) < 6
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline, "a worker outlived its parent"
        time.sleep(0.05)
    paths = collect(profile(apps=6, steps=300), out)
    assert {path: path.read_bytes() for path in finished} == finished
    assert digests(paths) == digests(collect(profile(apps=6, steps=300), tmp_path / "whole"))
    assert len(list(out.iterdir())) == 6


def faulty(rate: float, tries: int = 10, **collect_keys):
    faults = {"rate": rate, "kinds": ["vanish", "death", "empty_coverage"]}
    keys = {"apps": 4, "steps": 12, "workers": 1} | collect_keys
    device = {"faults": faults, "tries": tries}
    return parse_config({"collect": keys, "device": device}, source="test")


def test_interrupted_sessions_are_the_same_as_others_but_for_the_marks(tmp_path):
    sound = [read_session(path) for path in collect(profile(), tmp_path / "sound")]
    paths = collect(faulty(0.1), tmp_path / "faulty")
    found = [read_session(path) for path in paths]
    marks = [step.marks for session in found for step in session.transitions() if step.marks]
    assert marks and all(text.startswith("begun again after ") for text in marks)
    for session, twin in zip(found, sound, strict=True):
        bare = [replace(step, marks="") for step in session.transitions()]
        assert bare == twin.transitions() and session.coverage == twin.coverage
    assert digests(paths) == digests(collect(faulty(0.1, workers=2), tmp_path / "two"))


def test_a_session_that_cannot_be_whole_is_set_aside_and_tried_again(tmp_path):
    whole = collect(profile(), tmp_path)
    config = faulty(0.08, tries=1)
    paths = collect(config, tmp_path)
    reasons = sorted((tmp_path / "quarantine").iterdir())
    assert 0 < len(reasons) < 4 and len(paths) + len(reasons) == 4
    assert sorted(tmp_path.glob("*.parquet")) == sorted(paths) != sorted(whole)
    names = {path.stem for path in paths} | {r.name.split(".")[0] for r in reasons}
    assert names == {path.stem for path in whole}
    assert "expected a whole session" in reasons[0].read_text()
    collect(profile(), tmp_path)
    assert len(list(tmp_path.glob("*.parquet"))) == 4
    assert not list((tmp_path / "quarantine").iterdir())


def test_a_round_without_a_whole_session_is_an_error(tmp_path):
    with pytest.raises(SessionLost, match="every session was set aside: expected a whole session"):
        collect(faulty(1.0, tries=2), tmp_path)
    assert len(list((tmp_path / "quarantine").iterdir())) == 4


def test_a_full_disk_is_a_sentence(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(StoreError, match="finished work is kept"):
        collect(profile(), tmp_path / "taken")


def test_mistakes_fail_before_anything_starts(tmp_path):
    with pytest.raises(ConfigError, match="one of random"):
        collect(profile(agents=("planer",)), tmp_path)
    with pytest.raises(ConfigError, match="found none"):
        collect(profile(agents=()), tmp_path)
    with pytest.raises(ConfigError, match="needs a trained model"):
        collect(profile(), tmp_path, model_dir=tmp_path / "nowhere")
    assert not list(tmp_path.iterdir())


def test_a_shard_of_other_settings_is_collected_anew(tmp_path):
    (first, *_), shorter = collect(profile(), tmp_path), profile(steps=6)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.parquet")}
    collect(profile(), tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.parquet")} == before
    collect(shorter, tmp_path)
    assert len(read_session(first).transitions()) == 6


def test_sessions_of_a_model_are_explored_side_by_side(model_dir, tmp_path):
    """The same shards from any number of workers, and again after some of a group are gone."""
    keys = {"apps": 12, "agents": ("random",), "noise": ()}
    rounds = {"round_index": 1, "arm": "jamel", "model_dir": model_dir}
    one = collect(profile(**keys), tmp_path / "one", **rounds)
    two = collect(profile(workers=2, **keys), tmp_path / "two", **rounds)
    assert digests(one) == digests(two)
    assert sum("-jamel-" in path.name for path in one) == 9
    before = digests(one)
    for path in one[3:5]:
        path.unlink()
    again = collect(profile(**keys), tmp_path / "one", **rounds)
    assert digests(again) == before


def test_a_session_that_is_lost_holds_nobody_up(model_dir, tmp_path, monkeypatch):
    def open_or_lose(device, app, index, attempt):
        if index == 6:
            raise SessionLost("gone")
        return open_env(device, app, index, attempt)

    monkeypatch.setattr(collect_session, "__defaults__", (open_or_lose, None))
    keys = {"apps": 4, "agents": ("jamel",), "noise": ()}
    rounds = {"round_index": 1, "arm": "jamel", "model_dir": model_dir}
    kept = collect(profile(**keys), tmp_path, **rounds)
    assert len(kept) == 3
    assert [p.name for p in (tmp_path / "quarantine").iterdir()] == [
        "train-006-jamel-s0.reason.txt"
    ]


def test_what_deciding_raises_reaches_every_session():
    class Broken:
        def act(self, memories, observations):
            raise ValueError(f"{len(memories)} asked")

    together = Together(Broken(), 3)

    def ask(seat):
        with pytest.raises(ValueError, match="3 asked"):
            together.act(seat, None, None)

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(ask, range(3)))


def test_a_batch_that_is_given_up_lets_everyone_go():
    together = Together(None, 2)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(together.act, 0, None, None)
        together.stop()
        with pytest.raises(Stopped):
            waiting.result(timeout=10)
