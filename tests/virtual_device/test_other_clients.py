"""Clients nobody here wrote: adb-shell straight to the port, pure-python-adb, android-env."""

import contextlib
import inspect
import io
import random
import re
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from adb_shell.adb_device import AdbDeviceTcp
from adb_shell.exceptions import AdbConnectionError, AdbTimeoutError
from android_env.components import adb_controller, config_classes
from android_env.components.adb_call_parser import AdbCallParser
from android_env.components.app_screen_checker import AppScreenChecker
from android_env.components.errors import AdbControllerError
from android_env.proto import adb_pb2, task_pb2
from ppadb.client import Client
from ppadb.device import Device as PpDevice

from jamel.types import centre_px
from jamel.virtual_device.apk import ApkManifest, write_apk
from jamel.virtual_device.server import AdbServer, VirtualDevice, adb_executable

Request = adb_pb2.AdbRequest
OK = adb_pb2.AdbResponse.Status.OK

pytestmark = pytest.mark.filterwarnings("ignore")


def test_adb_shell(phone: VirtualDevice, tmp_path: Path) -> None:
    client = AdbDeviceTcp("127.0.0.1", phone.port, default_transport_timeout_s=9)
    assert client.connect(rsa_keys=[], auth_timeout_s=1)
    assert client.available and client.max_chunk_size >= 4096
    try:
        assert client.shell("echo one; echo two >&2") == "one\ntwo\n"
        assert client.exec_out("printf 'a\\0b'", decode=False) == b"a\0b"
        assert list(client.streaming_shell("seq 2")) == ["1\n2\n"]
        (tmp_path / "f").write_bytes(bytes(range(256)) * 700)
        client.push(str(tmp_path / "f"), "/sdcard/f", mtime=7)
        assert client.stat("/sdcard/f")[1:] == (179_200, 7)
        assert b"f" in [bytes(entry.filename) for entry in client.list("/sdcard")]
        client.pull("/sdcard/f", str(tmp_path / "g"))
        assert (tmp_path / "g").read_bytes() == (tmp_path / "f").read_bytes()
        client.root()
    finally:
        client.close()
    again, said = AdbDeviceTcp("127.0.0.1", phone.port, default_transport_timeout_s=1), ""
    # The device hangs up on everyone as it restarts, also on who comes back too early.
    for _ in range(20):
        with contextlib.suppress(AdbTimeoutError, AdbConnectionError, OSError):
            assert again.connect(rsa_keys=[], auth_timeout_s=1)
            said = again.shell("whoami")
            break
        again.close()
    assert said == "root\n"
    again.reboot()
    again.close()


def left_out(kinds: tuple[type, ...], names: str, tests: tuple[Callable, ...]) -> set[str]:
    """The public calls of some classes that no call on one of `names` in the tests is."""
    source = "".join(inspect.getsource(test) for test in tests)
    public = {name for kind in kinds for name in dir(kind) if not name.startswith("_")}
    return {name for name in public if not re.search(rf"\b(?:{names})\.{name}\b", source)}


def test_no_call_of_adb_shell_is_left_out() -> None:
    assert left_out((AdbDeviceTcp,), "client|again", (test_adb_shell,)) == set()


@pytest.fixture
def ppadb(phone: VirtualDevice) -> PpDevice:
    return Client("127.0.0.1", phone.adb.port).device(phone.serial)


def test_pure_python_adb(phone: VirtualDevice, ppadb: PpDevice, apk: Path, tmp_path: Path) -> None:
    client, package = Client("127.0.0.1", phone.adb.port), phone.device.app.package
    phone.device.start()
    assert client.version() > 30 and [d.serial for d in client.devices("device")]
    assert ppadb.shell("echo x") == "x\n"
    assert (ppadb.get_serial_no(), ppadb.get_state()) == (phone.serial, "device")
    assert ppadb.wait_boot_complete(timeout=3)
    assert ppadb.get_properties()["ro.build.version.sdk"] == "34"
    assert package in ppadb.list_packages() and "android.hardware.wifi" in ppadb.list_features()
    assert ppadb.install(str(apk), reinstall=True) and ppadb.is_installed("com.other.app")
    assert ppadb.uninstall("com.other.app") and not ppadb.uninstall("com.other.app")
    assert ppadb.clear(package)
    ppadb.push(str(apk), "/sdcard/x.apk")
    ppadb.pull("/sdcard/x.apk", str(tmp_path / "x"))
    assert (tmp_path / "x").read_bytes() == apk.read_bytes()
    ppadb.forward("tcp:0", "tcp:6300")
    assert set(ppadb.list_forward().values()) == {"tcp:6300"}
    ppadb.killforward_all()
    assert ppadb.list_forward() == {} and ppadb.list_reverses() == []
    assert ppadb.screencap().startswith(b"\x89PNG")


def test_pure_python_adb_looks(phone: VirtualDevice, ppadb: PpDevice) -> None:
    app = phone.device.app
    phone.device.start()
    size = ppadb.wm_size()
    assert (size.width, size.height) == app.size_px and ppadb.wm_density() == 2
    assert ppadb.get_battery_level() == 100 and ppadb.get_batterystats()
    top = ppadb.get_top_activity()
    assert (top.package, top.activity, top.pid) == (app.package, app.activity, 4242)
    assert ppadb.get_pid(app.package) == "4242" and ppadb.get_uid(app.package).isdigit()
    assert ppadb.get_meminfo(app.package).pss > 0
    assert ppadb.cpu_count() == 2 and ppadb.cpu_times().total() > 0
    assert (ppadb.get_pid_cpu(1).name, ppadb.get_pid_cpu(99).name) == ("(init)", "")
    assert ppadb.get_traffic("com.absent") is None
    ppadb.input_text("text")
    ppadb.input_swipe(10, 900, 10, 100, 100)
    ppadb.input_keyevent("KEYCODE_HOME")
    assert ppadb.get_top_activity().package == "com.android.launcher3"
    icon = next(e for e in phone.device.observe().elements if app.spec.title in e)
    ppadb.input_tap(*centre_px(icon.bounds_px))
    assert ppadb.get_top_activity().package == app.package
    assert ppadb.root()
    assert _answers(lambda: ppadb.shell("whoami")) == "root\n"
    assert _answers(ppadb.remount) and _answers(ppadb.reboot)


def _answers(ask: Callable[[], str | bool]) -> str | bool:
    """What a device says that hangs up on everyone and comes back: before that, nothing."""
    for _ in range(50):
        with contextlib.suppress(RuntimeError, OSError):
            if said := ask():
                return said
        time.sleep(0.1)
    return ask()


def test_the_rest_of_pure_python_adb(phone: VirtualDevice, ppadb: PpDevice, apk: Path) -> None:
    client, package = Client("127.0.0.1", phone.adb.port), phone.device.app.package
    phone.device.start()
    # Asked without a serial: the device of the test before may be known for a moment yet.
    assert "shell_v2" in _answers(client.features)
    assert client.device(phone.serial).serial == phone.serial
    assert ppadb.get_device_path() and ppadb.install(str(apk))
    # It knows figures and points alone, and a build of ours may begin with a letter.
    assert ppadb.get_package_version_name("com.other.app") == "3.1"
    assert [top.package for top in ppadb.get_top_activities()] == [package]
    assert ppadb.get_total_cpu().total() > 0 and 0 <= ppadb.cpu_percent(0.01) <= 100
    assert ppadb.get_tids(4242)[0] == "4242" and ppadb.get_all_thread_cpu(4242)
    assert ppadb.total_cpu_pattern.search(ppadb.shell("cat /proc/stat"))
    assert ppadb.input_press() == ""
    ppadb.forward("tcp:0", "tcp:6300")
    (local,) = ppadb.list_forward()
    ppadb.killforward(local)
    assert ppadb.list_forward() == {} and client.list_forward() == {}
    client.killforward_all()
    with ppadb.sync() as sync:
        assert sync is not None
    with ppadb.create_connection() as conn:
        conn.send("shell:echo raw")
        assert conn.read_all() == b"raw\n"
    with client.create_connection() as conn:
        ppadb.transport(conn)
    # What these send no adbd of today knows, and three calls were never finished: they say so.
    for refused in (lambda: ppadb.log("main"), lambda: ppadb.local("/dev/x"),
                    lambda: ppadb.reverse("tcp:7000", "tcp:7001")):  # fmt: skip
        with pytest.raises(RuntimeError):
            refused()
    for unwritten in (ppadb.framebuffer, ppadb.logcat, lambda: ppadb.input_roll(0, 1)):
        with pytest.raises((TypeError, AttributeError)):
            unwritten()
    assert client.remote_connect("127.0.0.1", phone.port)
    assert "disconnected" in client.remote_disconnect("127.0.0.1", phone.port)
    assert phone.serial in [d.serial for d in client.devices(client.DEVICE)]
    assert client.devices(client.OFFLINE) == client.devices(client.BOOTLOADER) == []


def test_no_call_of_pure_python_adb_is_left_out() -> None:
    """Its `kill` ends the server, which other tests need; patterns are no calls."""
    tests = (test_pure_python_adb, test_pure_python_adb_looks, test_the_rest_of_pure_python_adb)
    missing = left_out((PpDevice, Client), "ppadb|client", tests)
    assert {name for name in missing if not name.isupper()} == {"kill"}


@pytest.fixture
def parser(phone: VirtualDevice) -> AdbCallParser:
    config = config_classes.AdbControllerConfig(
        adb_path=adb_executable(),
        adb_server_port=phone.adb.port,
        device_name=phone.serial,
        default_timeout=20,
    )
    return AdbCallParser(adb_controller.AdbController(config))


def test_android_env_drives_apps(phone: VirtualDevice, parser: AdbCallParser, apk: Path) -> None:
    app = phone.device.app
    full = f"{app.package}/{app.activities[0]}"
    started = parser.parse(Request(start_activity=Request.StartActivity(full_activity=full)))
    assert started.status == OK and b"Status: ok" in started.start_activity.output
    current = parser.parse(Request(get_current_activity=Request.GetCurrentActivity()))
    assert current.get_current_activity.full_activity == full
    pinned = Request.StartScreenPinning(full_activity=full)
    assert parser.parse(Request(start_screen_pinning=pinned)).status == OK
    turned = parser.parse(Request(get_orientation=Request.GetOrientationRequest()))
    assert turned.status == OK and turned.get_orientation.orientation == 0
    tapped = Request.Tap(x=5, y=5)
    assert parser.parse(Request(tap=tapped)).status == OK
    assert parser.parse(Request(input_text=Request.InputText(text="a%sb"))).status == OK
    home = Request.PressButton(button=Request.PressButton.Button.HOME)
    assert parser.parse(Request(press_button=home)).status == OK
    path = Request.InstallApk.Filesystem(path=str(apk))
    assert parser.parse(Request(install_apk=Request.InstallApk(filesystem=path))).status == OK
    listing = Request.PackageManagerRequest.List(
        packages=Request.PackageManagerRequest.List.Packages()
    )
    listed = parser.parse(Request(package_manager=Request.PackageManagerRequest(list=listing)))
    assert {"com.other.app", app.package} <= set(listed.package_manager.list.items)
    gone = Request.UninstallPackage(package_name="com.other.app")
    assert parser.parse(Request(uninstall_package=gone)).status == OK
    stopping = Request.ForceStop(package_name=app.package)
    assert parser.parse(Request(force_stop=stopping)).status == OK
    assert not phone.device.running
    missing = Request.StartActivity(full_activity="com.absent/.Main")
    with pytest.raises(AdbControllerError):
        parser.parse(Request(start_activity=missing))


def test_android_env_reads_and_writes(phone: VirtualDevice, parser: AdbCallParser) -> None:
    app = phone.device.app
    phone.device.start()
    assert parser.parse(Request(push=Request.Push(path="/sdcard/p", content=b"abc"))).status == OK
    assert parser.parse(Request(pull=Request.Pull(path="/sdcard/p"))).pull.content == b"abc"
    space = Request.SettingsRequest.Namespace.GLOBAL
    for verb, output in (
        ({"put": Request.SettingsRequest.Put(key="k", value="v")}, b""),
        ({"get": Request.SettingsRequest.Get(key="k")}, b"v\n"),
        ({"delete_key": Request.SettingsRequest.Delete(key="k")}, b"Deleted 1 rows\n"),
        ({"get": Request.SettingsRequest.Get(key="k")}, b"null\n"),
    ):
        sent = Request(settings=Request.SettingsRequest(name_space=space, **verb))
        assert parser.parse(sent).settings.output == output
    grant = Request.PackageManagerRequest.Grant(
        package_name=app.package, permissions=["android.permission.CAMERA"]
    )
    sent = Request(package_manager=Request.PackageManagerRequest(grant=grant))
    assert parser.parse(sent).status == OK
    dumped = parser.parse(
        Request(dumpsys=Request.DumpsysRequest(service="package", args=[app.package]))
    )
    assert b"android.permission.CAMERA: granted=true" in dumped.dumpsys.output
    listed = parser.parse(Request(dumpsys=Request.DumpsysRequest(list_only=True)))
    assert b"  window" in listed.dumpsys.output
    generic = Request.GenericRequest(args=["shell", "echo", "generic"])
    assert parser.parse(Request(generic=generic)).generic.output == b"generic\n"
    sent = Request(send_broadcast=Request.SendBroadcast(action="a.b.C"))
    assert parser.parse(sent).status == OK
    root = phone.device.observe().elements[0].cls.replace(".", r"\.")
    screen = task_pb2.AppScreen(
        activity=f"{app.package}/{app.activity}", view_hierarchy_path=[f"{root}.*"]
    )
    assert AppScreenChecker(parser, screen).matches_current_app_screen() == 0


def test_the_rest_of_android_env(phone: VirtualDevice, parser: AdbCallParser) -> None:
    package = "com.third.app"
    camera = "android.permission.CAMERA"
    archive = io.BytesIO(write_apk(ApkManifest(package, permissions=(camera,))))
    with zipfile.ZipFile(archive, "a") as apk:
        # A file larger than a buffer: the parser installs what it has not flushed.
        apk.writestr("assets/noise.bin", random.Random(0).randbytes(100_000))
    blob = Request.InstallApk.Blob(contents=archive.getvalue())
    assert parser.parse(Request(install_apk=Request.InstallApk(blob=blob))).status == OK
    asked = Request.DumpsysRequest(
        service="package", args=[package], timeout_sec=3, priority=Request.DumpsysRequest.HIGH
    )
    assert f"{camera}: granted=true" in parser.parse(Request(dumpsys=asked)).dumpsys.output.decode()
    skipping = Request.DumpsysRequest(skip_services=["window", "activity"], timeout_ms=900)
    whole = parser.parse(Request(dumpsys=skipping)).dumpsys.output
    assert b"DUMP OF SERVICE power:" in whole and b"DUMP OF SERVICE window:" not in whole
    packages = Request.PackageManagerRequest
    for what in ({"features": packages.List.Features()}, {"libraries": packages.List.Libraries()}):
        sent = Request(package_manager=packages(list=packages.List(**what)))
        assert len(parser.parse(sent).package_manager.list.items) >= 3
    clear = packages.Clear(package_name=phone.device.app.package)
    assert parser.parse(Request(package_manager=packages(clear=clear))).status == OK
    assert phone.device.fresh and not phone.device.running
    space = Request.SettingsRequest.Namespace.SYSTEM
    put = Request.SettingsRequest.Put(key="user_rotation", value="1")
    lock = Request.SettingsRequest.Put(key="accelerometer_rotation", value="0")
    for verb in ({"put": put}, {"put": lock}):
        sent = Request(settings=Request.SettingsRequest(name_space=space, **verb))
        assert parser.parse(sent).status == OK
    turned = parser.parse(Request(get_orientation=Request.GetOrientationRequest()))
    assert turned.get_orientation.orientation == 1
    listed = Request.SettingsRequest(name_space=space, list=Request.SettingsRequest.List())
    assert b"user_rotation=1\n" in parser.parse(Request(settings=listed)).settings.output
    mode = Request.SettingsRequest.Reset(mode=Request.SettingsRequest.Reset.UNTRUSTED_DEFAULTS)
    reset = Request.SettingsRequest(name_space=space, reset=mode)
    assert parser.parse(Request(settings=reset)).status == OK and phone.device.rotation == 0


def test_no_request_of_android_env_is_left_out() -> None:
    """Each kind of request, and of what is within one; and each call of the controller."""
    tests = (test_android_env_drives_apps, test_android_env_reads_and_writes,
             test_the_rest_of_android_env, test_android_env_restarts_the_server)  # fmt: skip
    source = "".join(inspect.getsource(test) for test in tests)
    kinds = [Request.DESCRIPTOR, *Request.DESCRIPTOR.nested_types]
    kinds += [inner for kind in kinds[1:] for inner in kind.nested_types]
    names = {f.name for kind in kinds for oneof in kind.oneofs for f in oneof.fields}
    missing = {name for name in names if f"{name}=" not in source and f'"{name}":' not in source}
    assert len(names) > 25 and missing == set()
    assert left_out((adb_controller.AdbController,), "controller", tests) == set()


def test_android_env_restarts_the_server(
    server: AdbServer, phone: VirtualDevice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its controller answers a failed command with kill-server; the device comes back by itself."""
    monkeypatch.setenv("HOME", str(tmp_path))
    config = config_classes.AdbControllerConfig(
        adb_path=adb_executable(), adb_server_port=server.port, device_name=phone.serial,
        default_timeout=20,
    )  # fmt: skip
    controller = adb_controller.AdbController(config)
    controller.init_server()
    assert controller.command_prefix()[-2:] == ["-s", phone.serial]
    try:
        with pytest.raises(AdbControllerError):
            controller.execute_command(["shell", "false"])
        assert controller.execute_command(["shell", "echo", "back"]) == b"back\n"
    finally:
        controller.execute_command(["kill-server"], device_specific=False)
        server.close()
        server.start()
