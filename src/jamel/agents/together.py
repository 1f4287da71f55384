"""Sessions that one model explores side by side decide in one batch, which costs a third.

Knows the policy; nothing of environments and files. Sessions run in threads. A batch holds all that
go on, in the order of their seats, so that nothing depends on which thread was first.
"""

from __future__ import annotations

from threading import Condition
from typing import TYPE_CHECKING

from jamel.model.processing import FloatArray
from jamel.types import Action, Observation

if TYPE_CHECKING:
    from jamel.agents.learned import ModelAgent, ModelPolicy, SessionMemory


class Stopped(Exception):
    """The batch was given up while a session waited for it."""


class Together:
    """Who acts waits until everyone who is seated does; then all are answered.

    Args:
        policy: decides.
        seats: how many sessions there are; each has to `leave` when it ends.
    """

    def __init__(self, policy: ModelPolicy, seats: int) -> None:
        self._policy = policy
        self._turn = Condition()
        self._seated = set(range(seats))
        self._asked: dict[int, tuple[SessionMemory, Observation]] = {}
        self._answers: dict[int, Action | Exception] = {}

    def act(self, seat: int, memory: SessionMemory, observation: Observation) -> Action:
        """The action of one session. Raises what deciding raised, Stopped after `stop`."""
        with self._turn:
            self._asked[seat] = memory, observation
            self._decide()
            self._turn.wait_for(lambda: seat in self._answers or not self._seated)
            answer = self._answers.pop(seat, Stopped())
        if isinstance(answer, Exception):
            raise answer
        return answer

    def leave(self, seat: int) -> None:
        """A session has ended: nobody waits for it."""
        with self._turn:
            self._seated.discard(seat)
            self._decide()

    def stop(self) -> None:
        """Nobody waits for anybody any more."""
        with self._turn:
            self._seated.clear()
            self._turn.notify_all()

    def _decide(self) -> None:
        if not self._asked or self._asked.keys() != self._seated:
            return
        seats = sorted(self._asked)
        memories, observations = zip(*(self._asked.pop(seat) for seat in seats), strict=True)
        answers: list[Action | Exception]
        try:
            answers = list(self._policy.act(memories, observations))
        except Exception as error:  # Whoever waits has to hear of it.
            answers = [error] * len(seats)
        self._answers.update(zip(seats, answers, strict=True))
        self._turn.notify_all()


class Seated:
    """A `ModelAgent` whose session is one of several that decide together."""

    def __init__(self, agent: ModelAgent, together: Together, seat: int) -> None:
        self._together, self._policy, self._seat = together, agent.policy, seat
        self.name, self.version = agent.name, agent.version
        self.memory = self._policy.start(0)

    @property
    def worth(self) -> FloatArray:
        """As of `ModelAgent`."""
        return self.memory.worth

    def reset(self, session_seed: int) -> None:
        """Forget everything and start a session."""
        self.memory = self._policy.start(session_seed)

    def act(self, observation: Observation) -> Action:
        """As `ModelAgent.act`, in one batch with the others."""
        return self._together.act(self._seat, self.memory, observation)

    def observe_result(self, next_observation: Observation, executed: bool) -> None:
        """As of `ModelAgent`."""
        self.memory.tracker.note_executed(executed)
