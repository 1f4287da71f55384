"""A PostgreSQL and an S3-speaking server on loopback, with users and passwords, gone afterwards."""

from __future__ import annotations

import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

REPOSITORY = Path(__file__).resolve().parents[1]
USER = "jamel"
BUCKET = "jamel"


class Postgres(NamedTuple):
    """Where it listens, the password of `USER`, and the folder of its programs."""

    port: int
    password: str
    programs: Path


class S3(NamedTuple):
    """Where it listens, and the key that opens `BUCKET`."""

    endpoint: str
    key: str
    secret: str


def postgres_programs() -> Path | None:
    """The folder with PostgreSQL's server, None where it is not installed."""
    found = [Path(path).resolve() for path in [shutil.which("postgres")] if path]
    # Debian keeps it out of the path, by version.
    debian = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    found += sorted(debian, key=lambda path: int(path.parts[-3]), reverse=True)
    return found[0].parent if found else None


@contextmanager
def postgres(databases: Sequence[str]) -> Iterator[Postgres]:
    """A server with a user and some empty databases, in a folder that is removed with it."""
    programs = postgres_programs()
    assert programs is not None, "the caller skips where there is none"
    with tempfile.TemporaryDirectory(prefix="jamel-postgres-", ignore_cleanup_errors=True) as at:
        folder, password = Path(at), secrets.token_hex(16)
        (folder / "password").write_text(password)
        server = Postgres(_free_port(), password, programs)
        _give_away(folder)
        first = ["-U", USER, "--pwfile", folder / "password", "-A", "scram-sha-256"]
        _run([programs / "initdb", "-D", folder / "data", *first, "-E", "UTF8", "--no-sync"])
        (folder / "password").unlink()
        with (folder / "log").open("wb") as log:
            here = ["-p", str(server.port), "-c", "listen_addresses=127.0.0.1", "-k", folder]
            process = subprocess.Popen(
                [programs / "postgres", "-D", folder / "data", *here, "-c", "fsync=off"],
                stdout=log,
                stderr=log,
                cwd=folder,
                **_as_another(),
            )
        try:
            for name in databases:
                _create_database(server, name)
            yield server
        finally:
            # A fast shutdown: sessions are ended.
            process.send_signal(signal.SIGINT)
            process.wait(30)


@contextmanager
def s3() -> Iterator[S3]:
    """A server with one bucket and one key."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.s3_server", BUCKET],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        yield S3(**json.loads(process.stdout.readline()))
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def _create_database(server: Postgres, name: str) -> None:
    """As soon as the server answers."""
    import psycopg2

    deadline = time.monotonic() + 60
    while True:
        try:
            connection = psycopg2.connect(
                host="127.0.0.1", port=server.port, user=USER, password=server.password,
                dbname="postgres",
            )  # fmt: skip
            break
        except psycopg2.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}"')
    connection.close()


def _run(command: Sequence[Any]) -> None:
    subprocess.run(command, check=True, capture_output=True, cwd="/", **_as_another())


def _as_another() -> dict[str, Any]:
    """PostgreSQL does not run as root."""
    if os.getuid():
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _give_away(folder: Path) -> None:
    other = _as_another()
    for path in (folder, *folder.iterdir()):
        if other:
            os.chown(path, other["user"], other["group"])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
