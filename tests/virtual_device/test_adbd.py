"""The virtual device driven by clients nobody here wrote: the adb command line and adbutils."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from adbutils import AdbClient, AdbDevice

from jamel.coverage.jacoco import read_exec
from jamel.envs.ui_tree import parse_hierarchy
from jamel.types import centre_px
from jamel.virtual_device.apk import ApkManifest, write_apk
from jamel.virtual_device.apps import App, build_app
from jamel.virtual_device.server import AdbServer, VirtualDevice, adb_executable

Adb = Callable[..., tuple[int, bytes, bytes]]


@pytest.fixture(scope="module")
def device() -> Iterator[VirtualDevice]:
    running = VirtualDevice(App(build_app(3)))
    running.start()
    yield running
    running.close()


@pytest.fixture
def adb(device: VirtualDevice, tmp_path: Path) -> Adb:
    head = [adb_executable(), "-P", str(device.adb.port), "-s", device.serial]
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}

    def run(*args: str, stdin: bytes = b"") -> tuple[int, bytes, bytes]:
        command = [*head, *args]
        ended = subprocess.run(
            command, input=stdin, capture_output=True, timeout=30, env=environment
        )
        return ended.returncode, ended.stdout, ended.stderr

    return run


@pytest.fixture
def client(device: VirtualDevice) -> AdbDevice:
    return AdbClient(host="127.0.0.1", port=device.adb.port).device(device.serial)


def test_the_serial_is_an_emulators(device: VirtualDevice, adb: Adb) -> None:
    assert device.serial == f"emulator-{device.port - 1}" and device.port % 2 == 1
    assert adb("get-state")[:2] == (0, b"device\n")
    assert b"shell_v2" in adb("features")[1]


def test_exit_codes_and_streams(adb: Adb) -> None:
    assert adb("shell", "echo out; echo err >&2") == (0, b"out\n", b"err\n")
    assert adb("shell", "false")[0] == 1
    assert adb("shell", "exit 7")[0] == 7
    code, out, err = adb("shell", "no-such-command")
    assert (code, out) == (127, b"") and b"not found" in err
    assert adb("shell", "cat", stdin=b"from the host")[1] == b"from the host"
    assert adb("shell", stdin=b"cd /sdcard\npwd\nexit 3\n")[:2] == (3, b"/storage/emulated/0\n")
    assert adb("exec-out", "printf 'a\\0b'")[1] == b"a\0b"


def test_push_and_pull(adb: Adb, tmp_path: Path) -> None:
    folder = tmp_path / "folder" / "inner"
    folder.mkdir(parents=True)
    content = os.urandom(3_000_001)
    (folder / "big.bin").write_bytes(content)
    (folder / "empty").write_bytes(b"")
    assert adb("push", str(tmp_path / "folder"), "/sdcard/")[0] == 0
    assert adb("pull", "/sdcard/folder", str(tmp_path / "back"))[0] == 0
    assert (tmp_path / "back" / "inner" / "big.bin").read_bytes() == content
    assert (tmp_path / "back" / "inner" / "empty").read_bytes() == b""
    assert adb("shell", "wc -c < /sdcard/folder/inner/big.bin")[1] == b"3000001\n"
    assert adb("pull", "/sdcard/absent", str(tmp_path))[0] == 1
    assert adb("push", str(folder / "empty"), "/data/data")[0] == 0


def test_host_files_are_out_of_reach(adb: Adb) -> None:
    assert adb("shell", "cat /etc/passwd")[0] == 1
    assert adb("shell", "cat ../../../../etc/passwd")[0] == 1


def test_screens(device: VirtualDevice, adb: Adb) -> None:
    code, out, _ = adb("exec-out", "uiautomator dump /dev/tty")
    assert code == 0 and out.startswith(b"<?xml") and b"</hierarchy>UI hierchary dumped" in out
    width, height = device.device.app.size_px
    assert adb("shell", "wm size")[1] == f"Physical size: {width}x{height}\n".encode()


def test_screencap_is_a_png(adb: Adb) -> None:
    assert adb("exec-out", "screencap -p")[1].startswith(b"\x89PNG")


def test_packages(device: VirtualDevice, adb: Adb) -> None:
    package = device.device.app.package
    assert f"package:{package}\n".encode() in adb("shell", "pm list packages")[1]
    assert adb("shell", "pm list packages -3")[1] == f"package:{package}\n".encode()
    assert package.encode() not in adb("shell", "pm list packages -s")[1]
    assert adb("shell", f"pm path {package}")[0] == 0
    assert adb("shell", "pm path com.absent")[0] == 1
    assert adb("shell", f"run-as com.absent cat {package}")[0] == 1


def test_coverage_leaves_as_jacoco(device: VirtualDevice, adb: Adb) -> None:
    package = device.device.app.package
    data = adb("exec-out", f"run-as {package} cat files/coverage.ec")[1]
    assert read_exec(data).count() > 0
    assert adb("shell", f"run-as {package} cat files/coverage.classes")[1].startswith(
        device.device.app.build.encode()
    )


def test_console_snapshots(device: VirtualDevice, adb: Adb) -> None:
    device.device.start()
    before = device.device.observe()
    assert adb("emu", "avd", "snapshot", "save", "here")[0] == 0
    adb("shell", "input keyevent 3")
    assert device.device.observe() != before
    adb("emu", "avd", "snapshot", "load", "here")
    assert device.device.observe() == before


def test_install_and_odd_services(adb: Adb, tmp_path: Path) -> None:
    apk = tmp_path / "app.apk"
    apk.write_bytes(write_apk(ApkManifest("com.other", 3, "3.1", "com.other.Main")))
    code, out, err = adb("install", str(apk))
    assert code == 0, err
    assert b"Success" in out
    assert adb("logcat", "-c")[:2] == (0, b"")
    assert adb("logcat", "-d")[:2] == (0, b"")
    assert adb("jdwp")[:2] == (1, b"")


def test_adbutils(device: VirtualDevice, client: AdbDevice) -> None:
    app = device.device.app
    client.app_stop(app.package)
    client.app_start(app.package, app.activities[0])
    assert client.shell("echo 'a  b' | cut -d' ' -f1") == "a"
    assert client.shell2("sh -c 'exit 5'").returncode == 5
    assert client.shell2("exit 6", v2=True).returncode == 6
    assert client.dump_hierarchy().startswith("<?xml")
    assert tuple(client.window_size()) == app.size_px
    current = client.app_current()
    assert (current.package, current.activity) == (app.package, app.activity)
    assert app.package in client.list_packages()
    client.sync.push(b"bytes", "/sdcard/pushed.txt")
    assert client.sync.read_bytes("/sdcard/pushed.txt") == b"bytes"
    assert client.sync.stat("/sdcard/pushed.txt").size == 5
    assert "pushed.txt" in [entry.path for entry in client.sync.list("/sdcard")]
    client.keyevent("HOME")
    assert client.app_current().package == "com.android.launcher3"
    client.app_clear(app.package)
    client.app_start(app.package)


def test_adbutils_touches_and_looks(device: VirtualDevice, client: AdbDevice) -> None:
    app = device.device.app
    client.app_clear(app.package)
    client.app_start(app.package)
    assert client.getprop("ro.build.version.sdk") == "34"
    assert client.prop.model == "JamelVirtual"
    picture = client.screenshot()
    assert picture.size == app.size_px and len(picture.getcolors(1 << 20)) > 3
    before = device.device.observe()
    element = next(e for e in before.elements if e.clickable and e.enabled)
    client.click(*centre_px(element.bounds_px))
    assert device.device.observe() != before
    xml = client.dump_hierarchy().encode()
    assert parse_hierarchy(xml)[0] == device.device.observe().elements
    assert client.app_info(app.package).version_name == app.build
    assert client.rotation() == 0


def test_a_coverage_dump_is_asked_for_by_broadcast(device: VirtualDevice, adb: Adb) -> None:
    package = device.device.app.package
    code, out, _ = adb("shell", f"am broadcast -a edu.gatech.m3.emma.COLLECT_COVERAGE -p {package}")
    assert code == 0 and b"Broadcast completed: result=0" in out
    file = f"/data/data/{package}/files/coverage.ec"
    first = adb("exec-out", "run-as", package, "cat", "files/coverage.ec")[1]
    assert first == device.device.app.exec_data() == adb("exec-out", "cat", file)[1]


def test_two_devices_and_a_second_server() -> None:
    server = AdbServer().start()
    devices = [VirtualDevice(App(build_app(seed)), server) for seed in (0, 1)]
    try:
        serials = {one.start() for one in devices}
        assert len(serials) == 2
        listed = server.request("host:devices").decode()
        assert all(f"{serial}\tdevice" in listed for serial in serials)
    finally:
        for one in devices:
            one.close()
        server.close()
    assert server._process is None


def test_a_dropped_device_registers_again(device: VirtualDevice, adb: Adb) -> None:
    device.vanish()
    assert adb("wait-for-device")[0] == 0
    assert adb("shell", "echo back")[1] == b"back\n"
