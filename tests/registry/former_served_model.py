"""The file MLflow stores and runs for a registered model: code and safetensors, no pickle.

Columns in: `observation` (JSON), `memory` (JSON list of past steps, may be missing). Column out:
`ranked` (JSON list of actions with score and worth, best first). The parameters must be called
`context` and `model_input`, or MLflow registers a model that cannot be loaded and only warns.
"""

import warnings
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc import PythonModel

from jamel.registry.serving import load_ranker
from jamel.registry.wire import ranked_to_json, read_question

with warnings.catch_warnings():
    # Type hints would make MLflow convert the columns by its own rules.
    warnings.simplefilter("ignore")

    class ServedPolicy(PythonModel):
        """Answers each row on its own: the session travels with the question."""

        def load_context(self, context: Any) -> None:
            """Load the weights once."""
            self.ranker = load_ranker(context.artifacts["hf"])

        def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> Any:
            """Rank the actions of every row's observation."""
            count = len(model_input)
            memories = model_input["memory"] if "memory" in model_input else [None] * count
            rows = zip(model_input["observation"], memories, strict=True)
            answers = [
                ranked_to_json(self.ranker.rank(read_question(screen, _text(memory))))
                for screen, memory in rows
            ]
            return pd.DataFrame({"ranked": answers})


def _text(memory: Any) -> str | None:
    return memory if isinstance(memory, str) else None


mlflow.models.set_model(ServedPolicy())
