"""Values in a session's content that traces which were not loaded may share: the store finds them by these."""

from __future__ import annotations

from processors.model import LooseEnd, ModelCall
from processors.normalise.continuing import loose_tool_calls
from processors.normalise.reading import Readings
from processors.normalise.sessions import FROM_TRACE, Bundle

_TOOL_CALL = "tool_call:"
_RESPONSE = "response:"


def loose_ends(bundle: Bundle, readings: Readings) -> tuple[LooseEnd, ...]:
    """Return them sorted. A session that its sender named looks for others, but is not to be found by them.

    The same holds for the calls of any session but a span on its own: a call whose root it is was seen by a vendor's
    instrumentation beside a framework's, which saw all of its calls.
    """
    unnamed = bundle.source == FROM_TRACE
    alone = unnamed and len(bundle.spans) == 1
    found = [LooseEnd(f"{_TOOL_CALL}{name}", lasting=unnamed) for name in loose_tool_calls(readings)]
    found += [LooseEnd(f"{_RESPONSE}{name}", lasting=alone) for name in _responses(readings)]
    return tuple(sorted(found, key=lambda end: end.value))


def _responses(readings: Readings) -> set[str]:
    spans = (seen for seen in readings.sightings if isinstance(seen.step, ModelCall) and seen.signal == "span")
    return {name for sighting in spans for name in sighting.request_ids}
