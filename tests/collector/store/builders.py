"""Batches, groups and derived rows made to order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import pyarrow as pa

from collector.columns import CORRELATIONS, LOGS, METRIC_POINTS, SPANS
from collector.store import Batch, DerivedRows

SECOND = 1_000_000_000
NOW = 1_790_000_000 * SECOND
Edge = tuple[str | None, str | None, str | None]

_TEXT = {"attributes", "resource_attributes", "scope_attributes", "data"}
_LISTS = {"events", "links"}


def trace(number: int) -> str:
    """Return a trace id."""
    return f"{number:032x}"


def span(trace_id: str, number: int, **changes: object) -> dict[str, object]:
    """Return a span as a row of `SPANS`."""
    start = NOW + number * SECOND
    own = {
        "trace_id": trace_id,
        "span_id": f"{number:016x}",
        "name": f"span {number}",
        "start_time_unix_nano": start,
        "end_time_unix_nano": start + 5,
    }
    return _row(SPANS, own | changes)


def log(**changes: object) -> dict[str, object]:
    """Return a log record as a row of `LOGS`."""
    return _row(LOGS, {"time_unix_nano": NOW, "event_name": "said"} | changes)


def point(**changes: object) -> dict[str, object]:
    """Return a metric point as a row of `METRIC_POINTS`."""
    return _row(METRIC_POINTS, {"name": "tokens", "type": "sum", "time_unix_nano": NOW, "value_int": 1} | changes)


def _row(schema: pa.Schema, values: Mapping[str, object]) -> dict[str, object]:
    unknown = values.keys() - set(schema.names)
    assert not unknown, unknown
    return {field.name: values.get(field.name, _blank(field)) for field in schema}


def _blank(field: pa.Field) -> object:
    if field.name == "received_at":
        return NOW
    if field.nullable:
        return None
    if field.name in _TEXT:
        return "{}"
    if field.name in _LISTS:
        return "[]"
    return "" if pa.types.is_string(field.type) or pa.types.is_dictionary(field.type) else 0


def batch(
    spans: Sequence[Mapping[str, object]] = (),
    logs: Sequence[Mapping[str, object]] = (),
    points: Sequence[Mapping[str, object]] = (),
    edges: Iterable[Edge] = (),
) -> Batch:
    """Return a batch; that its traces exist is added to the edges."""
    traces: set[Edge] = {(str(row["trace_id"]), None, None) for row in (*spans, *logs) if row["trace_id"] is not None}
    outside: set[Edge] = {(None, str(row["correlation_value"]), None) for row in logs if row["correlation_value"]}
    return Batch(
        spans=pa.Table.from_pylist(list(spans), schema=SPANS),
        logs=pa.Table.from_pylist(list(logs), schema=LOGS),
        metric_points=pa.Table.from_pylist(list(points), schema=METRIC_POINTS),
        correlations=pa.Table.from_pylist(
            [
                dict(zip(CORRELATIONS.names, edge, strict=True))
                for edge in sorted({*traces, *outside, *edges}, key=repr)
            ],
            schema=CORRELATIONS,
        ),
    )


def session(session_id: str, cost: str | None = "0.000000000001", steps: int = 2) -> DerivedRows:
    """Return the rows derived from one session, with something in every table."""
    money = None if cost is None else Decimal(cost)
    return {
        "sessions": [{"session_id": session_id, "cost_usd": money, "started_at": NOW, "models": ("m",)}],
        "steps": [
            {"session_id": session_id, "step_index": n, "step_id": f"{n}", "cost_usd": money} for n in range(steps)
        ],
        "findings": [{"session_id": session_id, "finding_id": "f", "step_ids": ("1",), "evidence": {"usd": money}}],
        "ledger": [{"session_id": session_id, "call_step_id": "0", "producer_step_id": "1", "tokens": 3, "usd": money}],
        "tracecards": [{"session_id": session_id, "card": '{"a": 1}', "yaml": "a: 1\n", "compiled_at": NOW}],
    }


def sharing(value: str, trace_id: str, *, lasting: bool = True) -> DerivedRows:
    """Return what says that a value was found in a trace's content."""
    return {"correlations": [{"trace_id": trace_id, "value": value, "lasting": lasting}]}


def together(*parts: DerivedRows) -> DerivedRows:
    """Return the rows of several sessions as one."""
    return {name: [row for part in parts for row in part[name]] for name in parts[0]}
