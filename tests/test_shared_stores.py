"""Clones of a project on several machines: one PostgreSQL and one bucket, on loopback, for all.

Four of them begin at once on empty stores: one with the loop, to a registered model, three with a
round each, the last of them as a deployment, which has the bucket's key from a Secret block alone.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
import yaml

from jamel import dataset, registry, stores
from jamel.config import StoresConfig
from jamel.doctor.machine import diagnose
from jamel.errors import Busy, DatasetError
from jamel.layout import Layout
from jamel.registry.aliases import enact
from jamel.registry.audit import MAX_NAME, MAX_REASON, new_entry
from jamel.registry.tracking import PROCESS_TAG
from jamel.services import ADMIN_PASSWORD, free_ports, mlflow_service, running
from tests.agents.chat_server import Endpoint, chat_server, says
from tests.repository import git
from tests.servers import BUCKET, REPOSITORY, S3, USER, Postgres, postgres, postgres_programs, s3
from tests.smallest import SMALLEST

pytestmark = [
    pytest.mark.timeout(1500),
    pytest.mark.skipif(postgres_programs() is None, reason="no PostgreSQL: apt install postgresql"),
]
for needed in ("psycopg2", "boto3", "moto", "dvc_s3"):
    pytest.importorskip(needed, reason="pip install -c constraints.txt -e '.[dev,cluster]'")

PROFILE = "configs/shared.yaml"
LOOP = f"""
set -e
"$0" -m jamel.cli init --config {PROFILE}
"$0" -m pipelines.retrain --config {PROFILE}
"""
ROUND = f"""
from jamel.config import load_config
from jamel.registry import Tracker
from jamel.stores import init

config = load_config("{PROFILE}")
init(".", config.stores)
from pipelines.gather import collect

with Tracker(".").run("beside the loop", config):
    collect(config="{PROFILE}")
"""
ROUND_BY_A_WORKER = """
import os
import sys

from jamel.config import load_config
from jamel.services import free_ports, prefect_service, running, worker
from jamel.stores import init

stores = init(".", load_config(sys.argv[1]).stores)
server = prefect_service(free_ports(19700, 1)[0])
with running([server], stores):
    os.environ["PREFECT_API_URL"] = f"{server.url}api"
    from pipelines.turns import POOL
    from prefect.blocks.system import Secret
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.deployments import run_deployment
    from prefect.workers.process import ProcessWorker

    Secret(value=os.environ["AWS_SECRET_ACCESS_KEY"]).save("bucket-key")
    os.environ["AWS_SECRET_ACCESS_KEY"] = "not the secret"
    template = ProcessWorker.get_default_base_job_template()
    template["variables"]["properties"]["env"]["default"] = {
        "AWS_SECRET_ACCESS_KEY": "{{ prefect.blocks.secret.bucket-key }}"
    }
    pool = WorkPoolCreate(name=POOL, type="process", base_job_template=template)
    with get_client(sync_client=True) as client:
        client.create_work_pool(pool)
    with running([worker(server.port + 1)], stores):
        run = run_deployment("collect/once", timeout=1200, poll_interval=1)
        assert run.state.is_completed(), run.state
"""
DEPLOYMENTS = f"""
name: test
prefect-version: 3.8.8
deployments:
  - name: once
    entrypoint: pipelines/gather.py:collect
    parameters: {{config: {PROFILE}}}
    work_pool: {{name: jamel}}
"""
ADMIN = "a-password-for-the-pages"
LLM_KEY = "sk-of-the-language-model"


class Shared(NamedTuple):
    """The clones, the first of which ran the loop, what they pinned and printed, the servers."""

    clones: list[Path]
    datasets: list[str]
    printed: str
    outcome: dict[str, Any]
    places: StoresConfig
    postgres: Postgres
    s3: S3
    llm: Endpoint


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """Four clones after their first runs, which began at the same time."""
    with ExitStack() as stack:
        database = stack.enter_context(postgres(["mlflow", "prefect"]))
        bucket = stack.enter_context(s3())
        llm = stack.enter_context(chat_server(says("Action: 0")))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name in [name for name in os.environ if name.startswith(("PREFECT_", "MLFLOW_"))]:
            patch.delenv(name)
        for name, value in _environment(database, bucket, llm).items():
            patch.setenv(name, value)
        places = StoresConfig(
            # One by its host, one by that of the environment.
            mlflow=f"postgresql://127.0.0.1:{database.port}/mlflow",
            prefect="postgresql:///prefect",
            artifacts=f"s3://{BUCKET}/mlflow",
            dvc_remote=f"s3://{BUCKET}/dvc",
            s3_endpoint=bucket.endpoint,
        )
        folder = tmp_path_factory.mktemp("machines")
        clones = [_clone(folder / str(number), places, number) for number in range(4)]
        commands = [
            ["sh", "-c", LOOP, sys.executable],
            *[[sys.executable, "-c", ROUND]] * 2,
            [sys.executable, "-c", ROUND_BY_A_WORKER, PROFILE],
        ]
        started = [
            stack.enter_context(_started(command, clone))
            for command, clone in zip(commands, clones, strict=True)
        ]
        printed = [process.communicate()[0] for process in started]
        assert [process.returncode for process in started] == [0] * 4, "\n".join(printed)
        outcome = json.loads((clones[0] / "build/shared/outcome.json").read_text())
        pinned = [dataset.pinned_md5(clone) for clone in clones]
        yield Shared(clones, pinned, "\n".join(printed), outcome, places, database, bucket, llm)


def _environment(database: Postgres, bucket: S3, llm: Endpoint) -> dict[str, str]:
    return {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(database.port),
        "PGUSER": USER,
        "PGPASSWORD": database.password,
        "AWS_ACCESS_KEY_ID": bucket.key,
        "AWS_SECRET_ACCESS_KEY": bucket.secret,
        "AWS_DEFAULT_REGION": "us-east-1",
        "OPENAI_API_KEY": LLM_KEY,
        "OPENAI_BASE_URL": llm.base_url,
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        ADMIN_PASSWORD: ADMIN,
    }


def _clone(root: Path, places: StoresConfig, seed: int) -> Path:
    (root / "configs").mkdir(parents=True)
    for path in (REPOSITORY / "configs").glob("*"):
        if path.name in ("suites.yaml", "reachable.json"):
            shutil.copy(path, root / "configs")
    profile = SMALLEST | {"profile": "shared", "stores": places.model_dump()}
    profile["collect"] = SMALLEST["collect"] | {"agents": ["random", "llm"], "seed": seed}
    profile["agents"] = {"llm": {"model": "m"}}
    # As in a clone, where the flows are in the current folder.
    (root / "pipelines").symlink_to(REPOSITORY / "pipelines")
    (root / "prefect.yaml").write_text(DEPLOYMENTS)
    (root / PROFILE).write_text(yaml.safe_dump(profile))
    shutil.copy(REPOSITORY / ".gitignore", root)
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "A project"]):
        git(root, *arguments)
    return root


def _started(command: list[str], clone: Path) -> subprocess.Popen[str]:
    paths = f"{REPOSITORY / 'src'}{os.pathsep}{REPOSITORY}"
    return subprocess.Popen(
        command,
        cwd=clone,
        env=os.environ | {"PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _rows(shared: Shared, name: str, query: str) -> list[tuple[Any, ...]]:
    import psycopg2

    connection = psycopg2.connect(f"postgresql:///{name}")
    with connection, connection.cursor() as cursor:
        cursor.execute(query)
        found = cursor.fetchall()
    connection.close()
    return found


def _objects(shared: Shared) -> dict[str, bytes]:
    """Everything in the bucket."""
    import boto3

    client = boto3.client("s3", endpoint_url=shared.s3.endpoint)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
    return {key: client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


def test_four_that_begin_at_once_on_empty_stores_all_have_their_runs(shared: Shared) -> None:
    assert len(_rows(shared, "mlflow", "SELECT * FROM alembic_version")) == 1
    runs = _rows(shared, "mlflow", "SELECT name, status FROM runs")
    assert runs.count(("beside the loop", "FINISHED")) == 2
    assert ("round 0", "FINISHED") in runs and {status for _, status in runs} == {"FINISHED"}
    flows = "SELECT flow.name, flow_run.state_type FROM flow JOIN flow_run ON flow.id = flow_id"
    collected = [("collect", "COMPLETED")] * 3
    assert sorted(_rows(shared, "prefect", flows)) == [*collected, ("retrain", "COMPLETED")]


def test_the_datasets_of_all_are_in_the_bucket_with_their_files(shared: Shared) -> None:
    assert len(set(shared.datasets)) == 4 and shared.datasets[0] == shared.outcome["dataset"]
    objects = _objects(shared)
    for md5 in shared.datasets:
        files = json.loads(objects[_in_remote(md5)])
        assert len(files) == 4, "two sessions with their labels"
        assert {_in_remote(file["md5"]) for file in files} <= set(objects)


def _in_remote(md5: str) -> str:
    return f"dvc/files/md5/{md5[:2]}/{md5[2:]}"


def test_a_dataset_comes_to_another_clone(shared: Shared) -> None:
    first, second = shared.clones[:2]
    md5 = shared.outcome["dataset"]
    shutil.copy(first / "data.dvc", second)
    assert dataset.fetch(second) == md5
    pulled = {path.relative_to(second): path for path in (second / "data").rglob("*.parquet")}
    assert len(pulled) == 4
    assert all((first / name).read_bytes() == path.read_bytes() for name, path in pulled.items())


def test_the_model_is_registered_with_its_files_in_the_bucket_and_loads_elsewhere(
    shared: Shared,
) -> None:
    from jamel.registry.serving import example_questions
    from jamel.registry.smoke import ask, load

    second = shared.clones[1]
    (version,) = registry.list_versions(second)
    promoted = registry.champion(second) is not None
    assert promoted == shared.outcome["decision"]["promoted"]
    assert version.tags["dataset_md5"] == shared.outcome["dataset"]
    assert any(name.endswith("hf/model.safetensors") for name in _objects(shared))
    assert not list((second / "stores/mlflow-artifacts").iterdir())
    weights = registry.model_dir(second, "1") / "model.safetensors"
    made = Layout.at(shared.clones[0], "shared").model("jamel", 0)
    trained = made / "model.safetensors"
    assert weights.read_bytes() == trained.read_bytes()
    answers = ask(load("models:/jamel/1"), example_questions())
    assert all(answers)


def test_the_pages_of_mlflow_show_the_shared_runs_to_those_who_log_in(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = stores.stores_at(shared.clones[1])
    (port,) = free_ports(18700, 1)
    monkeypatch.setattr("jamel.services.START_TIMEOUT_S", 300.0)
    service = mlflow_service(at, port, login=True)
    with running([service], at):
        assert _asked(service.url) == 401
        assert _asked(service.url, ("admin", "not the password")) == 401
        assert _asked(service.url, ("admin", ADMIN)) == 200


def _asked(url: str, login: tuple[str, str] | None = None) -> int:
    """The status of a search for the experiment's runs."""
    header = base64.b64encode(":".join(login or ("", "")).encode()).decode()
    request = urllib.request.Request(
        f"{url}api/2.0/mlflow/experiments/get-by-name?experiment_name=jamel",
        headers={"Authorization": f"Basic {header}"} if login else {},
    )
    try:
        with urllib.request.urlopen(request, timeout=240) as answer:
            assert b"s3://" in answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return int(error.code)


def test_no_secret_is_in_any_file_log_database_or_object(shared: Shared, tmp_path: Path) -> None:
    (tmp_path / "a log").write_text(f"connecting with {shared.postgres.password}")
    assert _with_secrets(shared, _files(tmp_path)) == ["a log"], "they are found where they are"
    found = {"printed": shared.printed.encode()} | _objects(shared)
    for clone in shared.clones:
        found |= {f"{clone.name}/{name}": text for name, text in _files(clone).items()}
    for name in ("mlflow", "prefect"):
        found[name] = subprocess.run(
            [shared.postgres.programs / "pg_dump", name], check=True, capture_output=True
        ).stdout
        assert b"alembic_version" in found[name]
    assert any(name.startswith("dvc/files/md5") for name in found)
    assert any(name.startswith("mlflow/") for name in found)
    assert any(name.endswith("stores/places.json") for name in found)
    # All of them were of use.
    authorized = {headers.get("Authorization") for _, headers, _ in shared.llm.asked}
    assert authorized == {f"Bearer {LLM_KEY}"}
    assert _rows(shared, "prefect", "SELECT name FROM block_document") == [("bucket-key",)]
    assert _with_secrets(shared, found) == []


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def _with_secrets(shared: Shared, texts: dict[str, bytes]) -> list[str]:
    """The names of those in which a password stands, as it is or as addresses spell it."""
    secrets = (shared.postgres.password, shared.s3.secret, ADMIN, LLM_KEY)
    spelt = {form.encode() for secret in secrets for form in (secret, quote(secret, safe=""))}
    return [name for name, text in texts.items() if any(secret in text for secret in spelt)]


def test_promotions_of_two_machines_take_turns(shared: Shared) -> None:
    first, second = shared.clones[:2]
    with (
        stores.lock(first, "registry"),
        pytest.raises(Busy, match="'registry' in postgresql://"),
        stores.lock(second, "registry"),
    ):
        pass
    with stores.lock(second, "registry"):
        pass


def test_the_longest_that_may_be_said_of_a_decision_is_kept(shared: Shared) -> None:
    entry = new_entry("refuse", "jamel", "1", by="Ж" * MAX_NAME, reason="щ" * MAX_REASON)
    former = [str(number) for number in range(1000, 1100)]
    with stores.lock(shared.clones[1], "registry"):
        enact(shared.clones[1], entry, {"previous-champion": ""}, former)
    (version,) = registry.list_versions(shared.clones[0])
    assert version.tags["decision_reason"] == entry["reason"]


def test_runs_of_another_machine_are_not_taken_for_abandoned(shared: Shared) -> None:
    first, second = (registry.Tracker(clone) for clone in shared.clones[:2])
    with first.run("at work") as run_id:
        assert second.close_abandoned() == 0
        assert first.client.get_run(run_id).info.status == "RUNNING"
        first.client.set_tag(run_id, PROCESS_TAG, "1@0")
        assert second.close_abandoned() == 0
        assert first.close_abandoned() == 1, "the same folder's are, once their process is no more"


def test_doctor_says_whether_the_places_answer(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("MLflow store", "Prefect store", "MLflow files", "DVC remote")
    root = shared.clones[0]
    checks = {check.name: check for check in diagnose(root)}
    assert all(checks[name].passed for name in names)
    assert "PostgreSQL" in checks["MLflow store"].found
    assert shared.s3.endpoint in checks["DVC remote"].found

    monkeypatch.setenv("PGPASSWORD", "not the password")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not the secret")
    checks = {check.name: check for check in diagnose(root)}
    assert not any(checks[name].passed for name in names)
    assert "password authentication failed" in checks["MLflow store"].found
    assert "SignatureDoesNotMatch" in checks["DVC remote"].found
    told = " ".join(check.found + check.advice for check in checks.values())
    assert "PGPASSWORD" in told and "AWS_SECRET_ACCESS_KEY" in told
    assert "not the password" not in told and "not the secret" not in told


def test_a_bucket_that_refuses_the_key_is_a_sentence(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shared.clones[0] / "data/sessions/new.parquet").write_bytes(b"new")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not the secret")
    with pytest.raises(DatasetError, match=f"s3://{BUCKET}/dvc"):
        dataset.version(shared.clones[0])


def test_a_dump_restored_as_another_database_has_the_version_that_loads(
    shared: Shared, tmp_path: Path
) -> None:
    dump = tmp_path / "mlflow.dump"
    for program, *arguments in (
        ("pg_dump", "--format=custom", f"--file={dump}", "mlflow"),
        ("createdb", "restored"),
        ("pg_restore", "--no-owner", "--dbname=restored", dump),
    ):
        subprocess.run([shared.postgres.programs / program, *arguments], check=True)
    third = shared.clones[2]
    address = shared.places.mlflow.replace("/mlflow", "/restored")
    stores.init(third, shared.places.model_copy(update={"mlflow": address}))
    assert registry.Tracker(third).client.tracking_uri == address
    (version,) = registry.list_versions(third)
    assert version.tags["dataset_md5"] == shared.outcome["dataset"]
    weights = registry.model_dir(third, "1") / "model.safetensors"
    trained = Layout.at(shared.clones[0], "shared").model("jamel", 0) / "model.safetensors"
    assert weights.read_bytes() == trained.read_bytes()
