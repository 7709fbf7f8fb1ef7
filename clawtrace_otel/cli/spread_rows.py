"""Rows of an export as a cluster hands them over: the edges they bring, and the telemetry of group after group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from collector.columns import CORRELATIONS
from collector.store import Group, Signals
from collector.store.rows import PLAIN_IN_LOG, PLAIN_IN_SPAN, logs_of, spans_of
from collector.store.stored_edges import correlation_values, edges_of_logs, edges_of_spans

GROUP: Final = "group_number"
SIGNAL: Final = "signal"
SPAN: Final = "span"
LOG: Final = "log"
VALUE: Final = "correlation_value"

_OF_BOTH: Final = ("attributes", "resource_attributes", "scope_name", "scope_version", "scope_attributes")
SPAN_COLUMNS: Final = (*PLAIN_IN_SPAN, "events", "links", *_OF_BOTH)
LOG_COLUMNS: Final = (*PLAIN_IN_LOG, "body", *_OF_BOTH)
"""What a group is compiled from, of what an export holds of a record."""

_TIMES: Final = ("start_time_unix_nano", "end_time_unix_nano", "time_unix_nano", "observed_time_unix_nano")
_PAST_INT64: Final = 2**63
"""What stands for a time that an export could not hold (docs/export.md)."""


@dataclass(frozen=True, slots=True)
class Members:
    """Which group each trace and each value is of: the number in the column `GROUP`."""

    traces: pa.Table
    """By `trace_id`."""
    values: pa.Table
    """By `VALUE`."""

    @classmethod
    def of(cls, groups: Sequence[Group]) -> Members:
        """Return what numbers groups by their place."""
        return cls(
            _numbered("trace_id", ((number, name) for number, group in enumerate(groups) for name in group.trace_ids)),
            _numbered(VALUE, ((number, name) for number, group in enumerate(groups) for name in group.values)),
        )


def _numbered(column: str, named: Iterable[tuple[int, str]]) -> pa.Table:
    rows = list(named)
    return pa.table(
        {
            column: pa.array([name for _, name in rows], pa.string()),
            GROUP: pa.array([number for number, _ in rows], pa.int64()),
        }
    )


@dataclass(frozen=True, slots=True)
class Edges:
    """Yields the distinct edges of each batch of spans or log records, in the layout of `CORRELATIONS`."""

    signal: str
    names: frozenset[str]
    """The correlation attributes."""

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield them."""
        read = edges_of_spans if self.signal == SPAN else edges_of_logs
        for batch in batches:
            rows = [dict(zip(CORRELATIONS.names, edge, strict=True)) for edge in read(batch, self.names)]
            yield pa.RecordBatch.from_pylist(rows, CORRELATIONS)


@dataclass(frozen=True, slots=True)
class Correlated:
    """Adds to log records outside any trace the value by which they are found."""

    names: frozenset[str]

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the batches with one more column."""
        for batch in batches:
            values = pa.array(correlation_values(batch, self.names), pa.string())
            yield pa.RecordBatch.from_arrays([*batch.columns, values], [*batch.schema.names, VALUE])


def by_group(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, pa.Table]]:
    """Yield the rows of each group of a stream that is sorted by group; no more than one group is held."""
    held: list[pa.RecordBatch] = []
    current: int | None = None
    for batch in batches:
        first = 0
        for number, run in groupby(batch.column(GROUP).to_pylist()):
            if current is not None and number != current:
                yield current, pa.Table.from_batches(held)
                held = []
            current, length = number, len(list(run))
            held.append(batch.slice(first, length))
            first += length
    if current is not None:
        yield current, pa.Table.from_batches(held)


def signals_of(rows: pa.Table) -> Signals:
    """Return the telemetry in rows of both kinds."""
    for name in _TIMES:
        position = rows.schema.get_field_index(name)
        times = pc.fill_null(rows.column(position).cast(pa.uint64()), pa.scalar(_PAST_INT64, pa.uint64()))
        rows = rows.set_column(position, name, times)
    return Signals(
        spans_of(rows.filter(pc.equal(rows.column(SIGNAL), SPAN))),
        logs_of(rows.filter(pc.equal(rows.column(SIGNAL), LOG))),
    )
