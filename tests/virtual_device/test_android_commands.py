"""Android's own commands, errors and exit codes included, as a script on the device sees them."""

import contextlib
import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jamel.virtual_device.apk import ApkManifest, NotAnApk, read_apk, write_apk
from jamel.virtual_device.apps import App, build_app
from jamel.virtual_device.device import Device
from tests.virtual_device.conftest import run

APP = App(build_app(3))
PACKAGE = APP.package


@pytest.fixture
def device() -> Device:
    return Device(App(build_app(3)))


@pytest.mark.parametrize(
    ("script", "code", "out", "err"),
    [
        ("wm size 100x100", 255, "", "Exception occurred while executing 'size'"),
        ("wm nonsense", 255, "Unknown command: nonsense", ""),
        ("wm density | cut -d ' ' -f 3", 0, "420", ""),
        ("am nonsense", 255, "Unknown command: nonsense", ""),
        ("am force-stop", 255, "", "Exception occurred while executing 'force-stop'"),
        ("am start -n com.absent/.Main", 1, "Starting: Intent { act=android.intent.action.MAIN "
         "cmp=com.absent/.Main }", "Error type 3\nError: Activity class {com.absent/.Main} does "
         "not exist."),
        ("am start -a android.intent.action.VIEW -d https://a.b", 1,
         "Starting: Intent { act=android.intent.action.VIEW dat=https://a.b }",
         "Error: Activity not started, unable to resolve Intent {"),
        ("ime list -s; cmd input_method list -s", 0, "com.android.inputmethod.latin/.LatinIME\n"
         "com.android.inputmethod.latin/.LatinIME", ""),
        ("ime set com.android.adbkeyboard/.AdbIME", 255, "", "Unknown input method "
         "com.android.adbkeyboard/.AdbIME cannot be selected for user #0"),
        ("service check package; service check none", 0, "Service package: found\nService none: "
         "not found", ""),
        ("service call phone 1", 10, "service: Service phone does not exist", ""),
        ("am crash", 255, "", "Exception occurred while executing 'crash'"),
        ("input motionevent SIDEWAYS 1 1", 255, "", "Error: Invalid arguments for command: "),
        (f"run-as {PACKAGE} id; id -u", 0, "uid=10100(u0_a100) gid=10100(u0_a100)", ""),
        ("uname -m; uname -a | grep -c Toybox", 0, "x86_64\n1", ""),
        ("touch /sdcard/.h /sdcard/f; ls /sdcard; ls -a /sdcard; ls -ld /sdcard | cut -c 1-10", 0,
         "Download\nf\n.\n..\n.h\nDownload\nf\ndrwxrwx--x", ""),
        ("echo 123 > /sdcard/f; ls -l /sdcard/ | tail -n 1 | cut -d ' ' -f 1,3,4", 0,
         "-rw-rw---- shell shell", ""),
        ("ls -l /sdcard | head -n 1", 0, "total 4", ""),
        ("am stack list | grep -c visible=true", 0, "1", ""),
        ("pm nonsense", 255, "Unknown command: nonsense", ""),
        ("pm path com.absent", 1, "", ""),
        ("pm path android", 0, "package:/system/app/android/android.apk", ""),
        ("pm clear com.absent", 1, "Failed", ""),
        ("pm uninstall com.absent", 1, "Failure [DELETE_FAILED_INTERNAL_ERROR]", ""),
        ("pm grant com.absent android.permission.CAMERA", 255, "", "Exception occurred while "
         "executing 'grant':\njava.lang.IllegalArgumentException: Unknown package: com.absent"),
        ("pm list nonsense", 255, "", "Error: unknown list type 'nonsense'"),
        ("pm list packages -3 absent", 0, "", ""),
        ("pm list features | head -n 1", 0, "feature:android.hardware.touchscreen", ""),
        ("cmd nonsense x", 20, "", "cmd: Can't find service: nonsense"),
        ("cmd package path com.absent", 1, "", ""),
        ("input", 255, "Usage: input", ""),
        ("input nonsense", 255, "", "Unknown command: nonsense"),
        ("input tap 1", 255, "", "Error: Invalid arguments for command: tap"),
        ("input tap a b", 255, "", "Error: Invalid arguments for command: tap"),
        ("input -d x tap 1 1", 255, "", "Error: Invalid arguments for display ID."),
        ("input text é", 255, "", "Exception occurred while executing 'text'"),
        ("input touchscreen -d 0 swipe 1 1 2 2 10", 0, "", ""),
        ("uiautomator", 1, "Usage: uiautomator", ""),
        ("uiautomator dump /sdcard/w.xml; head -c 5 /sdcard/w.xml", 0,
         "UI hierchary dumped to: /sdcard/w.xml\n<?xml", ""),
        ("uiautomator dump /none/w.xml", 1, "", "uiautomator: /none/w.xml: No such file"),
        ("screencap -d 7 -p", 1, "", "Display Id '7' is not valid."),
        ("screencap | wc -c", 0, str(16 + 4 * APP.size_px[0] * APP.size_px[1]), ""),
        ("screencap /sdcard/a.png && head -c 4 /sdcard/a.png | grep -c PNG", 0, "1", ""),
        ("dumpsys nonsense", 0, "", "Can't find service: nonsense"),
        ("dumpsys package com.absent", 0, "Unable to find package: com.absent", ""),
        ("dumpsys power | grep mWakefulness", 0, "  mWakefulness=Awake", ""),
        ("input keyevent SLEEP; dumpsys power | grep mWakefulness", 0, "  mWakefulness=Asleep", ""),
        ("settings get nonsense x", 255, "", "Invalid namespace 'nonsense'"),
        ("settings get system", 255, "", "Bad arguments"),
        ("settings nonsense", 255, "", "Unknown command: nonsense"),
        ("settings put global a b; settings get global a; settings list global | grep ^a=", 0,
         "b\na=b", ""),
        ("settings delete global none; settings get secure none", 0, "Deleted 0 rows\nnull", ""),
        ("getprop ro.product.cpu.abi; getprop no.such other", 0, "x86_64\nother", ""),
        ("setprop debug.a b; getprop debug.a; getprop | grep debug.a", 0, "b\n[debug.a]: [b]", ""),
        ("setprop ro.hardware x", 1, "", "Failed to set property 'ro.hardware' to 'x'."),
        ("setprop debug.a", 1, "", "usage: setprop NAME VALUE"),
        ("monkey", 255, "** Error: Count not specified", ""),
        ("monkey -p com.absent 1", 252, "** No activities found to run, monkey aborted.", ""),
        ("content query --uri content://settings/system --where \"name='font_scale'\"", 0,
         "Row: 0 _id=1, name=font_scale, value=1.0", ""),
        ("content insert --uri content://settings/secure --bind name:s:k --bind value:s:v; "
         "content query --uri content://settings/secure/k --projection value", 0,
         "Row: 0 value=v", ""),
        ("content delete --uri content://settings/secure --where \"name='none'\"; "
         "content query --uri content://settings/secure/none", 0, "No result found.", ""),
        ("content query --uri content://sms", 0, "", "Error while accessing provider:sms\n"
         "java.lang.IllegalStateException: Could not find provider: sms"),
        ("content nonsense", 0, "", "[ERROR] Unsupported operation: nonsense"),
        ("run-as com.absent ls", 1, "", "run-as: unknown package: com.absent"),
        ("run-as com.android.settings ls", 1, "", "run-as: package not debuggable"),
        (f"run-as {PACKAGE} nonsense", 1, "", "run-as: exec failed for nonsense: No such file"),
        (f"run-as {PACKAGE} ls files | head -n 1", 0, "coverage.classes", ""),
        ("pidof nonsense", 1, "", ""),
        (f"pidof {PACKAGE} init", 0, "1 4242", ""),
        (f"ps -A -o PID,NAME | grep {PACKAGE}", 0, f" 4242 {PACKAGE}", ""),
        ("ps -p 99999", 1, "USER", ""),
        ("ps -o NONSENSE", 1, "", "ps: bad -o NONSENSE"),
        ("kill 99999", 1, "", "/system/bin/sh: kill: 99999: No such process"),
        ("kill 4242", 1, "", "/system/bin/sh: kill: 4242: Operation not permitted"),
        ("date -u 010101012020", 1, "", "date: cannot set date: Operation not permitted"),
        ("logcat -b nonsense", 1, "", "logcat: unknown buffer nonsense"),
        ("screenrecord /sdcard/x.mp4", 127, "", "/system/bin/sh: screenrecord: inaccessible or"),
    ],
)  # fmt: skip
def test_answers(device: Device, script: str, code: int, out: str, err: str) -> None:
    found = run(device, script)
    assert found[0] == code, found
    assert found[1].startswith(out) and (out or not found[1]), found
    assert found[2].lstrip("\n").startswith(err) and (err or not found[2]), found


def test_the_app_starts_and_stops(device: Device) -> None:
    component = f"{PACKAGE}/{device.app.activities[0]}"
    assert "brought to the front" in run(device, f"am start -n {component}")[2]
    run(device, "input keyevent HOME")
    assert "brought to the front" in run(device, f"am start -n {component}")[2]
    assert device.observe().package == PACKAGE
    assert run(device, f"am force-stop {PACKAGE}; pidof {PACKAGE}")[0] == 1
    code, out, err = run(device, f"am start -W -S -n {component}")
    assert (code, err) == (0, "") and "Status: ok\nLaunchState: COLD\n" in out
    assert out.endswith("Complete\n")
    assert run(device, f"monkey -p {PACKAGE} -c android.intent.category.LAUNCHER 1")[1].startswith(
        "Events injected: 1\n"
    )
    assert f"Killing 4242:{PACKAGE}" in run(device, "logcat -d -b system")[1]
    resolved = run(device, f"cmd package resolve-activity --brief {PACKAGE}")[1].splitlines()
    assert resolved[0].startswith("priority=0 ") and resolved[1:] == [component]


def test_an_apk_is_read_as_it_was_written(device: Device) -> None:
    own = device.packages.installed[PACKAGE]
    assert read_apk(own.data) == own.manifest and own.manifest.activity == device.app.activities[0]
    utf8 = ApkManifest("com.ünïcode.app", 2**31 - 1, "1.0-β", "com.ünïcode.app.Main")
    assert read_apk(write_apk(utf8)) == utf8
    assert read_apk(write_apk(ApkManifest("no.launcher"))).activity == ""


@settings(max_examples=60)
@given(st.binary(max_size=300), st.integers(0, 1200))
def test_no_apk_however_broken_ends_in_a_traceback(noise: bytes, at: int) -> None:
    good = write_apk(ApkManifest("com.a.b", 1, "1", "com.a.b.Main"))
    for data in (noise, good[:at] + noise + good[at:], good[:at]):
        with contextlib.suppress(NotAnApk):
            read_apk(data)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("AndroidManifest.xml", b"\x03\x00\x08\x00" + noise)
    with contextlib.suppress(NotAnApk):
        read_apk(content.getvalue())
