"""Whether something between two calls may have changed the answer."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Container, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from processors.effects import Access, Effect, Effects, words_of
from processors.effects.effect import SCREEN
from processors.effects.names import READ_VERBS, SHELLS, WRITE_VERBS
from processors.effects.targets import PLACE
from processors.model import ToolCall


@dataclass(slots=True)
class _Writers:
    """Positions of writing calls by target, so that a range can be searched without visiting every call in it."""

    every: list[int] = field(default_factory=list)
    anywhere: list[int] = field(default_factory=list)
    at: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    around: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def add(self, position: int, effect: Effect) -> None:
        self.every.append(position)
        if effect.anywhere or not effect.targets or "." in effect.targets:
            self.anywhere.append(position)
        for target in effect.targets:
            self.at[target].append(position)
            for part in _parts(target):
                self.around[part].append(position)

    def within(self, effect: Effect, after: int, before: int) -> int | None:
        if effect.anywhere or not effect.targets or "." in effect.targets:
            return _inside(self.every, after, before)
        found = _inside(self.anywhere, after, before)
        for target in effect.targets:
            found = found if found is not None else _inside(self.at.get(target, ()), after, before)
            found = found if found is not None else _inside(self.around.get(target, ()), after, before)
            for part in _parts(target):
                found = found if found is not None else _inside(self.at.get(part, ()), after, before)
        return found

    def names(self, targets: Collection[str]) -> bool:
        """Whether any call names one of some targets, what contains it, or a part of it.

        Where there is no target, whether any call acts on more than it names.
        """
        return (
            bool(self.anywhere)
            if not targets
            else any(
                target in self.at or target in self.around or any(part in self.at for part in _parts(target))
                for target in targets
            )
        )


def nouns_of(name: str) -> frozenset[str]:
    """List what a tool's name says beside its verb, in the singular: `order` of `list_orders`."""
    return frozenset(word.removesuffix("s") for word in words_of(name) if word not in READ_VERBS | WRITE_VERBS)


def _parts(target: str) -> Iterator[str]:
    """List a path's parent folders, and the shorter relative paths that may mean the same file."""
    pieces = target.split("/")
    for cut in range(1, len(pieces)):
        yield "/".join(pieces[:cut])
        yield "/".join(pieces[cut:])


def _inside(positions: Sequence[int], after: int, before: int) -> int | None:
    index = bisect_right(positions, after)
    return positions[index] if index < len(positions) and positions[index] < before else None


class Changes:
    """Answers which calls of a session may have changed what others read; near-linear in the session's length.

    A write may take effect until it ends: one that a read overlapped is between that read and later ones. A call that
    started a sub-agent whose own calls are known changes nothing beyond what those do.
    """

    def __init__(self, tools: Sequence[ToolCall], effects: Effects, delegations: Container[str] = ()) -> None:
        self._effects = effects
        self._positions = {tool.step_id: position for position, tool in enumerate(tools)}
        self._events = _events(tools)
        self._started: dict[str, int] = {}
        self._known, self._possible = _Writers(), _Writers()
        self._changed: dict[str, set[str]] = defaultdict(set)
        """By target: the nouns in the names of the tools that wrote to it."""
        for position, tool in enumerate(self._events):
            self._started.setdefault(tool.step_id, position)
            if tool.step_id in delegations:
                continue
            effect = effects.of_call(tool)
            if effect.access is Access.WRITE:
                self._known.add(position, effect)
                for target in effect.targets:
                    self._changed[target] |= nouns_of(tool.name)
            if effect.access is not Access.READ:
                self._possible.add(position, effect)

    def position(self, tool: ToolCall) -> int:
        """Return the place of a call among the session's tool calls, by time."""
        return self._positions[tool.step_id]

    def known_write(self, earlier: ToolCall, later: ToolCall) -> ToolCall | None:
        """Find a call between two others that is known to write to what the later one reads."""
        return next(self._between(self._known, earlier, later), None)

    def possible_write(self, earlier: ToolCall, later: ToolCall) -> ToolCall | None:
        """Find a call between two others that may have written to what the later one reads."""
        return next(self._between(self._possible, earlier, later), None)

    def written_twice(self, earlier: ToolCall, later: ToolCall) -> bool:
        """Whether more than one call between two others is known to write to what the later one reads."""
        writes = self._between(self._known, earlier, later)
        first = next(writes, None)
        return any(write is not first for write in writes)

    def concerns_a_change(self, tool: ToolCall) -> bool:
        """Whether any call of the session, before or after, is known to write to what this one looks at.

        A place is the same for every tool. An id or a name is what two tools have in common only where their own names
        agree: `list_shipments` and `confirm_order` may both be given an order.
        """
        targets = self._effects.of_call(tool).targets - {"."}
        nouns = nouns_of(tool.name)
        if not targets or not nouns or tool.name in SHELLS:
            return self._known.names(targets)
        places = {target for target in targets if target == SCREEN or PLACE.fullmatch(target)}
        return bool(places and self._known.names(places)) or any(
            not nouns.isdisjoint(self._changed.get(target, ())) for target in targets
        )

    def _between(self, writers: _Writers, earlier: ToolCall, later: ToolCall) -> Iterator[ToolCall]:
        effect, before = self._effects.of_call(later), self._started[later.step_id]
        found = writers.within(effect, self._started[earlier.step_id], before)
        while found is not None:
            if self._events[found] is not earlier:
                yield self._events[found]
            found = writers.within(effect, found, before)


def _events(tools: Sequence[ToolCall]) -> list[ToolCall]:
    """List calls by time: each where it started and, if it still ran when the next one started, where it ended."""
    ends = [
        (tool.ended_at, False, position)
        for position, (tool, following) in enumerate(pairwise(tools))
        if tool.ended_at > following.started_at
    ]
    if not ends:
        return list(tools)
    starts = [(tool.started_at, True, position) for position, tool in enumerate(tools)]
    return [tools[position] for _, _, position in sorted(starts + ends)]
