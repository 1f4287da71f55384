"""Coverage leaves the embedded device three ways, through the real adb server: all the same.

JaCoCo's own dump client and Ant tasks drive the device's agent where they are installed.
"""

import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jamel.coverage import ProbeSet
from jamel.coverage.jacoco import HEADER, read_exec
from jamel.coverage.jacoco_remote import DumpRequest, encode_request, read_answer
from jamel.envs.adb_link import AdbLink
from jamel.envs.android import AndroidEnv, make_env
from jamel.envs.base import candidates
from jamel.errors import ConfigError, CoverageError
from jamel.types import Action, ActionKind, centre_px
from jamel.virtual_device.apps import App, build_app
from jamel.virtual_device.device import COVERAGE_ACTION
from jamel.virtual_device.server import VirtualDevice, adb_executable

sys.path.insert(0, str(Path(__file__).parent.parent))

from jacoco_tools import JARS, JacocoTools, missing

needs_jacoco = pytest.mark.skipif(bool(missing()), reason=missing() or "installed")
ANT_JARS = ("org.jacoco.ant", "org.jacoco.core", "org.jacoco.agent", "org.jacoco.report", "asm-all")
WAYS = {
    "run-as": {},
    "broadcast": {"coverage_broadcast": COVERAGE_ACTION},
    "tcpserver": {"coverage_source": "tcpserver"},
}


@pytest.fixture(scope="module")
def running() -> Iterator[VirtualDevice]:
    device = VirtualDevice(App(build_app(3)))
    device.start()
    yield device
    device.close()


@pytest.fixture
def device(running: VirtualDevice) -> Iterator[VirtualDevice]:
    """The one device, its app just installed and started."""
    running.device.clear()
    running.device.start()
    yield running
    running.faults.truncated_coverage = 0


@pytest.fixture
def port(device: VirtualDevice) -> Iterator[int]:
    """A port of this machine that `adb forward` leads to the device's agent."""
    adb = [adb_executable(), "-P", str(device.adb.port), "-s", device.serial, "forward"]
    found = subprocess.run([*adb, "tcp:0", "tcp:6300"], capture_output=True, check=True, timeout=30)
    yield int(found.stdout)
    subprocess.run([*adb, "--remove", f"tcp:{int(found.stdout)}"], check=True, timeout=30)


def link_to(device: VirtualDevice, **options: object) -> AdbLink:
    app, first = device.device.app, device.device.app.activities[0]
    return AdbLink(device.serial, device.adb.port, app.package, activity=first, **options)  # type: ignore[arg-type]


def exchange(port: int, data: bytes, size: int = -1) -> bytes:
    """What the agent sends once it has been sent `data`: `size` bytes, or until it hangs up.

    Our side stays open: adb takes a closed half for the end of the whole stream.
    """
    with socket.create_connection(("127.0.0.1", port), 10) as conn:
        conn.sendall(data)
        with conn.makefile("rb") as answer:
            return answer.read(size)


def ask(port: int, dump: bool = True, reset: bool = False) -> ProbeSet:
    with socket.create_connection(("127.0.0.1", port), 10) as conn:
        conn.sendall(encode_request(DumpRequest(dump, reset)))
        with conn.makefile("rb") as answer:
            return read_answer(answer)


def executed(device: VirtualDevice) -> ProbeSet:
    return read_exec(device.device.app.exec_data())


# -- the three ways -----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_three_ways_and_no_device_at_all_give_the_same_probes(seed: int) -> None:
    spec = build_app(seed, noise="real")
    devices = {way: VirtualDevice(App(spec), live_coverage=way != "broadcast") for way in WAYS}
    for device in devices.values():
        device.start()
    try:
        envs = {way: AndroidEnv(link_to(devices[way], **WAYS[way])) for way in WAYS}
        reference = make_env(spec)
        walk(reference, envs, random.Random(seed))
        for env in envs.values():
            assert env.coverage() == reference.coverage()
            assert env.raw_coverage() == reference.raw_coverage()
    finally:
        for device in devices.values():
            device.close()


def walk(reference: AndroidEnv, envs: dict[str, AndroidEnv], rng: random.Random) -> None:
    """The same actions everywhere, with the same rewards and probes after each."""
    observation, _ = reference.reset()
    for env in envs.values():
        assert env.reset()[0] == observation
    for number in range(20):
        restart = Action(ActionKind.RESTART)
        action = restart if number == 9 else rng.choice(candidates(observation))
        expected = reference.step(action)
        for way, env in envs.items():
            assert env.step(action) == expected, (way, action)
            assert env.coverage() == reference.coverage(), (way, action)
        observation = expected[0]


def test_without_the_broadcast_there_is_no_file() -> None:
    device = VirtualDevice(App(build_app(3)), live_coverage=False)
    device.start()
    try:
        with pytest.raises(CoverageError, match="found nothing"):
            AndroidEnv(link_to(device)).reset()
        with pytest.raises(CoverageError, match="found nothing"):
            AndroidEnv(link_to(device, coverage_broadcast="com.another.ACTION")).reset()
        env = AndroidEnv(link_to(device, coverage_broadcast=COVERAGE_ACTION))
        env.reset()
        assert env.coverage() == executed(device)
        device.device.clear()
        assert device.device.files.stat(device.device.coverage_path) is None
    finally:
        device.close()


def test_an_unknown_way_is_named(device: VirtualDevice) -> None:
    with pytest.raises(ConfigError, match="Unknown coverage source 'ftp': expected one of"):
        link_to(device, coverage_source="ftp")


# -- jamel asks the agent -----------------------------------------------------------------------


def test_a_process_that_ended_costs_no_session(device: VirtualDevice) -> None:
    env = AndroidEnv(link_to(device, coverage_source="tcpserver"))
    env.reset()
    before = env.coverage()
    device.device.stop()
    *_, info = env.step(Action(ActionKind.BACK))
    assert info["executed"] and env.coverage() == before
    # A real agent's probes die with its process; the session keeps them.
    device.device.app.reset_coverage()
    env.step(Action(ActionKind.RESTART))
    assert env.coverage().union(before) == env.coverage()


def test_what_was_executed_before_a_restart_is_kept(
    device: VirtualDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = AndroidEnv(link_to(device, coverage_source="tcpserver"))
    app = device.device.app
    for element in env.reset()[0].elements:
        if element.clickable:
            app.tap(*centre_px(element.bounds_px))
    late = executed(device)
    assert late.difference(env.coverage()).count() > 0
    restart = app.restart
    # A real process takes its probes with it.
    monkeypatch.setattr(app, "restart", lambda: (app.reset_coverage(), restart()))
    env.step(Action(ActionKind.RESTART))
    assert late.difference(executed(device)).count() > 0
    assert late.difference(env.coverage()).count() == 0


def test_an_answer_cut_short_is_asked_for_again(device: VirtualDevice) -> None:
    env = AndroidEnv(link_to(device, coverage_source="tcpserver"))
    device.faults.truncated_coverage = 2
    env.reset()
    assert env.coverage() == executed(device)
    device.faults.truncated_coverage = 100
    with pytest.raises(CoverageError, match=r"port 6300: .*(cut short|without the 20)"):
        env.step(Action(ActionKind.BACK))


def test_an_app_without_an_agent_is_a_sentence(device: VirtualDevice) -> None:
    with pytest.raises(CoverageError, match=r"port 6301: Expected a JaCoCo agent, found nothing"):
        AndroidEnv(link_to(device, coverage_source="tcpserver", coverage_port=6301)).reset()


def test_an_agent_of_another_build_is_refused(
    device: VirtualDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = AndroidEnv(link_to(device, coverage_source="tcpserver"))
    env.reset()
    covered = env.coverage()
    monkeypatch.setattr(device.device.app, "exec_data", App(build_app(4)).exec_data)
    with pytest.raises(CoverageError, match=f"coverage of build {env.build}"):
        env.step(Action(ActionKind.BACK))
    assert env.coverage() == covered


# -- the agent's protocol -----------------------------------------------------------------------


def test_the_agent_answers_each_request_of_a_connection(device: VirtualDevice, port: int) -> None:
    data = device.device.app.exec_data()
    assert data.startswith(HEADER)
    expected = data + b"\x20" + b"\x20" + data.removeprefix(HEADER) + b"\x20"
    requests = HEADER + b"\x40\x01\x00" + b"\x40\x00\x00" + b"\x40\x01\x00"
    assert exchange(port, requests, len(expected)) == expected
    # Whatever follows is one more answer, and nothing between.
    assert exchange(port, requests + b"\x40\x00\x00", len(expected) + 1)[-1:] == b"\x20"


def test_a_reset_begins_at_nothing(device: VirtualDevice, port: int) -> None:
    before = executed(device)
    assert ask(port, reset=True) == before and before.count() > 0
    assert ask(port).count() == executed(device).count() == 0
    device.device.app.restart()
    assert ask(port) == executed(device) and executed(device).count() > 0
    assert ask(port, dump=False, reset=True).count() == 0
    assert executed(device).count() == 0


@pytest.mark.parametrize(
    "wrong", [b"\x40\x01\x01", b"GET / HTTP/1.1\r\n\r\n", b"\x01\xc0\xc0\x10\x06", HEADER + b"\x11"]
)
def test_who_speaks_otherwise_is_hung_up_on(device: VirtualDevice, port: int, wrong: bytes) -> None:
    before = executed(device)
    assert exchange(port, wrong) == HEADER
    assert executed(device) == before == ask(port)


def test_nothing_listens_without_a_process(device: VirtualDevice, port: int) -> None:
    device.device.stop()
    assert exchange(port, encode_request(DumpRequest())) == b""
    device.device.start()
    assert ask(port) == executed(device)


def test_a_connection_ends_with_the_process_it_led_to(device: VirtualDevice, port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 10) as conn:
        conn.sendall(encode_request(DumpRequest()))
        with conn.makefile("rb") as answer:
            assert read_answer(answer) == executed(device)
            device.device.stop()
            device.device.start()
            conn.sendall(b"\x40\x01\x00")
            assert answer.read() == b""


# -- JaCoCo's own tools -------------------------------------------------------------------------


@needs_jacoco
def test_jacocos_client_dumps_and_resets(device: VirtualDevice, port: int, tmp_path: Path) -> None:
    tools, file = JacocoTools(tmp_path), tmp_path / "dumped.exec"
    expected = executed(device)

    def dump(reset: str) -> ProbeSet:
        tools.tool("dump", "127.0.0.1", str(port), file, reset)
        return read_exec(file.read_bytes())

    assert dump("false") == dump("true") == expected
    assert dump("false").count() == executed(device).count() == 0
    device.device.app.restart()
    assert dump("false") == executed(device)
    assert dump("false").count() > 0


@pytest.mark.skipif(
    bool(missing()) or not shutil.which("ant") or not (JARS / "org.jacoco.ant.jar").is_file(),
    reason="apt-get install ant libjacoco-java default-jdk-headless",
)
def test_jacocos_ant_tasks_dump_reset_and_merge(
    device: VirtualDevice, port: int, tmp_path: Path
) -> None:
    path = ":".join(str(JARS / f"{name}.jar") for name in ANT_JARS)
    build = tmp_path / "build.xml"
    build.write_text(f"""<project xmlns:j="antlib:org.jacoco.ant">
      <taskdef uri="antlib:org.jacoco.ant" resource="org/jacoco/ant/antlib.xml" classpath="{path}"/>
      <j:dump address="127.0.0.1" port="{port}" reset="true" destfile="one.exec" append="false"/>
      <j:dump address="127.0.0.1" port="{port}" destfile="two.exec" append="false"/>
      <j:merge destfile="merged.exec"><fileset dir="." includes="one.exec,two.exec"/></j:merge>
    </project>""")
    expected = executed(device)
    ended = subprocess.run(["ant", "-f", str(build)], capture_output=True, timeout=60)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    one, two, merged = (read_exec((tmp_path / f"{name}.exec").read_bytes()) for name in NAMES)
    assert (one, two, merged) == (expected, ProbeSet(), expected)


NAMES = ("one", "two", "merged")
