"""The project's embedded stores: where they are, how they are created once, and who may write.

Knows nothing of what is stored. MLflow and Prefect are only reached as subprocesses here: two
processes that meet an empty database at the same time would break it for good.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from jamel.disk import full_disk_is_a_store_error, full_message, says_full
from jamel.errors import Busy, StoreError

TELEMETRY_OFF = {
    "DO_NOT_TRACK": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DVC_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}
REMOTE = "local"
"""Name of the default DVC remote, a folder."""

PREFECT_URL = "PREFECT_API_DATABASE_CONNECTION_URL"


@dataclass(frozen=True, slots=True)
class Stores:
    """Absolute paths of the stores of the project in `root`."""

    root: Path

    @property
    def folder(self) -> Path:
        """Where all of them lie."""
        return self.root / "stores"

    @property
    def mlflow_db(self) -> Path:
        """SQLite file of tracking runs and registered models."""
        return self.folder / "mlflow.db"

    @property
    def mlflow_uri(self) -> str:
        """SQLAlchemy address of `mlflow_db`; absolute, for it must not depend on the cwd."""
        return f"sqlite:///{self.mlflow_db}"

    @property
    def mlflow_artifacts(self) -> Path:
        """Folder of logged models and files."""
        return self.folder / "mlflow-artifacts"

    @property
    def prefect_home(self) -> Path:
        """PREFECT_HOME: database, results, logs."""
        return self.folder / "prefect"

    @property
    def dvc_remote(self) -> Path:
        """Folder that DVC pushes dataset versions to."""
        return self.folder / "dvc-remote"

    @property
    def locks(self) -> Path:
        """Folder of advisory lock files."""
        return self.folder / "locks"

    @property
    def logs(self) -> Path:
        """Folder of what the servers of the pages print."""
        return self.folder / "logs"

    @property
    def data_changing(self) -> Path:
        """There while a run replaces pinned shards, and after one that did not come to its end."""
        return self.folder / "data-changing"

    @property
    def audit(self) -> Path:
        """Every promotion, refusal and rollback, one JSON line each."""
        return self.folder / "audit.jsonl"


def telemetry_off() -> None:
    """Tell every library to report nothing; to be called before any of them is imported."""
    os.environ.update(TELEMETRY_OFF)


def stores_at(root: Path | str) -> Stores:
    """The paths alone, whether the stores exist or not."""
    return Stores(Path(root).resolve())


def has_stores(root: Path | str) -> bool:
    """Whether the project was initialised, by a look at one file: MLflow takes seconds to ask."""
    return stores_at(root).mlflow_db.is_file()


def init(root: Path | str) -> Stores:
    """Create what is missing and return the stores; running it again changes nothing.

    Raises:
        Busy: another process initialises or uses the project.
        StoreError: a database cannot be created, or the disk is full.
    """
    stores = stores_at(root)
    with full_disk_is_a_store_error(stores.root):
        for folder in (stores.mlflow_artifacts, stores.prefect_home, stores.dvc_remote):
            folder.mkdir(parents=True, exist_ok=True)
        with lock(stores.root, "init", wait_s=120):
            _init_mlflow(stores)
            _init_prefect(stores)
            _init_dvc(stores)
    return stores


def open_stores(root: Path | str) -> Stores:
    """The stores of an initialised project; raises StoreError that says what is missing."""
    stores = stores_at(root)
    missing = [
        str(path.relative_to(stores.root))
        for path in (stores.mlflow_db, stores.mlflow_artifacts, stores.dvc_remote)
        if not path.exists()
    ]
    if missing or not _has_tables(stores.mlflow_db):
        found = ", ".join(missing) or "a database without tables"
        raise StoreError(
            f"expected initialised stores in {stores.folder}, found missing: {found}. "
            "Run `jamel init` first."
        )
    return stores


@contextmanager
def project_lock(root: Path | str, wait_s: float = 0.0) -> Iterator[None]:
    """Hold the project for one run; raises Busy when another process holds it for `wait_s`."""
    with lock(Path(root), "project", wait_s):
        yield


@contextmanager
def folder_lock(root: Path | str, folder: Path, wait_s: float = 0.0) -> Iterator[None]:
    """Hold one folder for writing; other folders may be written meanwhile, but by no whole run.

    Raises:
        Busy: another process writes there, or a whole run holds the project, for `wait_s`.
    """
    name = hashlib.sha256(str(Path(folder).resolve()).encode()).hexdigest()[:12]
    with (
        lock(Path(root), "project", wait_s, shared=True),
        lock(Path(root), f"folder-{name}", wait_s),
    ):
        yield


@contextmanager
def lock(root: Path, name: str, wait_s: float = 0.0, shared: bool = False) -> Iterator[None]:
    """An advisory lock that the kernel drops when its holder dies, however it dies.

    Args:
        root: the project.
        name: what is locked.
        wait_s: how long to wait for another holder.
        shared: others may share it and no one has it alone, rather than one alone.

    Raises:
        Busy: another holder has it and did not let go within `wait_s`.
    """
    path = stores_at(root).locks / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="ascii") as file:
        _acquire(file.fileno(), path, wait_s, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)
            fcntl.flock(file, fcntl.LOCK_UN)


def _acquire(descriptor: int, path: Path, wait_s: float, kind: int) -> None:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise Busy(_busy_message(path)) from None
            time.sleep(0.1)


def _busy_message(path: Path) -> str:
    holder = path.read_text(encoding="ascii").strip()
    who = f"process {holder}" if holder else "another process"
    return (
        f"expected no other run in this project, found that {who} holds {path}. "
        "Wait until it ends; the lock goes away with its process."
    )


def _has_tables(database: Path) -> bool:
    """Whether the migrations ran to their end, which writes the Alembic version."""
    if not database.exists():
        return False
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            return bool(connection.execute("SELECT version_num FROM alembic_version").fetchone())
    except sqlite3.DatabaseError:
        return False


def _init_mlflow(stores: Stores) -> None:
    with _new_database(stores.mlflow_db) as path:
        if path is not None:
            upgrade = ["-m", "mlflow", "db", "upgrade", f"sqlite:///{path}"]
            _run(stores, [sys.executable, *upgrade])


def _init_prefect(stores: Stores) -> None:
    """Migrate ahead of time: the first flow would take long, and two first flows would race."""
    with _new_database(stores.prefect_home / "prefect.db") as path:
        if path is not None:
            upgrade = ["-m", "prefect", "server", "database", "upgrade", "-y"]
            _run(stores, [sys.executable, *upgrade], **{PREFECT_URL: f"sqlite+aiosqlite:///{path}"})


@contextmanager
def _new_database(database: Path) -> Iterator[Path | None]:
    """Where to build a database that then takes its place whole; None when it is there already.

    A migration that was killed half-way would otherwise pass for a finished one.
    """
    if _has_tables(database):
        yield None
        return
    new = database.with_name(f".{database.name}.{os.getpid()}")
    try:
        yield new
        with closing(sqlite3.connect(new)) as connection:
            # Whatever still lies in the log beside it belongs into the file that is moved.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        os.replace(new, database)
    finally:
        for left in database.parent.glob(f"{new.name}*"):
            left.unlink()


def _init_dvc(stores: Stores) -> None:
    """Point DVC at the folder remote in config.local: absolute paths are never committed."""
    git = (stores.root / ".git").exists()
    if not (stores.root / ".dvc" / "config").exists():
        _run(stores, [*_dvc("init", "-q"), *([] if git else ["--no-scm"])])
    local = _read(stores.root / ".dvc" / "config.local")
    if str(stores.dvc_remote) not in local:
        remote = str(stores.dvc_remote)
        _run(stores, _dvc("remote", "add", "--local", "-f", "-q", "-d", REMOTE, remote))
    if not git and "no_scm" not in local:
        _run(stores, _dvc("config", "--local", "core.no_scm", "true"))


def _dvc(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "dvc", *arguments]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _run(stores: Stores, command: list[str], **more: str) -> None:
    environment = os.environ | TELEMETRY_OFF | {"PREFECT_HOME": str(stores.prefect_home)}
    environment.pop(PREFECT_URL, None)
    done = subprocess.run(
        command,
        cwd=stores.root,
        env=environment | more,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr or done.stdout
        if says_full(said):
            raise StoreError(full_message(stores.root))
        last = said.strip().splitlines()[-1:] or ["no output"]
        raise StoreError(
            f"expected `{' '.join(command[1:])}` to initialise a store, found exit status "
            f"{done.returncode}: {last[0]}. Mend that, or move {stores.folder} aside."
        )
