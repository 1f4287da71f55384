"""The manifest of web apps, and how packages become folders: with archives made here, no index."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jamel import archives, web_apps, web_fetch
from jamel.archives import BadArchive, inside, unpack
from jamel.errors import AppMissing, ConfigError, StoreError
from jamel.web_apps import (
    MANIFEST_FILE,
    Manifest,
    WebApp,
    app_build,
    app_folder,
    apps_of,
    is_fetched,
    load_manifest,
    package_of,
    require_fetched,
    splits,
)
from jamel.web_fetch import fetch, lock_of

HASH = "a" * 64
PAGE = b"<button>one</button>"


def tar(path: Path, files: dict[str, bytes], *others: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as made:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
        for info in others:
            made.addfile(info)
    return path


def wheel(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return path


def link(kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo("package/odd")
    info.type, info.linkname = kind, "../../outside"
    return info


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(web_apps, "FETCHED", tmp_path / "fetched")
    return tmp_path / "fetched"


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Path]:
    """A stand-in npm on the path that packs the archive it is given and counts its calls."""

    def put(archive: Path) -> Path:
        calls, folder = tmp_path / "calls", tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        script = folder / "npm"
        script.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n/bin/cp {archive} "$4"\n')
        script.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        return calls

    return put


def manifest(folder: Path, text: str) -> Manifest:
    path = folder / "web-apps.yaml"
    path.write_text(text, encoding="utf-8")
    return load_manifest(path)


def entry(archive: Path, more: str = "") -> str:
    return f"{{split: web-train, npm: thing@1.0.0, sha256: {digest(archive)}{more}}}"


def test_the_manifest_names_apps_of_many_packages_and_no_package_in_two_splits() -> None:
    listed = load_manifest()
    where: dict[str, set[str]] = {}
    for app in listed.apps:
        assert app.package is not None
        where.setdefault(app.package.name, set()).add(app.split)
        assert bool(app.page) == bool(app.own_page())
    assert splits(listed) == ("web-train", "web-valid", "web-test")
    assert where.pop("miniwob") == {"web-train", "web-valid", "web-test"}
    assert len(where) >= 12 and all(len(found) == 1 for found in where.values()), where
    starts = [app.start for app in listed.apps if app.pypi]
    assert len(starts) == len(set(starts)) == 24


def test_every_page_of_ours_belongs_to_an_app_and_loads_nothing_from_elsewhere() -> None:
    pages = {app.beside / app.page for app in load_manifest().apps if app.page}
    assert pages == set((MANIFEST_FILE.parent / "web-pages").iterdir())
    for page in pages:
        assert "://" not in page.read_text(encoding="utf-8"), page


def test_an_entry_is_numbered_by_its_place_in_its_split(tmp_path: Path) -> None:
    lines = "".join(
        f"  {name}: {{split: {split}, folder: {name}}}\n"
        for name, split in (("a", "mine-train"), ("b", "web-test"), ("c", "mine-train"))
    )
    listed = manifest(tmp_path, f"apps:\n{lines}")
    assert splits(listed) == ("mine-train", "web-test")
    assert [app.name for app in apps_of(listed, "mine-train")] == ["a", "c"]
    assert app_folder(listed.apps[0]) == tmp_path / "a"
    with pytest.raises(
        ConfigError, match=r"a split of mine-train, web-test in .*found 'web-train'\."
    ):
        apps_of(listed, "web-train")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("apps: [", "expected YAML in"),
        ("[1]", "expected a mapping `apps:"),
        ("apps: {}", "expected a mapping `apps:"),
        ("apps: {A: {split: train, folder: f}}", "expected a name of small letters"),
        (
            "apps: {7: {split: train, folder: f}}",
            r"apps\.7: name: expected text, found 7\. Mend it",
        ),
        ("apps: {a: 7}", r"apps\.a: expected a mapping, found 7\. Mend it\."),
        ("apps: {a: {split: testing, folder: f}}", "that ends so, as my-train; found 'testing'"),
        ("apps: {a: {folder: f}}", r"apps\.a: expected split, found none"),
        ("apps: {a: {split: train, name: b, folder: f}}", "expected keys of split, npm, .*'name'"),
        ("apps: {a: {split: train, colour: red, folder: f}}", "found 'colour'"),
        ("apps: {a: {split: train}}", "expected one of npm, pypi, folder and address, found none"),
        ("apps: {a: {split: train, folder: f, npm: x@1.0.0}}", "found npm and folder"),
        (f"apps: {{a: {{split: train, npm: x, sha256: {HASH}}}}}", "one version of a package.*'x'"),
        (f"apps: {{a: {{split: train, npm: x@latest, sha256: {HASH}}}}}", "found 'x@latest'"),
        (f"apps: {{a: {{split: train, npm: --x@1, sha256: {HASH}}}}}", "found '--x@1'"),
        (f"apps: {{a: {{split: train, pypi: x>=1, sha256: {HASH}}}}}", "such as 'miniwob==1.1.0'"),
        ("apps: {a: {split: train, npm: x@1.0.0}}", "`jamel web lock x@1.0.0` prints, found ''"),
        ("apps: {a: {split: train, npm: x@1.0.0, sha256: abc}}", "found 'abc'"),
        (
            f"apps: {{a: {{split: train, folder: f, sha256: {HASH}}}}}",
            "expected no sha256 and no page",
        ),
        ("apps: {a: {split: train, folder: f, page: p.html}}", "expected no sha256 and no page"),
        (
            "apps: {a: {split: train, folder: f, start: ../b.html}}",
            r"start: expected a path without",
        ),
        ("apps: {a: {split: train, folder: f, root: /etc}}", "root: expected a path without"),
        ("apps: {a: {split: train, address: localhost}}", "expected an address such as"),
        ("apps: {a: {split: train, address: 'http://h/', root: x}}", "no root and no start beside"),
    ],
)
def test_a_mistake_in_a_manifest_is_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        manifest(tmp_path, text)


def test_no_manifest_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="found no such file or directory"):
        load_manifest(tmp_path / "none.yaml")


def test_two_pages_of_ours_cannot_take_one_place(tmp_path: Path) -> None:
    one = f"{{split: train, npm: x@1.0.0, sha256: {HASH}, page: a.html}}"
    two = f"{{split: train, npm: x@1.0.0, sha256: {HASH}, page: b.html, root: ./}}"
    with pytest.raises(ConfigError, match=r"apps\.b: expected another first page than that of a"):
        manifest(tmp_path, f"apps:\n  a: {one}\n  b: {two}\n")


def test_a_changed_manifest_is_read_again(tmp_path: Path) -> None:
    assert manifest(tmp_path, "apps: {a: {split: train, folder: f}}").apps[0].name == "a"
    assert manifest(tmp_path, "apps: {bb: {split: train, folder: f}}").apps[0].name == "bb"


@given(st.text("ab9.-", max_size=8), st.characters(exclude_characters="abcdefghijklmnopqrstuvwxyz"))
def test_only_plain_names_are_names(rest: str, odd: str) -> None:
    def named(name: str) -> str:
        return WebApp(name=name, beside=Path("."), split="train", folder="f").name

    assert named(f"a{rest}") == f"a{rest}"
    with pytest.raises(ValueError, match="expected a name"):
        named(f"{'' if odd in '0123456789' else odd}.{rest}")


@given(st.lists(st.sampled_from(["..", ".", "", "a", "b.js", "\\", "é", "..."]), max_size=6))
def test_what_is_inside_stays_inside(parts: list[str]) -> None:
    name = "/".join(parts)
    try:
        found = inside(name)
    except BadArchive:
        assert name.startswith("/") or ".." in parts or "\\" in parts
    else:
        base = os.path.abspath("base")
        assert os.path.normpath(os.path.join(base, *found)).startswith(base)
        assert "/".join(found) == "/".join(part for part in parts if part not in ("", "."))


def test_packages_are_written_as_their_clients_write_them() -> None:
    scoped = package_of("npm", "@toast-ui/calendar@2.1.3")
    assert scoped == ("npm", "@toast-ui/calendar", "2.1.3")
    assert scoped.text == "@toast-ui/calendar@2.1.3"
    assert package_of("pypi", "miniwob==1.1.0").text == "miniwob==1.1.0"


def test_an_archive_is_unpacked_read_only_without_its_first_folder(tmp_path: Path) -> None:
    files = {"package/index.html": PAGE, "package/js/./a.js": b"1", "beside": b""}
    archive = tar(tmp_path / "a.tgz", files)
    (tmp_path / "to").mkdir()
    unpack(archive, tmp_path / "to", strip=1)
    found = {str(p.relative_to(tmp_path / "to")): p for p in (tmp_path / "to").rglob("*")}
    assert sorted(found) == ["index.html", "js", "js/a.js"]
    assert found["index.html"].read_bytes() == PAGE
    assert stat.S_IMODE(found["js/a.js"].stat().st_mode) == 0o444


def bad_archives(folder: Path) -> dict[str, tuple[Path, str]]:
    whole = tar(folder / "whole.tgz", {"package/a.js": os.urandom(50_000)}).read_bytes()
    (folder / "cut.tgz").write_bytes(whole[:20_000])
    (folder / "text").write_bytes(b"no archive")
    (folder / "cut.whl").write_bytes(wheel(folder / "w.whl", {"a": b"1" * 999}).read_bytes()[:-9])
    odd = zipfile.ZipInfo("a")
    odd.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(folder / "link.whl", "w") as made:
        made.writestr(odd, "/etc/passwd")
    return {
        "cut": (folder / "cut.tgz", "no whole archive"),
        "cut wheel": (folder / "cut.whl", "no whole archive"),
        "text": (folder / "text", "no whole archive"),
        "up": (tar(folder / "u.tgz", {"package/../../x": b""}), "a name that leads out"),
        "root": (tar(folder / "r.tgz", {"/x": b""}), "a name that leads out"),
        "up wheel": (wheel(folder / "u.whl", {"../x": b""}), "a name that leads out"),
        "symlink": (tar(folder / "s.tgz", {}, link(tarfile.SYMTYPE)), "a link or a device"),
        "hard link": (tar(folder / "h.tgz", {}, link(tarfile.LNKTYPE)), "a link or a device"),
        "device": (tar(folder / "d.tgz", {}, link(tarfile.CHRTYPE)), "a link or a device"),
        "pipe": (tar(folder / "f.tgz", {}, link(tarfile.FIFOTYPE)), "a link or a device"),
        "link in a wheel": (folder / "link.whl", "a link or a device"),
        "nothing": (tar(folder / "n.tgz", {}), "no files"),
        "both": (tar(folder / "b.tgz", {"p/a": b"", "p/a/b": b""}), "a file where a folder is"),
    }


@pytest.mark.parametrize(
    "kind",
    ["cut", "cut wheel", "text", "up", "root", "up wheel", "symlink", "hard link", "device", "pipe",
     "link in a wheel", "nothing", "both"],
)  # fmt: skip
def test_a_bad_archive_leaves_nothing(
    kind: str, tmp_path: Path, home: Path, npm: Callable[[Path], Path]
) -> None:
    archive, said = bad_archives(tmp_path)[kind]
    npm(archive)
    listed = manifest(tmp_path, f"apps: {{a: {entry(archive)}}}")
    with pytest.raises(AppMissing, match=f"Expected plain files in thing@1.0.0, found {said}"):
        fetch(listed)
    assert list(home.iterdir()) == []
    assert not (tmp_path / "x").exists() and not (tmp_path / "outside").exists()


def test_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_BYTES", 10)
    with pytest.raises(BadArchive, match="MB in it"):
        unpack(wheel(tmp_path / "a.whl", {"a": b"1" * 11}), tmp_path / "to")
    monkeypatch.setattr(archives, "MOST_FILES", 1)
    with pytest.raises(BadArchive, match="more than 1 files"):
        unpack(wheel(tmp_path / "b.whl", {"a": b"", "b": b""}), tmp_path / "to")


def test_fetched_once_and_found_where_it_is_served(
    tmp_path: Path, home: Path, npm: Callable[[Path], Path]
) -> None:
    archive = tar(tmp_path / "thing.tgz", {"package/dist/index.html": PAGE})
    calls = npm(archive)
    served, started = ", root: dist", ", start: 'dist/index.html?x#y'"
    lines = f"  a: {entry(archive, served)}\n  b: {entry(archive, started)}\n"
    listed = manifest(tmp_path, f"apps:\n{lines}")
    a, b = listed.apps
    with pytest.raises(AppMissing, match=r"app a in .*thing-1\.0\.0.*Run `jamel web fetch`\."):
        require_fetched(a)
    told: list[tuple[int, int, str]] = []
    rows = fetch(listed, progress=lambda *news: told.append(news))
    assert [row["state"] for row in rows] == ["fetched", "was there"]
    assert told == [(0, 2, "a"), (1, 2, "b"), (2, 2, "")]
    assert [row["state"] for row in fetch(listed, ["b"])] == ["was there"]
    assert calls.read_text().count("pack thing@1.0.0 --pack-destination") == 1
    assert "--ignore-scripts" in calls.read_text()
    assert app_folder(a) == home / f"thing-1.0.0-{digest(archive)[:12]}" / "dist"
    assert (app_folder(b) / "dist" / "index.html").read_bytes() == PAGE
    assert [path.name for path in home.iterdir()] == [app_folder(b).name]
    assert app_build(a) != app_build(b) == app_build(b)


def test_a_page_of_ours_is_put_beside_the_package_and_kept_up_to_date(
    tmp_path: Path, home: Path, npm: Callable[[Path], Path]
) -> None:
    archive = tar(tmp_path / "thing.tgz", {"package/lib.js": b"1"})
    npm(archive)
    page = tmp_path / "mine.html"
    page.write_bytes(PAGE)
    app = manifest(tmp_path, f"apps: {{a: {entry(archive, ', page: mine.html')}}}").apps[0]
    fetch(load_manifest(tmp_path / "web-apps.yaml"))
    assert (app_folder(app) / app.start).read_bytes() == PAGE
    build = app_build(app)
    page.write_bytes(b"<b>other</b>")
    assert not is_fetched(app) and app_build(app) != build
    with pytest.raises(AppMissing, match=r"with mine\.html as .*jamel-start\.html, found no such"):
        require_fetched(app)
    fetch(load_manifest(tmp_path / "web-apps.yaml"))
    assert (app_folder(app) / app.start).read_bytes() == b"<b>other</b>"
    page.unlink()
    with pytest.raises(ConfigError, match=r"expected the first page of a in .*Restore it"):
        is_fetched(app)


def test_a_wrong_hash_is_told_with_the_one_found(
    tmp_path: Path, home: Path, npm: Callable[[Path], Path]
) -> None:
    archive = tar(tmp_path / "thing.tgz", {"package/index.html": PAGE})
    npm(archive)
    listed = manifest(tmp_path, f"apps: {{a: {entry(archive).replace(digest(archive), HASH)}}}")
    with pytest.raises(AppMissing, match=f"SHA-256 {HASH}, found {digest(archive)}. If this"):
        fetch(listed)
    assert list(home.iterdir()) == []
    assert lock_of(package_of("npm", "thing@1.0.0")) == digest(archive)


def test_a_start_that_the_package_lacks_is_told(
    tmp_path: Path, home: Path, npm: Callable[[Path], Path]
) -> None:
    archive = tar(tmp_path / "thing.tgz", {"package/lib.js": b"1"})
    npm(archive)
    with pytest.raises(AppMissing, match=r"start with .*index\.html, found no such file\. Mend"):
        fetch(manifest(tmp_path, f"apps: {{a: {entry(archive)}}}"))
    (tmp_path / "p.html").write_bytes(PAGE)
    more = ", page: p.html, root: dist"
    with pytest.raises(AppMissing, match=r"Expected dist in thing@1\.0\.0, found no such folder"):
        fetch(manifest(tmp_path, f"apps: {{a: {entry(archive, more)}}}"))


def test_an_interrupted_unpacking_leaves_nothing(
    tmp_path: Path, home: Path, npm: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tar(tmp_path / "thing.tgz", {"package/index.html": PAGE})
    npm(archive)
    listed = manifest(tmp_path, f"apps: {{a: {entry(archive)}}}")

    def interrupted(*paths: Path, strip: int) -> None:
        unpack(*paths, strip=strip)
        raise KeyboardInterrupt

    monkeypatch.setattr(web_fetch, "unpack", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch(listed)
    assert list(home.iterdir()) == []
    monkeypatch.undo()
    monkeypatch.setattr(web_apps, "FETCHED", home)
    npm(archive)
    left = home / ".fetching-killed"
    (left / "files").mkdir(parents=True)
    assert fetch(listed)[0]["state"] == "fetched" and not left.exists()


def test_no_npm_and_an_npm_that_fails_are_sentences(
    tmp_path: Path, home: Path, npm: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tar(tmp_path / "thing.tgz", {"package/index.html": PAGE})
    listed = manifest(tmp_path, f"apps: {{a: {entry(archive)}}}")
    npm(archive)
    words = ("noise", "npm error code E404", "npm error none")
    script = "\n".join(["#!/bin/sh", *(f"echo {line} >&2" for line in words), "exit 1"])
    (tmp_path / "bin" / "npm").write_text(script)
    with pytest.raises(AppMissing, match=r"npm, found: npm error code E404; npm error none\. See"):
        fetch(listed)
    (tmp_path / "bin" / "npm").write_text("#!/bin/sh\n")
    with pytest.raises(AppMissing, match=r"one archive of thing@1\.0\.0, found 0"):
        fetch(listed)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(AppMissing, match=r"found no such program\. Install it: apt install npm\."):
        fetch(listed)
    assert list(home.iterdir()) == []


def test_a_wheel_is_fetched_by_pip_without_its_index(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    facts = b"Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n"
    kind = b"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    info = {"METADATA": facts, "WHEEL": kind, "RECORD": b""}
    archive = wheel(
        shelf / "thing-1.0-py3-none-any.whl",
        {"thing/index.html": PAGE} | {f"thing-1.0.dist-info/{key}": info[key] for key in info},
    )
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    line = f"{{split: train, pypi: thing==1.0, sha256: {digest(archive)}, root: thing}}"
    listed = manifest(tmp_path, f"apps: {{a: {line}}}")
    fetch(listed)
    assert (app_folder(listed.apps[0]) / "index.html").read_bytes() == PAGE
    missing = f"{{split: train, pypi: other==1.0, sha256: {HASH}}}"
    with pytest.raises(AppMissing, match=r"Expected other==1\.0 from pypi, found: ERROR: "):
        fetch(manifest(tmp_path, f"apps: {{a: {missing}}}"))


def test_folders_and_addresses_need_no_fetching(tmp_path: Path, home: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_bytes(PAGE)
    listed = manifest(
        tmp_path,
        "apps:\n  a: {split: train, folder: site}\n  b: {split: train, address: 'http://127.0.0.1:1/'}\n",
    )
    assert [row["state"] for row in fetch(listed)] == ["no need", "no need"]
    a, b = listed.apps
    before = app_build(a), app_build(b)
    (tmp_path / "site" / "index.html").write_bytes(PAGE * 2)
    assert app_build(a) != before[0] and app_build(b) == before[1]
    with pytest.raises(ConfigError, match="expected an app with a folder, found b at http"):
        app_folder(b)
    (tmp_path / "site" / "index.html").unlink()
    with pytest.raises(AppMissing, match="found no such file"):
        fetch(listed)


def test_an_unknown_app_is_told_with_the_nearest(tmp_path: Path) -> None:
    listed = manifest(tmp_path, "apps: {todo: {split: train, folder: site}}")
    with pytest.raises(ConfigError, match=r"found 'tod'\. Did you mean todo\?"):
        fetch(listed, ["tod"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_a_sentence(
    tmp_path: Path, home: Path, npm: Callable[[Path], Path]
) -> None:
    archive = tar(tmp_path / "thing.tgz", {"package/lib.js": b"1"})
    npm(archive)
    (tmp_path / "p.html").write_bytes(PAGE)
    listed = manifest(tmp_path, f"apps: {{a: {entry(archive, ', page: p.html')}}}")
    fetch(listed)
    (tmp_path / "p.html").write_bytes(PAGE * 2)
    app_folder(listed.apps[0]).chmod(0o555)
    with pytest.raises(StoreError, match="expected to write"):
        fetch(listed)
