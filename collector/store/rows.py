"""Arrow rows of `collector.columns` to the collector's types.

Column by column: what a block of rows shares (resource, scope) is decoded once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

import pyarrow as pa

from collector.model import LogRecord, Resource, Scope, Span
from collector.values import decode_attributes, decode_events, decode_links, decode_value

SPAN_IDENTITY: Final = ("trace_id", "span_id", "start_time_unix_nano")
"""What makes two spans the same one sent twice."""

_EMPTY_ARRAY: Final = "[]"
PLAIN_IN_SPAN: Final = (
    *("trace_id", "span_id", "parent_span_id", "name", "kind", "start_time_unix_nano", "end_time_unix_nano"),
    *("status_code", "status_message", "trace_state", "flags"),
    *("dropped_attributes_count", "dropped_events_count", "dropped_links_count"),
)
PLAIN_IN_LOG: Final = (
    *("time_unix_nano", "observed_time_unix_nano", "severity_number", "severity_text", "event_name"),
    *("trace_id", "span_id", "flags", "dropped_attributes_count"),
)
"""Columns that stand in the record's type as they are."""
_SCOPE: Final = ("scope_name", "scope_version", "scope_attributes")


def spans_of(table: pa.Table) -> tuple[Span, ...]:
    """Return the spans that a table in the layout of `SPANS` holds; further columns are ignored."""
    resource, scope = cache(_resource), cache(_scope)
    return tuple(
        Span(
            **dict(zip(PLAIN_IN_SPAN, plain, strict=True)),
            attributes=decode_attributes(attributes),
            events=() if events == _EMPTY_ARRAY else decode_events(events),
            links=() if links == _EMPTY_ARRAY else decode_links(links),
            resource=resource(origin),
            scope=scope(*named),
        )
        for plain, (attributes, events, links, origin), named in zip(
            _rows(table, PLAIN_IN_SPAN),
            _rows(table, ("attributes", "events", "links", "resource_attributes")),
            _rows(table, _SCOPE),
            strict=True,
        )
    )


def logs_of(table: pa.Table) -> tuple[LogRecord, ...]:
    """Return the log records that a table in the layout of `LOGS` holds; further columns are ignored."""
    resource, scope = cache(_resource), cache(_scope)
    return tuple(
        LogRecord(
            **dict(zip(PLAIN_IN_LOG, plain, strict=True)),
            body=None if body is None else decode_value(body),
            attributes=decode_attributes(attributes),
            resource=resource(origin),
            scope=scope(*named),
        )
        for plain, (body, attributes, origin), named in zip(
            _rows(table, PLAIN_IN_LOG),
            _rows(table, ("body", "attributes", "resource_attributes")),
            _rows(table, _SCOPE),
            strict=True,
        )
    )


def _rows(table: pa.Table, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield some columns of each row; their types are the schema's."""
    return zip(*(table.column(name).to_pylist() for name in names), strict=True)


def _resource(attributes: str) -> Resource:
    return Resource(attributes=decode_attributes(attributes))


def _scope(name: str, version: str, attributes: str) -> Scope:
    return Scope(name=name, version=version, attributes=decode_attributes(attributes))
