"""Starting activities by name and by address: deep links, their back stacks, and what cannot be."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jamel.suites import app_spec
from jamel.virtual_device.apk import ApkManifest, DeepLink, read_apk, write_apk
from jamel.virtual_device.apps import App, build_app
from jamel.virtual_device.device import Device
from jamel.virtual_device.intents import activity_for, parse_intent
from jamel.virtual_device.server import VirtualDevice
from tests.virtual_device.conftest import Adb, link_of, run

APP = App(build_app(3, noise="none"))
PACKAGE, SCHEME = APP.package, APP.links[0].scheme


@pytest.fixture
def device() -> Device:
    return Device(App(build_app(3, noise="none")))


@pytest.mark.parametrize("link", APP.links, ids=lambda link: link.host)
@pytest.mark.parametrize("alive", [True, False], ids=["running", "stopped"])
def test_a_link_opens_its_page_above_what_leads_there(
    device: Device, link: DeepLink, alive: bool
) -> None:
    if not alive:
        device.stop()
    code, out, err = run(device, f"{link_of(device, link.host)}/some/path?q=1 -W")
    assert (code, err) == (0, "")
    assert out.startswith(f"Starting: Intent {{ act=android.intent.action.VIEW dat={SCHEME}://")
    assert f"LaunchState: {'HOT' if alive else 'COLD'}\nActivity: {PACKAGE}/{link.activity}" in out
    assert device.app.activity == link.activity and device.running
    above = []
    while device.observe().package == PACKAGE:
        above.append(device.app.activity)
        run(device, "input keyevent BACK")
    parents = {f.kind: max(0, f.parent) for f in device.app.spec.features}
    expected = [link.host]
    while expected[-1] != "hub":
        expected.append(device.app.spec.features[parents[expected[-1]]].kind)
    assert above == [f"{PACKAGE}.{kind.title()}Activity" for kind in expected]


def test_over_adb_and_in_the_dumps(phone: VirtualDevice, cli: Adb) -> None:
    device = phone.device
    code, out, _ = cli("shell", link_of(device, "scanner"))
    assert code == 0 and out.startswith(b"Starting: Intent { act=android.intent.action.VIEW")
    component = f"{PACKAGE}/{PACKAGE}.ScannerActivity"
    assert component.encode() in cli("shell", "dumpsys window | grep mCurrentFocus")[1]
    listed = cli("shell", "dumpsys activity activities")[1].decode()
    history = [line.split("u0 ")[1].split()[0] for line in listed.splitlines() if "Hist" in line]
    assert history[0] == component and history[1] == f"{PACKAGE}/{PACKAGE}.HubActivity"
    package = cli("shell", f"dumpsys package {PACKAGE}")[1].decode()
    assert f'Scheme: "{SCHEME}"' in package and 'Authority: "scanner": -1' in package
    uri = f"-a android.intent.action.VIEW -d {SCHEME}://scanner"
    resolved = cli("shell", f"cmd package resolve-activity --brief {uri}")[1].decode()
    assert resolved.splitlines()[1:] == [component]
    resolved = cli("shell", f"pm resolve-activity {uri}")[1].decode()
    assert f"name={PACKAGE}.ScannerActivity" in resolved
    nowhere = f"pm resolve-activity --brief -d {SCHEME}://nowhere"
    assert cli("shell", nowhere)[:2] == (0, b"No activity found\n")


UNRESOLVED = "Error: Activity not started, unable to resolve Intent { "


@pytest.mark.parametrize(
    ("args", "err"),
    [
        (f"-a android.intent.action.VIEW -d {SCHEME}://nowhere",
         f"{UNRESOLVED}act=android.intent.action.VIEW dat={SCHEME}://nowhere }}"),
        ("-a android.intent.action.VIEW -d https://a.b", f"{UNRESOLVED}act="),
        (f"{SCHEME}://nowhere", f"{UNRESOLVED}act=android.intent.action.VIEW dat={SCHEME}"),
        (f"-d {SCHEME}://scanner com.other",
         f"{UNRESOLVED}dat={SCHEME}://scanner pkg=com.other }}"),
        (f"-a android.intent.action.EDIT -d {SCHEME}://scanner", f"{UNRESOLVED}act="),
        (f"-c a.b.C -d {SCHEME}://scanner", f"{UNRESOLVED}dat={SCHEME}://scanner cat=[a.b.C] }}"),
        (f"-d {SCHEME}://[bad", UNRESOLVED), ("com.absent", f"{UNRESOLVED}act="),
        ("-W", "\nException occurred while executing 'start':\njava.lang.IllegalArgumentException: "
         "No intent supplied"),
        (f"-n {PACKAGE}/.NoActivity", "Error type 3\nError: Activity class "
         f"{{{PACKAGE}/.NoActivity}} does not exist."),
        ("--nonsense", "Error: Unknown option: --nonsense"),
    ],
)  # fmt: skip
def test_what_nothing_takes_fails_and_changes_nothing(device: Device, args: str, err: str) -> None:
    before = device.app.snapshot()
    code, _, found = run(device, f"am start {args}")
    assert code in (1, 255) and found.startswith(err), found
    assert device.app.snapshot() == before


@pytest.mark.parametrize(
    "args",
    [f"{SCHEME}://search", f"-d {SCHEME}://search {PACKAGE}", f"-n {PACKAGE}/.SearchActivity",
     f"-d {SCHEME}://search -p {PACKAGE} -c android.intent.category.BROWSABLE --es k v -f 0x10"],
)  # fmt: skip
def test_all_spellings_of_one_intent(device: Device, args: str) -> None:
    assert run(device, f"am start {args}")[0] == 0
    assert device.app.activity == f"{PACKAGE}.SearchActivity"


def test_the_launchers_intent_brings_back_what_was_left(device: Device) -> None:
    run(device, link_of(device, "search"))
    home = "am start -a android.intent.action.MAIN -c android.intent.category.HOME"
    assert run(device, home)[0] == 0
    assert device.observe().package == "com.android.launcher3"
    assert run(device, f"am start {PACKAGE}")[0] == 0
    assert device.app.activity == f"{PACKAGE}.SearchActivity"


def test_no_link_outlives_its_app(device: Device) -> None:
    device.uninstall(PACKAGE)
    assert run(device, link_of(device, "search"))[2].startswith(UNRESOLVED)
    assert "Unable to find package" in run(device, f"dumpsys package {PACKAGE}")[1]


def test_a_feature_for_members_shows_its_door() -> None:
    specs = (app_spec(f"train/{number}") for number in range(200))
    spec = next(spec for spec in specs if any(feature.locked for feature in spec.features))
    device, kind = Device(App(spec)), next(f.kind for f in spec.features if f.locked)
    run(device, link_of(device, kind))
    assert device.app.activity.endswith(".HubActivity")
    said = {text for e in device.observe().elements for text in (e.text, e.content_desc)}
    assert "Members only" in said


def test_a_manifests_links_and_permissions_survive_the_apk() -> None:
    links = (DeepLink("com.a.Ü", "a-b", "host"), DeepLink("com.a.B", "plum", ""))
    manifest = ApkManifest("com.a", 1, "1", "com.a.Main", links, ("android.permission.CAMERA",))
    assert read_apk(write_apk(manifest)) == manifest


WORDS = st.sampled_from(
    ["-a", "-d", "-c", "-n", "-p", "-f", "-W", "--es", "--user", "x", f"{SCHEME}://search",
     "android.intent.action.VIEW", "android.intent.action.MAIN", f"{PACKAGE}/.HubActivity", "a/b"]
)  # fmt: skip


@given(st.lists(WORDS, max_size=8))
def test_any_command_line_names_an_activity_of_the_app_or_none(args: list[str]) -> None:
    manifest = ApkManifest(PACKAGE, 1, "1", APP.activities[0], APP.links)
    with contextlib.suppress(ValueError):
        assert activity_for(parse_intent(args), manifest) in ("", *APP.activities)
