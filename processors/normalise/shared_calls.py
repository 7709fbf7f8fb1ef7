"""Sessions that are one because two instrumentations saw the same call, each in a trace of its own.

A framework's instrumentation that does not set the current span leaves those of the vendor's client roots. Both name
the response, some only in its content, so that the spans have to be read first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

from processors.model import ModelCall
from processors.normalise.alike import overlapping, same_model
from processors.normalise.sessions import FROM_TRACE
from processors.normalise.sighting import Sighting
from processors.normalise.uniting import ReadBundle, one_of

_Seen: TypeAlias = "tuple[int, Sighting, ModelCall]"


def united(parts: Sequence[ReadBundle]) -> list[ReadBundle]:
    """Return the sessions, those without a key put into the one that saw a call of theirs."""
    if len(parts) < 2 or all(bundle.source != FROM_TRACE for bundle, _ in parts):  # noqa: PLR2004 - a pair
        return list(parts)
    leaders = list(range(len(parts)))
    for one, other in _pairs(parts):
        first, second = sorted((_leader(leaders, one), _leader(leaders, other)), key=lambda at: _rank(parts[at]))
        if parts[second][0].source == FROM_TRACE:  # else both have a key of their own: two sessions by their word
            leaders[second] = first
    members: dict[int, list[ReadBundle]] = defaultdict(list)
    for place, part in enumerate(parts):
        members[_leader(leaders, place)].append(part)
    return [one_of(parts[leader][0], group) for leader, group in members.items()]


def _leader(leaders: Sequence[int], place: int) -> int:
    while leaders[place] != place:
        place = leaders[place]
    return place


def _rank(part: ReadBundle) -> tuple[bool, int, str]:
    """Return the order in which parts lead others: one with a key, then the oldest."""
    bundle, _ = part
    start = min((span.start_time_unix_nano for span in bundle.spans), default=0)
    return bundle.source == FROM_TRACE, start, bundle.session_id


def _order(seen: _Seen) -> tuple[int, str]:
    _, _, call = seen
    return call.started_at, call.step_id


def _pairs(parts: Sequence[ReadBundle]) -> Iterator[tuple[int, int]]:
    """Yield pairs of parts in which one call was seen."""
    named: dict[str, list[_Seen]] = defaultdict(list)
    for place, (_, readings) in enumerate(parts):
        for sighting in readings.sightings:
            if isinstance(sighting.step, ModelCall) and sighting.signal == "span":
                for identifier in sighting.request_ids:
                    named[identifier].append((place, sighting, sighting.step))
    for seen in named.values():
        for (one, mine, first), (other, theirs, second) in pairwise(sorted(seen, key=_order)):
            apart = one != other and mine.scope != theirs.scope
            if apart and same_model(first, second) and overlapping(first, second):
                yield one, other
