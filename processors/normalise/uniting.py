"""Several bundles of signals, each read already, put together as one session's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from processors.normalise.reading import Readings
from processors.normalise.sessions import Bundle

ReadBundle: TypeAlias = "tuple[Bundle, Readings]"


def one_of(leader: Bundle, group: Sequence[ReadBundle]) -> ReadBundle:
    """Return what a group says as one, under the name of its leader."""
    if len(group) == 1:
        return group[0]
    bundle, readings = Bundle(leader.session_id, leader.source), Readings()
    for part, said in group:
        bundle.spans += part.spans
        bundle.logs += part.logs
        bundle.conversation_ids |= part.conversation_ids
        readings.sightings += said.sightings
        readings.spoken += said.spoken
        readings.ignored |= said.ignored
    return bundle, readings
