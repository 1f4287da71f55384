"""A share of a round gets its profile as a dump, and what no dump has from its own machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jamel.config import parse_config
from jamel.errors import ConfigError
from pipelines.shares import share
from tests.agents.chat_server import chat_server, says

KEY = "sk-of-this-worker"
PROFILE = {
    "collect": {"apps": 2, "steps": 3, "workers": 1, "agents": ["llm"]},
    "agents": {"llm": {"base_url": "https://round.example/v1", "model": "m", "retries": 0}},
}


def test_a_language_model_is_asked_where_the_worker_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dumped = parse_config(PROFILE, source="test").model_dump(mode="json")
    assert "round.example" not in json.dumps(dumped)
    given = {"out_dir": str(tmp_path / "round-0"), "round_index": 0}
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(ConfigError, match="OPENAI_BASE_URL in the environment"):
        share.fn("collect", dumped, given, 0, 1)
    with chat_server(says("Action: 0")) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        assert share.fn("collect", dumped, given, 0, 1) == 2
    assert len(server.asked) == 6, "every step of both sessions"
    assert {headers["Authorization"] for _, headers, _ in server.asked} == {f"Bearer {KEY}"}
