"""What an event does to an app, found out once for all states that it cannot tell apart.

An event, or the painting of a screen, runs on views of the app's state that note what is read and
written. It can depend on nothing else, so wherever the values that it read are the same it does the
same: whatever is typed in other fields, whichever page lies below, whatever other features hold.
That makes most tries a few look-ups. Exact, and so free to forget everything at any time. Knows
nothing of agents and of what is worth finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar

from jamel.virtual_device.apps.app import App
from jamel.virtual_device.apps.canvas import Screen
from jamel.virtual_device.apps.compose import AppSpec
from jamel.virtual_device.apps.context import Values
from jamel.virtual_device.apps.events import Event
from jamel.virtual_device.apps.features import module_of
from jamel.virtual_device.apps.screens import Screens
from jamel.virtual_device.apps.state import nav_key

MOST_ANSWERS = 200_000
"""Answers to keep for one app."""

Answer = TypeVar("Answer")
Read = tuple[int, str, Any]
"""The number of a part, the name of a value in it, and the value."""


Name = tuple[int, str]
"""The number of a part and the name of a value in it."""


class Part:
    """One part of an app's state (see `App.parts`); equal parts of one app are one object.

    `place` is the same for parts between which the app's `state_key` makes no difference.
    """

    __slots__ = ("following", "place", "values")

    def __init__(self, values: dict[str, Any], place: Part | None) -> None:
        self.values = values
        self.place = place or self
        self.following: dict[Writes, Part] = {}


Parts = tuple[Part, ...]


class Writes:
    """What an event writes into one part; equal to itself alone."""

    __slots__ = ("values",)

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values


class Effect(NamedTuple):
    """The probes that events execute, as bits of a number; events they take; what they write."""

    hits: int
    ticks: int
    writes: tuple[tuple[int, Writes], ...]


class Notes:
    """What was read since the last `clear`, in order, and the views that it was read from."""

    __slots__ = ("reads", "used")

    def __init__(self) -> None:
        self.reads: list[Read] = []
        self.used: list[View] = []

    def clear(self) -> None:
        """Begin anew: nothing is read or written."""
        self.reads.clear()
        for view in self.used:
            view.now, view.written = {}, {}
        self.used.clear()


class View(MutableMapping[str, Any]):
    """A part as it is read and written, with a note of both; the part itself stays as it is.

    `now` is what is known of the values, `written` what of that was written.
    """

    __slots__ = ("_notes", "before", "now", "number", "written")

    def __init__(self, number: int, notes: Notes) -> None:
        self.number, self._notes = number, notes
        self.before: dict[str, Any] = {}
        self.now: dict[str, Any] = {}
        self.written: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self.now:
            value = self.before[name]
            self._use()[name] = value
            self._notes.reads.append((self.number, name, value))
        return self.now[name]

    def _use(self) -> dict[str, Any]:
        if not self.now:
            self._notes.used.append(self)
        return self.now

    def __setitem__(self, name: str, value: Any) -> None:
        if name not in self.before:
            raise KeyError(f"expected one of {', '.join(self.before)}, found {name}")
        self._use()[name] = self.written[name] = value

    def __delitem__(self, name: str) -> None:
        raise KeyError(f"expected {name} to stay: the names of a part are always the same")

    def __iter__(self) -> Iterator[str]:
        return iter(self.before)

    def __len__(self) -> int:
        return len(self.before)


class _Asked:
    """A value that has to be read next; `then` is by value what is read next, or the answer."""

    __slots__ = ("name", "part", "then")

    def __init__(self, part: int, name: str) -> None:
        self.part, self.name = part, name
        self.then: dict[Any, Any] = {}


class Recall(Generic[Answer]):
    """Answers to questions about states, by what had to be read to find them."""

    def __init__(self) -> None:
        self._first: dict[Any, Any] = {}
        self._names: dict[Any, dict[Name, None]] = {}
        self.size = self.named = 0

    def get(self, question: Any, parts: Parts) -> Answer | None:
        """The answer for a state, if it is known."""
        found = self._first.get(question)
        while type(found) is _Asked:
            found = found.then.get(parts[found.part].values[found.name])
        return found

    def put(self, question: Any, reads: Sequence[Read], answer: Answer) -> None:
        """Keep what was found after these reads, in their order."""
        holder, place = self._first, question
        names = self._names.setdefault(question, {})
        for part, name, value in reads:
            if (part, name) not in names:
                names[part, name] = None
                self.named += 1
            asked = holder.get(place)
            if asked is None:
                asked = holder[place] = _Asked(part, name)
            holder, place = asked.then, value
        holder[place] = answer
        self.size += 1

    def names(self, questions: Iterable[Any]) -> tuple[Name, ...]:
        """The values on which the answers that are known to some questions depend."""
        names: dict[Name, None] = {}
        for question in questions:
            names |= self._names.get(question, {})
        return tuple(names)


class Effects:
    """Screens and effects of one app's states; has an app of its own to find them out."""

    def __init__(self, spec: AppSpec) -> None:
        self.spec = spec
        self._app = App(spec)
        self._app.screens = Screens(spec, [module_of(f.kind) for f in spec.features], words=False)
        self._notes = Notes()
        self._views = [View(number, self._notes) for number, _ in enumerate(self._app.parts())]
        self._app.bind(self._views)
        self._parts: Parts = ()
        self._interned: list[dict[tuple, Part]] = [{} for _ in self._views]
        self._places: dict[tuple, Part] = {}
        self._turns: dict[int, Part] = {}
        self._effects: Recall[Effect] = Recall()
        self._screens: Recall[Screen] = Recall()

    @property
    def size(self) -> int:
        """How many answers are remembered."""
        return self._effects.size + self._screens.size

    @property
    def named(self) -> int:
        """Grows whenever `names` of any choices do."""
        return self._effects.named

    def parts_of(self, app: App) -> Parts:
        """The state that an app of the same spec is in."""
        return tuple(self._part(number, values) for number, values in enumerate(app.parts()))

    def _part(self, number: int, values: Values) -> Part:
        interned, key = self._interned[number], tuple(values.values())
        part = interned.get(key)
        if part is None:
            part = interned[key] = Part(dict(values), None)
            if number == 0:
                part.place = self._places.setdefault(nav_key(values), part)
        return part

    def screen(self, parts: Parts, ticks: int) -> Screen:
        """What can be touched in a state after so many events; a screen without words."""
        turn = self._app.screens.turn(ticks)
        clock = self._turns.get(turn)
        if clock is None:
            clock = self._turns[turn] = Part({"turn": turn}, None)
        known = self._screens.get("screen", (*parts, clock))
        return known or self._paint(parts, ticks, turn)

    def _paint(self, parts: Parts, ticks: int, turn: int) -> Screen:
        self._look_at(parts)
        self._app.ticks = ticks
        screen = self._app.paint()
        if screen.turns:
            self._notes.reads.append((len(parts), "turn", turn))
        self._screens.put("screen", self._notes.reads, screen)
        return screen

    def effects(self, parts: Parts, choices: Sequence[tuple[Event, ...]]) -> list[Effect]:
        """What each of these choices would do in a state."""
        known = self._effects.get
        return [known(choice, parts) or self._find_out(parts, choice) for choice in choices]

    def names(self, choices: Sequence[tuple[Event, ...]]) -> tuple[Name, ...]:
        """All values on which depends what these choices do, as far as it was asked for."""
        return self._effects.names(choices)

    def _find_out(self, parts: Parts, events: tuple[Event, ...]) -> Effect:
        app = self._app
        self._look_at(parts)
        app.reset_coverage()
        app.crash_log.clear()
        app.ticks = 0
        for event in events:
            app.do(event)
        if app.crash_log:
            app.close_crash_dialog()
        written = tuple((v.number, Writes(v.written)) for v in self._notes.used if v.written)
        effect = Effect(_few_bits(app.probe_bytes()), app.ticks, written)
        self._effects.put(events, self._notes.reads, effect)
        return effect

    def _look_at(self, parts: Parts) -> None:
        """Let the app run on these parts."""
        self._notes.clear()
        if parts is not self._parts:
            self._parts = parts
            for view, part in zip(self._views, parts, strict=True):
                view.before = part.values

    def after(self, parts: Parts, effect: Effect) -> Parts:
        """The state that an effect leads to."""
        following = list(parts)
        for number, writes in effect.writes:
            before = parts[number]
            part = before.following.get(writes)
            if part is None:
                part = self._part(number, {**before.values, **writes.values})
                before.following[writes] = part
            following[number] = part
        return tuple(following)


def effects_of(spec: AppSpec) -> Effects:
    """What is known of an app in this process; forgotten when it is much, or of many apps."""
    effects = _effects(spec)
    if effects.size > MOST_ANSWERS:
        _effects.cache_clear()
        effects = _effects(spec)
    return effects


_effects = lru_cache(maxsize=4)(Effects)


def bits(flags: bytes) -> int:
    """One byte (0 or 1) a probe as one bit a probe."""
    return int(flags.translate(_DIGITS)[::-1] or b"0", 2)


def _few_bits(flags: bytes) -> int:
    """As `bits`, but three times as fast where hardly any is set, and slow where many are."""
    number, place = 0, flags.find(1)
    while place >= 0:
        number |= 1 << place
        place = flags.find(1, place + 1)
    return number


_DIGITS = bytes.maketrans(b"\0\1", b"01")
