"""jamel explore and jamel replay on an embedded app: files, exit status, sentences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jamel.cli import app
from jamel.errors import JamelError

ROOT = Path(__file__).resolve().parents[2]


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def test_an_app_is_explored_and_its_script_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    words = ("--agent", "planner", "--steps", "25", "--seed", "2", "--out", str(tmp_path / "x"))
    status, said = run("explore", "valid/0", *words, "--json", str(tmp_path / "x.json"))
    assert status == 0 and "page.html" in said and "explore 25/25" in said
    result = json.loads((tmp_path / "x.json").read_text())
    assert result["steps"] == 25 and result["stopped"] == "budget"
    assert 0 < result["covered"] <= result["reachable"] and len(result["curve"]) == 26
    page = (tmp_path / "x" / "page.html").read_text()
    assert page.count('class="node"') == result["screens"] == page.count("<image")

    script = tmp_path / "x" / "session.jsonl"
    assert run("replay", str(script))[0] == 0
    lines = script.read_text().splitlines()
    step = json.loads(lines[3])
    step["expect"]["screen"] = "000000000000"
    script.write_text("\n".join([*lines[:3], json.dumps(step), *lines[4:]]))
    status, said = run("replay", str(script), "--json", str(tmp_path / "r.json"))
    assert status == 1 and "does not hold: step 3" in said
    replayed = json.loads((tmp_path / "r.json").read_text())
    assert replayed["first_difference"]["step"] == 3 and not replayed["steps"][3]["holds"]


@pytest.mark.parametrize(
    "words", [("nothing/0",), ("test/0", "--agent", "nobody"), ("test/0", "--model", "nowhere")]
)
def test_what_cannot_be_explored_is_said(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    options = () if "--model" in words or "--agent" in words else ("--agent", "planner")
    with pytest.raises(JamelError, match="expected"):
        run("explore", *words, *options, "--out", str(tmp_path))
    assert not list(tmp_path.iterdir())
