"""Sessions that are one because two instrumentations saw the same call, each in a trace of its own.

A framework's instrumentation that does not set the current span leaves those of the vendor's client roots. Both name
the response, some only in its content, so that the spans have to be read first. Of streams some frameworks do not: then
the call that is a trace by itself lies within the one of the same service, model and counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import TypeAlias

from processors.model import ModelCall
from processors.model_names import family
from processors.normalise.alike import overlapping, same_model
from processors.normalise.sessions import FROM_TRACE, Bundle
from processors.normalise.sighting import Sighting
from processors.normalise.uniting import ReadBundle, one_of

_Seen: TypeAlias = "tuple[int, Sighting, ModelCall]"


def united(parts: Sequence[ReadBundle]) -> list[ReadBundle]:
    """Return the sessions, those without a key put into the one that saw a call of theirs."""
    if len(parts) < 2 or all(bundle.source != FROM_TRACE for bundle, _ in parts):  # noqa: PLR2004 - a pair
        return list(parts)
    leaders = list(range(len(parts)))
    for one, other in chain(_pairs(parts), _unnamed_pairs(parts)):
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


def alone(bundle: Bundle) -> bool:
    """Tell a span that is a trace by itself, without a key."""
    return bundle.source == FROM_TRACE and len(bundle.spans) == 1


def likeness(bundle: Bundle, call: ModelCall) -> str | None:
    """Return what two sightings of one call have in common without its name; None where a count is missing."""
    usage, model = call.usage, family(call.model) or family(call.request_model)
    if usage is None or usage.input_tokens is None or usage.output_tokens is None or model is None:
        return None
    service = bundle.spans[0].resource.service_name if bundle.spans else ""
    return f"{service} {model} {usage.input_tokens} {usage.output_tokens}"


def _unnamed_pairs(parts: Sequence[ReadBundle]) -> Iterator[tuple[int, int]]:
    """Yield pairs of parts in which one call was seen, by a framework that does not name the response and a client."""
    around: dict[str, list[_Seen]] = defaultdict(list)
    within: list[tuple[str, _Seen]] = []
    for place, (bundle, readings) in enumerate(parts):
        for sighting in readings.sightings:
            if isinstance(sighting.step, ModelCall) and sighting.signal == "span":
                like = likeness(bundle, sighting.step)
                if like is not None and not sighting.request_ids:
                    around[like].append((place, sighting, sighting.step))
                elif like is not None and alone(bundle):
                    within.append((like, (place, sighting, sighting.step)))
    taken: set[str] = set()
    for like, (place, mine, call) in sorted(within, key=lambda item: _order(item[1])):
        fitting = [
            seen for seen in around[like]
            if seen[1].scope != mine.scope and seen[2].step_id not in taken and overlapping(call, seen[2])
        ]  # fmt: skip
        if fitting:
            other, _, known = max(fitting, key=_order)
            taken.add(known.step_id)
            yield other, place
