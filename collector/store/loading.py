"""Reading the telemetry of many groups with a few queries, as many groups at a time as memory allows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

import pyarrow as pa

from collector.store import Group, Signals
from collector.store.engine import Cursor
from collector.store.registering import registered
from collector.store.rows import logs_of, spans_of

BYTES_AT_ONCE: Final = 64 * 1024 * 1024
"""What the rows of one query may take in memory, unless a single group takes more."""

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
_ROW_BYTES: Final = 8 * 1024
"""Of a row besides its text."""
_TEXT_BYTES: Final = {
    "spans": "strlen(attributes) + strlen(events) + strlen(links)",
    "logs": "strlen(attributes) + coalesce(strlen(body), 0)",
}
TELEMETRY: Final = "telemetry.{table}"


def load_signals(cursor: Cursor, groups: Sequence[Group], *, sized_in: str = TELEMETRY) -> Iterator[Signals]:
    """Yield what is stored for each group up to its last batch.

    `sized_in` is where rows are measured to share out the work; it may hold some more than there are.
    """
    if len(groups) <= 1:
        yield from _loaded(cursor, groups, frozenset(range(len(_SOURCES)))) if groups else ()
        return
    sizes = _sizes(cursor, groups, sized_in)
    filled = frozenset(source for _, source in sizes)
    totals = [sum(sizes.get((number, source), 0) for source in filled) for number in range(len(groups))]
    for some in _shares(groups, totals):
        yield from _loaded(cursor, some, filled)


def _shares(groups: Sequence[Group], sizes: Sequence[int]) -> Iterator[Sequence[Group]]:
    """Cut groups into runs of at most `BYTES_AT_ONCE`, or of one group."""
    first = taken = 0
    for number, size in enumerate(sizes):
        if number > first and taken + size > BYTES_AT_ONCE:
            yield groups[first:number]
            first, taken = number, 0
        taken += size
    if first < len(groups):
        yield groups[first:]


def _sizes(cursor: Cursor, groups: Sequence[Group], sized_in: str) -> dict[tuple[int, int], int]:
    """Return what each group's rows take in memory, by its place and the source; what has none is left out."""
    measured = " UNION ALL ".join(
        f"SELECT number, {source} AS source, {_ROW_BYTES} + {_TEXT_BYTES[table]} AS size {rows}"
        for source, ((table, *_), rows) in enumerate(zip(_SOURCES, _sources(groups, sized_in), strict=True))
    )
    with registered(cursor, **_wanted(groups)):
        found = cursor.execute(
            f"SELECT number, source, sum(size)::BIGINT FROM ({measured}) GROUP BY number, source"  # noqa: S608 - ours
        ).fetchall()
    return {(number, source): size for number, source, size in found}


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
