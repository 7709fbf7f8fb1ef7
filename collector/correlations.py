"""Which traces and values belong together, noticed while attributes are walked."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, TypeAlias

from collector.values import Json

Edge: TypeAlias = tuple[str | None, str | None, str | None]
"""A row of `collector.columns.CORRELATIONS`."""
LINKED_TRACE: Final = "trace:"
"""Prefix of the value that two traces joined by a span link share."""
_NO_NAME: Final = re.compile(
    r"none|null|undefined|unknown|default|0|\[redacted\]|<redacted>|\[scrubbed due to .*", re.IGNORECASE
)


@lru_cache(maxsize=10_000)
def names_nothing(value: str) -> bool:
    """Tell whether a value stands in an id's place and is none: blank, a default, what a redactor leaves of any."""
    return not value.strip() or _NO_NAME.fullmatch(value.strip()) is not None


class Correlations:
    """Gathers the edges of the records under one resource; the resource's own values count for each of them."""

    __slots__ = ("_edges", "_names", "_resource_values", "_traces")

    def __init__(self, names: frozenset[str], resource_attributes: dict[str, Json], edges: set[Edge]) -> None:
        self._names = names
        self._edges = edges
        self._traces: set[str] = set()
        self._resource_values = self._values(resource_attributes)

    def trace(self, trace_id: str, attributes: dict[str, Json]) -> None:
        """Note a trace and the values that its record carries."""
        self._traces.add(trace_id)
        if self._names.isdisjoint(attributes):
            return
        for value in self._values(attributes):
            self._edges.add((trace_id, value, None))

    def link(self, trace_id: str, linked_trace_id: str) -> None:
        """Note that a span of one trace points into another, which may not have arrived."""
        value = LINKED_TRACE + linked_trace_id
        self._edges.update(((trace_id, value, None), (linked_trace_id, value, None)))

    def outside(self, attributes: dict[str, Json]) -> str | None:
        """Note the values of a record outside any trace; return the smallest, by which it can be found."""
        values = sorted(self._resource_values | self._values(attributes))
        if not values:
            return None
        smallest = values[0]
        self._edges.add((None, smallest, None))
        self._edges.update((None, value, smallest) for value in values[1:])
        return smallest

    def finish(self) -> None:
        """Add what holds for every trace seen: that it exists, and the resource's values."""
        for trace_id in self._traces:
            self._edges.add((trace_id, None, None))
            self._edges.update((trace_id, value, None) for value in self._resource_values)

    def _values(self, attributes: dict[str, Json]) -> set[str]:
        found = map(attributes.get, self._names)
        return {value for value in found if isinstance(value, str) and not names_nothing(value)}
