"""Mistakes on the command line: one sentence that says what to do, status 1, nothing written."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from jamel import stores
from jamel.cli import main

SMALL = """
profile: small
collect: {apps: 2, steps: 5, agents: [random], workers: 1}
label: {lookahead: 1, search_depth: 0}
evaluate: {suite: valid, agents: [random], seeds: [0], budget: 5, apps: 1, workers: 1}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory is a project with one profile, which is the default one."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "laptop.yaml").write_text(SMALL)
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Cli:
    """`jamel` in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit status, standard output and standard error."""
        self.monkeypatch.setattr(sys, "argv", ["jamel", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        shown = self.capsys.readouterr()
        return int(left.value.code or 0), shown.out, shown.err

    def sentence(self, *arguments: str) -> str:
        """The one sentence of a command that must fail."""
        status, out, err = self.run(*arguments)
        assert (status, out) == (1, "")
        assert err.startswith("jamel: ") and err.count("\n") == 1
        return err


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(monkeypatch, capsys)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("collect --suite nowhere", "a suite of train, valid"),
        ("collect --suite ../../x", "a suite of train, valid"),
        ("collect --agents foo", "one of random, monkey"),
        ("collect --steps 0", "greater than 0 for 'collect.steps', found 0"),
        ("collect --apps x", "'--apps'"),
        ("collect --round -1", "'--round'"),
        ("collect --arm foo", "an arm, one of jamel, no-memory"),
        ("collect --model nothing --agents jamel", "found none at nothing"),
        ("collect --config nowhere.yaml", "Work in the project's folder"),
        ("collect --config configs", "found what cannot be read"),
        ("collect --colour red", "No such option: --colour. See `jamel collect --help`"),
        ("label", "jamel collect --round 0"),
        ("train", "Run `jamel label` first"),
        ("train --arm foo", "an arm, one of jamel, no-memory"),
        ("train --rounds 3", "found them up to round 0"),
        ("evaluate --suite nowhere", "a suite of train, valid"),
        ("evaluate --agents foo", "each one of random"),
        ("evaluate --agents jamel", "Run jamel train --arm jamel"),
        ("evaluate --agents jamel --model configs", "no config.json and no model.safetensors"),
        ("evaluate --seeds 1,two", "whole numbers in --seeds"),
        ("evaluate --seeds --5", "whole numbers in --seeds"),
        ("evaluate --seeds ²", "whole numbers in --seeds"),
        ("evaluate --agents champion", "jamel init"),
        ("evaluate --seeds ,", "0 seeds"),
        ("evaluate --apps 9999", "below 32"),
        ("promote", "jamel init"),
        ("rollback", "jamel init"),
        ("compare 1 2", "jamel init"),
        ("compare 1", "found only '1'"),
        ("ui", "jamel init"),
        ("ui --port 99999", "'--port'"),
        ("device start --app nowhere/0", "a suite of train, valid"),
        ("device gallery --app test/x", "like 'test/0'"),
        ("device gallery --app test/²", "like 'test/0'"),
        ("device gallery --app test/0 --out configs/laptop.yaml/a", "expected to write"),
        ("device reach --suite test --out configs/laptop.yaml/a", "expected to write"),
        ("device reach --suite nowhere", "a suite of train, valid"),
        ("device gallery --steps 0", "'--steps'"),
        ("device classes configs --build 1", "enableAndroidTestCoverage"),
        ("device classes nowhere --build 1", "no such file or folder"),
        ("device classes configs", "'--build'"),
        ("device soak --kinds gremlins", "'never_idle'"),
        ("device soak --transport usb", "'in_process', 'adb' or 'browser'"),
        ("doctor --boot --config nowhere.yaml", "Work in the project's folder"),
        ("dance", "No such command 'dance'"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(
    project: Path, cli: Cli, command: str, expected: str
) -> None:
    assert expected in cli.sentence(*command.split())
    assert not [path for path in project.rglob("*") if path.suffix in (".parquet", ".json")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("train: {updatez: 4}", "'train.updatez'. The nearest known key is 'train.updates'"),
        ("train: {updates: many}", "a valid integer for 'train.updates', found 'many'"),
        ("train: {updates: yes}", "a number for 'train.updates', found True"),
        ("train: {lr: .inf}", "a finite number for 'train.lr'"),
        ("gate: {metric: beauty}", "'coverage', 'reward', 'auc' or 'probes' for 'gate.metric'"),
        ("device: {serials: ['']}", "device: expected serials, found an empty one"),
        ("device: {serials: [a], package: a;b}", "such as com.example.app, found 'a;b'"),
        ("train: {updates: 'x", "Mend that line"),
        ("", "found nothing"),
        ("\x00", "YAML"),
    ],
)
def test_a_bad_profile_is_one_sentence(project: Path, cli: Cli, text: str, expected: str) -> None:
    (project / "configs" / "laptop.yaml").write_text(text)
    assert expected in cli.sentence("collect")


@pytest.mark.parametrize("command", ["collect", "validate", "compare", "rollback", "ui"])
def test_outside_a_project_nothing_is_made(
    tmp_path: Path, cli: Cli, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "roject's folder" in cli.sentence(command)
    assert not list(tmp_path.iterdir())


def test_naming_no_command_shows_the_help(cli: Cli) -> None:
    status, out, err = cli.run()
    assert (status, err) == (1, "") and "collect" in out


def test_a_second_run_beside_the_first_is_refused_until_it_is_killed(
    project: Path, cli: Cli
) -> None:
    code = (
        "import sys, time; from pathlib import Path; from jamel.stores import folder_lock\n"
        "with folder_lock('.', Path('data/sessions/round-0')): print(1, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as first:
        assert first.stdout is not None and first.stdout.readline()
        assert f"process {first.pid} holds" in cli.sentence("collect")
        with pytest.raises(stores.Busy), stores.project_lock(project):
            pass
        assert cli.run("collect", "--round", "1")[0] == 0, "another folder is free"
        first.send_signal(signal.SIGKILL)
    assert cli.run("collect")[0] == 0


def test_a_whole_run_keeps_every_command_out(project: Path, cli: Cli) -> None:
    with stores.project_lock(project):
        assert "Wait until it ends" in cli.sentence("collect")
        assert "Wait until it ends" in cli.sentence("validate")


def test_a_shard_of_another_schema_version_is_a_sentence(project: Path, cli: Cli) -> None:
    import pyarrow.parquet as pq

    assert cli.run("collect")[0] == 0
    (path, *_) = sorted((project / "data/sessions/round-0").iterdir())
    table = pq.read_table(path)
    metadata = dict(table.schema.metadata) | {b"jamel.schema_version": b"9"}
    pq.write_table(table.replace_schema_metadata(metadata), path)
    assert "schema version 1" in cli.sentence("label")
    path.write_bytes(path.read_bytes()[:-9])
    assert "truncated or damaged" in cli.sentence("label")
    assert path.exists()


def test_a_dataset_changed_by_hand_is_not_trained_on(
    project: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jamel import dataset

    (project / "data.dvc").write_text("outs: [{md5: abc.dir}]")
    shard = "data/labels/round-0/a.parquet"
    monkeypatch.setattr(dataset, "changes_since_pinned", lambda root: {"modified": [shard]})
    assert f"as pinned (abc.dir), found modified: {shard}" in cli.sentence("train")
    monkeypatch.setattr(dataset, "changes_since_pinned", lambda root: {"added": [shard]})
    assert "Run `jamel label` first" in cli.sentence("train")


def test_no_free_port_is_a_sentence(project: Path, cli: Cli) -> None:
    from jamel.services import free_ports

    with pytest.raises(stores.StoreError, match="expected 2000 free ports from 65000 up, found"):
        free_ports(65000, 2000)


def test_a_taken_port_is_passed_over() -> None:
    from jamel.services import free_ports

    (port,) = free_ports(18500, 1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert port not in free_ports(port, 3)
