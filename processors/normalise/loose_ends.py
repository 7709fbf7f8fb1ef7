"""Values in a session's content that traces which were not loaded may share: the store finds them by these."""

from __future__ import annotations

from collections.abc import Iterator

from processors.model import LooseEnd, ModelCall
from processors.normalise.continuing import loose_tool_calls
from processors.normalise.reading import Readings
from processors.normalise.sessions import FROM_TRACE, Bundle
from processors.normalise.shared_calls import alone, likeness
from processors.normalise.sighting import Sighting

_TOOL_CALL = "tool_call:"
_RESPONSE = "response:"
_CALL = "call:"
_SPELL = 10_000_000_000
"""Nanoseconds in which two sightings of one call begin."""


def loose_ends(bundle: Bundle, readings: Readings) -> tuple[LooseEnd, ...]:
    """Return them sorted. A session that its sender named looks for others, but is not to be found by them.

    The same holds for the calls of any session but a span on its own: a call whose root it is was seen by a vendor's
    instrumentation beside a framework's, which saw all of its calls.
    """
    unnamed, single = bundle.source == FROM_TRACE, alone(bundle)
    found = [LooseEnd(f"{_TOOL_CALL}{name}", lasting=unnamed) for name in loose_tool_calls(readings)]
    found += [LooseEnd(f"{_RESPONSE}{name}", lasting=single) for name in _responses(readings)]
    found += [LooseEnd(f"{_CALL}{name}", lasting=lasting) for name, lasting in _likenesses(bundle, readings).items()]
    return tuple(sorted(found, key=lambda end: end.value))


def _responses(readings: Readings) -> set[str]:
    return {name for sighting in _calls(readings) for name in sighting.request_ids}


def _likenesses(bundle: Bundle, readings: Readings) -> dict[str, bool]:
    """Return what calls look like with the time of their beginning, and whether it lasts.

    A call whose response was not named looks for the one that a client's instrumentation saw in a trace of its own.
    That lasts, also under the time before: what is around it began at most that much earlier.
    """
    found: dict[str, bool] = {}
    for sighting in _calls(readings):
        call, named = sighting.step, bool(sighting.request_ids)
        like = likeness(bundle, call) if isinstance(call, ModelCall) else None
        if like is not None and (alone(bundle) or not named):
            spells = range(call.started_at // _SPELL - named, call.started_at // _SPELL + 1)
            found |= {f"{like} {spell}": named for spell in spells}
    return found


def _calls(readings: Readings) -> Iterator[Sighting]:
    return (seen for seen in readings.sightings if isinstance(seen.step, ModelCall) and seen.signal == "span")
