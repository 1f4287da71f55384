"""ReAct with its full history over a chat endpoint: the screen in words, a thought, an action.

After Yao et al., ReAct (ICLR 2023), as the paper's baseline runs it: everything seen, thought and
done in the session is read again at each step, so that what is read grows with it. Knows no
coverage. An answer that names no candidate is an invalid action: it costs a step and the model is
told.
"""

from __future__ import annotations

import re

from jamel.agents.base import versioned
from jamel.agents.chat import ChatEndpoint, Message
from jamel.agents.graph import labels_of
from jamel.config import LlmConfig
from jamel.envs.base import candidates
from jamel.types import NO_ACTION, Action, ActionKind, Observation

TASK = """You explore an Android app that you have never seen. Reach as much of its code as you \
can: try what you have not tried, in every state of the app, and waste no step on what you know.
You are shown a screen with its numbered actions. Think briefly, then end with one line:
Action: NUMBER"""
CHARACTERS_A_TOKEN = 4
"""Only for an endpoint that does not count."""
MOST_LABEL = 80
_CHOSEN = re.compile(r"^\W*action\W*(\d+)\W*$", re.IGNORECASE | re.MULTILINE)
_WORDS = {
    ActionKind.TAP: "tap",
    ActionKind.LONG_PRESS: "long press",
    ActionKind.TYPE: "type",
    ActionKind.SCROLL_DOWN: "scroll down",
    ActionKind.SCROLL_UP: "scroll up",
    ActionKind.BACK: "press back",
    ActionKind.RESTART: "restart the app",
}


class LlmAgent:
    """One conversation a session.

    `tokens_memory` and `tokens_screen` are what the last decision read: the endpoint's count,
    shared between the history and the present screen by their lengths.

    Raises:
        ConfigError: the settings name no endpoint.
    """

    name = "llm"

    def __init__(self, seed: int, settings: LlmConfig) -> None:
        self._endpoint = ChatEndpoint(settings)
        self.version = versioned("1", settings)
        self.reset(0)

    def reset(self, session_seed: int) -> None:
        """Start a new conversation; the model's own sampling has no seed."""
        self._messages: list[Message] = [{"role": "system", "content": TASK}]
        self._outcome = ""
        self.tokens_memory = self.tokens_screen = 0

    def act(self, observation: Observation) -> Action:
        """Ask for the next action; raises AgentError where nobody answers."""
        offered = candidates(observation)
        shown = self._outcome + screen_text(observation, offered)
        self._messages.append({"role": "user", "content": shown})
        answer = self._endpoint.complete(self._messages)
        self._meter(answer.tokens_read, len(shown))
        self._messages.append({"role": "assistant", "content": answer.text})
        number = chosen_number(answer.text)
        return offered[number] if number is not None and number < len(offered) else NO_ACTION

    def observe_result(self, next_observation: Observation, executed: bool) -> None:
        """Tell the model, with the next screen, when its action was none."""
        self._outcome = "" if executed else "That was not one of the actions: nothing happened.\n"

    def _meter(self, read: int | None, screen: int) -> None:
        total = sum(len(message["content"]) for message in self._messages)
        tokens = total // CHARACTERS_A_TOKEN if read is None else read
        self.tokens_screen = round(tokens * screen / total)
        self.tokens_memory = tokens - self.tokens_screen


def screen_text(observation: Observation, offered: list[Action]) -> str:
    """A screen in words: where it is, what it says, and its actions by number."""
    labels = labels_of(observation.elements)
    said = dict.fromkeys(_one_line(element.text) for element in observation.elements)
    actions = [
        f"{number}: {_in_words(observation, action, labels)}"
        for number, action in enumerate(offered)
    ]
    head = f"Screen: {observation.activity.rsplit('.', 1)[-1]}\nText: "
    return head + " | ".join(text for text in said if text) + "\nActions:\n" + "\n".join(actions)


def chosen_number(answer: str) -> int | None:
    """The number in the last line `Action: NUMBER`, None where there is no such line."""
    found = _CHOSEN.findall(answer)
    return int(found[-1]) if found and len(found[-1]) < 6 else None


def _in_words(observation: Observation, action: Action, labels: list[str]) -> str:
    if action.element < 0:
        return _WORDS[action.kind]
    element = observation.elements[action.element]
    plain = element.resource_id.rsplit("/", 1)[-1] or element.cls.rsplit(".", 1)[-1]
    what = f"{_WORDS[action.kind]} {_one_line(element.cls.rsplit('.', 1)[-1])} {_one_line(plain)}"
    if label := _one_line(labels[action.element]):
        what += f' "{label}"'
    if element.checkable:
        what += " (on)" if element.checked else " (off)"
    return f'{what}: "{action.text}"' if action.kind is ActionKind.TYPE else what


def _one_line(text: str) -> str:
    return " ".join(text.split())[:MOST_LABEL]
