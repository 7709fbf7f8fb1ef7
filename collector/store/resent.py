"""Which rows of a batch are stored already, or stand in it twice.

Probing takes two steps. The first compares only a 64-bit hash and the time, and looks only where the batch's times
lie: in practice at the last few blocks of the table. Only where that finds something are rows compared in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from collector.columns import LOGS, METRIC_POINTS, SPANS
from collector.store.engine import Cursor
from collector.store.rows import SPAN_IDENTITY

if TYPE_CHECKING:
    from collections.abc import Iterator

_DAY: Final = 86_400 * 10**9
MAX_WINDOWS: Final = 8
"""Ranges of time that one batch makes the store look at."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the three kinds of telemetry, and what makes two of its rows the same row."""

    table: str
    same: tuple[str, ...]
    """The columns that are equal in both."""
    time: str
    """The stored column by which the table is, by and large, in order."""
    time_of_incoming: str

    @property
    def identity(self) -> str:
        """SQL for the hash of what makes a row the same."""
        return f"hash({', '.join(self.same)})"


def _content(schema: pa.Schema) -> tuple[str, ...]:
    return tuple(name for name in schema.names if name != "received_at")


KINDS: Final = (
    Kind("spans", SPAN_IDENTITY, "start_time_unix_nano", "start_time_unix_nano"),
    Kind(
        "logs",
        _content(LOGS),
        "timestamp_unix_nano",
        "CASE time_unix_nano WHEN 0 THEN observed_time_unix_nano ELSE time_unix_nano END",
    ),
    Kind("metric_points", _content(METRIC_POINTS), "time_unix_nano", "time_unix_nano"),
)
SCHEMAS: Final = {"spans": SPANS, "logs": LOGS, "metric_points": METRIC_POINTS}


@contextmanager
def registered(cursor: Cursor, **tables: pa.Table) -> Iterator[None]:
    """Let a cursor read Arrow tables by name, for as long as the block lasts."""
    for name, table in tables.items():
        cursor.register(name, table)
    try:
        yield
    finally:
        for name in tables:
            cursor.unregister(name)


def new_rows(cursor: Cursor, kind: Kind, table: pa.Table) -> pa.Table:
    """Return the rows that are to be stored, with the columns `identity` and, where the table has it, its own time."""
    with registered(cursor, incoming=table):
        keys = cursor.execute(
            f"SELECT {kind.identity} AS identity, {kind.time_of_incoming} AS time FROM incoming"  # noqa: S608 - ours
        ).to_arrow_table()
    marked = table.append_column("identity", keys.column("identity"))
    if kind.time not in table.column_names:
        marked = marked.append_column(kind.time, keys.column("time"))
    if not _suspicious(cursor, kind, keys):
        return marked
    return _without_resent(cursor, kind, marked)


def _suspicious(cursor: Cursor, kind: Kind, keys: pa.Table) -> bool:
    if keys.group_by(["identity", "time"]).aggregate([]).num_rows < keys.num_rows:
        return True
    probe = f"""
        SELECT 1 FROM telemetry.{kind.table} AS stored
        JOIN keys ON keys.identity = stored.identity AND keys.time = stored.{kind.time}
        WHERE stored.{kind.time} BETWEEN ?::UBIGINT AND ?::UBIGINT AND keys.time BETWEEN ?::UBIGINT AND ?::UBIGINT
        LIMIT 1
    """  # noqa: S608 - ours
    with registered(cursor, keys=keys):
        return any(
            cursor.execute(probe, [first, last, first, last]).fetchall() for first, last in windows(keys.column("time"))
        )


def _without_resent(cursor: Cursor, kind: Kind, table: pa.Table) -> pa.Table:
    numbered = table.append_column("row_number", pa.array(range(table.num_rows), pa.int64()))
    same = " AND ".join(f"stored.{name} IS NOT DISTINCT FROM incoming.{name}" for name in ("identity", *kind.same))
    statement = f"""
        SELECT row_number FROM (
            SELECT row_number, row_number() OVER (PARTITION BY {", ".join(kind.same)} ORDER BY row_number) AS sighting
            FROM incoming
        ) WHERE sighting > 1
        UNION
        SELECT incoming.row_number FROM incoming JOIN telemetry.{kind.table} AS stored
        ON {same} AND stored.{kind.time} = incoming.{kind.time}
    """  # noqa: S608 - ours
    with registered(cursor, incoming=numbered):
        resent = cursor.execute(statement).to_arrow_table().column("row_number")
    kept = pc.invert(pc.is_in(numbered.column("row_number"), value_set=resent.combine_chunks()))
    return table.filter(kept)


def windows(times: pa.ChunkedArray) -> Sequence[tuple[int, int]]:
    """Return at most `MAX_WINDOWS` ranges, both ends included, that cover every time and leave out the widest gaps.

    One absurd time in a batch (0, 2**64 - 1) must not make the store look at everything it holds.
    """
    ends = pc.min_max(times)
    first, last = ends["min"].as_py(), ends["max"].as_py()
    if first is None:
        return []
    if last - first <= _DAY:
        return [(first, last)]
    days = sorted(pc.unique(pc.divide(times, pa.scalar(_DAY, pa.uint64()))).to_pylist())
    gaps = sorted(range(1, len(days)), key=lambda i: days[i - 1] - days[i])[: MAX_WINDOWS - 1]
    cuts = sorted(i for i in gaps if days[i] - days[i - 1] > 1)
    starts, ends_ = [0, *cuts], [*cuts, len(days)]
    return [(days[a] * _DAY, min((days[b - 1] + 1) * _DAY, 2**64) - 1) for a, b in zip(starts, ends_, strict=True)]
