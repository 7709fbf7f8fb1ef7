"""The Arrow layout between decoding and the stores: one row per span, log record and metric point.

OTLP's own field names; ids lower-case hex, times nanoseconds since the Unix epoch as sent (any uint64: a view that
turns one into a timestamp must survive 2**64 - 1). Columns that end in JSON (`attributes`, `events`, `links`, `body`,
`data`) hold the lossless text of `collector.values`. What a whole block of rows shares (resource, scope) is
dictionary-encoded: it is encoded once per block, not once per row.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

SHARED: Final = pa.dictionary(pa.int32(), pa.string())
"""Text that a block of rows shares."""


def _column(name: str, kind: pa.DataType, *, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=nullable)


_ORIGIN: Final = [
    _column("service_name", SHARED, nullable=True),
    _column("resource_attributes", SHARED),
    _column("resource_dropped_attributes_count", pa.uint32()),
    _column("resource_schema_url", SHARED),
    _column("scope_name", SHARED),
    _column("scope_version", SHARED),
    _column("scope_attributes", SHARED),
    _column("scope_dropped_attributes_count", pa.uint32()),
    _column("scope_schema_url", SHARED),
    _column("received_at", pa.int64()),
]
"""Where a row came from; `received_at` is nanoseconds by the collector's clock."""

SPANS: Final = pa.schema(
    [
        _column("trace_id", pa.string()),
        _column("span_id", pa.string()),
        _column("parent_span_id", pa.string(), nullable=True),
        _column("name", pa.string()),
        _column("kind", pa.int32()),
        _column("start_time_unix_nano", pa.uint64()),
        _column("end_time_unix_nano", pa.uint64()),
        _column("status_code", pa.int32()),
        _column("status_message", pa.string()),
        _column("trace_state", pa.string()),
        _column("flags", pa.uint32()),
        _column("dropped_attributes_count", pa.uint32()),
        _column("dropped_events_count", pa.uint32()),
        _column("dropped_links_count", pa.uint32()),
        _column("attributes", pa.string()),
        _column("events", pa.string()),
        _column("links", pa.string()),
        *_ORIGIN,
    ]
)
"""`events` and `links` are JSON arrays, `[]` when empty."""

LOGS: Final = pa.schema(
    [
        _column("time_unix_nano", pa.uint64()),
        _column("observed_time_unix_nano", pa.uint64()),
        _column("severity_number", pa.int32()),
        _column("severity_text", pa.string()),
        _column("event_name", pa.string()),
        _column("body", pa.string(), nullable=True),
        _column("attributes", pa.string()),
        _column("trace_id", pa.string(), nullable=True),
        _column("span_id", pa.string(), nullable=True),
        _column("flags", pa.uint32()),
        _column("dropped_attributes_count", pa.uint32()),
        _column("correlation_value", pa.string(), nullable=True),
        *_ORIGIN,
    ]
)
"""`correlation_value` finds a record outside a trace: the smallest of its values; null where it has a trace or none."""

METRIC_POINTS: Final = pa.schema(
    [
        _column("name", pa.string()),
        _column("description", pa.string()),
        _column("unit", pa.string()),
        _column("type", pa.string()),
        _column("aggregation_temporality", pa.int32()),
        _column("is_monotonic", pa.bool_(), nullable=True),
        _column("attributes", pa.string()),
        _column("start_time_unix_nano", pa.uint64()),
        _column("time_unix_nano", pa.uint64()),
        _column("value_int", pa.int64(), nullable=True),
        _column("value_double", pa.float64(), nullable=True),
        _column("count", pa.uint64(), nullable=True),
        _column("sum", pa.float64(), nullable=True),
        _column("data", pa.string()),
        _column("flags", pa.uint32()),
        *_ORIGIN,
    ]
)
"""`type` is gauge, sum, histogram, exponential_histogram or summary; at most one of the two value columns is set."""

CORRELATIONS: Final = pa.schema(
    [
        _column("trace_id", pa.string(), nullable=True),
        _column("value", pa.string(), nullable=True),
        _column("joined_value", pa.string(), nullable=True),
    ]
)
"""Distinct edges of the graph whose connected components are the groups.

`(trace, value, null)`: the trace carries the value. `(trace, null, null)`: the trace exists.
`(T, 'trace:U', null)` and `(U, 'trace:U', null)`: a span of trace T links to trace U, which may not have arrived.
`(null, value, null)`: a log record outside any trace carries the value; where it carries several, every other one has
the smallest as `joined_value`: both belong to one group.
"""
