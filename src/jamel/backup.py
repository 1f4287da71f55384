"""A project's embedded stores copied to a folder while they are in use, and put back elsewhere.

Databases are copied by SQLite itself and the pinned dataset's name is read, then the files that
they name: those are never changed, so the copy holds every file of every row and of that dataset.
Knows no table but how absolute paths look in one; stores on other machines are backed up by their
servers' own programs.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from jamel import dataset
from jamel.disk import full_disk_is_a_store_error, sync, write_json, write_text
from jamel.errors import StoreError
from jamel.provenance import PINNED, git
from jamel.stores import Stores, has_stores, init, open_stores, stores_at

ABOUT = "backup.json"


def backup(root: Path | str, out: Path) -> dict[str, Any]:
    """Copy databases, models, logged files, dataset versions and the audit to a new folder.

    Runs may go on meanwhile; what they write after the databases were copied is not in the copy,
    or in no row and no pin of it.

    Args:
        root: the project.
        out: a folder that is not there yet; it appears whole or not at all.

    Returns:
        `{"root", "when", "bytes"}`, which `backup.json` in the folder says as well.

    Raises:
        StoreError: there are no stores, they lie elsewhere, `out` is there or cannot be written,
            or the disk is full.
        DatasetError: DVC cannot push what is pinned and not pushed yet.
        Busy: another process pins or pushes a dataset, for minutes.
    """
    stores = open_stores(root)
    if stores.elsewhere.mlflow:
        raise StoreError(
            f"expected stores in {stores.folder}, found them at {stores.elsewhere.mlflow}. Back "
            "them up with pg_dump and the bucket's own versions, as docs/production.md says."
        )
    if out.exists():
        raise StoreError(f"expected a new folder for the backup, found {out}. Name another one.")
    partial = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with full_disk_is_a_store_error(out):
            for database in _databases(stores):
                _copy_database(database, _at(partial, stores, database))
            # Before the remote: what is pinned from now on may not be in the copy of that.
            if pinned := dataset.pushed(stores.root):
                write_text(partial / PINNED, pinned)
            for kept in _kept(stores):
                _copy(kept, _at(partial, stores, kept))
            files = [path for path in partial.rglob("*") if path.is_file()]
            told = {"root": str(stores.root), "bytes": sum(path.stat().st_size for path in files)}
            told["when"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            write_json(partial / ABOUT, told)
            partial.replace(out)
            sync(out.parent)
    except OSError as error:
        raise StoreError(
            f"expected to copy the stores to {out}, found: {error}. Name a folder that can be "
            "written."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return told


def restore(root: Path | str, source: Path) -> Stores:
    """Put a backup into a project without stores, in whatever folder that lies.

    `data.dvc` comes back as well, and `dvc pull data.dvc` fetches its files.

    Args:
        root: the project, such as a fresh clone.
        source: what `backup` wrote.

    Raises:
        StoreError: `source` is no backup, the project has stores already or a `data.dvc` that
            would be lost, or the disk is full.
    """
    stores = stores_at(root)
    if has_stores(root):
        raise StoreError(
            f"expected a project without stores, found {stores.folder}. Move it aside, or restore "
            "into a fresh clone."
        )
    former = _former_root(source)
    _require_replaceable(stores.root / PINNED, source / PINNED)
    with full_disk_is_a_store_error(stores.root):
        for kept in _kept(stores):
            _copy(_at(source, stores, kept), kept)
        _copy(source / PINNED, stores.root / PINNED)
        # MLflow's last: it is what makes a project count as initialised.
        for database in reversed(_databases(stores)):
            new = database.with_name(f".{database.name}.restored")
            _copy(_at(source, stores, database), new)
            if new.exists():
                _move_paths(new, former, stores.root)
                new.replace(database)
    return init(root)


def _databases(stores: Stores) -> tuple[Path, ...]:
    return stores.mlflow_db, stores.mlflow_users_db, stores.prefect_home / "prefect.db"


def _kept(stores: Stores) -> tuple[Path, ...]:
    """What is copied as it is: files that are not changed once they are there, or only grow."""
    return stores.mlflow_artifacts, stores.dvc_remote, stores.audit, stores.file


def _at(folder: Path, stores: Stores, path: Path) -> Path:
    """The same place below another folder."""
    return folder / path.relative_to(stores.folder)


def _copy_database(database: Path, copy: Path) -> None:
    """A consistent copy, whoever writes meanwhile; also of what is still in the log beside it."""
    if not database.exists():
        return
    copy.parent.mkdir(parents=True, exist_ok=True)
    address = f"{database.as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(address, uri=True)) as there,
        closing(sqlite3.connect(copy)) as here,
    ):
        there.backup(here)
        # The copy is one file: nothing has to be moved with it.
        here.execute("PRAGMA journal_mode=DELETE")


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, to, copy_function=_copy_file, dirs_exist_ok=True)
    else:
        _copy_file(str(path), str(to))


def _copy_file(path: str, to: str) -> None:
    # What is being written has a temporary name, and may be gone by now.
    with suppress(FileNotFoundError):
        shutil.copy2(path, to)


def _former_root(source: Path) -> Path:
    try:
        return Path(json.loads((source / ABOUT).read_text(encoding="utf-8"))["root"])
    except (OSError, ValueError, KeyError, TypeError):
        raise StoreError(
            f"expected a backup in {source}, found no {ABOUT} there. Name the folder that `jamel "
            "backup` wrote."
        ) from None


def _require_replaceable(pin: Path, other: Path) -> None:
    """Every clone has a `data.dvc`: the backup's takes its place where git gives it back."""
    if not (pin.exists() and other.exists()) or pin.read_bytes() == other.read_bytes():
        return
    if git(pin.parent, "status", "--porcelain", "--", pin.name) != "":
        raise StoreError(
            f"expected {pin} as it was committed, for the backup's takes its place, found it "
            "changed or in no repository. Commit it, or move it aside."
        )


def _move_paths(database: Path, old: Path, new: Path) -> None:
    """Rewrite the absolute paths and addresses that begin with the project's former folder."""
    with closing(sqlite3.connect(database)) as connection, connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            columns = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
            for column in (row[1] for row in columns if "CHAR" in row[2] or "TEXT" in row[2]):
                for before, after in ((str(old), str(new)), (old.as_uri(), new.as_uri())):
                    connection.execute(
                        f'UPDATE "{table}" SET "{column}" = ? || substr("{column}", ?) '
                        f'WHERE substr("{column}", 1, ?) = ?',
                        (after, len(before) + 1, len(before) + 1, f"{before}/"),
                    )
