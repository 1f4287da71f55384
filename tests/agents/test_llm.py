"""The language model's agent against a real server: protocol, retries, deadline, costs, secrets."""

from __future__ import annotations

import time
from typing import Any

import pytest
from pydantic import SecretStr

from jamel.agents import Agent, agent_settings, make_agent
from jamel.agents import chat as chat_module
from jamel.agents.llm import chosen_number, screen_text
from jamel.config import AgentsConfig, Config, LlmConfig, config_digest, parse_config, with_key
from jamel.envs.base import candidates
from jamel.errors import AgentError, ConfigError
from jamel.rollout import rollout
from jamel.types import Observation, Session
from tests.agents.chat_server import Endpoint, chat_server, drips, hangs_up, says, sends
from tests.tiny_env import TinyEnv, element

SECRET = "sk-not-for-anyone"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_module, "FIRST_WAIT_S", 0.001)


def agent_at(endpoint: Endpoint, **changes: Any) -> Agent:
    llm = LlmConfig(base_url=endpoint.base_url, model="m", **({"deadline_s": 10} | changes))
    return make_agent("llm", settings=AgentsConfig(llm=llm))


def explored(agent: Agent, budget: int) -> Session:
    return rollout(agent, TinyEnv(), seed=0, budget=budget, session_id="s", suite="tiny")


def test_it_reads_all_that_was_seen_and_done_and_says_what_that_cost() -> None:
    with chat_server(says("I will open it.\nAction: 0", 100), says("action: 1.", 240)) as server:
        agent = agent_at(server)
        session = explored(agent, 2)
    assert [step.action.element for step in session.transitions()] == [0, 1]
    path, _, body = server.asked[1]
    assert path == "/v1/chat/completions" and body["model"] == "m"
    assert [message["role"] for message in body["messages"]] == [
        "system", "user", "assistant", "user",
    ]  # fmt: skip
    assert "I will open it." in body["messages"][2]["content"]
    assert 'tap Button list "list"' in body["messages"][1]["content"]
    assert agent.tokens_memory + agent.tokens_screen == 240
    assert agent.tokens_memory > agent.tokens_screen > 0


def test_without_a_count_the_length_is_taken() -> None:
    with chat_server(says("Action: 0", None)) as server:
        agent = agent_at(server)
        explored(agent, 3)
        sent = sum(len(message["content"]) for message in server.asked[-1][2]["messages"])
    assert agent.tokens_memory + agent.tokens_screen == sent // 4


@pytest.mark.parametrize("text", ["", "Action: 99", "tap the list", "Action: 1 or 2", "Action: -"])
def test_an_answer_that_names_no_candidate_is_an_invalid_action_and_is_told(text: str) -> None:
    with chat_server(says(text), says("Action: 0")) as server:
        session = explored(agent_at(server), 2)
    assert [step.executed for step in session.transitions()] == [False, True]
    assert "nothing happened" in server.asked[1][2]["messages"][-1]["content"]


@pytest.mark.parametrize(
    "failure",
    [
        sends(b"busy", 503),
        sends(b"slow down", 429, Retry_After="0.01"),
        sends(b"later", 429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),
        sends(b"<html>a portal</html>"),
        sends(b'{"choices": []}'),
        hangs_up,
    ],
)
def test_what_may_pass_is_asked_again(failure: Any) -> None:
    with chat_server(failure, failure, says("Action: 0")) as server:
        assert explored(agent_at(server), 1).transitions()[0].action.element == 0
    assert len(server.asked) == 3


def test_retries_are_bounded_and_say_what_was_found() -> None:
    with chat_server(sends(b"busy", 503)) as server, pytest.raises(AgentError, match="503"):
        explored(agent_at(server, retries=2), 1)
    assert len(server.asked) == 3


def test_a_dripping_or_patient_endpoint_meets_the_deadline() -> None:
    for reply in (drips, sends(b"", 429, Retry_After="3600")):
        began = time.monotonic()
        with chat_server(reply) as server, pytest.raises(AgentError, match=r"within 0\.3 s"):
            explored(agent_at(server, deadline_s=0.3, retries=1), 1)
        assert time.monotonic() - began < 8  # It drips for ten seconds.


@pytest.mark.parametrize("status", [400, 401, 404, 302])
def test_a_refusal_is_final_and_repeats_no_secret(status: int) -> None:
    echo = sends(SECRET.encode(), status, Location="http://127.0.0.1:9/")
    with chat_server(echo) as server, pytest.raises(AgentError) as caught:
        explored(agent_at(server, key=SecretStr(SECRET)), 1)
    assert len(server.asked) == 1 and str(status) in str(caught.value)
    assert SECRET not in str(caught.value)
    assert server.asked[0][1]["Authorization"] == f"Bearer {SECRET}"


def test_the_key_comes_from_the_environment_and_is_in_no_dump() -> None:
    raw = {"agents": {"llm": {"base_url": "https://user.example/v1", "model": "m"}}}
    plain = parse_config(raw, source="x.yaml")
    config = with_key(plain, {"OPENAI_API_KEY": SECRET})
    assert config.agents.llm.key.get_secret_value() == SECRET
    dumped = f"{config!r}{config.model_dump()}{config.model_dump_json()}"
    dumped += f"{agent_settings('llm', config.agents)}{make_agent('llm', settings=config.agents)}"
    assert SECRET not in dumped
    assert "user.example" not in config.model_dump_json()
    assert config_digest(config) == config_digest(plain)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"key": SECRET}, "a key is in no file"),
        ({"base_url": f"https://me:{SECRET}@host/v1"}, "expected http"),
        ({"base_url": "ftp://host"}, "expected http"),
    ],
)
def test_secrets_in_a_profile_are_refused_and_not_repeated(section: dict, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        parse_config({"agents": {"llm": section}}, source="x.yaml")
    assert SECRET not in str(caught.value)


def test_the_address_is_the_environments_where_the_profile_has_none() -> None:
    here = {"OPENAI_BASE_URL": "http://127.0.0.1:8000/v1/"}
    config = parse_config({"agents": {"llm": {"model": "m"}}}, source="x.yaml")
    assert with_key(config, here).agents.llm.base_url == "http://127.0.0.1:8000/v1"
    named = {"base_url": "https://user.example/v1", "model": "m"}
    own = parse_config({"agents": {"llm": named}}, source="x.yaml")
    assert with_key(own, here).agents.llm.base_url == "https://user.example/v1"
    ill = {"OPENAI_BASE_URL": f"https://me:{SECRET}@host/v1"}
    with pytest.raises(ConfigError, match=r"OPENAI_BASE_URL.* expected http") as caught:
        with_key(config, ill)
    assert SECRET not in str(caught.value)
    assert with_key(Config(), ill).agents.llm.base_url == "", "of no concern without a model"


def test_a_key_never_travels_in_the_clear() -> None:
    llm = LlmConfig(base_url="http://example.com/v1", model="m", key=SecretStr(SECRET))
    with pytest.raises(ConfigError, match="expected https"):
        make_agent("llm", settings=AgentsConfig(llm=llm))
    with pytest.raises(ConfigError, match=r"agents\.llm\.base_url"):
        make_agent("llm", settings=Config().agents)


def test_a_screen_is_told_on_one_line_an_action() -> None:
    row = element("two\nlines")._replace(checkable=True)
    field = element("", cls="android.widget.EditText")._replace(resource_id="a:id/name")
    observation = Observation("p", "p.MainActivity", (row, field), (1, 1))
    text = screen_text(observation, candidates(observation))
    assert text.splitlines()[:3] == ["Screen: MainActivity", "Text: two lines", "Actions:"]
    assert len(text.splitlines()) == 3 + len(candidates(observation))
    assert '0: tap Button two lines "two lines" (off)' in text
    assert '2: type EditText name: "12"' in text


def test_the_last_action_line_counts() -> None:
    assert chosen_number("Action: 3\nno, rather\n**Action: 4**") == 4
    assert chosen_number("Action: 123456789") is None
