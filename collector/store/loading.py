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
    FROM {table} AS stored JOIN {wanted} AS wanted ON stored.{column} = wanted.name
    AND stored.batch BETWEEN wanted.first_batch AND wanted.last_batch
    WHERE stored.batch BETWEEN {first} AND {last} {more}
"""
_SPANS, _LOGS, _LOGS_OUTSIDE = range(3)
_SOURCES: Final = (
    ("spans", "wanted_traces", "trace_id", ""),
    ("logs", "wanted_traces", "trace_id", ""),
    ("logs", "wanted_values", "correlation_value", "AND stored.trace_id IS NULL"),
)
"""Where a group's rows come from: its spans, its log records in traces, and those outside any trace."""
TELEMETRY: Final = "telemetry.{table}"


def load_signals(cursor: Cursor, groups: Sequence[Group], *, counted_in: str = TELEMETRY) -> Iterator[Signals]:
    """Yield what is stored for each group up to its last batch.

    `counted_in` is where rows are counted to share out the work; it may hold some more than there are.
    """
    if len(groups) <= 1:
        yield from _loaded(cursor, groups, frozenset(range(len(_SOURCES)))) if groups else ()
        return
    counts = _row_counts(cursor, groups, counted_in)
    filled = frozenset(source for _, source in counts)
    totals = [sum(counts.get((number, source), 0) for source in filled) for number in range(len(groups))]
    for some in _shares(groups, totals):
        yield from _loaded(cursor, some, filled)


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


def _row_counts(cursor: Cursor, groups: Sequence[Group], counted_in: str) -> dict[tuple[int, int], int]:
    """Return how many rows each group has, by its place and the source; what has none is left out."""
    counted = " UNION ALL ".join(
        f"SELECT number, {source} AS source {rows}" for source, rows in enumerate(_sources(groups, counted_in))
    )
    with registered(cursor, **_wanted(groups)):
        found = cursor.execute(
            f"SELECT number, source, count(*) FROM ({counted}) GROUP BY number, source"  # noqa: S608 - ours
        ).fetchall()
    return {(number, source): count for number, source, count in found}


def _loaded(cursor: Cursor, groups: Sequence[Group], filled: frozenset[int]) -> Iterator[Signals]:
    """Yield what is stored for each group; a source that holds nothing for any of them is not asked again."""
    asked = {source: f"SELECT number, stored.* {rows}" for source, rows in enumerate(_sources(groups, TELEMETRY))}
    of_logs = [asked[source] for source in (_LOGS, _LOGS_OUTSIDE) if source in filled]
    with registered(cursor, **_wanted(groups)):
        spans = cursor.execute(asked[_SPANS]).to_arrow_table() if _SPANS in filled else None
        logs = cursor.execute(" UNION ALL ".join(of_logs)).to_arrow_table() if of_logs else None
    spans_by_group = {} if spans is None else _by_number(spans, spans_of(spans))
    logs_by_group = {} if logs is None else _by_number(logs, logs_of(logs))
    for number in range(len(groups)):
        yield Signals(tuple(spans_by_group.get(number, ())), tuple(logs_by_group.get(number, ())))


def _by_number(table: pa.Table, rows: Sequence[_Row]) -> dict[int, list[_Row]]:
    found: dict[int, list[_Row]] = defaultdict(list)
    for number, row in zip(table.column("number").to_pylist(), rows, strict=True):
        found[number].append(row)
    return found


def _sources(groups: Sequence[Group], place: str) -> Iterator[str]:
    """Yield the SQL that groups' rows come from, by the order of `_SOURCES`."""
    first, last = min(group.first_batch for group in groups), max(group.last_batch for group in groups)
    for table, wanted, column, more in _SOURCES:
        yield _JOINED.format(
            table=place.format(table=table), wanted=wanted, column=column, first=first, last=last, more=more
        )


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
