"""`jamel web`: what is listed and fetched, without an index."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jamel import web_apps
from jamel.cli import app
from jamel.errors import ConfigError

MANIFEST = """
apps:
  mine: {split: web-train, folder: site, start: a.html}
  other: {split: web-test, npm: thing@1.0.0, sha256: %s}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory is a project with a manifest of its own."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "web.yaml").write_text(MANIFEST % ("a" * 64))
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "a.html").write_bytes(b"<p>one")
    monkeypatch.setattr(web_apps, "FETCHED", tmp_path / "build" / "web-apps")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["web", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_apps_are_listed_with_what_is_fetched(project: Path) -> None:
    assert "thing" in run("list", "--manifest", "web.yaml", "--json", "apps.json")
    mine, other = json.loads((project / "apps.json").read_text())
    assert (mine["app"], mine["split"], mine["package"]) == ("mine", "web-train", "site")
    assert (mine["start"], mine["fetched"], mine["MB"]) == ("a.html", True, 6e-06)
    assert (other["package"], other["version"], other["fetched"]) == ("thing", "1.0.0", False)


def test_the_named_apps_alone_are_fetched(project: Path) -> None:
    run("fetch", "mine", "--manifest", "web.yaml", "--json", "rows.json")
    rows = json.loads((project / "rows.json").read_text())
    assert rows == [{"app": "mine", "package": "site", "state": "no need"}]


def test_a_package_without_its_version_is_a_sentence(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"found 'thing'\.$"):
        run("lock", "thing")
