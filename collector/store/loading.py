"""Reading the telemetry of many groups with a few queries, as many groups at a time as memory allows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

import pyarrow as pa

from collector.store import Group, Signals
from collector.store.engine import Cursor
from collector.store.resent import registered
from collector.store.rows import logs_of, spans_of

ROWS_AT_ONCE: Final = 5_000
"""What one query may bring into memory, unless a single group holds more."""

_Row = TypeVar("_Row")

_WANTED: Final = pa.schema(
    [
        pa.field("number", pa.int64()),
        pa.field("name", pa.string()),
        pa.field("first_batch", pa.int64()),
        pa.field("last_batch", pa.int64()),
    ]
)
# The constants let DuckDB skip the row groups of other batches; the join keeps to each group's own.
_JOINED: Final = """
    FROM telemetry.{table} AS stored JOIN {wanted} AS wanted ON stored.{column} = wanted.name
    AND stored.batch BETWEEN wanted.first_batch AND wanted.last_batch
    WHERE stored.batch BETWEEN {first} AND {last}
"""


def load_signals(cursor: Cursor, groups: Sequence[Group]) -> Iterator[Signals]:
    """Yield what is stored for each group up to its last batch."""
    for some in _shares(groups, _row_counts(cursor, groups)):
        yield from _loaded(cursor, some)


def _shares(groups: Sequence[Group], row_counts: Sequence[int]) -> Iterator[Sequence[Group]]:
    """Cut groups into runs of at most `ROWS_AT_ONCE` rows, or of one group."""
    first = rows = 0
    for number, count in enumerate(row_counts):
        if number > first and rows + count > ROWS_AT_ONCE:
            yield groups[first:number]
            first, rows = number, 0
        rows += count
    if first < len(groups):
        yield groups[first:]


def _row_counts(cursor: Cursor, groups: Sequence[Group]) -> Sequence[int]:
    if len(groups) <= 1:
        return [0] * len(groups)
    counted = " UNION ALL ".join(f"SELECT number {source}" for source in _sources(groups))
    with registered(cursor, **_wanted(groups)):
        found = dict(cursor.execute(f"SELECT number, count(*) FROM ({counted}) GROUP BY number").fetchall())  # noqa: S608 - ours
    return [found.get(number, 0) for number in range(len(groups))]


def _loaded(cursor: Cursor, groups: Sequence[Group]) -> Iterator[Signals]:
    of_traces, logs_of_traces, logs_outside_traces = (f"SELECT number, stored.* {s}" for s in _sources(groups))
    with registered(cursor, **_wanted(groups)):
        spans = cursor.execute(of_traces).to_arrow_table()
        logs = cursor.execute(f"{logs_of_traces} UNION ALL {logs_outside_traces}").to_arrow_table()
    spans_by_group = _by_number(spans, spans_of(spans))
    logs_by_group = _by_number(logs, logs_of(logs))
    for number in range(len(groups)):
        yield Signals(tuple(spans_by_group[number]), tuple(logs_by_group[number]))


def _by_number(table: pa.Table, rows: Sequence[_Row]) -> dict[int, list[_Row]]:
    found: dict[int, list[_Row]] = defaultdict(list)
    for number, row in zip(table.column("number").to_pylist(), rows, strict=True):
        found[number].append(row)
    return found


def _sources(groups: Sequence[Group]) -> tuple[str, str, str]:
    """Return where a group's spans, its log records in traces, and those outside any trace come from."""
    batches = {
        "first": min(group.first_batch for group in groups),
        "last": max(group.last_batch for group in groups),
    }
    spans = _JOINED.format(table="spans", wanted="wanted_traces", column="trace_id", **batches)
    logs = _JOINED.format(table="logs", wanted="wanted_traces", column="trace_id", **batches)
    outside = _JOINED.format(table="logs", wanted="wanted_values", column="correlation_value", **batches)
    return spans, logs, f"{outside} AND stored.trace_id IS NULL"


def _wanted(groups: Sequence[Group]) -> dict[str, pa.Table]:
    return {
        "wanted_traces": _names(
            (number, group, name) for number, group in enumerate(groups) for name in group.trace_ids
        ),
        "wanted_values": _names((number, group, name) for number, group in enumerate(groups) for name in group.values),
    }


def _names(named: Iterator[tuple[int, Group, str]]) -> pa.Table:
    rows = [
        {"number": number, "name": name, "first_batch": group.first_batch, "last_batch": group.last_batch}
        for number, group, name in named
    ]
    return pa.Table.from_pylist(rows, schema=_WANTED)
