"""Which rows of a batch are stored already, or stand in it twice.

Probing takes two steps. The first compares only a 64-bit hash and the time, and looks only where the batch's times
lie: in practice at the last few blocks of the table. Only where that finds something are rows compared in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from collector.columns import LOGS, METRIC_POINTS, SPANS
from collector.store.engine import Cursor
from collector.store.registering import registered
from collector.store.rows import SPAN_IDENTITY

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
    def keys(self) -> str:
        """SQL for the two columns by which incoming rows are probed."""
        return f"hash({', '.join(self.same)}) AS identity, {self.time_of_incoming} AS probed_time"

    @property
    def columns(self) -> str:
        """SQL for the columns of `incoming` and those that the store adds."""
        own_time = "" if self.time == self.time_of_incoming else f", {self.time_of_incoming} AS {self.time}"
        return f"*, hash({', '.join(self.same)}) AS identity{own_time}"

    def insert(self, incoming: str) -> str:
        """Return SQL that stores a table under a batch number."""
        return f"""
            INSERT INTO telemetry.{self.table} BY NAME SELECT {self.columns}, ?::BIGINT AS batch FROM {incoming}
        """  # noqa: S608 - ours

    def probe(self, ranges: int, schema: str, incoming: str) -> str:
        """Return SQL that counts the distinct keys of a table, and those stored in so many ranges of time."""
        within = f"""
            SELECT 1 FROM {schema}.{self.table} AS stored
            JOIN keys ON keys.identity = stored.identity AND keys.probed_time = stored.{self.time}
            WHERE stored.{self.time} BETWEEN ?::UBIGINT AND ?::UBIGINT
        """  # noqa: S608 - ours
        return f"""
            WITH keys AS MATERIALIZED (SELECT {self.keys} FROM {incoming})
            SELECT (SELECT count(*) FROM (SELECT DISTINCT * FROM keys)),
            (SELECT count(*) FROM ({" UNION ALL ".join([within] * ranges)}))
        """  # noqa: S608 - ours

    def resent(self, schema: str) -> str:
        """Return SQL for the `row_number` of each row of `incoming` that stands in it before, or is stored already."""
        equal = " AND ".join(f"stored.{name} IS NOT DISTINCT FROM incoming.{name}" for name in self.same)
        return f"""
            WITH incoming AS (SELECT *, {self.keys} FROM numbered)
            SELECT row_number FROM (
                SELECT row_number, row_number() OVER (PARTITION BY {", ".join(self.same)} ORDER BY row_number) AS place
                FROM incoming
            ) WHERE place > 1
            UNION
            SELECT incoming.row_number FROM incoming JOIN {schema}.{self.table} AS stored
            ON stored.identity = incoming.identity AND stored.{self.time} = incoming.probed_time AND {equal}
        """  # noqa: S608 - ours

    def times(self, table: pa.Table) -> pa.ChunkedArray:
        """Return the times of incoming rows."""
        if self.time in table.column_names:
            return table.column(self.time)
        own, observed = table.column("time_unix_nano"), table.column("observed_time_unix_nano")
        return pc.if_else(pc.equal(own, pa.scalar(0, pa.uint64())), observed, own)


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


def new_rows(cursor: Cursor, kind: Kind, table: pa.Table, schema: str = "telemetry") -> pa.Table:
    """Return the rows of a batch that are to be stored; what is stored is looked for in tables of a schema."""
    if not table.num_rows:
        return table
    with registered(cursor, incoming=table):
        ranges = windows(kind.times(table))
        ((distinct, stored),) = cursor.execute(
            kind.probe(len(ranges), schema, "incoming"), list(chain.from_iterable(ranges))
        ).fetchall()
    if distinct == table.num_rows and not stored:
        return table
    return without_resent(cursor, kind, table, schema)


def without_resent(cursor: Cursor, kind: Kind, table: pa.Table, schema: str = "telemetry") -> pa.Table:
    """Return the rows of a batch that are neither stored nor in it before, by comparing them in full."""
    row_numbers = pa.array(range(table.num_rows), pa.int64())
    with registered(cursor, numbered=table.append_column("row_number", row_numbers)):
        resent = cursor.execute(kind.resent(schema)).to_arrow_table().column("row_number")
    return table.filter(pc.invert(pc.is_in(row_numbers, value_set=resent.combine_chunks())))


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
