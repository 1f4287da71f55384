"""Makes tests/coverage/golden/ again from the real JaCoCo agent: `python tests/coverage/make_golden.py`.

`classes.zip`: the program's class files. `instrumented.jar`: the same as JaCoCo instruments them
for an app, and Nine once more for Java 11. `*.exec`: what the agent wrote. `*.wire`: the bytes an
agent sent to a client that asked for dumps. `ours.exec`: what jamel wrote. `*.txt`: what JaCoCo's
own tools read in each. Times in the files are those of the run; all else is the same each time.
"""  # noqa: E501

from __future__ import annotations

import shutil
import socket
import sys
import tempfile
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from jacoco_tools import JacocoTools, missing

from jamel.coverage import ClassProbes, ProbeSet
from jamel.coverage.jacoco import write_exec

GOLDEN = Path(__file__).parent / "golden"
HEADER = bytes.fromhex("01c0c01007")
DUMP, DUMP_AND_RESET, RESET = b"\x40\x01\x00", b"\x40\x01\x01", b"\x40\x00\x01"
OURS = ProbeSet(
    {
        0: ClassProbes("a/None", 9, 0),
        1: ClassProbes("a/Empty", 0, 0),
        (1 << 64) - 1: ClassProbes("größe/日本/𐐀$1", 129, 1 << 128 | 1),
        1 << 63: ClassProbes("a/Most", 127, (1 << 127) - 2),
        8: ClassProbes("nul/\0/in\x7fname", 8, 0xFF),
    }
)
OUR_SESSION = "sitzung-日本"


def make(folder: Path, tools: JacocoTools) -> None:
    """Write every file but the class files."""
    tools.run(folder / "file.exec", "first", "one")
    tools.run(folder / "appended.exec", "first", "one")
    tools.run(folder / "appended.exec", "second", "two", append=True)
    with tools.serve("first", "served") as running:
        ask(running.port, folder / "first.wire", DUMP)
        tools.tool("dump", "127.0.0.1", str(running.port), folder / "first.exec", "true")
        running.say("second")
        ask(running.port, folder / "second.wire", DUMP_AND_RESET)
        ask(running.port, folder / "nothing.wire", DUMP)
        ask(running.port, folder / "reset.wire", RESET)
        running.say("second")
        tools.tool("dump", "127.0.0.1", str(running.port), folder / "second.exec", "false")
    inputs = [folder / "first.exec", folder / "second.exec", folder / "file.exec"]
    tools.tool("merge", folder / "merged.exec", *inputs)
    (folder / "ours.exec").write_bytes(write_exec(OURS, OUR_SESSION))
    for file in sorted(folder.glob("*.exec")):
        file.with_suffix(".txt").write_text(tools.tool("info", file), encoding="utf-8")


def ask(port: int, file: Path, command: bytes) -> None:
    """Keep the bytes an agent answers to one command."""
    with socket.create_connection(("127.0.0.1", port), 10) as conn, file.open("wb") as kept:
        conn.sendall(HEADER + command)
        conn.shutdown(socket.SHUT_WR)
        while chunk := conn.recv(65536):
            kept.write(chunk)


def pack_classes(folder: Path, target: Path) -> None:
    """The class files, in a stable order and without times."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in sorted(folder.rglob("*.class")):
            name = str(file.relative_to(folder))
            packed.writestr(zipfile.ZipInfo(name), file.read_bytes(), zipfile.ZIP_DEFLATED)


def main() -> None:
    """Replace the golden files."""
    if problem := missing():
        sys.exit(problem)
    shutil.rmtree(GOLDEN, ignore_errors=True)
    GOLDEN.mkdir()
    with tempfile.TemporaryDirectory() as folder:
        tools = JacocoTools(Path(folder))
        make(GOLDEN, tools)
        pack_classes(tools.classes, GOLDEN / "classes.zip")
        pack_classes(tools.instrumented(Path(folder)), GOLDEN / "instrumented.jar")


if __name__ == "__main__":
    main()
