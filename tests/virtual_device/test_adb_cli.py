"""The adb command line against the device: every verb that a script may use."""

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jamel.virtual_device.apk import ApkManifest, read_apk, write_apk
from jamel.virtual_device.apps import App, build_app
from jamel.virtual_device.ports import Duplex
from jamel.virtual_device.server import AdbServer, VirtualDevice, adb_executable
from tests.virtual_device.conftest import Adb


def test_what_a_device_says_of_itself(phone: VirtualDevice, cli: Adb) -> None:
    listed = cli("devices", "-l", serial=False)[1].decode().splitlines()
    line = next(line for line in listed if line.startswith(phone.serial))
    assert "device product:jamel_virtual model:JamelVirtual device:jamel_virtual" in line
    assert cli("get-state")[:2] == (0, b"device\n")
    assert cli("get-serialno")[:2] == (0, phone.serial.encode() + b"\n")
    assert cli("wait-for-device")[0] == 0
    assert {b"shell_v2", b"cmd", b"abb_exec", b"stat_v2"} <= set(cli("features")[1].split())
    assert cli("shell", "foo")[::2] == (
        127,
        b"/system/bin/sh: foo: inaccessible or not found\n",
    )


def test_the_shell_reads_lines_and_arguments(cli: Adb) -> None:
    assert (
        cli("shell", "read A; echo got $A; read B; echo $?", stdin=b"x y\n")[1] == b"got x y\n1\n"
    )
    script = b"A=1\nfor i in 1 2; do A=$((A + i)); done\necho $A\nexit $A\n"
    assert cli("shell", stdin=script)[:2] == (4, b"4\n")
    lines = b"f() {\n  if [ $1 = a ]\n  then\n    cat <<E\n$1 in\nE\n  fi\n}\nf a\necho 'b\nc'\n"
    assert cli("shell", stdin=lines)[:2] == (0, b"a in\nb\nc\n")
    assert cli("shell", stdin=b"echo a\nif true\n")[0] == 1
    assert cli("shell", "-T", "echo", "'a  b'")[1] == b"a  b\n"
    assert cli("exec-in", "cat > /sdcard/in", stdin=b"\0\1")[0] == 0
    assert cli("exec-out", "cat /sdcard/in")[1] == b"\0\1"


def test_folders_travel_both_ways(cli: Adb, tmp_path: Path) -> None:
    for name in ("a/b/c.bin", "a/d.txt", "a/ünïcode ✓.txt"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(70_000))
    assert cli("push", "--sync", str(tmp_path / "tree"), "/data/local/tmp/")[0] == 0
    assert cli("shell", "ls", "/data/local/tmp/tree/a")[1].decode().split("\n")[:2] == [
        "b",
        "d.txt",
    ]
    assert cli("pull", "-a", "/data/local/tmp/tree", str(tmp_path / "back"))[0] == 0
    for path in (tmp_path / "tree").rglob("*.*"):
        copied = tmp_path / "back" / path.relative_to(tmp_path / "tree")
        assert copied.read_bytes() == path.read_bytes()
    code, _, err = cli("push", str(tmp_path / "tree/a/d.txt"), "/data")
    assert code == 0, err
    assert b"No such file" in cli("pull", "/none")[2]


@pytest.mark.parametrize("flags", [[], ["-r", "-t", "-g"], ["--no-streaming"], ["--streaming"]])
def test_an_apk_is_installed_and_removed(cli: Adb, apk: Path, flags: list[str]) -> None:
    code, out, err = cli("install", *flags, str(apk))
    assert code == 0 and b"Success" in out + err, (out, err)
    assert cli("shell", "pm list packages -3")[1].count(b"package:com.other.app\n") == 1
    path = cli("shell", "pm path com.other.app")[1].decode().strip().removeprefix("package:")
    assert cli("exec-out", f"cat {path}")[1] == apk.read_bytes()
    assert b"versionCode=3" in cli("shell", "dumpsys package com.other.app")[1]
    assert cli("uninstall", "com.other.app")[:2] == (0, b"Success\n")
    assert cli("shell", "pm path com.other.app")[:2] == (1, b"")
    code, out, err = cli("uninstall", "com.other.app")
    assert code == 1 and b"Failure [DELETE_FAILED_INTERNAL_ERROR]" in out + err


def test_installs_that_a_device_refuses(cli: Adb, apk: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.apk"
    broken.write_bytes(b"PK" + bytes(5000))
    code, _, err = cli("install", str(broken))
    assert code == 1 and b"INSTALL_PARSE_FAILED_NOT_APK" in err
    assert cli("install", str(apk))[0] == 0
    older = tmp_path / "older.apk"
    older.write_bytes(write_apk(ApkManifest("com.other.app", 2)))
    assert b"INSTALL_FAILED_VERSION_DOWNGRADE" in cli("install", str(older))[2]
    assert cli("install", "-d", str(older))[0] == 0
    assert (
        b"Unable to open file: /data/local/tmp/no"
        in cli("shell", "pm install /data/local/tmp/no")[2]
    )


def test_split_packages_are_installed_in_a_session(cli: Adb, apk: Path, tmp_path: Path) -> None:
    split = tmp_path / "split.apk"
    split.write_bytes(write_apk(ApkManifest("com.other.app", 3)))
    code, out, err = cli("install-multiple", str(apk), str(split))
    assert code == 0 and b"Success" in out + err
    assert b"com.other.app" in cli("shell", "pm list packages")[1]


def test_the_devices_own_app_comes_and_goes(phone: VirtualDevice, cli: Adb, tmp_path: Path) -> None:
    package = phone.device.app.package
    remote = cli("shell", "pm", "path", package)[1].decode().strip().removeprefix("package:")
    assert cli("pull", remote, str(tmp_path / "own.apk"))[0] == 0
    manifest = read_apk((tmp_path / "own.apk").read_bytes())
    assert (manifest.package, manifest.version_name) == (package, phone.device.app.build)
    assert cli("uninstall", package)[0] == 0
    assert b"run-as: unknown package" in cli("shell", f"run-as {package} ls")[2]
    code, out, err = cli("shell", f"am start -n {package}/{manifest.activity}")
    assert code == 1 and out.startswith(b"Starting: Intent {") and b"does not exist" in err
    assert cli("shell", f"monkey -p {package} 1")[:2] == (
        252,
        b"** No activities found to run, monkey aborted.\n",
    )
    assert cli("install", str(tmp_path / "own.apk"))[0] == 0
    assert cli("shell", f"am start -W -n {package}/{manifest.activity}")[0] == 0
    assert cli("shell", f"pidof {package}")[:2] == (0, b"%d\n" % phone.device.pid)


def test_logcat(phone: VirtualDevice, cli: Adb) -> None:
    assert cli("logcat", "-c")[:2] == (0, b"")
    assert cli("logcat", "-d")[:2] == (0, b"")
    cli("shell", "log -t MyTag -p w 'a warning'; log -t Other info")
    assert cli("logcat", "-d", "-s", "MyTag:V", "-v", "brief")[1] == (
        b"--------- beginning of main\nW/MyTag   ( 4242): a warning\n"
    )
    assert cli("logcat", "-d", "-v", "raw", "*:W")[1].endswith(b"main\na warning\n")
    assert cli("shell", "logcat -d | grep -c MyTag")[1] == b"1\n"
    assert cli("logcat", "--nonsense")[0] == 1


def test_logcat_follows(phone: VirtualDevice) -> None:
    command = [adb_executable(), "-P", str(phone.adb.port), "-s", phone.serial, "logcat", "-vraw"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as following:
        assert following.stdout is not None
        phone.device.log.add("App", "first")
        assert following.stdout.readline() == b"--------- beginning of main\n"
        assert following.stdout.readline() == b"first\n"
        phone.device.log.add("App", "second")
        assert following.stdout.readline() == b"second\n"
        following.terminate()


def _echo(stream: Duplex) -> None:
    while chunk := stream.read_some():
        stream.write(chunk.upper())
    stream.close()


def test_forward_reaches_a_port_of_the_device(phone: VirtualDevice, cli: Adb) -> None:
    phone.device.ports.listen("tcp:6300", _echo)
    phone.device.ports.listen("localabstract:name", _echo)
    port = cli("forward", "tcp:0", "tcp:6300")[1].decode().strip()
    other = cli("forward", "tcp:0", "localabstract:name")[1].decode().strip()
    listed = cli("forward", "--list")[1].decode()
    assert f"{phone.serial} tcp:{port} tcp:6300\n" in listed
    for number in (port, other):
        with socket.create_connection(("127.0.0.1", int(number)), 5) as conn:
            conn.sendall(b"hello")
            assert conn.recv(5) == b"HELLO"
    assert cli("forward", "--remove", f"tcp:{port}")[0] == 0
    assert cli("forward", "--remove", f"tcp:{port}")[0] == 1
    assert cli("forward", "--remove-all")[0] == 0
    assert cli("forward", "--list")[1].strip() == b""


def test_reverse_reaches_the_host(phone: VirtualDevice, cli: Adb) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve_once, args=(listener,), daemon=True).start()
        remote = f"tcp:{listener.getsockname()[1]}"
        assert cli("reverse", "tcp:7000", remote)[0] == 0
        assert cli("reverse", "--list")[1] == f"host-1 tcp:7000 {remote}\n\n".encode()
        assert cli("reverse", "--no-rebind", "tcp:7000", remote)[0] == 1
        code, out, _ = cli("shell", "echo to the host | nc localhost 7000")
        assert (code, out) == (0, b"TO THE HOST\n")
    assert cli("reverse", "tcp:0", remote)[1].strip().isdigit()
    assert cli("reverse", "--remove", "tcp:7000")[0] == 0
    assert cli("reverse", "--remove", "tcp:7000")[0] == 1
    assert cli("reverse", "--remove-all")[0] == 0
    assert cli("reverse", "--list")[1].strip() == b""
    assert cli("shell", "nc localhost 7000")[0] == 1


def _serve_once(listener: socket.socket) -> None:
    conn, _ = listener.accept()
    with conn:
        conn.sendall(conn.recv(100).upper())


def test_reboot_ends_processes_and_the_device_comes_back(phone: VirtualDevice, cli: Adb) -> None:
    package = phone.device.app.package
    phone.device.start()
    assert cli("shell", f"pidof {package}")[0] == 0
    assert cli("reboot")[0] == 0
    assert cli("wait-for-device")[0] == 0
    deadline = time.monotonic() + 60
    while cli("shell", "getprop sys.boot_completed")[1] != b"1\n":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert cli("shell", f"pidof {package}")[0] == 1
    assert b"launcher" in cli("shell", "dumpsys window | grep mCurrentFocus")[1]


def test_root_and_back(cli: Adb) -> None:
    assert cli("shell", "whoami")[1] == b"shell\n"
    assert b"restarting adbd as root" in cli("root")[1]
    assert cli("wait-for-device", "shell", "whoami")[1] == b"root\n"
    assert b"already running as root" in cli("root")[1]
    assert b"restarting adbd as non root" in cli("unroot")[1]
    assert cli("wait-for-device", "shell", "id -u; whoami")[1].endswith(b"shell\n")


def test_adb_over_tcp(phone: VirtualDevice, cli: Adb) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    address = f"127.0.0.1:{port}"
    assert b"refused" in cli("connect", address, serial=False)[1]
    code, out, _ = cli("tcpip", str(port))
    assert (code, out) == (0, f"restarting in TCP mode port: {port}\n".encode())
    _becomes(lambda: cli("connect", address, serial=False)[1].strip() == b"connected to "
             + address.encode())  # fmt: skip
    assert b"already connected to" in cli("connect", address, serial=False)[1]
    assert cli("-s", address, "wait-for-device", "shell", "getprop service.adb.tcp.port",
               serial=False)[1] == f"{port}\n".encode()  # fmt: skip
    assert cli("wait-for-device", "shell", "echo both")[1] == b"both\n"
    assert f"{address}\tdevice".encode() in cli("devices", serial=False)[1]
    code, out, _ = cli("-s", address, "usb", serial=False)
    assert (code, out) == (0, b"restarting in USB mode\n")
    cli("disconnect", address, serial=False)
    _becomes(lambda: b"refused" in cli("connect", address, serial=False)[1])
    assert cli("wait-for-device", "shell", "getprop service.adb.tcp.port")[1] == b"\n"
    assert cli("tcpip", "99999")[::2] == (1, b"adb: tcpip: invalid port: 99999\n")


def _becomes(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_console(server: AdbServer, tmp_path: Path) -> None:
    """adb drops two OKs, the greeting's and that of `auth`: without a token, the answer's too."""
    phone = VirtualDevice(App(build_app(4)), server, name="Pixel_34", console_token="secret")
    phone.start()
    head = [adb_executable(), "-P", str(server.port), "-s", phone.serial, "emu"]
    token = tmp_path / ".emulator_console_auth_token"

    def emu(*words: str) -> str:
        environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
        done = subprocess.run([*head, *words], capture_output=True, env=environment, timeout=20)
        return done.stdout.decode()

    try:
        before = phone.device.observe()
        assert emu("avd", "snapshot", "save", "one").startswith("KO: unknown command")
        token.write_text("wrong")
        assert emu("avd", "snapshot", "save", "one").startswith("KO: authentication token does not")
        assert not phone.device.snapshots
        token.write_text("secret")
        assert emu("avd", "name") == "Pixel_34\r\nOK\r\n"
        assert emu("avd", "snapshot", "list") == "There is no snapshot available.\r\nOK\r\n"
        assert emu("avd", "snapshot", "save", "one") == "OK\r\n"
        phone.device.app.home()
        listed = emu("avd", "snapshot", "list").splitlines()
        assert listed[0] == "List of snapshots present on all disks:"
        assert listed[2].split()[:2] == ["--", "one"] and listed[-1] == "OK"
        assert emu("avd", "snapshot", "load", "none").startswith("KO: ")
        assert emu("avd", "snapshot", "load", "one") == "OK\r\n"
        assert phone.device.observe() == before
        assert emu("avd", "snapshot", "delete", "one") == "OK\r\n"
        assert emu("nonsense").startswith("KO: unknown command")
        assert emu("kill").startswith("OK: killing emulator")
        phone.wait()
    finally:
        phone.close()


def test_kill_server_and_back(phone: VirtualDevice, cli: Adb) -> None:
    assert cli("kill-server", serial=False)[0] == 0
    assert cli("start-server", serial=False)[0] == 0
    try:
        assert cli("wait-for-device")[0] == 0
        assert cli("shell", "echo back")[:2] == (0, b"back\n")
        assert f"{phone.serial}\tdevice".encode() in cli("devices", serial=False)[1]
    finally:
        cli("kill-server", serial=False)
        phone.adb.close()
        phone.adb.start()
