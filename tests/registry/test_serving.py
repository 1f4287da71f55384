"""The champion behind HTTP, as MLflow serves it: the same answers as through its loader."""

from __future__ import annotations

from pathlib import Path
from urllib.error import HTTPError

import pytest

from jamel.registry import connection, server, serving, smoke
from jamel.registry.wire import Question


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
