"""Sessions without a key that are one by what their prompts say: the answers to tools that another trace asked for.

Proxies and bare SDKs send a trace per request and no session id. Where content was captured, the next request's prompt
holds the answers to the tool calls of the one before, under ids that no other conversation has. What was not loaded
together is found by the loose ends, which the store takes as values that traces share (docs/adr/008).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from processors.model import Message, ModelCall, Part, ToolRequest, ToolResponse
from processors.normalise.alike import CLOCK_SLACK
from processors.normalise.reading import Readings
from processors.normalise.sessions import FROM_TRACE, Bundle
from processors.normalise.uniting import ReadBundle, one_of

_SHORTEST_ID = 12
"""Characters; shorter ids (`call_0`, `1`) are numbers within a conversation and come again in every other."""
_LAST_ROUNDS = 2
"""Rounds of tools at a prompt's end that tell what it continues: where the request before did not say which tools it
asked for, it held at least the answers of the round before."""


@dataclass(slots=True)
class _Part:
    """A bundle with what it says, and the part that it continues."""

    bundle: Bundle
    readings: Readings
    earlier: _Part | None = None
    asked: dict[str, int] = field(default_factory=dict)
    """Ids of the tool calls asked for, and when the answer that asked ended."""
    answered: dict[str, int] = field(default_factory=dict)
    """Ids of the tool calls whose answers stand in prompts, and when the first of those was sent."""
    prompt: tuple[Message, ...] = ()
    """The longest prompt."""

    @property
    def start(self) -> tuple[int, str]:
        """When the first signal was sent."""
        return min((span.start_time_unix_nano for span in self.bundle.spans), default=0), self.bundle.session_id


def joined(parts: Sequence[ReadBundle]) -> list[ReadBundle]:
    """Return the sessions, those without a key put together with what they continue."""
    if len(parts) < 2 or all(bundle.source != FROM_TRACE for bundle, _ in parts):  # noqa: PLR2004 - a pair
        return list(parts)
    known = [_read(bundle, readings) for bundle, readings in parts]
    asking = _Index((part, part.asked) for part in known)
    holding = _Index((part, part.answered) for part in known)
    for part in known:
        for identifier, started in part.answered.items():
            if identifier not in part.asked:
                earlier = asking.before(identifier, started + CLOCK_SLACK) or holding.before(identifier, started)
                if earlier is not None and (identifier in earlier.asked or _extends(part.prompt, earlier.prompt)):
                    _join(part, earlier)
    return _merged(known)


def loose_tool_calls(readings: Readings) -> set[str]:
    """Return the ids of tool calls that lead from these signals to others: asked for or answered here, not both."""
    asked: set[str] = set()
    answered: set[str] = set()
    for sighting in readings.sightings:
        if isinstance(sighting.step, ModelCall):
            asked.update(_requested(sighting.step.output_messages))
            answered.update(_lately_answered(sighting.step.input_messages or ()))
    return asked ^ answered


def _requested(messages: tuple[Message, ...] | None) -> Iterator[str]:
    for item in _items(messages):
        if isinstance(item, ToolRequest) and item.tool_call_id is not None:
            yield item.tool_call_id


def _lately_answered(prompt: tuple[Message, ...]) -> Iterator[str]:
    """Yield the ids of a prompt's last rounds of tools; what is before them ended earlier prompts."""
    rounds = 0
    for message in reversed(prompt):
        rounds += message.role == "assistant"
        if rounds > _LAST_ROUNDS:
            return
        for item in _items((message,)):
            if isinstance(item, ToolResponse) and item.tool_call_id is not None:
                yield item.tool_call_id


class _Index:
    """Who named an id of a tool call, and when."""

    def __init__(self, named: Iterable[tuple[_Part, Mapping[str, int]]]) -> None:
        self._known: list[_Part] = []
        self._places: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for part, times in named:
            for identifier, time in times.items():
                self._places[identifier].append((time, len(self._known)))
            self._known.append(part)
        for places in self._places.values():
            places.sort()

    def before(self, identifier: str, time: int) -> _Part | None:
        """Return the latest part that had named an id: a server that repeats its ids means the one just now."""
        places = self._places.get(identifier, ())
        at = bisect_left(places, (time, 0))
        return self._known[places[at - 1][1]] if at else None


def _extends(prompt: tuple[Message, ...], earlier: tuple[Message, ...]) -> bool:
    """Tell whether a prompt goes on where an earlier one ended, by the ends of the latter."""
    size = len(earlier)
    return 0 < size < len(prompt) and prompt[0] == earlier[0] and prompt[size - 1] == earlier[-1]


def _read(bundle: Bundle, readings: Readings) -> _Part:
    part = _Part(bundle, readings)
    for sighting in readings.sightings:
        step = sighting.step
        if not isinstance(step, ModelCall):
            continue
        part.prompt = max(part.prompt, step.input_messages or (), key=len)
        for item in _items(step.output_messages):
            if isinstance(item, ToolRequest) and item.tool_call_id is not None:
                part.asked[item.tool_call_id] = step.ended_at
        for item in _items(step.input_messages):
            if isinstance(item, ToolResponse) and item.tool_call_id is not None:
                sent = part.answered.get(item.tool_call_id, step.started_at)
                part.answered[item.tool_call_id] = min(sent, step.started_at)
    return part


def _items(messages: tuple[Message, ...] | None) -> Iterator[Part]:
    """Yield the parts of messages but for those about tool calls whose ids others may have too."""
    for message in messages or ():
        for item in message.parts:
            if not isinstance(item, (ToolRequest, ToolResponse)) or len(item.tool_call_id or "") >= _SHORTEST_ID:
                yield item


def _join(part: _Part, other: _Part) -> None:
    """Put two parts together, unless both have a key of their own and so are two sessions by their sender's word."""
    one, two = _leader(part), _leader(other)
    keyed = [leader for leader in (one, two) if leader.bundle.source != FROM_TRACE]
    if one is two or len(keyed) > 1:
        return
    first, second = sorted((one, two), key=lambda leader: (leader not in keyed, leader.start))
    second.earlier = first


def _leader(part: _Part) -> _Part:
    while part.earlier is not None:
        part = part.earlier
    return part


def _merged(known: Sequence[_Part]) -> list[ReadBundle]:
    members: dict[str, list[_Part]] = defaultdict(list)
    for part in sorted(known, key=lambda part: part.start):
        members[_leader(part).bundle.session_id].append(part)
    return [
        one_of(_leader(group[0]).bundle, [(part.bundle, part.readings) for part in group]) for group in members.values()
    ]
