"""When an app is exhausted, judged from what its agent saw and did alone.

Knows no coverage. A calibrated model says how likely it is that next to nothing new comes; without
a calibration the survey's best candidate is compared with a threshold.
"""

from __future__ import annotations

from jamel.agents.survey import Surveyed
from jamel.calibration import Exhausted


class Exhaustion:
    """Says when to stop.

    Args:
        agent: whose survey is asked.
        chance: gives the chance that the app is exhausted, None where nobody fitted it.
        certainty: the chance at which to stop.
        threshold: without `chance`, the worth that is worth a step; without a model anything
            untried is above it.
        patience: for how many steps in a row.
    """

    def __init__(
        self,
        agent: Surveyed,
        chance: Exhausted | None,
        certainty: float,
        threshold: float,
        patience: int,
    ) -> None:
        self._agent = agent
        self._chance = chance
        self._certainty = certainty
        self._threshold = threshold
        self._patience = patience
        self._calm = 0

    def __call__(self) -> bool:
        """Whether the app is exhausted now; asked once after each step."""
        self._calm = self._calm + 1 if self._is_calm() else 0
        return self._calm >= (self._patience if self._agent.has_model else 1)

    @property
    def chance(self) -> float | None:
        """How likely it is now that the app is exhausted, None where that was not fitted."""
        if self._chance is None or not self._agent.has_model:
            return None
        return self._chance(self._agent.survey.features())

    def _is_calm(self) -> bool:
        if (chance := self.chance) is not None:
            return chance >= self._certainty
        return self._agent.survey.best_left() < self._threshold
