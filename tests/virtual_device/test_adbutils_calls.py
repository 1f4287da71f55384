"""Every public call of adbutils' device, its client's and its sync's, against a running device."""

import inspect
import logging
import re
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import adbutils
import pytest
from adbutils import AdbClient, AdbConnection, AdbDevice, Network
from adbutils.errors import AdbError, AdbInstallError
from adbutils.sync import Sync

from jamel.types import centre_px
from jamel.virtual_device.ports import Duplex
from jamel.virtual_device.server import AdbServer, VirtualDevice

Check = Callable[[AdbDevice, VirtualDevice, Path], Any]


@pytest.fixture
def client(phone: VirtualDevice) -> AdbDevice:
    return AdbClient(host="127.0.0.1", port=phone.adb.port).device(phone.serial)


def _echo(stream: Duplex) -> None:
    while chunk := stream.read_some():
        stream.write(chunk)
    stream.close()


def apps(d: AdbDevice, phone: VirtualDevice, folder: Path) -> None:
    app = phone.device.app
    d.app_stop(app.package)
    assert d.shell(f"pidof {app.package}") == ""
    d.app_start(app.package)
    d.app_start(app.package, app.activities[0])
    current = d.app_current()
    assert (current.package, current.activity) == (app.package, app.activity)
    d.app_clear(app.package)
    info = d.app_info(app.package)
    assert info is not None and info.version_name == app.build and info.version_code == 1
    assert "DEBUGGABLE" in info.flags and info.first_install_time and info.signature
    assert d.app_info("com.absent") is None
    assert d.package_info(app.package)["package_name"] == app.package
    assert app.package in d.list_packages() and d.list_packages(["-3"]) == [app.package]


def looks(d: AdbDevice, phone: VirtualDevice, folder: Path) -> None:
    size = phone.device.app.size_px
    shot = d.screenshot(error_ok=False)
    assert shot.size == size == d.screenshot(display_id=0).size
    assert d.framebuffer().convert("RGB").tobytes() == shot.tobytes()
    assert tuple(d.window_size()) == size and d.window_size(landscape=True)[0] == size[1]
    assert d.rotation() == 0
    d.shell("wm user-rotation lock 3")
    assert d.rotation() == 3 and tuple(d.window_size()) == size[::-1] == d.screenshot().size
    d.shell("wm user-rotation lock 0")
    assert d.dump_hierarchy().startswith("<?xml")


def touches(d: AdbDevice, phone: VirtualDevice, folder: Path) -> None:
    phone.device.start()
    before = phone.device.observe()
    element = next(e for e in before.elements if e.clickable and e.enabled)
    d.click(*centre_px(element.bounds_px), display_id=0)
    d.click(0.5, 0.5)
    d.swipe(0.5, 0.8, 0.5, 0.2, 0.1)
    d.drag(100, 200, 100, 300, 0.1)
    d.send_keys("two words")
    d.keyevent("BACK")
    d.keyevent(3)
    assert d.app_current().package == "com.android.launcher3"
    for sound in (d.volume_up, d.volume_down, d.volume_mute):
        sound()


def switches(d: AdbDevice, phone: VirtualDevice, folder: Path) -> None:
    assert d.is_screen_on()
    d.switch_screen(False)
    assert not d.is_screen_on()
    d.switch_screen(True)
    assert d.is_screen_on()
    d.brightness_value = 99
    assert d.brightness_value == 99
    d.brightness_mode = adbutils.BrightnessMode.AUTO
    assert d.brightness_mode is adbutils.BrightnessMode.AUTO
    d.switch_airplane(True)
    assert d.shell("settings get global airplane_mode_on") == "1"
    d.switch_wifi(False)
    assert d.shell("settings get global wifi_on") == "0"
    d.open_browser("example.com")
    battery = d.battery()
    assert (battery.level, battery.temperature, battery.technology) == (100, 25.0, "Li-ion")
    assert re.fullmatch(r"10\.0\.2\.\d+", d.wlan_ip())


def names(d: AdbDevice, phone: VirtualDevice, folder: Path) -> None:
    assert d.serial == phone.serial == d.get_serialno()
    assert d.get_state() == "device" and d.info["state"] == "device" and d.get_devpath()
    assert "shell_v2" in d.get_features()
    assert d.getprop("ro.build.version.sdk") == "34"
    assert (d.prop.name, d.prop.model, d.prop.device) == (
        "jamel_virtual", "JamelVirtual", "jamel_virtual",
    )  # fmt: skip


def shells(d: AdbDevice, phone: VirtualDevice, folder: Path) -> None:
    assert d.shell(["echo", "a b"]) == "a b"
    assert d.shell2("echo x; exit 3", v2=True).returncode == 3
    split = d.shell2("echo out; echo err >&2", v2=True)
    assert (split.stdout, split.stderr) == ("out\n", "err\n")
    with d.open_shell("read A; echo $A") as opened:
        opened.send(b"line\n")
        assert opened.read_until_close() == "line\n"
    with d.open_transport("get-state") as opened:
        assert opened.read_string_block() == "device"
    assert d.adb_output("shell", "echo", "cli").strip() == "cli"
    stop = d.logcat(folder / "log.txt", clear=True, re_filter="wanted")
    phone.device.log.add("Tag", "unwanted\nwanted")
    phone.device.log.add("Tag", "other")
    deadline = time.monotonic() + 60
    while "wanted" not in (folder / "log.txt").read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    phone.device.log.add("Tag", "wanted the last")
    stop.stop()
    assert (folder / "log.txt").read_text().count("wanted") >= 2


def ports(d: AdbDevice, phone: VirtualDevice, folder: Path) -> None:
    phone.device.ports.listen("tcp:6300", _echo)
    port = d.forward_port(6300)
    assert d.forward_port("tcp:6300") == port
    d.forward("tcp:0", "tcp:6300", norebind=True)
    assert len([f for f in d.forward_list() if f.serial == d.serial]) == 2
    d.forward_remove(f"tcp:{port}")
    with pytest.raises(AdbError):
        d.forward_remove(f"tcp:{port}")
    d.forward_remove_all()
    assert [f for f in d.forward_list() if f.serial == d.serial] == []
    # From the host to the device's port 7000, which leads back to port 6300 by way of the host.
    d.reverse("tcp:7000", f"tcp:{d.forward_port(6300)}")
    assert [item.remote for item in d.reverse_list()] == ["tcp:7000"]
    with d.create_connection(Network.TCP, 7000) as conn:
        conn.sendall(b"there and back")
        assert conn.recv(100) == b"there and back"
    with pytest.raises(AdbError):
        d.create_connection(Network.LOCAL_ABSTRACT, "nobody")
    d.reverse_remove("tcp:7000")
    d.reverse("tcp:7001", "tcp:1")
    d.reverse_remove_all()
    assert d.reverse_list() == []


def files(d: AdbDevice, phone: VirtualDevice, folder: Path) -> None:
    (folder / "in").mkdir()
    (folder / "in" / "f.txt").write_text("content")
    sync = d.sync
    assert sync.push(folder / "in" / "f.txt", "/sdcard/", check=True) == 7
    sync.push(b"bytes", "/sdcard/d/e/g.bin")
    assert sync.exists("/sdcard/f.txt") and not sync.exists("/sdcard/none")
    assert sync.stat("/sdcard/f.txt").size == 7
    assert sync.read_text("/sdcard/f.txt") == "content"
    assert (
        sync.read_bytes("/sdcard/d/e/g.bin")
        == b"bytes"
        == b"".join(sync.iter_content("/sdcard/d/e/g.bin"))
    )
    assert {i.path for i in sync.iter_directory("/sdcard/d")} >= {"e"}
    assert {i.path for i in sync.list("/sdcard")} >= {"d", "f.txt"}
    assert sync.pull("/sdcard/f.txt", folder / "out.txt") == 7
    assert sync.pull_file("/sdcard/f.txt", folder / "out2.txt") == 7
    assert sync.pull_dir("/sdcard/d", folder / "d") == 5
    assert sync.pull("/sdcard/d", folder / "d", exist_ok=True) == 5
    assert (folder / "d" / "e" / "g.bin").read_bytes() == b"bytes"
    with pytest.raises(AdbError, match="No such file"):
        sync.read_bytes("/sdcard/none")
    d.remove("/sdcard/f.txt")
    d.rmtree("/sdcard/d")
    assert not sync.exists("/sdcard/d") and not sync.exists("/sdcard/f.txt")
    d.push(str(folder / "in" / "f.txt"), "/sdcard/old-way.txt")
    assert sync.exists("/sdcard/old-way.txt")


def installs(d: AdbDevice, phone: VirtualDevice, folder: Path) -> None:
    d.install(folder / "other.apk", silent=True)
    assert "com.other.app" in d.list_packages()
    assert "Success" in d.uninstall("com.other.app")
    assert "Failure" in d.uninstall("com.other.app")
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{web.server_port}/other.apk"
        d.download_apk(url, folder / "copy.apk")
        web.shutdown()
    d.sync.push(folder / "copy.apk", "/data/local/tmp/copy.apk")
    d.install_remote("/data/local/tmp/copy.apk", clean=True)
    assert "com.other.app" in d.list_packages() and not d.sync.exists("/data/local/tmp/copy.apk")
    d.sync.push(b"no package", "/data/local/tmp/x.apk")
    with pytest.raises(AdbInstallError):
        d.install_remote("/data/local/tmp/x.apk")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def recordings(d: AdbDevice, phone: VirtualDevice, folder: Path) -> None:
    """This device has no screenrecord, as some phones: adbutils says that nothing can record."""
    for call in (d.is_recording, partial(d.start_recording, "f.mp4"), d.stop_recording):
        with pytest.raises(AdbError, match="no valid screenrecord client"):
            call()


def restarts(d: AdbDevice, phone: VirtualDevice, folder: Path) -> None:
    assert b"restarting adbd as root" in d.root().encode()
    _await(d, "whoami", "root")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    assert d.tcpip(port).strip() == f"restarting in TCP mode port: {port}"
    _await(d, "echo up", "up")
    d.reboot()
    _await(d, "getprop sys.boot_completed", "1")
    assert d.shell("whoami") == "shell"


def _await(d: AdbDevice, command: str, answer: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if d.shell(command) == answer:
                return
        except AdbError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{command} never said {answer}")


CHECKS: tuple[Check, ...] = (
    apps, looks, touches, switches, names, shells, ports, files, installs, recordings, restarts,
)  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_calls(
    check: Check, client: AdbDevice, phone: VirtualDevice, tmp_path: Path, apk: Path,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(phone.adb.port))
    monkeypatch.setattr(time, "sleep", partial(_shorter, time.sleep))
    caplog.set_level(logging.ERROR)
    check(client, phone, tmp_path)


def _shorter(sleep: Callable[[float], None], seconds: float) -> None:
    """adbutils rests half a second after each volume key."""
    sleep(min(seconds, 0.1))


def public(*kinds: type) -> set[str]:
    return {name for kind in kinds for name in dir(kind) if not name.startswith("_")}


def test_no_public_call_is_left_out() -> None:
    source = "".join(inspect.getsource(check) for check in CHECKS)
    calls = public(AdbDevice, Sync)
    assert {name for name in calls if not re.search(rf"\b(?:d|sync)\.{name}\b", source)} == set()
    source = "".join(inspect.getsource(test) for test in (test_the_client, test_a_connection))
    calls = public(AdbClient, AdbConnection)
    assert {name for name in calls if not re.search(rf"\b(?:client|c)\.{name}\b", source)} == set()


def test_a_connection(server: AdbServer, phone: VirtualDevice) -> None:
    c = AdbConnection("127.0.0.1", server.port)
    c.send_command(f"host:transport:{phone.serial}")
    c.check_okay()
    c.send_command("sync:")
    c.check_okay()
    path = b"/sdcard"
    assert c.send(b"STAT" + len(path).to_bytes(4, "little") + path) == 8 + len(path)
    assert c.read_string(4) == "STAT" and c.read_uint32() & 0o040000
    assert len(c.read_exact(4)) == len(c.read(4)) == 4
    assert c.send(b"QUIT" + bytes(4)) == 8 and c.recv(1) == b"" and c.conn is not None
    c.close()
    assert c.closed
    c = AdbConnection("127.0.0.1", server.port)
    c.send_command("host:version")
    c.check_okay()
    assert int(c.read_string_block(), 16) > 30 and c.read_until_close() == ""


@pytest.mark.filterwarnings("ignore")
def test_the_client(server: AdbServer, phone: VirtualDevice) -> None:
    client = AdbClient(host="127.0.0.1", port=server.port)
    assert client.server_version() > 30 and (client.host, client.port) == ("127.0.0.1", server.port)
    with client.make_connection(timeout=60) as c:
        c.send_command("host:features")
        c.check_okay()
    # A real adb server tries the ports of devices that left for a minute: others may be listed.
    assert (phone.serial, "device") in [(d.serial, d.state) for d in client.list()]
    assert phone.serial in [d.serial for d in client.device_list()]
    assert phone.serial in [d.serial for d in client.iter_device()]
    assert next(iter(client.track_devices())).present
    client.wait_for(phone.serial, timeout=60)
    assert client.shell(phone.serial, "echo x") == "x"
    assert client.sync(phone.serial).stat("/sdcard").mode & 0o040000
    assert "connected" in client.connect(f"127.0.0.1:{phone.port}", timeout=60)
    assert AdbClient(host="127.0.0.1", port=server.port).device(
        f"127.0.0.1:{phone.port}"
    ).shell("echo by address") == "by address"  # fmt: skip
    client.disconnect(f"127.0.0.1:{phone.port}")
    client.forward(phone.serial, "tcp:0", "tcp:6300")
    assert [item.remote for item in client.forward_list(phone.serial)] == ["tcp:6300"]
    client.reverse(phone.serial, "tcp:7000", "tcp:1")
    assert [item.remote for item in client.reverse_list(phone.serial)] == ["tcp:7000"]
    assert client.device(phone.serial).serial == phone.serial
    client.server_kill()
    server.close()
    server.start()
    client.wait_for(phone.serial, timeout=60)
    assert client.shell(phone.serial, "echo back") == "back"
