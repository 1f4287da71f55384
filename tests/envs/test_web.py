"""Web apps in a real Chromium: elements, actions, V8's coverage, and what can go wrong."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from jamel.coverage.raw import read_coverage
from jamel.envs.base import candidates
from jamel.errors import AppMissing, DeviceLost, DeviceMissing
from jamel.types import Action, ActionKind, Element, Observation
from tests.envs.browser import no_browser

pytest.importorskip("playwright")

from jamel.coverage.sources import counts_of
from jamel.envs.web.env import (
    WebEnv,
    chromium_of,
    close_browsers,
    open_address,
    open_folder,
)
from jamel.envs.web.link import parsed
from jamel.envs.web.site import Site
from jamel.envs.web.tab import MOST_EVALS

SITE = Path(__file__).parent / "web_site"
pytestmark = pytest.mark.skipif(bool(no_browser()), reason=no_browser())


@pytest.fixture(scope="module", autouse=True)
def browser() -> Iterator[None]:
    yield
    close_browsers()


@pytest.fixture
def env() -> Iterator[WebEnv]:
    made = open_folder(SITE, timeout_s=60.0)
    yield made
    made.close()


def element(observation: Observation, said: str) -> tuple[int, Element]:
    """The element with this text, label or id."""
    for index, found in enumerate(observation.elements):
        if said in (found.text, found.content_desc, found.resource_id):
            return index, found
    raise AssertionError(f"no {said!r} among {[e.text for e in observation.elements]}")


def tap(env: WebEnv, observation: Observation, said: str) -> Observation:
    seen, _, _, _, info = env.step(Action(ActionKind.TAP, element(observation, said)[0]))
    assert info["executed"], info
    return seen


def executed(env: WebEnv, name: str) -> int:
    return sum(c.bits.bit_count() for c in env.coverage().classes.values() if c.name == name)


def test_elements_have_roles_names_ids_and_flags(env: WebEnv) -> None:
    seen, _ = env.reset()
    assert seen.activity == "/index.html" and seen.size_px == (412, 915)
    _, add = element(seen, "add")
    assert (add.cls, add.text, add.clickable, add.enabled) == (
        "android.widget.Button", "Add", True, True,
    )  # fmt: skip
    assert not element(seen, "off")[1].enabled
    assert element(seen, "name")[1].cls.endswith("EditText")
    assert element(seen, "secret")[1].password
    _, gift = element(seen, "As a gift")
    assert gift.checkable and not gift.checked
    assert element(seen, "box")[1].scrollable
    assert element(seen, "Details")[1].clickable, "inside an open shadow root"
    assert element(seen, "Advert")[1].clickable, "inside a frame of the same origin"
    for found in seen.elements:
        left, top, right, bottom = found.bounds_px
        assert 0 <= left < right <= 412 and 0 <= top < bottom <= 915


def test_what_lies_under_a_dialog_is_disabled(env: WebEnv) -> None:
    seen = tap(env, env.reset()[0], "open")
    assert not element(seen, "add")[1].enabled
    seen = tap(env, seen, "close")
    assert element(seen, "add")[1].enabled


def test_every_kind_of_action_reaches_the_page(env: WebEnv) -> None:
    seen, _ = env.reset()
    seen = tap(env, seen, "Add")
    assert element(seen, "title")[1].text == "One"
    seen = tap(env, seen, "Large")
    assert element(seen, "title")[1].text == "Large" and element(seen, "size")[1].text == "Large"
    seen = tap(env, seen, "gift")
    assert element(seen, "gift")[1].checked
    seen, reward, *_ = env.step(Action(ActionKind.TYPE, element(seen, "name")[0], "hello"))
    assert element(seen, "name")[1].text == "hello" and reward == 1.0
    seen, *_ = env.step(Action(ActionKind.SCROLL_DOWN, element(seen, "box")[0]))
    seen = tap(env, seen, "About")
    assert seen.activity == "/two.html"
    seen, _, _, _, info = env.step(Action(ActionKind.BACK))
    assert seen.activity == "/index.html" and info["executed"]


def test_options_of_a_listbox_that_is_no_select_are_touched(tmp_path: Path) -> None:
    page = "<div role=listbox><div role=option tabindex=0 onclick='this.textContent=1'>One</div>"
    (tmp_path / "index.html").write_text(page, encoding="utf-8")
    made = open_folder(tmp_path, timeout_s=60.0)
    try:
        seen, _ = made.reset()
        assert element(tap(made, seen, "One"), "1")
    finally:
        made.close()


def test_there_is_nothing_before_the_first_page(env: WebEnv) -> None:
    before, _ = env.reset()
    seen, reward, _, _, info = env.step(Action(ActionKind.BACK))
    assert not info["executed"] and info["invalid_reason"] and reward == 0.0
    assert seen.activity == before.activity


def test_branches_count_once_and_for_the_whole_session(env: WebEnv) -> None:
    seen, _ = env.reset()
    rewards = []
    for _ in range(3):
        seen, reward, *_ = env.step(Action(ActionKind.TAP, element(seen, "add")[0]))
        rewards.append(reward)
    assert rewards == [1.0, 1.0, 0.0], "one, many, nothing new"
    covered = env.coverage()
    env.reset()
    assert covered.difference(env.coverage()).count() == 0
    assert read_coverage(env.raw_coverage()) == env.coverage()
    env.reset(options={"new_session": True})
    assert env.coverage().count() < covered.count()


def test_workers_count() -> None:
    env = open_folder(SITE, "workers.html", timeout_s=60.0)
    try:
        seen, _ = env.reset()
        counts = []
        for _ in range(10):
            seen = tap(env, seen, "Ask")
            counts.append(executed(env, "/worker.js"))
        assert element(seen, "sum")[1].text.startswith("Sum")
        assert counts[-1] == 5, "the script, its handler, both arms and a function of two"
    finally:
        env.close()


def test_frames_popups_and_inline_scripts_count(env: WebEnv) -> None:
    seen, _ = env.reset()
    start = executed(env, "/frame.html")
    seen = tap(env, seen, "Advert")
    assert executed(env, "/frame.html") > start
    seen = tap(env, seen, "Details")
    assert seen.activity == "/two.html" and executed(env, "/two.html") > 0
    seen, *_ = env.step(Action(ActionKind.BACK))
    assert seen.activity == "/index.html", "a page that was opened is closed"


def test_the_counts_of_the_paper_are_known(env: WebEnv) -> None:
    tap(env, env.reset()[0], "Add")
    ran, known = env.counts()
    assert 0 < ran.total < known.total
    assert all(part <= whole for part, whole in zip(ran, known, strict=True))


def test_how_many_probes_there_are_becomes_known(env: WebEnv) -> None:
    assert env.total_probes == 0
    seen, _ = env.reset()
    start = env.total_probes
    assert env.coverage().count() < start
    tap(env, seen, "About")
    assert env.total_probes > start
    env.reset(options={"new_session": True})
    assert env.total_probes == start


def test_counts_are_made_again_of_the_sources_that_were_kept(tmp_path: Path) -> None:
    env = open_folder(SITE, timeout_s=60.0, sources=tmp_path)
    try:
        explore(env, 12)
        recorded = read_coverage(env.raw_coverage())
        assert counts_of(recorded, tmp_path) == env.counts()
        written = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
        env.reset(options={"new_session": True})
        assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == written
    finally:
        env.close()


def explore(env: WebEnv, steps: int) -> None:
    rng = random.Random(3)
    seen, _ = env.reset()
    for _ in range(steps):
        seen, *_ = env.step(rng.choice(candidates(seen)))


def test_code_that_a_page_makes_of_strings_counts_and_is_bounded() -> None:
    env = open_folder(SITE, "strings.html", timeout_s=60.0)
    try:
        seen, _ = env.reset()
        assert executed(env, "eval") == 0, "neither the environment's own code nor a debugger's"
        rewards = []
        for _ in range(4):
            seen, reward, *_ = env.step(Action(ActionKind.TAP, element(seen, "sum")[0]))
            rewards.append(reward)
        assert rewards == [1.0, 1.0, 1.0, 0.0], "one, twice, large, nothing new"
        *_, info = env.step(Action(ActionKind.TAP, element(seen, "many")[0]))
        assert "made of strings" in info["marks"]
        assert len([c for c in env.coverage().classes.values() if c.name == "eval"]) == MOST_EVALS
        *_, info = env.step(Action(ActionKind.TAP, element(seen, "many")[0]))
        assert "made of strings" not in info.get("marks", "")
    finally:
        env.close()


def test_restarts_let_go_of_documents_that_are_gone(
    env: WebEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    env.reset()
    covered = env.coverage()
    monkeypatch.setattr("jamel.envs.web.link.MOST_LOADS", 3)
    for _ in range(5):
        seen = env.step(Action(ActionKind.RESTART))[0]
        assert seen.activity == "/index.html" and env.coverage() == covered
    assert env.link._tabs[-1].loads < 5
    seen, reward, *_ = env.step(Action(ActionKind.TAP, element(seen, "add")[0]))
    assert reward == 1.0, "counting goes on"
    for _ in range(2):
        env.step(Action(ActionKind.BACK))
    assert covered.difference(env.coverage()).count() == 0


def test_blocks_of_scripts_are_kept_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jamel.envs.web.link.MOST_PARSED_BYTES", 40)
    first = parsed("/a.js", "let a = 1;")
    assert parsed("/b.js", "let a = 1;") is first
    for number in range(10):
        parsed("/c.js", f"let c = {number};")
    assert parsed("/a.js", "let a = 1;") is not first


def test_dialogs_are_answered_and_recorded(env: WebEnv) -> None:
    seen, _ = env.reset()
    *_, info = env.step(Action(ActionKind.TAP, element(seen, "ask")[0]))
    assert "confirm answered: Really?" in info["marks"]


def test_nothing_but_the_app_and_loopback_is_reached(env: WebEnv) -> None:
    seen = tap(env, env.reset()[0], "About")
    seen, _, _, _, info = env.step(Action(ActionKind.TAP, element(seen, "away")[0]))
    assert "left the app" in info["marks"] and seen.activity == "/index.html"


def test_an_exception_is_a_crash_and_a_hung_page_is_given_up() -> None:
    env = open_folder(SITE, "broken.html", timeout_s=5.0)
    try:
        seen, _ = env.reset()
        *_, info = env.step(Action(ActionKind.TAP, element(seen, "fail")[0]))
        assert "missing is not defined" in info["crash"] and "127.0.0.1" not in info["crash"]
        covered = env.coverage()
        seen, _, _, _, info = env.step(Action(ActionKind.TAP, element(seen, "hang")[0]))
        assert "did not answer" in info["marks"] and seen.activity == "/broken.html"
        assert covered.difference(env.coverage()).count() == 0
        assert (
            "not defined" in env.step(Action(ActionKind.TAP, element(seen, "fail")[0]))[4]["crash"]
        )
    finally:
        env.close()


def test_a_renderer_that_ends_and_a_page_that_closes_are_survived() -> None:
    env = open_folder(SITE, timeout_s=20.0)
    try:
        env.reset()
        for process in psutil.Process().children(recursive=True):
            if "--type=renderer" in process.cmdline():
                process.send_signal(signal.SIGKILL)
        marks = ""
        for _ in range(2):
            seen, _, _, _, info = env.step(Action(ActionKind.BACK))
            marks += info.get("marks", "")
        assert "begun again" in marks and seen.activity == "/index.html"
        env.link._chromium.loop.call(env.link._tabs[-1].page.close(), 10)
        seen, *_ = env.step(Action(ActionKind.SCROLL_DOWN, element(seen, "box")[0]))
        assert seen.activity == "/index.html"
    finally:
        env.close()


def test_a_killed_browser_is_told_and_replaced(env: WebEnv) -> None:
    env.reset()
    for process in psutil.Process().children(recursive=True):
        if "chrom" in process.name():
            process.send_signal(signal.SIGKILL)
    with pytest.raises(DeviceLost, match="Chromium"):
        for _ in range(5):
            env.step(Action(ActionKind.RESTART))
    assert not env.recover()
    again = open_folder(SITE, timeout_s=60.0)
    try:
        assert again.reset()[0].activity == "/index.html"
    finally:
        again.close()


def test_no_browser_outlives_a_killed_process() -> None:
    code = (
        "import sys, time; from pathlib import Path; from jamel.envs.web.env import open_folder\n"
        f"env = open_folder(Path({str(SITE)!r})); env.reset(); print('ready', flush=True)\n"
        "time.sleep(600)"
    )
    worker = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None and worker.stdout.readline() == "ready\n"
    started = psutil.Process(worker.pid).children(recursive=True)
    assert any("chrom" in process.name() for process in started)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait(10)
    worker.stdout.close()
    deadline = time.monotonic() + 60
    while any(process.is_running() for process in started) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert [process for process in started if process.is_running()] == []


def test_an_address_is_explored_where_it_is() -> None:
    site = Site(SITE)
    env = open_address(f"{site.origin}/index.html", timeout_s=60.0)
    try:
        rng = random.Random(3)
        seen, _ = env.reset()
        for _ in range(12):
            seen, *_ = env.step(rng.choice([a for a in candidates(seen) if a.element != -1]))
        assert env.coverage().count() > 5 and len(env.build) == 12
    finally:
        env.close()
        site.close()
    with pytest.raises(AppMissing, match="Expected an app"):
        open_address(f"{site.origin}/index.html")
    with pytest.raises(AppMissing, match="address"):
        open_address("file:///etc/passwd")
    with pytest.raises(AppMissing, match="without a name") as refused:
        open_address("http://me:secret@127.0.0.1/")
    assert "secret" not in str(refused.value)


def test_only_the_folder_is_served(tmp_path: Path) -> None:
    from urllib.error import HTTPError
    from urllib.request import urlopen

    (tmp_path / "site").mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "site" / "index.html").write_text("<h1>Here</h1>")
    (tmp_path / "site" / "link.txt").symlink_to(tmp_path / "secret.txt")
    site = Site(tmp_path / "site")
    try:
        assert urlopen(f"{site.origin}/index.html").read() == b"<h1>Here</h1>"
        for path in ("../secret.txt", "%2e%2e/secret.txt", "link.txt", "none/", "link.txt?x"):
            with pytest.raises(HTTPError, match="404"):
                urlopen(f"{site.origin}/{path}")
    finally:
        site.close()


def test_a_browser_that_is_not_there_is_said() -> None:
    with pytest.raises(DeviceMissing, match="no such program"):
        chromium_of("/nowhere/chromium")


def test_a_site_is_explored_and_its_script_holds(tmp_path: Path) -> None:
    """As `jamel explore FOLDER` and `jamel replay` do."""
    from typer.testing import CliRunner

    from jamel.cli import app

    out = tmp_path / "out"
    asked = ["explore", str(SITE), "--agent", "least-tried", "--steps", "12", "--out", str(out)]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert "least-tried" in done.output and (out / "page.html").stat().st_size > 10_000
    again = CliRunner().invoke(app, ["replay", str(out / "session.jsonl")])
    assert again.exit_code == 0, again.output
