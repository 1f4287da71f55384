"""The receiver in docs/android.md, compiled, run under JaCoCo's own agent, and read back."""

import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from jamel.config import BrowserConfig, DeviceConfig, EmulatorConfig
from jamel.coverage.jacoco import read_exec

ROOT = Path(__file__).parents[1]
AGENT = Path("/usr/share/java/org.jacoco.agent.jar")
STUBS = {
    "android/content/Context": "public abstract class Context {"
    " public abstract java.io.File getFilesDir(); }",
    "android/content/Intent": "public class Intent { }",
    "android/content/BroadcastReceiver": "public abstract class BroadcastReceiver {"
    " public abstract void onReceive(Context context, Intent intent); }",
    "android/util/Log": "public class Log { public static int e(String tag, String text,"
    " Throwable why) { why.printStackTrace(); return 0; }"
    " public static int e(String tag, String text) { return 0; } }",
}
MAIN = """
public class Main {
    public static void main(String[] arguments) {
        new jamel.CoverageReceiver().onReceive(new android.content.Context() {
            public java.io.File getFilesDir() { return new java.io.File(arguments[0]); }
        }, new android.content.Intent());
    }
}
"""


def write_sources(folder: Path) -> list[str]:
    """The receiver, what it needs of Android, and a program that sends it a broadcast."""
    text = (ROOT / "docs" / "android.md").read_text()
    (receiver,) = re.findall(r"```java\n(.*?)```", text, flags=re.DOTALL)
    sources = {"jamel/CoverageReceiver": receiver, "Main": MAIN}
    for name, body in STUBS.items():
        sources[name] = f"package {name.rpartition('/')[0].replace('/', '.')};\n{body}"
    for name, body in sources.items():
        path = folder / f"{name}.java"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body)
    return [str(folder / f"{name}.java") for name in sources]


@pytest.mark.skipif(
    not (shutil.which("javac") and AGENT.is_file()), reason="a JDK and libjacoco-java are missing"
)
def test_the_receiver_writes_what_jacoco_recorded(tmp_path: Path) -> None:
    sources = write_sources(tmp_path / "src")
    classes, files = tmp_path / "classes", tmp_path / "files"
    files.mkdir()
    with zipfile.ZipFile(AGENT) as jar:
        jar.extract("jacocoagent.jar", tmp_path)
    subprocess.run(["javac", "-d", str(classes), *sources], check=True, timeout=60)
    agent = f"-javaagent:{tmp_path / 'jacocoagent.jar'}=output=none"
    done = subprocess.run(
        ["java", agent, "-cp", str(classes), "Main", str(files)],
        check=True, timeout=60, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stderr == "" and [path.name for path in files.iterdir()] == ["coverage.ec"]
    probes = read_exec((files / "coverage.ec").read_bytes())
    found = {item.name for item in probes.classes.values()}
    assert {"Main$1", "jamel/CoverageReceiver"} <= found and probes.count() > 3


def test_every_setting_of_a_device_is_described() -> None:
    described = (ROOT / "docs" / "devices.md").read_text()
    keys = {*DeviceConfig.model_fields, *EmulatorConfig.model_fields} - {"emulator"}
    missing = [key for key in sorted(keys) if f"`{key}`" not in described]
    assert not missing
    described = (ROOT / "docs" / "web.md").read_text()
    assert not [key for key in BrowserConfig.model_fields if f"| `{key}`" not in described]
