"""The settings of the agents, each tuned on `valid` by `jamel tune`.

Knows what each value may be; what it does is the agent's business.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from jamel.config.section import Section


class MonkeyConfig(Section):
    """How often each raw event comes, relative to the others."""

    tap: float = Field(60.0, ge=0)
    long_press: float = Field(5.0, ge=0)
    swipe: float = Field(20.0, ge=0)
    key: float = Field(5.0, ge=0)
    back: float = Field(8.0, ge=0)
    restart: float = Field(2.0, ge=0)

    @model_validator(mode="after")
    def _something(self) -> MonkeyConfig:
        if not any(self.model_dump().values()):
            raise ValueError("expected an event that comes at all. Set one weight above 0")
        return self


class TriesConfig(Section):
    """What counts as tried: a candidate on its screen, or its widget wherever it appeared."""

    tried: Literal["screen", "anywhere"] = "screen"


class PlannerConfig(Section):
    """Value of a candidate: gamma^distance × (1 + tries)^-power × (1 + tries anywhere)^-alike."""

    gamma: float = Field(0.7, gt=0, lt=1)
    power: float = Field(6.0, ge=0)
    alike: float = Field(1.0, ge=0)


class FastbotConfig(Section):
    """Learning rate, discount and look-ahead of its Q values; how it chooses by them."""

    alpha: float = Field(0.25, gt=0, le=1)
    gamma: float = Field(0.8, ge=0, lt=1)
    steps: int = Field(5, gt=0)
    epsilon: float = Field(0.05, ge=0, le=1)
    temperature: float = Field(0.1, gt=0)


class LlmConfig(Section):
    """An OpenAI-compatible endpoint, such as http://127.0.0.1:8000/v1, and how it is asked.

    The key is in the environment variable that `key_variable` names, and in no file: the command
    line and the flows read it. Neither it nor the address is in any dump, log or result; where the
    profile has no `base_url`, it is that of OPENAI_BASE_URL, as on machines that get a profile as
    a dump. A decision has `deadline_s`, tries and waits included.
    """

    base_url: str = Field("", exclude=True)
    model: str = ""
    key_variable: str = Field("OPENAI_API_KEY", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    deadline_s: float = Field(60.0, gt=0)
    retries: int = Field(3, ge=0)
    max_tokens: int = Field(512, gt=0)
    temperature: float = Field(0.8, ge=0)
    key: SecretStr = Field(SecretStr(""), exclude=True, repr=False)

    @field_validator("base_url")
    @classmethod
    def _no_secret_in_url(cls, url: str) -> str:
        if not re.fullmatch(r"(https?://[^\s@?#]+)?", url):
            # Not quoted: what is wrong with it may be a password.
            raise ValueError("expected http:// or https:// with host and path and nothing else")
        return url.rstrip("/")

    @field_validator("key", mode="before")
    @classmethod
    def _no_key_in_a_file(cls, key: Any) -> SecretStr:
        if not isinstance(key, SecretStr):
            raise ValueError("a key is in no file. Name its environment variable in key_variable")
        return key


class PolicyConfig(Section):
    """How the agent of a trained model chooses: the temperature of sampling."""

    temperature: float = Field(0.3, gt=0)


class AgentsConfig(Section):
    """The settings of every agent, each tuned on `valid` by `jamel tune`.

    `policy` is for agents with a trained model; `policies` has those that differ, by agent.
    """

    monkey: MonkeyConfig = MonkeyConfig()
    least_tried: TriesConfig = TriesConfig()
    frontier: TriesConfig = TriesConfig()
    planner: PlannerConfig = PlannerConfig()
    fastbot: FastbotConfig = FastbotConfig()
    llm: LlmConfig = LlmConfig()
    policy: PolicyConfig = PolicyConfig()
    policies: dict[str, PolicyConfig] = Field({"no-memory": PolicyConfig(temperature=2.5)})

    def of(self, agent: str) -> Section | None:
        """The settings of an agent without a model, None where it has none."""
        found = getattr(self, agent.replace("-", "_"), None)
        return found if isinstance(found, Section) else None
