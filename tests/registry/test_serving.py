"""The champion behind HTTP, as MLflow serves it: the same answers as through its loader, which are
what the exploring agent thinks."""

from __future__ import annotations

from pathlib import Path
from urllib.error import HTTPError

import pytest
from torch import log_softmax

from jamel import registry
from jamel.agents.learned import ModelPolicy
from jamel.collect import collect
from jamel.config import parse_config
from jamel.envs.base import candidates
from jamel.episodes import read_session
from jamel.registry import connection, server, serving, smoke
from jamel.registry.wire import Question, Remembered


def test_the_champion_answers_over_http_as_through_mlflows_loader(
    champions: Path,
) -> None:
    questions = serving.example_questions()
    connection.connect(champions)
    expected = smoke.ask(smoke.load("models:/jamel@champion"), questions)
    with server.serving("models:/jamel@champion", champions) as address:
        answers = server.ask_over_http(address, questions)
        for mine, theirs in zip(answers, expected, strict=True):
            assert [item.action for item in mine] == [item.action for item in theirs]
            assert [item.score for item in mine] == pytest.approx([item.score for item in theirs])
            assert [item.worth for item in mine] == pytest.approx([item.worth for item in theirs])
        scores = [{item.action: item.score for item in answer} for answer in answers]
        assert scores[0] != scores[2], "the same screen, with and without a session"
        broken = questions[0].observation._replace(size_px="wide")  # type: ignore[arg-type]
        with pytest.raises(HTTPError) as refused:
            server.ask_over_http(address, [Question(broken)])
        assert refused.value.code >= 400
        assert server.ask_over_http(address, questions[:1]) == answers[:1], "it goes on"
    with pytest.raises(OSError):
        server.ask_over_http(address, questions)


def test_a_stored_model_answers_along_a_session_what_the_exploring_agent_thinks(
    champions: Path, tmp_path: Path
) -> None:
    round_of_one = {"apps": 1, "steps": 12, "agents": ["random"], "workers": 1}
    (shard,) = collect(parse_config({"collect": round_of_one}, "test"), tmp_path / "round-0")
    policy = ModelPolicy.load(registry.model_dir(champions, "2"))
    memory, past = policy.start(seed=0), []
    questions, expected = [], []
    for at, step in enumerate(read_session(shard).transitions()):
        seen, executed = step.observation, at != 3
        questions.append(Question(seen, tuple(past)))
        logits_NC = policy.scores([memory], [seen]).logits
        assert logits_NC is not None
        scores_C = log_softmax(logits_NC[0, : len(candidates(seen))].double(), 0).tolist()
        expected.append(dict(zip(candidates(seen), scores_C, strict=True)))
        policy.note(memory, seen, step.action, executed)
        past.append(Remembered(seen, step.action, executed))
    connection.connect(champions)
    answers = smoke.ask(smoke.load("models:/jamel@champion"), questions)
    for answer, scores in zip(answers, expected, strict=True):
        assert {item.action: item.score for item in answer} == pytest.approx(scores, abs=1e-5)
    assert len({round(max(scores.values()), 6) for scores in expected}) > 6, (
        "it tells screens apart"
    )
