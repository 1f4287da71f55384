"""Asking a stored model as anyone who serves it does: through MLflow's own loader, in JSON.

Knows addresses of models such as `models:/jamel@champion`; not which of them is good.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jamel.envs.base import candidates
from jamel.registry.connection import connect, quiet
from jamel.registry.wire import Question, Ranked, memory_to_json, read_ranked, to_json

if TYPE_CHECKING:
    import pandas as pd


def load(uri: str) -> Any:
    """A stored model through MLflow's own loader, such as `models:/jamel@champion`."""
    import mlflow

    with quiet():
        return mlflow.pyfunc.load_model(uri)


def ask(model: Any, questions: Sequence[Question]) -> list[list[Ranked]]:
    """Put questions to a loaded model through its JSON columns."""
    return [read_ranked(text) for text in model.predict(columns(questions))["ranked"]]


def columns(questions: Sequence[Question]) -> pd.DataFrame:
    """Questions as a served model takes them."""
    import pandas as pd

    return pd.DataFrame(
        {
            "observation": [to_json(question.observation) for question in questions],
            "memory": [memory_to_json(question.memory) for question in questions],
        }
    )


def smoke_test(root: Path | str, model: str, version: str) -> dict[str, Any]:
    """Load a version as it is served and ask it about one recorded screen and session.

    Returns:
        `{"offered", "ranked", "problem"}`, as `jamel.gate.decide` reads it.
    """
    from jamel.registry.serving import example_questions

    connect(root)
    question = example_questions()[-1]
    offered = candidates(question.observation)
    try:
        (answer,) = ask(load(f"models:/{model}/{version}"), [question])
    # Whatever it is that a stored model cannot do, it is the answer to the question asked here.
    except Exception as error:
        problem = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        return {"offered": len(offered), "ranked": [], "problem": problem}
    ranked = [[item.score, item.worth] for item in answer if item.action in offered]
    return {"offered": len(offered), "ranked": ranked, "problem": ""}
