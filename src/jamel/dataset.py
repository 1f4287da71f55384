"""Dataset versions: pin data/ with DVC, push it to the folder remote, go back to a version.

Knows files and hashes; not what is in a shard. A version is named by an md5 and, where there is a
git repository, by a tag on a commit that holds the very `data.dvc`; the worktree, the index and
the branch stay as they are, so a dirty worktree is no obstacle and loses nothing.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jamel import provenance
from jamel.disk import disk_is_full, full_disk_is_a_store_error, write_text
from jamel.errors import Busy, DatasetError
from jamel.provenance import PINNED
from jamel.stores import lock, open_stores, stores_at, telemetry_off

if TYPE_CHECKING:
    from dvc.repo import Repo

DATA = "data"
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")


def version(root: Path | str, tag: str | None = None) -> str:
    """Pin data/ as it is now, push it, and return its md5.

    Args:
        root: the project.
        tag: a git tag for this version. A tag that names other data already is never moved: the
            first digits of the md5 are appended then.

    Raises:
        DatasetError: there is nothing to pin, the tag is no tag name, or DVC cannot push.
        Busy: another process writes to DVC.
        StoreError: the stores are missing, or the disk is full.
    """
    root = Path(root).resolve()
    if tag is not None and not _TAG.fullmatch(tag):
        raise DatasetError(
            f"expected a tag of letters, digits, '.', '_', '-' and '/', found {tag!r}."
        )
    open_stores(root)
    if not any((root / DATA).rglob("*.parquet")):
        raise DatasetError(
            f"expected shards in {root / DATA} to version, found none. Run `jamel collect` first."
        )
    with _writing(root) as repo:
        repo.add([str(root / DATA)])
        repo.push(targets=[str(root / PINNED)])
    md5 = pinned_md5(root)
    if tag is not None:
        _tag(root, tag, md5)
    return md5


def pushed(root: Path | str) -> str:
    """What `data.dvc` says, with what it pins pushed as far as it is here; "" where none is.

    A run that was killed may have pinned what it did not push. In a fresh clone files may be
    nowhere: that is no error.

    Raises:
        DatasetError: DVC cannot push.
        Busy: another process writes to DVC.
    """
    root = Path(root).resolve()
    with _writing(root) as repo:
        if not (root / PINNED).exists():
            return ""
        repo.push(targets=[str(root / PINNED)])
        return (root / PINNED).read_text(encoding="utf-8")


def pinned_md5(root: Path | str) -> str:
    """The md5 in `data.dvc`; raises DatasetError when no dataset is pinned."""
    path = Path(root) / PINNED
    try:
        return provenance.md5_in(path.read_bytes())
    except FileNotFoundError:
        raise DatasetError(
            f"expected a pinned dataset in {path}, found no such file. "
            "Version data/ first: `python -m pipelines.retrain` does."
        ) from None
    except ValueError:
        raise DatasetError(
            f"expected an md5 in {path}, found an ill-formed file. Take it from git again."
        ) from None


def check_pinned(root: Path | str, allow_new: bool = False) -> str:
    """Return the pinned md5 if data/ still is what was pinned.

    Args:
        root: the project.
        allow_new: shards that were added since are no difference; the dataset is append-only.

    Raises:
        DatasetError: shards were changed, removed or added by hand.
    """
    md5 = pinned_md5(root)
    changes = changes_since_pinned(root)
    if allow_new:
        changes.pop("added", None)
    if changes:
        found = "; ".join(f"{kind}: {_few(paths)}" for kind, paths in sorted(changes.items()))
        raise DatasetError(
            f"expected data/ as pinned ({md5}), found {found}. Go back with `dvc checkout "
            f"{PINNED}`, or pin what is there as a new version with `dvc add {DATA}`."
        )
    return md5


def require_unchanged(root: Path | str) -> None:
    """Raise DatasetError if a shard that is pinned was changed or removed; new ones are none."""
    if (Path(root) / PINNED).exists():
        check_pinned(root, allow_new=True)


@contextmanager
def open_for_changes(root: Path | str) -> Iterator[None]:
    """Replace pinned shards, as rounds of other settings do, and pin what came of it.

    A run that was killed or failed on the way finds its own changes, and goes on.

    Raises:
        DatasetError: a pinned shard was changed or removed by someone else.
    """
    changing = stores_at(root).data_changing
    if not changing.exists():
        require_unchanged(root)
        write_text(changing, "a run replaces shards of data/ and will pin them\n")
    yield
    changing.unlink()


def changes_since_pinned(root: Path | str) -> dict[str, list[str]]:
    """Files under data/ by what happened to them: added, modified, deleted; empty when equal."""
    with _reading(Path(root).resolve()) as repo:
        found = repo.data_status(granular=True)["uncommitted"]
    kinds = ("added", "modified", "deleted")
    # DVC tells of every output it knows, such as those of dvc.yaml's stages.
    files = {
        kind: sorted(
            path
            for path in found.get(kind, ())
            if path.startswith(f"{DATA}/") and not path.endswith("/")
        )
        for kind in kinds
    }
    return {kind: paths for kind, paths in files.items() if paths}


def restore(root: Path | str, tag: str) -> str:
    """Bring data/ back to a tagged version and return its md5.

    Raises:
        DatasetError: there is no such tag, its files are gone, or data/ has unpinned changes.
    """
    root = Path(root).resolve()
    check_pinned(root)
    wanted = _git(root, "show", f"{tag}:./{PINNED}")
    if wanted is None:
        known = _git(root, "tag", "--list", "dataset/*") or ""
        raise DatasetError(
            f"expected a dataset version tagged {tag}, found none. The tags are: "
            f"{', '.join(known.split()) or 'none'}."
        )
    before = (root / PINNED).read_text(encoding="utf-8")
    try:
        write_text(root / PINNED, wanted + "\n")
        fetch(root)
    except BaseException:
        write_text(root / PINNED, before)
        raise
    return pinned_md5(root)


def fetch(root: Path | str) -> str:
    """Bring data/ to what `data.dvc` pins, from the cache or the remote; return the md5.

    Raises:
        DatasetError: neither has the files.
    """
    root = Path(root).resolve()
    md5 = pinned_md5(root)
    with _writing(root) as repo:
        repo.pull(targets=[str(root / PINNED)], force=True)
    return md5


def files_of(root: Path | str, md5: str) -> dict[str, tuple[str, Path]]:
    """The files of any version: path under data/ -> the file's md5 and where its contents lie.

    Raises:
        DatasetError: neither the cache nor the remote knows the version.
    """
    found = _listed(Path(root).resolve(), md5) if md5.endswith(".dir") else None
    if found is None:
        raise DatasetError(
            f"expected the list of the files of dataset {md5 or 'unknown'} in .dvc/cache or in the "
            "remote, found it in neither. Copy stores/dvc-remote from where that dataset was made."
        )
    return found


def _listed(root: Path, md5: str) -> dict[str, tuple[str, Path]] | None:
    with _reading(root) as repo:
        from dvc_data.hashfile import load
        from dvc_data.hashfile.hash_info import HashInfo

        for store in _stores_of(repo):
            with suppress(FileNotFoundError):
                tree: Any = load(store, HashInfo("md5", md5))
                return {
                    "/".join(key): (info.value, Path(store.oid_to_path(info.value)))
                    for key, _, info in tree
                }
    return None


def _stores_of(repo: Repo) -> Iterator[Any]:
    from dvc.config import NoRemoteError

    yield repo.cache.local
    with suppress(NoRemoteError):
        yield repo.cloud.get_remote_odb()


@contextmanager
def _writing(root: Path) -> Iterator[Repo]:
    """One writer at a time in this project, waiting its turn: DVC itself gives up after 3 s."""
    with (
        lock(root, "dvc", wait_s=120),
        full_disk_is_a_store_error(root),
        _reading(root) as repo,
        repo.scm_context(quiet=True),
    ):
        _remove_torn_locks(repo)
        yield repo


def _remove_torn_locks(repo: Repo) -> None:
    """Remove DVC's file of who reads and writes, if a kill left it half written.

    DVC then refuses everything for good. Nobody is writing it now: who does has the lock that is
    taken here.
    """
    from dvc.lock import make_lock
    from dvc.rwlock import RWLOCK_FILE, RWLOCK_LOCK

    path, guard = (Path(repo.tmp_dir or "") / name for name in (RWLOCK_FILE, RWLOCK_LOCK))
    with make_lock(str(guard), tmp_dir=repo.tmp_dir), suppress(FileNotFoundError):
        try:
            json.loads(path.read_bytes())
        except ValueError:
            path.unlink()


@contextmanager
def _reading(root: Path) -> Iterator[Repo]:
    telemetry_off()
    import logging

    from dvc.exceptions import DvcException
    from dvc.lock import LockError
    from dvc.repo import Repo

    # Errors reach the user once, as a sentence.
    logging.getLogger("dvc").setLevel(logging.CRITICAL)
    try:
        with Repo(str(root)) as repo:
            yield repo
    except LockError as error:
        raise Busy(
            f"expected to be the only one to use DVC in {root}, found: {error} "
            "Wait until the other command ends."
        ) from None
    except DvcException as error:
        if disk_is_full(error):
            raise
        raise DatasetError(_explain(error, root)) from None
    except Exception as error:
        bucket = stores_at(root).elsewhere.dvc_remote
        if not bucket or disk_is_full(error) or not _is_of_a_bucket(error):
            raise
        raise DatasetError(
            f"expected {bucket} to take and give the dataset's files, found: {error}. `jamel "
            "doctor` says whether it answers; the key is that of AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY."
        ) from None


def _is_of_a_bucket(error: Exception) -> bool:
    """What the S3 client raises: errors of its own, and Python's for refusals and connections."""
    return type(error).__module__.startswith("botocore") or isinstance(
        error, (PermissionError, ConnectionError, TimeoutError)
    )


def _explain(error: Exception, root: Path) -> str:
    """DVC's own messages for an empty remote say that everything is up to date."""
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    bucket = stores_at(root).elsewhere.dvc_remote
    if "missing-files" in str(error) or "Checkout failed" in text:
        mend = (
            f"Push them to {bucket} from where they were made (`dvc push data.dvc`)"
            if bucket
            else "Copy stores/dvc-remote from where it was made"
        )
        return (
            "expected the files of the pinned dataset in .dvc/cache or in the remote, found "
            f"neither. {mend}, or run the loop again."
        )
    where = f" with {bucket}" if bucket else ""
    return f"expected DVC to do its work{where}, found: {text} Mend that and run the command again."


def _tag(root: Path, tag: str, md5: str) -> str | None:
    """Tag the pinned dataset; None where there is no git repository or no commit yet."""
    if _git(root, "rev-parse", "--verify", "-q", "HEAD") is None:
        return None
    for known in (_git(root, "tag", "--list", f"{Path(tag).parent}/*") or "").split():
        if md5 in (_git(root, "show", f"refs/tags/{known}:./{PINNED}") or ""):
            return known
    held = _git(root, "show", f"refs/tags/{tag}:./{PINNED}")
    if held is not None:
        if md5 in held:
            return tag
        return _tag(root, f"{tag}-{md5[:8]}", md5)
    _require_git(root, "tag", tag, _commit_with_pin(root))
    return tag


def _commit_with_pin(root: Path) -> str:
    """HEAD where it holds this `data.dvc`, else a commit on top that differs in that file only."""
    pinned = (root / PINNED).read_text(encoding="utf-8").strip()
    if _git(root, "show", f"HEAD:./{PINNED}") == pinned:
        return _require_git(root, "rev-parse", "HEAD")
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        _require_git(root, "read-tree", "HEAD", env=index)
        _require_git(root, "add", "-f", PINNED, env=index)
        tree = _require_git(root, "write-tree", env=index)
    message = f"Dataset {pinned_md5(root)}"
    return _require_git(root, "commit-tree", tree, "-p", "HEAD", "-m", message, env=_author(root))


def _author(root: Path) -> dict[str, str]:
    """Who commits, for a machine on which git was never told."""
    if _git(root, "config", "user.email"):
        return {}
    parts = ("AUTHOR", "COMMITTER")
    names = {f"GIT_{part}_NAME": "jamel" for part in parts}
    return names | {f"GIT_{part}_EMAIL": "jamel@localhost" for part in parts}


def _git(root: Path, *arguments: str, env: dict[str, str] | None = None) -> str | None:
    """What git says, None when it fails or is not there."""
    try:
        done = _run_git(root, arguments, env)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _require_git(root: Path, *arguments: str, env: dict[str, str] | None = None) -> str:
    done = _run_git(root, arguments, env)
    if done.returncode:
        raise DatasetError(
            f"expected `git {' '.join(arguments[:2])}` to work, found: {done.stderr.strip()}. "
            "The data is pinned and pushed; only the tag is missing."
        )
    return done.stdout.strip()


def _run_git(root: Path, arguments: Sequence[str], env: dict[str, str] | None) -> Any:
    return subprocess.run(
        ["git", *arguments],
        cwd=root,
        env=os.environ | (env or {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def _few(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return ", ".join(paths[:3]) + more
