"""The project's stores: where they are, how they are created once, and who may write.

They are embedded in the project's folder, unless a profile with a section `stores` said once, at
`jamel init`, that some lie elsewhere. Knows nothing of what is stored. MLflow and Prefect are only
reached as subprocesses here: two processes that meet an empty database at the same time would
break it for good.
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
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from jamel import places
from jamel.config import StoresConfig
from jamel.disk import full_disk_is_a_store_error, full_message, says_full, write_text
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
REMOTE, SHARED_REMOTE = "local", "shared"
"""Names of the default DVC remote: that of a folder, and that of a bucket."""
SHARED_LOCKS = ("registry",)
"""What all machines that share a database take in turn."""

INIT_WAIT_S = 1800.0
"""How long to wait for another process that creates the stores. Migrations take half a minute, and
many on a machine that is busy; who dies meanwhile holds nothing."""
PREFECT = "PREFECT_API_DATABASE"
PREFECT_URL = f"{PREFECT}_CONNECTION_URL"

EMBEDDED = StoresConfig()


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores of the project in `root`: absolute paths, and the addresses of `elsewhere`."""

    root: Path
    elsewhere: StoresConfig = EMBEDDED

    @property
    def folder(self) -> Path:
        """Where all of them lie."""
        return self.root / "stores"

    @property
    def mlflow_db(self) -> Path:
        """SQLite file of tracking runs and registered models."""
        return self.folder / "mlflow.db"

    @property
    def mlflow_users_db(self) -> Path:
        """SQLite file of those who may log in to MLflow's pages, where runs are kept here too."""
        return self.folder / "mlflow-users.db"

    @property
    def mlflow_uri(self) -> str:
        """SQLAlchemy address of MLflow's database; no path of it depends on the cwd."""
        return self.elsewhere.mlflow or f"sqlite:///{self.mlflow_db}"

    @property
    def mlflow_artifacts(self) -> Path:
        """Folder of logged models and files."""
        return self.folder / "mlflow-artifacts"

    @property
    def artifacts_uri(self) -> str:
        """Where MLflow keeps logged models and files."""
        return self.elsewhere.artifacts or self.mlflow_artifacts.as_uri()

    @property
    def prefect_home(self) -> Path:
        """PREFECT_HOME: database, results, logs."""
        return self.folder / "prefect"

    @property
    def prefect_uri(self) -> str:
        """SQLAlchemy address of Prefect's database, with the driver that Prefect wants."""
        if self.elsewhere.prefect:
            return self.elsewhere.prefect.replace("postgresql:", "postgresql+asyncpg:", 1)
        return f"sqlite+aiosqlite:///{self.prefect_home / 'prefect.db'}"

    @property
    def dvc_remote(self) -> Path:
        """Folder that DVC pushes dataset versions to."""
        return self.folder / "dvc-remote"

    @property
    def dvc_url(self) -> str:
        """Where DVC pushes dataset versions to."""
        return self.elsewhere.dvc_remote or str(self.dvc_remote)

    @property
    def file(self) -> Path:
        """The addresses of `elsewhere`, where there are any."""
        return self.folder / "places.json"

    @property
    def for_mlflow(self) -> dict[str, str]:
        """What MLflow has to be told beside its addresses; keys are in the environment already."""
        endpoint = self.elsewhere.s3_endpoint
        return {"MLFLOW_S3_ENDPOINT_URL": endpoint} if endpoint else {}

    @property
    def for_prefect(self) -> dict[str, str]:
        """What Prefect has to be told before it is imported."""
        home = {"PREFECT_HOME": str(self.prefect_home)}
        if not self.elsewhere.prefect:
            return home
        # Its own are 5 s and 10 s, which a machine at work on sessions may take.
        patience = {f"{PREFECT}_CONNECTION_TIMEOUT": "60", f"{PREFECT}_TIMEOUT": "60"}
        return {**home, PREFECT_URL: self.prefect_uri, **patience}

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
    """Where the stores are, whether they exist or not; raises StoreError for a broken file."""
    stores = Stores(Path(root).resolve())
    try:
        text = stores.file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return stores
    try:
        return replace(stores, elsewhere=StoresConfig.model_validate_json(text))
    except ValidationError as error:
        said = error.errors()[0]["msg"].removeprefix("Value error, ").rstrip(".")
        raise StoreError(
            f"expected the stores' addresses in {stores.file}: {said}. Remove that file and run "
            "`jamel init --config` with the profile that names them."
        ) from None


def has_stores(root: Path | str) -> bool:
    """Whether the project was initialised, by a look at one file: MLflow takes seconds to ask."""
    stores = stores_at(root)
    return bool(stores.elsewhere.mlflow) or stores.mlflow_db.is_file()


def init(root: Path | str, elsewhere: StoresConfig | None = None) -> Stores:
    """Create what is missing and return the stores; running it again changes nothing.

    Args:
        root: the project.
        elsewhere: addresses of stores that several machines share. They are kept in the project,
            from where everything reads them; without any, those that were kept before hold.

    Raises:
        Busy: another process initialises or uses the project.
        StoreError: a database cannot be created or reached, a bucket does not answer, or the disk
            is full.
    """
    stores = stores_at(root)
    if elsewhere is not None and elsewhere.shared:
        stores = replace(stores, elsewhere=elsewhere)
    with full_disk_is_a_store_error(stores.root):
        for folder in (stores.mlflow_artifacts, stores.prefect_home, stores.dvc_remote):
            folder.mkdir(parents=True, exist_ok=True)
        with lock(stores.root, "init", wait_s=INIT_WAIT_S):
            _require_buckets(stores.elsewhere)
            # Programs of their own, each with seconds of imports.
            with ThreadPoolExecutor() as pool:
                made = [
                    pool.submit(step, stores) for step in (_init_mlflow, _init_prefect, _init_dvc)
                ]
            for each in made:
                each.result()
            if stores.elsewhere.shared:
                write_text(stores.file, stores.elsewhere.model_dump_json(indent=1) + "\n")
    return stores


def open_stores(root: Path | str, wanted: StoresConfig | None = None) -> Stores:
    """The stores of an initialised project.

    Args:
        root: the project.
        wanted: what a profile says of them; nothing where it names none.

    Raises:
        StoreError: something is missing, a database does not answer, or the profile names other
            stores than the project was initialised with.
    """
    stores = stores_at(root)
    if wanted is not None:
        require_named(stores, wanted)
    found = _missing(stores)
    if found:
        raise StoreError(
            f"expected initialised stores in {stores.folder}, found missing: {found}. "
            "Run `jamel init` first."
        )
    return stores


def require_named(stores: Stores, wanted: StoresConfig) -> None:
    """Raise StoreError where a profile names other stores than the project was initialised with."""
    if wanted.shared and wanted != stores.elsewhere:
        raise StoreError(
            f"expected the stores that the profile names, found that {stores.folder} was "
            "initialised with others. Run `jamel init --config` with this profile, or take its "
            "section 'stores' out."
        )


def _missing(stores: Stores) -> str:
    """What of the stores is not there, empty when all of it is."""
    if stores.elsewhere.mlflow:
        uri = stores.elsewhere.mlflow
        return "" if places.has_tables(uri) else f"the tables of {uri}"
    missing = [
        str(path.relative_to(stores.root))
        for path in (stores.mlflow_db, stores.mlflow_artifacts, stores.dvc_remote)
        if not path.exists()
    ]
    if missing or not _has_tables(stores.mlflow_db):
        return ", ".join(missing) or "a database without tables"
    return ""


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

    What is in SHARED_LOCKS is held in the shared database as well, where there is one.

    Raises:
        Busy: another holder has it and did not let go within `wait_s`.
        StoreError: the shared database cannot be reached.
    """
    stores = stores_at(root)
    path = stores.locks / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="ascii") as file, ExitStack() as held:
        _acquire(file.fileno(), path, wait_s, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        if name in SHARED_LOCKS and stores.elsewhere.mlflow:
            held.enter_context(places.database_lock(stores.elsewhere.mlflow, name, wait_s))
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


def _require_buckets(elsewhere: StoresConfig) -> None:
    for url in (elsewhere.artifacts, elsewhere.dvc_remote):
        if url:
            places.describe_folder(url, elsewhere.s3_endpoint)


def _init_mlflow(stores: Stores) -> None:
    upgrade = [sys.executable, "-m", "mlflow", "db", "upgrade"]
    if stores.elsewhere.mlflow:
        _migrate(stores, stores.elsewhere.mlflow, [*upgrade, stores.mlflow_uri])
        return
    with _new_database(stores.mlflow_db) as path:
        if path is not None:
            _run(stores, [*upgrade, f"sqlite:///{path}"])


def _init_prefect(stores: Stores) -> None:
    """Migrate ahead of time: the first flow would take long, and two first flows would race."""
    upgrade = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "-y"]
    if stores.elsewhere.prefect:
        _migrate(stores, stores.elsewhere.prefect, upgrade)
        return
    with _new_database(stores.prefect_home / "prefect.db") as path:
        if path is not None:
            _run(stores, upgrade, **{PREFECT_URL: f"sqlite+aiosqlite:///{path}"})


def _migrate(stores: Stores, uri: str, command: list[str]) -> None:
    """Create the tables of a shared database, by one of all the machines that start at once.

    MLflow migrates in one transaction, so that its tables are all there or none is. Prefect takes
    one a step, and its servers go on at start where a migration was cut short.
    """
    with places.database_lock(uri, "init", INIT_WAIT_S):
        if not places.has_tables(uri):
            _run(stores, command)


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
    """Point DVC at the remote in config.local: absolute paths and hosts are never committed."""
    git = (stores.root / ".git").exists()
    if not (stores.root / ".dvc" / "config").exists():
        _run(stores, [*_dvc("init", "-q"), *([] if git else ["--no-scm"])])
    local = _read(stores.root / ".dvc" / "config.local")
    name = SHARED_REMOTE if stores.elsewhere.dvc_remote else REMOTE
    if f"url = {stores.dvc_url}\n" not in local or f"remote = {name}\n" not in local:
        added = _dvc("remote", "add", "--local", "-f", "-q", "-d", name, stores.dvc_url)
        _run(stores, added)
    endpoint = stores.elsewhere.s3_endpoint
    if name == SHARED_REMOTE and endpoint and f"endpointurl = {endpoint}\n" not in local:
        _run(stores, _dvc("remote", "modify", "--local", "-q", name, "endpointurl", endpoint))
    if not git and "no_scm" not in local:
        _run(stores, _dvc("config", "--local", "core.no_scm", "true"))


def _dvc(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "dvc", *arguments]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _run(stores: Stores, command: list[str], **more: str) -> None:
    environment = dict(os.environ)
    environment.pop(PREFECT_URL, None)
    done = subprocess.run(
        command,
        cwd=stores.root,
        env=environment | TELEMETRY_OFF | stores.for_mlflow | stores.for_prefect | more,
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
