"""One chat completion from an OpenAI-compatible endpoint, within a deadline, retried a few times.

Speaks `POST {base_url}/chat/completions` and reads `choices[0].message.content` and `usage`
(platform.openai.com/docs/api-reference/chat). Follows no redirect and uses no proxy, so that the
key goes nowhere but to the host that was named; nothing here logs or repeats it.
"""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from jamel.config import LlmConfig
from jamel.errors import AgentError, ConfigError

Message = Mapping[str, str]
"""{"role": "system", "user" or "assistant", "content": text}."""

MOST_BYTES = 4 * 2**20
"""Of an answer."""
FIRST_WAIT_S = 0.5
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Answer(NamedTuple):
    """What the model said; `tokens_read` is the endpoint's count, None where it tells none."""

    text: str
    tokens_read: int | None


class _Retryable(Exception):
    """Another attempt may help; `wait_s` is what the endpoint asked for."""

    def __init__(self, problem: str, wait_s: float = 0.0) -> None:
        super().__init__(problem)
        self.wait_s = wait_s


class ChatEndpoint:
    """A model behind an address.

    Raises:
        ConfigError: there is no address or model, or the key would travel in the clear.
    """

    def __init__(self, settings: LlmConfig) -> None:
        if not (settings.base_url and settings.model):
            raise ConfigError(
                "expected the endpoint of a language model, found none. Set agents.llm.model "
                "and agents.llm.base_url in the profile, or the latter as OPENAI_BASE_URL in the "
                "environment (that of every Prefect worker for collect.spread: prefect), or leave "
                "'llm' out of the agents."
            )
        self._settings = settings
        self._url = urlsplit(settings.base_url)
        key = settings.key.get_secret_value()
        if key and self._url.scheme != "https" and self._url.hostname not in LOOPBACK:
            raise ConfigError(
                f"expected https for the key in {settings.key_variable}, found http to "
                f"{self._url.hostname}. Set agents.llm.base_url to https, or unset the variable."
            )
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"

    def complete(self, messages: Sequence[Message]) -> Answer:
        """Ask once more after what may pass by itself: no connection, 429, 5xx, a broken answer.

        Raises:
            AgentError: no answer in `deadline_s` and 1 + `retries` attempts, or a refusal.
        """
        until = time.monotonic() + self._settings.deadline_s
        problem, tries = "no time to ask", 0
        while tries <= self._settings.retries and time.monotonic() < until:
            tries += 1
            try:
                return _answer(self._post(messages, until))
            except _Retryable as error:
                problem = str(error) if time.monotonic() < until else "no answer in time"
                wait_s = max(error.wait_s, FIRST_WAIT_S * 2 ** (tries - 1) * random.uniform(0.5, 1))
                if tries <= self._settings.retries:
                    time.sleep(max(0.0, min(wait_s, until - time.monotonic())))
        raise AgentError(
            f"expected an answer of {self._settings.model} at {self._url.hostname} within "
            f"{self._settings.deadline_s:g} s, found after {tries} attempts: {problem}. Check the "
            "endpoint, or raise agents.llm.deadline_s and agents.llm.retries."
        )

    def _post(self, messages: Sequence[Message], until: float) -> bytes:
        settings = self._settings
        asked: dict[str, Any] = {
            "model": settings.model,
            "messages": list(messages),
            "max_tokens": settings.max_tokens,
            "temperature": settings.temperature,
        }
        path = f"{self._url.path}/chat/completions"
        try:
            with self._connected(until) as connection:
                connection.request("POST", path, json.dumps(asked).encode(), self._headers)
                return self._checked(connection.getresponse())
        except (OSError, HTTPException) as error:
            raise _Retryable(f"{type(error).__name__} from the connection") from None

    @contextmanager
    def _connected(self, until: float) -> Iterator[HTTPConnection]:
        """A connection that is cut at the deadline: a timeout alone would start anew each byte."""
        left_s = max(0.05, until - time.monotonic())
        kind = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        connection = kind(self._url.hostname or "", self._url.port, timeout=left_s)
        connection.connect()
        cut = threading.Timer(max(0.05, until - time.monotonic()), _cut, [connection.sock])
        cut.daemon = True
        cut.start()
        try:
            yield connection
        finally:
            cut.cancel()
            connection.close()

    def _checked(self, response: HTTPResponse) -> bytes:
        """The body of a success; of a failure only the status is told, as bodies may echo a key."""
        body, status = response.read(MOST_BYTES + 1), response.status
        if status == 429 or status >= 500:
            raise _Retryable(f"status {status}", _seconds(response.getheader("Retry-After")))
        if status != 200:
            raise AgentError(
                f"expected {self._settings.model} at {self._url.hostname} to answer, found status "
                f"{status}. Check agents.llm.base_url, agents.llm.model and the key in "
                f"{self._settings.key_variable}."
            )
        if len(body) > MOST_BYTES:
            raise _Retryable(f"an answer of more than {MOST_BYTES // 2**20} MiB")
        return body


def _cut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _seconds(text: str | None) -> float:
    """Retry-After in seconds; a date, or nonsense, counts as not said."""
    try:
        return max(0.0, float(text or 0))
    except ValueError:
        return 0.0


def _answer(body: bytes) -> Answer:
    try:
        told = json.loads(body)
        text = told["choices"][0]["message"]["content"] or ""
        read = (told.get("usage") or {}).get("prompt_tokens")
        if not isinstance(text, str):
            raise TypeError("the content is no text")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _Retryable(f"an answer that is no chat completion ({type(error).__name__})") from None
    return Answer(text, read if isinstance(read, int) and not isinstance(read, bool) else None)
