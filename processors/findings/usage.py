"""What of a result was used: which of its distinctive values appear in anything written later."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from processors.effects.targets import leaves, parse
from processors.findings.arguments import FILLERS
from processors.findings.moments import moments
from processors.ledger.pieces import result_text
from processors.model import Message, ModelCall, Text, ToolCall, ToolRequest, ToolResponse

TOKEN = re.compile(r"[a-z0-9](?:[\w@'+]|[-.:/](?=\w)|,(?=\d{3}(?!\d)))*")
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
PIECES = re.compile(r"[^A-Za-z0-9]+")
LIST_MARK = re.compile(r"(?:^|(?<=\s))\d{1,2}[.):](?=\s)")
"""The number of a list's item."""
SHORTEST_WORD = 4
TOKENS_KNOWN, LONGEST_KNOWN = 2**16, 64
"""Tokens whose values are remembered between texts and sessions, and the characters of the longest of them."""
LEAST_ROOT, LONGEST_ENDING = 5, 3
"""Letters that two forms of a word share at least, and in which they may differ: region and regional."""


@dataclass(frozen=True, slots=True)
class Used:
    """How much of a result was used, as far as what was written later repeats it."""

    distinctive: int
    """Values that were first seen in this result."""
    used: int
    """Those that appear in something written later."""
    derivable: bool = False
    """The result holds numbers, and later a number was written that had been seen nowhere: it may be their sum."""


def values(text: str) -> set[str]:
    """Return the values of a text that can be recognised elsewhere: names, numbers, ids, words of some length."""
    return _gathered(_values_of, text)


def parts(text: str) -> set[str]:
    """Return the values of a text, the words of its ids, and its dates and times however they are written."""
    found = _gathered(_parts_of, text)
    found.update(moments(text))
    return found


def _gathered(read: Callable[[str], Sequence[str]], text: str) -> set[str]:
    """Read each distinct token of a text once; what a session says again, it mostly says in the same tokens."""
    return set(chain.from_iterable(map(read, set(TOKEN.findall(text.lower())))))


def _values_of(token: str) -> Sequence[str]:
    return _known_values(token) if len(token) <= LONGEST_KNOWN else _read_values(token)


def _parts_of(token: str) -> Sequence[str]:
    return _known_parts(token) if len(token) <= LONGEST_KNOWN else _read_parts(token)


def _read_values(token: str) -> tuple[str, ...]:
    pieces = token.split(",") if "," in token else ()
    found = [_number(piece) for piece in pieces if _telling(piece) or NUMBER.fullmatch(piece)]
    if token[0].isdigit() and NUMBER.fullmatch(token):
        found.append(_number(token))
    elif _telling(token):
        found.append(token)
    return tuple(found)


def _read_parts(token: str) -> tuple[str, ...]:
    found = list(_read_values(token))
    for value in tuple(found):
        if not (value.isascii() and value.isalnum()):
            pieces = [piece for piece in PIECES.split(value) if piece]
            if len(pieces) > 1:
                found += (piece for piece in pieces if not piece.isdigit() and _telling(piece))
    return tuple(found)


_known_values = lru_cache(TOKENS_KNOWN)(_read_values)
_known_parts = lru_cache(TOKENS_KNOWN)(_read_parts)


def roots(word: str) -> Iterator[str]:
    """List what the forms of a word may share; nothing for numbers, ids and short words."""
    if word.isalpha():
        yield from (word[:end] for end in range(max(LEAST_ROOT, len(word) - LONGEST_ENDING), len(word) + 1))


def _telling(word: str) -> bool:
    return (len(word) >= SHORTEST_WORD or not word.isalpha()) and word not in FILLERS


def _number(text: str) -> str:
    plain = text.replace(",", "")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


class Usage:
    """Where values of one session were first seen and last written, per loop; linear in the session's text.

    What another agent's prompt opens with was handed over to it, and so was used.
    """

    def __init__(self, calls: Sequence[ModelCall], tools: Sequence[ToolCall], loops: Mapping[str, str]) -> None:
        self._loops = loops
        self._first: dict[str, dict[str, int]] = defaultdict(dict)
        self._last: dict[str, dict[str, int]] = defaultdict(dict)
        self._blind: dict[str, int] = defaultdict(lambda: -1)
        self._heard: dict[str, int] = defaultdict(lambda: -1)
        self._handed_over: dict[str, int] = {}
        self._roots: dict[str, dict[str, int]] = defaultdict(dict)
        self._computed: dict[str, int] = defaultdict(lambda: -1)
        self._times: dict[str, int] = {}
        self._fresh: dict[str, frozenset[str]] = {}
        """Values that were first seen in a tool's own answer."""
        self._walk(calls, tools)

    def of_result(self, tool: ToolCall, text: str) -> Used | None:
        """Count what was used of a result; None where what was written later was not captured or is not known."""
        loop, at = self._loops[tool.step_id], self._times[tool.step_id]
        if self._blind[loop] > at or self._heard[loop] <= at:
            return None
        fresh = self._fresh[tool.step_id]
        if text != result_text(tool):
            fresh = frozenset(value for value in parts(text) if self._first[loop].get(value, at) >= at)
        used = sum(self._written_after(value, loop, at) for value in fresh)
        numbers = any(value[0].isdigit() for value in fresh)
        return Used(len(fresh), used, derivable=numbers and self._computed[loop] > at)

    def spoken_of(self, tool: ToolCall, words: Iterable[str]) -> bool:
        """Whether any of some words, in any form, was written after a call."""
        loop, at = self._loops[tool.step_id], self._times[tool.step_id]
        return any(self._written_after(word, loop, at) for word in words)

    def _written_after(self, value: str, loop: str, at: int) -> bool:
        if max(self._last[loop].get(value, -1), self._handed_over.get(value, -1)) > at:
            return True
        written = self._roots[loop]
        return any(written.get(part, -1) > at for part in roots(value))

    def _walk(self, calls: Sequence[ModelCall], tools: Sequence[ToolCall]) -> None:
        opened: set[str] = set()
        events: list[tuple[int, str, ModelCall | ToolCall]] = []
        events += [(call.started_at, call.step_id, call) for call in calls]
        events += [(tool.ended_at, tool.step_id, tool) for tool in tools]
        for time, (_, step_id, step) in enumerate(sorted(events, key=lambda event: event[:2])):
            loop = self._loops[step_id]
            if isinstance(step, ToolCall):
                self._times[step_id] = time
                first = self._first[loop]
                fresh = frozenset(value for value in parts(result_text(step) or "") if value not in first)
                first.update(dict.fromkeys(fresh, time))
                self._fresh[step_id] = fresh
                continue
            if loop not in opened and step.input_messages:
                opened.add(loop)
                self._open(loop, step, time)
            self._written(loop, step, time)

    def _open(self, loop: str, call: ModelCall, time: int) -> None:
        for part in call.system_instructions or ():
            self._see(loop, part.content if isinstance(part, Text) else "", time)
        for text in texts(call.input_messages or ()):
            self._see(loop, text, time)
            self._handed_over.update(dict.fromkeys(parts(text), time))

    def _see(self, loop: str, text: str, time: int) -> None:
        first = self._first[loop]
        said = values(text)
        said.update(moments(text))
        # Not `said - first.keys()`: that looks at everything ever said.
        for value in said:
            first.setdefault(value, time)

    def _written(self, loop: str, call: ModelCall, time: int) -> None:
        if call.output_messages is None:
            if call.error is None:
                self._blind[loop] = time
            return
        self._heard[loop] = time
        last, first, written = self._last[loop], self._first[loop], self._roots[loop]
        for text in texts(call.output_messages):
            for value in parts(text):
                last[value] = time
                written.update(dict.fromkeys(roots(value), time))
            if any(value not in first for value in values(LIST_MARK.sub(" ", text)) if NUMBER.fullmatch(value)):
                self._computed[loop] = time
            self._see(loop, text, time)


def texts(messages: tuple[Message, ...]) -> Iterator[str]:
    """List all that is written in some messages: text, arguments, results."""
    for message in messages:
        for part in message.parts:
            match part:
                case Text():
                    yield part.content
                case ToolRequest():
                    yield from (text for _, text in leaves(parse(part.arguments or "")))
                case ToolResponse():
                    yield part.result or ""
                case _:
                    pass
