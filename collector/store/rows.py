"""Arrow rows of `collector.columns` to the collector's types.

Column by column: what a block of rows shares (resource, scope) is decoded once.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final, TypeAlias

import pyarrow as pa

from collector.model import LogRecord, Resource, Scope, Span
from collector.values import decode_attributes, decode_events, decode_links, decode_value

_EMPTY_ARRAY: Final = "[]"
_Columns: TypeAlias = dict[str, list[object]]


def spans_of(table: pa.Table) -> tuple[Span, ...]:
    """Return the spans that a table in the layout of `SPANS` holds; further columns are ignored."""
    return tuple(_spans(table))


def logs_of(table: pa.Table) -> tuple[LogRecord, ...]:
    """Return the log records that a table in the layout of `LOGS` holds; further columns are ignored."""
    return tuple(_logs(table))


@lru_cache(maxsize=4096)
def _resource(attributes: str) -> Resource:
    return Resource(attributes=decode_attributes(attributes))


@lru_cache(maxsize=4096)
def _scope(name: str, version: str, attributes: str) -> Scope:
    return Scope(name=name, version=version, attributes=decode_attributes(attributes))


def _spans(table: pa.Table) -> Iterator[Span]:
    names = (
        "trace_id span_id parent_span_id name kind start_time_unix_nano end_time_unix_nano attributes events links "
        "status_code status_message trace_state flags dropped_attributes_count dropped_events_count "
        "dropped_links_count resource_attributes scope_name scope_version scope_attributes"
    ).split()
    columns = [table.column(name).to_pylist() for name in names]
    for (
        trace_id, span_id, parent_span_id, name, kind, start, end, attributes, events, links,
        status_code, status_message, trace_state, flags, dropped_attributes, dropped_events,
        dropped_links, resource, scope_name, scope_version, scope_attributes,
    ) in zip(*columns, strict=True):  # fmt: skip
        yield Span(
            trace_id=trace_id,
            span_id=span_id,
            parent_span_id=parent_span_id,
            name=name,
            kind=kind,
            start_time_unix_nano=start,
            end_time_unix_nano=end,
            attributes=decode_attributes(attributes),
            events=() if events == _EMPTY_ARRAY else decode_events(events),
            links=() if links == _EMPTY_ARRAY else decode_links(links),
            status_code=status_code,
            status_message=status_message,
            trace_state=trace_state,
            flags=flags,
            dropped_attributes_count=dropped_attributes,
            dropped_events_count=dropped_events,
            dropped_links_count=dropped_links,
            resource=_resource(resource),
            scope=_scope(scope_name, scope_version, scope_attributes),
        )


def _logs(table: pa.Table) -> Iterator[LogRecord]:
    names = (
        "time_unix_nano observed_time_unix_nano severity_number severity_text event_name body attributes trace_id "
        "span_id flags dropped_attributes_count resource_attributes scope_name scope_version scope_attributes"
    ).split()
    columns = [table.column(name).to_pylist() for name in names]
    for (
        time, observed_time, severity_number, severity_text, event_name, body, attributes, trace_id,
        span_id, flags, dropped_attributes, resource, scope_name, scope_version, scope_attributes,
    ) in zip(*columns, strict=True):  # fmt: skip
        yield LogRecord(
            time_unix_nano=time,
            observed_time_unix_nano=observed_time,
            severity_number=severity_number,
            severity_text=severity_text,
            event_name=event_name,
            body=None if body is None else decode_value(body),
            attributes=decode_attributes(attributes),
            trace_id=trace_id,
            span_id=span_id,
            flags=flags,
            dropped_attributes_count=dropped_attributes,
            resource=_resource(resource),
            scope=_scope(scope_name, scope_version, scope_attributes),
        )
