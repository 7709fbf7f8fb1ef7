"""Which traces and values belong together, read from rows that were stored without the batches that brought them.

For exports: they hold every span and log record but not `arrivals`. The rule is the decoder's own, `Correlations`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from collector.correlations import Correlations, Edge
from collector.decode_rows import NO_TRACE
from collector.values import decode_links

if TYPE_CHECKING:
    import pyarrow as pa

_read_json = msgspec.json.Decoder(dict[str, Any]).decode
_NO_LINKS = "[]"


def edges_of_spans(spans: pa.RecordBatch, names: frozenset[str]) -> set[Edge]:
    """Return the edges that rows with `trace_id`, `attributes`, `resource_attributes` and `links` brought."""
    edges: set[Edge] = set()
    books = _Books(names, edges)
    for trace_id, attributes, resource, links in _rows(spans, "trace_id", "attributes", "resource_attributes", "links"):
        book = books.of(resource)
        book.trace(trace_id, _read_json(attributes))
        for link in decode_links(links) if links != _NO_LINKS else ():
            if link.trace_id and link.trace_id not in {trace_id, NO_TRACE}:
                book.link(trace_id, link.trace_id)
    books.finish()
    return edges


def edges_of_logs(logs: pa.RecordBatch, names: frozenset[str]) -> set[Edge]:
    """Return the edges that rows with `trace_id`, `attributes` and `resource_attributes` brought."""
    edges: set[Edge] = set()
    books = _Books(names, edges)
    for trace_id, attributes, resource in _rows(logs, "trace_id", "attributes", "resource_attributes"):
        if trace_id is None:
            books.of(resource).outside(_read_json(attributes))
        else:
            books.of(resource).trace(trace_id, _read_json(attributes))
    books.finish()
    return edges


def correlation_values(logs: pa.RecordBatch, names: frozenset[str]) -> list[str | None]:
    """Return the value by which each log record outside a trace is found; None where it has a trace or no value."""
    books = _Books(names, set())
    return [
        None if trace_id is not None else books.of(resource).outside(_read_json(attributes))
        for trace_id, attributes, resource in _rows(logs, "trace_id", "attributes", "resource_attributes")
    ]


class _Books:
    """The correlations of each resource."""

    def __init__(self, names: frozenset[str], edges: set[Edge]) -> None:
        self._names = names
        self._edges = edges
        self._by_resource: dict[str, Correlations] = {}

    def of(self, resource: str) -> Correlations:
        if resource not in self._by_resource:
            self._by_resource[resource] = Correlations(self._names, _read_json(resource), self._edges)
        return self._by_resource[resource]

    def finish(self) -> None:
        for book in self._by_resource.values():
            book.finish()


def _rows(batch: pa.RecordBatch, *names: str) -> Iterator[tuple[Any, ...]]:
    return zip(*(batch.column(name).to_pylist() for name in names), strict=True)
