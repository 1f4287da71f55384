"""YAML profiles become configuration objects; an unknown key names the nearest known one.

Knows the sections by their fields alone.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, SecretStr, ValidationError

from jamel.config.agents import LlmConfig
from jamel.config.profile import Config
from jamel.config.section import Section
from jamel.errors import ConfigError

ADDRESS_VARIABLE = "OPENAI_BASE_URL"
"""As other programs that ask a language model know it."""
BESIDE = {
    "tuned": ("agents", "the agents' settings", "Write it with `jamel tune`"),
    "promote": ("gate", "the gate's settings", "Copy configs/promote.yaml"),
}
"""Keys that name a file beside the profile: the section it has, and what is said without it."""


def load_config(path: Path | str) -> Config:
    """Read a profile; raises ConfigError that names the file, the key and the nearest known key."""
    path = Path(path)
    raw = read_yaml(path)
    config = parse_config(raw, source=str(path))
    whole = raw
    for key, (section, what, advice) in BESIDE.items():
        if not getattr(config, key):
            continue
        file = path.parent / getattr(config, key)
        if not file.is_file():
            raise ConfigError(
                f"{path}: expected {what} in {file}, found no such file. {advice}, or leave out "
                f"'{key}'."
            )
        laid_under = {section: read_yaml(file)}
        parse_config(laid_under, source=str(file))
        whole = _merged(laid_under, whole)
    return config if whole is raw else parse_config(whole, source=str(path))


def read_yaml(path: Path) -> Any:
    """The plain data of a YAML file; raises ConfigError where it cannot be read."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"expected a profile at {path}, found no such file in {Path.cwd()}. Work in the "
            "project's folder, or name one of the profiles in configs/ with --config."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"expected a profile at {path}, found what cannot be read ({error}). "
            "Name one of the profiles in configs/ with --config."
        ) from None
    except yaml.YAMLError as error:
        where = " ".join(str(error).split())
        raise ConfigError(f"expected YAML in {path}, found: {where}. Mend that line.") from None


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid over `under`, mapping by mapping."""
    both = {
        key: _merged(under[key], value)
        for key, value in over.items()
        if isinstance(value, Mapping) and isinstance(under.get(key), Mapping)
    }
    return {**under, **over, **both}


def with_key(config: Config, environment: Mapping[str, str]) -> Config:
    """The profile with the language model's key, and its address where the profile has none.

    For the command line and the flows alone. Raises ConfigError where a model is named and the
    environment's address is none.
    """
    llm = config.agents.llm
    found: dict[str, Any] = {"key": SecretStr(environment.get(llm.key_variable, ""))}
    if llm.model and not llm.base_url:
        with _sentence(f"the environment's {ADDRESS_VARIABLE}"):
            given = LlmConfig(base_url=environment.get(ADDRESS_VARIABLE, ""))
        found["base_url"] = given.base_url
    agents = config.agents.model_copy(update={"llm": llm.model_copy(update=found)})
    return config.model_copy(update={"agents": agents})


def parse_config(raw: Any, source: str) -> Config:
    """Turn plain data into a Config; raises ConfigError."""
    if not isinstance(raw, dict):
        found = "nothing" if raw is None else f"a {type(raw).__name__}"
        raise ConfigError(
            f"{source}: expected a mapping of sections such as collect and train, found {found}. "
            "Copy one of the profiles in configs/."
        )
    _reject_unknown_keys(raw, Config, source, prefix="")
    with _sentence(source):
        return Config.model_validate(raw)


def override(config: Config, section: str, values: Mapping[str, Any], source: str) -> Config:
    """The profile with some values of one section replaced; raises ConfigError."""
    before: Section = getattr(config, section)
    with _sentence(source, f"{section}."):
        after = type(before).model_validate(before.model_dump() | dict(values))
    return config.model_copy(update={section: after})


@contextmanager
def _sentence(source: str, prefix: str = "") -> Iterator[None]:
    """Tell the first of pydantic's findings as one sentence."""
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        key = prefix + ".".join(str(part) for part in first["loc"])
        if first["type"] == "value_error":
            said = first["msg"].removeprefix("Value error, ").rstrip(".")
            raise ConfigError(f"{source}: {key}: {said}.") from None
        wanted = first["msg"].removeprefix("Input should be ").split(", unable")[0]
        raise ConfigError(
            f"{source}: expected {wanted} for '{key}', found {first['input']!r}. "
            "Mend that value; src/jamel/config/ says what each key takes."
        ) from None


def _reject_unknown_keys(raw: dict, section: type[BaseModel], source: str, prefix: str) -> None:
    known = section.model_fields
    for key, value in raw.items():
        if key not in known:
            nearest = difflib.get_close_matches(str(key), list(known), n=1, cutoff=0.0)
            raise ConfigError(
                f"{source}: unknown key '{prefix}{key}'. The nearest known key is "
                f"'{prefix}{nearest[0]}'."
            )
        inner = known[key].annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel) and isinstance(value, dict):
            _reject_unknown_keys(value, inner, source, prefix=f"{prefix}{key}.")


def config_digest(config: Config) -> str:
    """Twelve hex digits that change when any value of the profile does."""
    text = json.dumps(config.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
