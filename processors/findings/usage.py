"""How much of a result was used: which of its distinctive values appear in later output."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from processors.effects.targets import Json, leaves, parse
from processors.findings.arguments import FILLERS
from processors.findings.moments import moments
from processors.ledger.pieces import result_text
from processors.model import Message, ModelCall, Text, ToolCall, ToolRequest, ToolResponse

TOKEN = re.compile(r"[a-z0-9][\w@'+]*(?:(?:[-.:/](?=\w)|,(?=\d{3}(?!\d)))[\w@'+]*)*")
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
PIECES = re.compile(r"[^A-Za-z0-9]+")
LIST_MARK = re.compile(r"\d(?<!\S\d)\d?[.):](?=\s)")
"""The number of a list item. The look-behind follows the first digit because a digit is found faster."""
NUMBER_WORDS = {3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine", 10: "ten", 12: "twelve"}
FEWEST_COUNTED = 3
"""Smaller numbers are written for many reasons."""
SHORTEST_WORD = 4
TOKENS_KNOWN, LONGEST_KNOWN = 2**16, 64
"""How many tokens' values are cached across texts and sessions, and the length of the longest of them."""
LEAST_ROOT, LONGEST_ENDING = 5, 3
"""The shortest stem that two forms of a word share, and the longest ending in which they differ: region, regional."""


@dataclass(frozen=True, slots=True)
class Used:
    """How much of a result was used, judged by what later output repeats."""

    distinctive: int
    """Values that were first seen in this result."""
    used: int
    """Those that appear in later output."""
    derivable: bool = False
    """Later output contains a number that may have been computed from the result: a new one where the result has
    numbers, or for the first time how many lines or items it has."""


@dataclass(frozen=True, slots=True)
class _Said:
    """A text as its distinct tokens. Sessions repeat themselves a lot, so each token is parsed once."""

    tokens: AbstractSet[str]
    moments: AbstractSet[str]

    @classmethod
    def of(cls, text: str) -> _Said:
        return cls(frozenset(TOKEN.findall(text.lower())), frozenset(moments(text)))

    def values(self) -> set[str]:
        """Return what is recognisable elsewhere: names, numbers, ids, longer words, dates and times."""
        return _gathered(_values_of, self.tokens).union(self.moments)

    def parts(self) -> set[str]:
        """Return the values and the words of ids."""
        return _gathered(_parts_of, self.tokens).union(self.moments)


def _gathered(read: Callable[[str], Sequence[str]], tokens: Iterable[str]) -> set[str]:
    return set(chain.from_iterable(map(read, tokens)))


def _remembered(read: Callable[[str], tuple[str, ...]]) -> Callable[[str], tuple[str, ...]]:
    """Return the reader with a cache for tokens of ordinary length."""
    known = lru_cache(TOKENS_KNOWN)(read)
    return lambda token: known(token) if len(token) <= LONGEST_KNOWN else read(token)


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


def _read_roots(word: str) -> tuple[str, ...]:
    """List the possible stems of a word; nothing for numbers, ids and short words."""
    if not word.isalpha():
        return ()
    return tuple(word[:end] for end in range(max(LEAST_ROOT, len(word) - LONGEST_ENDING), len(word) + 1))


_values_of, _parts_of, _roots_of = _remembered(_read_values), _remembered(_read_parts), _remembered(_read_roots)


def _telling(word: str) -> bool:
    return (len(word) >= SHORTEST_WORD or not word.isalpha()) and word not in FILLERS


def _number(text: str) -> str:
    plain = text.replace(",", "")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


class Usage:
    """Where values of one session were first seen and last written, per loop; linear in the session's text.

    What another agent's first prompt contains was handed over to it, and counts as used.
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
        """By tool call: the values that its result contains and nothing before it did."""
        self._walk(calls, tools)

    def of_result(self, tool: ToolCall, text: str) -> Used | None:
        """Count what was used of a result; None where what was written later was not captured or is not known."""
        loop, at = self._loops[tool.step_id], self._times[tool.step_id]
        if self._blind[loop] > at or self._heard[loop] <= at:
            return None
        fresh = self._fresh[tool.step_id]
        if text != result_text(tool):
            fresh = frozenset(value for value in _Said.of(text).parts() if self._first[loop].get(value, at) >= at)
        numbers = any(value[0].isdigit() for value in fresh)
        computed = numbers and self._computed[loop] > at
        counted = any(self._first[loop].get(size, -1) > at for size in sizes(text))
        return Used(len(fresh), self._count_written(fresh, loop, at), derivable=computed or counted)

    def spoken_of(self, tool: ToolCall, words: Collection[str]) -> bool:
        """Whether any of some words, in any form, was written after a call."""
        return self._count_written(words, self._loops[tool.step_id], self._times[tool.step_id]) > 0

    def _count_written(self, words: Collection[str], loop: str, at: int) -> int:
        """Count the words that were written after some time, as they are or in another form."""
        last, handed_over, roots = self._last[loop], self._handed_over, self._roots[loop]
        as_they_are = {word for word in words if last.get(word, -1) > at or handed_over.get(word, -1) > at}
        others = (_roots_of(word) for word in words if word not in as_they_are and word.isalpha())
        return len(as_they_are) + sum(any(roots.get(root, -1) > at for root in forms) for forms in others)

    def _walk(self, calls: Sequence[ModelCall], tools: Sequence[ToolCall]) -> None:
        opened: set[str] = set()
        # At one time a result comes before a call: the call may be the one that was sent it.
        events: list[tuple[int, bool, str, ModelCall | ToolCall]] = []
        events += [(tool.ended_at, False, tool.step_id, tool) for tool in tools]
        events += [(call.started_at, True, call.step_id, call) for call in calls]
        for time, (_, _, step_id, step) in enumerate(sorted(events, key=lambda event: event[:3])):
            loop = self._loops[step_id]
            if isinstance(step, ToolCall):
                self._times[step_id] = time
                self._fresh[step_id] = self._see(loop, _Said.of(result_text(step) or "").parts(), time)
                continue
            if loop not in opened and step.input_messages:
                opened.add(loop)
                self._open(loop, step, time)
            self._written(loop, step, time)

    def _open(self, loop: str, call: ModelCall, time: int) -> None:
        for part in call.system_instructions or ():
            self._see(loop, _Said.of(part.content if isinstance(part, Text) else "").values(), time)
        for text in texts(call.input_messages or ()):
            said = _Said.of(text)
            self._see(loop, said.values(), time)
            self._handed_over.update(dict.fromkeys(said.parts(), time))

    def _see(self, loop: str, said: AbstractSet[str], time: int) -> frozenset[str]:
        """Note what is said, and return what of it was not seen before."""
        first = self._first[loop]
        # Not `said - first.keys()`: that looks at everything ever said.
        fresh = frozenset(value for value in said if value not in first)
        first.update(dict.fromkeys(fresh, time))
        return fresh

    def _written(self, loop: str, call: ModelCall, time: int) -> None:
        if call.output_messages is None:
            if call.error is None:
                self._blind[loop] = time
            return
        self._heard[loop] = time
        for text in texts(call.output_messages):
            said = _Said.of(text)
            parts = said.parts()
            self._last[loop].update(dict.fromkeys(parts, time))
            self._roots[loop].update(dict.fromkeys(chain.from_iterable(map(_roots_of, parts)), time))
            unmarked = LIST_MARK.sub(" ", text)
            if self._is_new_number_in(said if unmarked == text else _Said.of(unmarked), loop):
                self._computed[loop] = time
            self._see(loop, said.values(), time)

    def _is_new_number_in(self, said: _Said, loop: str) -> bool:
        first = self._first[loop]
        return any(value not in first and NUMBER.fullmatch(value) for value in said.values())


def sizes(text: str) -> frozenset[str]:
    """List how many lines and how many items a result has, in digits and in words, where these are several."""
    counts = {sum(1 for line in text.splitlines() if line.strip())}
    if text.lstrip().startswith(("[", "{")):
        counts.update(_lengths(parse.__wrapped__(text)))  # results are too large, and too seldom equal, to be cached
    several = [count for count in counts if count >= FEWEST_COUNTED]
    return frozenset((*map(str, several), *(NUMBER_WORDS[count] for count in several if count in NUMBER_WORDS)))


def _lengths(value: Json) -> Iterator[int]:
    """List the lengths of a list and of the lists under a result's own keys."""
    listed = value.values() if isinstance(value, dict) else (value,)
    yield from (len(inner) for inner in listed if isinstance(inner, list))


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
