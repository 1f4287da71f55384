"""JaCoCo's own tools and agent, from Debian's libjacoco-java and a JDK, where they are installed.

Compiles a small Java program, runs it under the real agent, and asks JaCoCo's reader, merger and
dump client. Knows nothing of `jamel`. Names beyond ASCII need a UTF-8 locale, which is set here.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SOURCES = Path(__file__).parent / "coverage" / "java"
JARS = Path("/usr/share/java")
NEEDED = ("org.jacoco.core.jar", "org.jacoco.agent.jar", "asm-all.jar")
CASES = 300
TIMEOUT_S = 60
_JAVAC = ("-encoding", "UTF-8", "-Xlint:-options")


def missing() -> str:
    """Why the tools cannot be used, "" when they can."""
    programs = [name for name in ("java", "javac") if not shutil.which(name)]
    jars = [name for name in NEEDED if not (JARS / name).is_file()]
    absent = ", ".join(programs + jars)
    return f"apt-get install default-jdk-headless libjacoco-java: no {absent}" if absent else ""


class Run(NamedTuple):
    """A running program: its process, and the port its agent listens on (0 for none)."""

    process: subprocess.Popen[str]
    port: int

    def say(self, line: str) -> None:
        """Have the program run one of its parts."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == f"ran {line}\n"


class JacocoTools:
    """The compiled program in `classes`, the agent, and the tools.

    Args:
        folder: an empty folder to compile in.
    """

    def __init__(self, folder: Path) -> None:
        self.classes = folder / "classes"
        self._tool = folder / "tool"
        self._agent = folder / "jacocoagent.jar"
        with zipfile.ZipFile(JARS / "org.jacoco.agent.jar") as jar:
            self._agent.write_bytes(jar.read("jacocoagent.jar"))
        generated = folder / "Many.java"
        generated.write_text(_many(CASES))
        program = SOURCES / "golden" / "Program.java"
        nine = SOURCES / "golden" / "Nine.java"
        self._compile(self.classes, "8", generated, program, nine)
        (self.classes / "golden" / "Nine.class").unlink()
        (self.classes / "golden" / "Nine$Shape.class").unlink()
        self._compile(self.classes, "9", nine)
        self._compile(self._tool, "8", SOURCES / "Tool.java")

    def run(self, output: Path, part: str, session: str, append: bool = False) -> None:
        """Run one part of the program under the agent, with `output=file`."""
        options = f"destfile={output},sessionid={session},append={str(append).lower()}"
        subprocess.run(
            self._program(options, part), check=True, timeout=TIMEOUT_S, env=_environment()
        )

    @contextlib.contextmanager
    def serve(self, part: str, session: str) -> Iterator[Run]:
        """The program under the agent with `output=tcpserver`, ready for more parts."""
        port = _free_port()
        options = f"output=tcpserver,address=127.0.0.1,port={port},sessionid={session}"
        process = subprocess.Popen(
            self._program(options, part, "wait"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=_environment(),
        )
        try:
            assert process.stdout and process.stdout.readline() == "ready\n"
            yield Run(process, port)
        finally:
            process.communicate(timeout=TIMEOUT_S)

    def tool(self, *args: str | Path) -> str:
        """What Tool.java prints; raises CalledProcessError where JaCoCo refuses."""
        command = ["java", "-Xshare:auto", "-cp", _path(self._tool, *_core()), "Tool"]
        return subprocess.run(
            [*command, *map(str, args)],
            check=True,
            capture_output=True,
            timeout=TIMEOUT_S,
            env=_environment(),
        ).stdout.decode()

    def instrumented(self, folder: Path) -> Path:
        """The program's classes as they are in an app, and Nine for Java 11 in `eleven`."""
        made = folder / "instrumented"
        shutil.copytree(self.classes, made)
        self._compile(made / "eleven", "11", SOURCES / "golden" / "Nine.java")
        self.tool("instrument", made)
        return made

    def _program(self, options: str, *args: str) -> list[str]:
        # What Program itself executes while it waits depends on when it is looked at.
        filters = "includes=golden.*,excludes=golden.Program"
        agent = f"-javaagent:{self._agent}={filters},{options}"
        return ["java", agent, "-cp", str(self.classes), "golden.Program", *args]

    def _compile(self, target: Path, release: str, *sources: Path) -> None:
        path = _path(target, *_core())
        subprocess.run(
            ["javac", *_JAVAC, "--release", release, "-cp", path, "-d", target, *sources],
            check=True,
            timeout=TIMEOUT_S,
            env=_environment(),
        )


def _many(cases: int) -> str:
    """A class with more than `cases` probes, whose count takes two bytes."""
    branches = "".join(f"            case {i}: return {i * 7};\n" for i in range(cases))
    return (
        "package golden;\n\nfinal class Many {\n    static int pick(int which) {\n"
        f"        switch (which) {{\n{branches}            default: return -1;\n"
        "        }\n    }\n}\n"
    )


def _core() -> tuple[Path, ...]:
    return (JARS / "org.jacoco.core.jar", JARS / "asm-all.jar")


def _path(*parts: Path) -> str:
    return os.pathsep.join(map(str, parts))


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8"}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
