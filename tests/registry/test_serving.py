"""The champion behind HTTP, as MLflow serves it: the same answers as through its loader, which are
what the exploring agent thinks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import log_softmax

from jamel import registry
from jamel.agents.learned import ModelPolicy, SessionMemory
from jamel.collect import collect
from jamel.config import parse_config
from jamel.envs.base import candidates
from jamel.episodes import read_session
from jamel.errors import RequestError
from jamel.model.modeling import JamelOutput
from jamel.registry import connection, models, server, serving, smoke
from jamel.registry.serving import Ranker, SessionRanker, load_ranker
from jamel.registry.wire import Question, Ranked, Remembered, memory_to_json, to_json
from jamel.types import Action, ActionKind, Observation
from tests.registered import tiny_model


@pytest.fixture(scope="module")
def ranker(tmp_path_factory: pytest.TempPathFactory) -> Ranker:
    return load_ranker(tiny_model(tmp_path_factory.mktemp("served")))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> list[Remembered]:
    """The steps of a real session, one of which was not executed, one typed what no agent types,
    and one did what its screen does not offer."""
    folder = tmp_path_factory.mktemp("lived") / "round-0"
    section = {"apps": 6, "steps": 12, "agents": ["random"], "workers": 1}
    shards = collect(parse_config({"collect": section}, "test"), folder)
    for steps in (read_session(shard).transitions() for shard in shards):
        past = [Remembered(step.observation, step.action, at != 3) for at, step in enumerate(steps)]
        for at, step in enumerate(past[4:10], 4):
            fields = [a for a in candidates(step.observation) if a.kind == ActionKind.TYPE]
            if fields:
                past[at] = step._replace(action=fields[-1]._replace(text="no such text"))
                past[at + 1] = past[at + 1]._replace(action=Action(ActionKind.TAP, 99))
                return past
    raise AssertionError("no screen of these sessions has a field")


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


def test_a_version_that_was_stored_before_answers_as_it_did(
    ranker: Ranker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It keeps the code that was stored with it, which finds the library of now."""
    monkeypatch.setattr(models, "SERVED", Path(__file__).with_name("former_served_model.py"))
    stored = models.save_model(tiny_model(tmp_path / "hf"), tmp_path / "stored")
    questions = serving.example_questions()
    assert smoke.ask(smoke.load(str(stored)), questions) == [ranker.rank(q) for q in questions]


def put(sessions: SessionRanker, question: Question, indent: int | None = None) -> list[Ranked]:
    session = json.dumps(json.loads(memory_to_json(question.memory)), indent=indent)
    return sessions.answer(to_json(question.observation), session)


def looked_at(ranker: Ranker, monkeypatch: pytest.MonkeyPatch) -> list[Observation]:
    """The screens that the model reads from now on."""
    found: list[Observation] = []
    scores = ranker.scores

    def noted(memories: Sequence[SessionMemory], screens: Sequence[Observation]) -> JamelOutput:
        found.extend(screens)
        return scores(memories, screens)

    monkeypatch.setattr(ranker, "scores", noted)
    return found


def along(past: Sequence[Remembered]) -> list[Question]:
    return [Question(step.observation, tuple(past[:at])) for at, step in enumerate(past)]


def test_every_question_of_a_session_reads_one_screen(
    ranker: Ranker, lived: list[Remembered], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [ranker.rank(question) for question in along(lived)]
    seen, sessions = looked_at(ranker, monkeypatch), SessionRanker(ranker)
    assert [put(sessions, question) for question in along(lived)] == expected
    assert seen == [step.observation for step in lived]


OTHERS = st.sampled_from(["go on", "another screen", "ask again", "two steps", "indented"])


@settings(max_examples=20)
@given(asked=st.lists(st.tuples(st.integers(0, 2), OTHERS), max_size=12))
def test_an_answer_depends_on_its_question_alone(
    ranker: Ranker, lived: list[Remembered], asked: list[tuple[int, str]]
) -> None:
    """Sessions that begin alike, one beside the other, whatever was asked before."""
    sessions, at = SessionRanker(ranker), [0, 0, 0]
    for which, how in asked:
        past = [*lived[: which + 1], *lived[2 * which + 1 :]]
        at[which] = min(at[which] + {"ask again": 0, "two steps": 2}.get(how, 1), len(past) - 1)
        screen = past[at[which] - 1 if how == "another screen" else at[which]].observation
        question = Question(screen, tuple(past[: at[which]]))
        indent = 2 if how == "indented" else None
        assert put(sessions, question, indent) == ranker.rank(question)


def test_threads_may_ask_about_one_session(ranker: Ranker, lived: list[Remembered]) -> None:
    sessions, questions = SessionRanker(ranker), along(lived)[:6]
    with ThreadPoolExecutor(4) as pool:
        for question in questions:
            answers = list(pool.map(lambda asked: put(sessions, asked), [question] * 4))
            assert answers == [ranker.rank(question)] * 4


def test_sessions_are_kept_up_to_a_number_and_go_on_when_forgotten(
    ranker: Ranker, lived: list[Remembered], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "KEPT_STEPS", 2)
    seen, sessions = looked_at(ranker, monkeypatch), SessionRanker(ranker)
    for other in range(3):
        put(sessions, Question(lived[other].observation))
    seen.clear()
    for other, screens in ((2, 1), (0, 2)):
        put(sessions, Question(lived[5].observation, (lived[other],)))
        assert len(seen) == screens
        seen.clear()


def test_a_session_that_is_known_is_refused_as_any_other(
    ranker: Ranker, lived: list[Remembered]
) -> None:
    first, second = (memory_to_json(lived[:steps]) for steps in (1, 2))
    screen, bare = to_json(lived[1].observation), second[:-1]
    bad = (bare, second + "]", bare + ",]", first + second[1:], "[1]", "{}")
    spaced = (second + "\u00a0", first[:-1] + "\u2003," + second[len(first) :])
    for session in (*bad, *spaced):
        sessions, said = SessionRanker(ranker), []
        for known in (False, True):
            if known:
                sessions.answer(screen, first)
            with pytest.raises(RequestError) as refused:
                sessions.answer(screen, session)
            said.append(str(refused.value))
        assert said[0] == said[1]
        assert sessions.answer(screen, second) == ranker.rank(
            Question(lived[1].observation, tuple(lived[:2]))
        )


def test_a_session_that_grew_too_long_is_read_from_its_start_where_that_is_told(
    ranker: Ranker, lived: list[Remembered], monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = SessionRanker(ranker)
    put(sessions, along(lived)[2])
    monkeypatch.setattr(serving, "MAX_REMEMBERED", 2)
    seen = looked_at(ranker, monkeypatch)
    put(sessions, along(lived)[3])
    assert len(seen) == 4
