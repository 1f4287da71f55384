"""Where shared stores lie: addresses without passwords, kept once, read by everything."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from jamel import stores
from jamel.cli import app
from jamel.config import StoresConfig, load_config, parse_config
from jamel.errors import ConfigError, StoreError
from jamel.layout import Layout
from jamel.services import services

SHARED = load_config("configs/cluster.yaml").stores


def kept(root: Path, text: str) -> Path:
    """A project that was initialised with these addresses."""
    (root / "stores").mkdir()
    (root / "stores/places.json").write_text(text)
    return root


def test_every_command_refuses_a_profile_that_names_other_stores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs = Path("configs").resolve()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").symlink_to(configs)
    for command in (["promote"], ["rollback"], ["compare"], ["validate"], ["monitor"]):
        done = CliRunner().invoke(app, [*command, "--config", "configs/cluster.yaml"])
        assert isinstance(done.exception, StoreError), command
        assert "expected the stores that the profile names" in str(done.exception)
    here = kept(tmp_path, SHARED.model_dump_json())
    stores.require_named(stores.stores_at(here), SHARED)


@pytest.mark.parametrize(
    "value",
    [
        {"mlflow": "postgresql://jamel:hunter2@db/mlflow"},
        {"mlflow": "postgresql://jamel:hunter/2@db/mlflow"},
        {"prefect": "postgresql://db/prefect?user=jamel&password=hunter2"},
        {"s3_endpoint": "http://key:hunter2@bucket:9000"},
        {"dvc_remote": "s3://key:hunter2@bucket/dvc"},
    ],
)
def test_an_address_with_a_password_is_refused_and_not_repeated(value: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"x\.yaml: stores\.\w+: .*without a password") as raised:
        parse_config({"stores": value}, source="x.yaml")
    assert "hunter" not in str(raised.value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"mlflow": "sqlite:////mlflow.db"}, "postgresql://host:port/database"),
        ({"prefect": "postgresql+asyncpg://db/prefect"}, "postgresql://host:port/database"),
        ({"mlflow": "postgresql://db/mlflow?sslmode=require"}, "PGSSLMODE"),
        ({"dvc_remote": "/mnt/dvc"}, "s3://bucket/folder"),
        ({"s3_endpoint": "bucket:9000"}, "http"),
        ({"mlflow": "postgresql:///mlflow"}, "stores.artifacts"),
        ({"artifacts": "s3://jamel/mlflow"}, "stores.mlflow"),
        (
            {"mlflow": "postgresql:///one", "artifacts": "s3://jamel/a"}
            | {"prefect": "postgresql:///one"},
            "a database each",
        ),
    ],
)
def test_a_place_that_cannot_be_is_a_sentence(value: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_config({"stores": value}, source="x.yaml")


def test_addresses_that_were_kept_are_what_everything_reads(tmp_path: Path) -> None:
    places = SHARED.model_copy(update={"s3_endpoint": "http://bucket:9000"})
    at = stores.stores_at(kept(tmp_path, places.model_dump_json()))
    assert stores.has_stores(tmp_path)
    assert at.mlflow_uri == "postgresql:///mlflow"
    assert at.artifacts_uri == "s3://jamel/mlflow"
    assert at.dvc_url == "s3://jamel/dvc"
    assert at.for_mlflow == {"MLFLOW_S3_ENDPOINT_URL": "http://bucket:9000"}
    assert at.for_prefect[stores.PREFECT_URL] == "postgresql+asyncpg:///prefect"


def test_the_pages_serve_the_shared_stores(tmp_path: Path) -> None:
    at = stores.stores_at(kept(tmp_path, SHARED.model_dump_json()))
    mlflow = services(Layout.at(tmp_path), at, 18600)[0].command
    assert mlflow[mlflow.index("--backend-store-uri") + 1] == "postgresql:///mlflow"
    assert mlflow[mlflow.index("--artifacts-destination") + 1] == "s3://jamel/mlflow"


def test_a_kept_file_with_a_password_is_refused(tmp_path: Path) -> None:
    kept(tmp_path, '{"prefect": "postgresql://jamel:hunter2@db/prefect"}')
    with pytest.raises(StoreError, match="without a password") as raised:
        stores.stores_at(tmp_path)
    assert "hunter2" not in str(raised.value)


def test_a_profile_with_other_stores_than_the_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="jamel init --config"):
        stores.open_stores(tmp_path, SHARED)


def test_stores_that_do_not_answer_are_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("psycopg2")
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    nobody = SHARED.model_copy(update={"mlflow": "postgresql://127.0.0.1:1/mlflow"})
    kept(tmp_path, nobody.model_dump_json())
    with pytest.raises(StoreError, match=r"a database at postgresql://127\.0\.0\.1:1") as raised:
        stores.open_stores(tmp_path)
    assert "hunter2" not in str(raised.value)


def test_without_addresses_everything_is_in_the_project(tmp_path: Path) -> None:
    at = stores.stores_at(tmp_path)
    assert at.elsewhere == StoresConfig() and not at.elsewhere.shared
    assert at.artifacts_uri == at.mlflow_artifacts.as_uri()
    assert at.dvc_url == str(at.dvc_remote)
    assert stores.PREFECT_URL not in at.for_prefect and not at.for_mlflow
