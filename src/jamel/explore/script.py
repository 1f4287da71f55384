"""The script: what was done in a session, and what was seen, as JSON lines that can be replayed.

Knows no environment. The first line is the header (format version, app, build, seed, number of
steps), each further line a step: the action, the element by name, and what is expected after it.
A file comes from anywhere: whatever is not such a script is refused with a sentence.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from jamel.disk import write_text
from jamel.errors import ScriptError
from jamel.explore.screens import ElementName, describe
from jamel.types import Action, ActionKind, Observation

VERSION = 1
MOST_BYTES = 64 * 2**20
MOST_STEPS = 100_000


def _writable(text: str) -> str:
    """Lone surrogates and control characters are in no honest script and harm a terminal."""
    text.encode()
    if any(character < " " and character not in "\n\t" for character in text):
        raise ValueError("control characters")
    return text


def clean(text: str) -> str:
    """A device's text as a script may hold it."""
    kept = (c for c in text if c >= " " or c in "\n\t")
    return "".join(kept).encode("utf-8", "replace").decode()


Text = Annotated[str, Field(max_length=4000), AfterValidator(_writable)]
Count = Annotated[int, Field(ge=0, le=2**31)]


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ElementLine(_Line):
    """An element by name; `nth` counts those of the same name from the top, from 0."""

    cls: Text
    resource_id: Text
    label: Text
    nth: Count


class Expected(_Line):
    """What a step led to. `screen` is a `screen_name`; `covered` counts probes since the start."""

    screen: Text
    activity: Text
    covered: Count
    executed: bool = True
    crash: Text = ""


class StepLine(_Line):
    """One action and what is expected after it."""

    action: Annotated[ActionKind, Field(strict=False)]
    element: ElementLine | None = None
    text: Text = ""
    touch_px: list[Count] = Field([], max_length=4)
    expect: Expected

    @property
    def words(self) -> str:
        """The action for a person."""
        return describe(self.action, self.name, self.text, tuple(self.touch_px))

    @property
    def name(self) -> ElementName | None:
        """The element's name, None for an action without one."""
        return ElementName(**self.element.model_dump()) if self.element else None


class Header(_Line):
    """What a script was recorded on. `start` is what the app's launch alone leads to."""

    jamel_script: Literal[1] = 1
    app: Text
    build: Text
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)]
    agent: Text
    about: Text
    steps: Annotated[int, Field(ge=0, le=MOST_STEPS)]
    start: Expected


class Script(BaseModel):
    """A header and its steps."""

    model_config = ConfigDict(frozen=True)
    header: Header
    steps: tuple[StepLine, ...]


def step_line(
    action: Action, name: ElementName | None, observation: Observation, expect: Expected
) -> StepLine:
    """A step as it is written; texts from the device are cleaned and cut."""
    element = None
    if name is not None:
        cls, resource_id, label = (clean(part)[:4000] for part in name[:3])
        element = ElementLine(cls=cls, resource_id=resource_id, label=label, nth=name.nth)
    return StepLine(
        action=action.kind, element=element, text=clean(action.text),
        touch_px=list(action.touch_px), expect=expect,
    )  # fmt: skip


def write_script(header: Header, steps: Sequence[StepLine], path: Path) -> Path:
    """Write a script as a whole file and return its path; raises StoreError."""
    first = header.model_copy(update={"steps": len(steps)})
    lines = [first.model_dump(), *(step.model_dump(mode="json") for step in steps)]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    return write_text(path, text)


def read_script(path: Path) -> Script:
    """Read a script.

    Raises:
        ScriptError: there is no such file, or it is no whole script of this version.
    """
    lines = _lines(path)
    header = Header.model_validate(_checked(Header, lines[0], path, 1))
    steps = tuple(
        StepLine.model_validate(_checked(StepLine, line, path, number))
        for number, line in enumerate(lines[1:], 2)
    )
    if len(steps) != header.steps:
        raise ScriptError(
            f"expected {header.steps} steps in {path}, found {len(steps)}: it is cut short or "
            "was edited. Take a whole copy, or record it again with `jamel explore`."
        )
    return Script(header=header, steps=steps)


def _lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ScriptError(
            f"expected a script of `jamel explore` at {path}, found: {error.strerror or error}. "
            "Name the .jsonl file that it wrote."
        ) from None
    if len(raw) > MOST_BYTES:
        raise _refused(path, 1, f"more than {MOST_BYTES // 2**20} MiB")
    try:
        lines = [line for line in raw.decode("utf-8").split("\n") if line.strip()]
    except UnicodeDecodeError:
        raise _refused(path, 1, "bytes that are no UTF-8") from None
    if not 1 <= len(lines) <= MOST_STEPS + 1:
        raise _refused(path, 1, f"{len(lines)} lines")
    return lines


def _checked(kind: type[_Line], line: str, path: Path, number: int) -> Any:
    """The line's data, which the model takes; raises ScriptError."""
    try:
        data = json.loads(line)
        kind.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part)[:40] for part in first["loc"]) or "the line"
        raise _refused(path, number, f"{place}: {first['msg']}") from None
    except (ValueError, RecursionError):
        raise _refused(path, number, "no JSON") from None
    return data


def _refused(path: Path, number: int, found: str) -> ScriptError:
    return ScriptError(
        f"expected a script of version {VERSION} in {path}, found in line {number}: "
        f"{found[:200]}. Record it again with `jamel explore`."
    )
