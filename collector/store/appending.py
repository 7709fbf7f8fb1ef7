"""Storing a batch in a file, by statements that are prepared once.

A commit costs several milliseconds before its first row: each statement is parsed and planned, and each Arrow table is
made known and forgotten again. Under load a commit holds some thousand spans, so that this was a third of its time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pyarrow as pa

from collector.columns import CORRELATIONS
from collector.store.engine import Cursor, transaction
from collector.store.resent import KINDS, SCHEMAS, Kind, new_rows, windows, without_resent

_EDGES: Final = "incoming_edges"
_PREPARED: Final = {
    "store_arrivals": f"""
        INSERT INTO telemetry.arrivals SELECT $1::BIGINT, trace_id, value, joined_value FROM {_EDGES}
    """,  # noqa: S608 - ours
    # Read back from where they have just been put: a second look at the Arrow table takes longer.
    "store_pending": """
        INSERT INTO telemetry.pending SELECT batch, $2::BIGINT, trace_id, value, joined_value
        FROM telemetry.arrivals WHERE batch = $1::BIGINT
    """,
    **{f"store_{kind.table}": kind.insert(f"incoming_{kind.table}") for kind in KINDS},
    **{f"probe_{kind.table}": kind.probe(1, "telemetry", f"incoming_{kind.table}") for kind in KINDS},
}


class Incoming:
    """An Arrow table under a name that a cursor knows, another one from batch to batch."""

    def __init__(self, schema: pa.Schema) -> None:
        self.table = schema.empty_table()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the rows, as the Arrow PyCapsule interface wants them."""
        return self.table.__arrow_c_stream__(requested_schema)


class Appender:
    """Stores batches through one cursor; for one thread at a time."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._incoming = {kind.table: Incoming(SCHEMAS[kind.table]) for kind in KINDS}
        self._edges = Incoming(CORRELATIONS)
        for name, incoming in self._incoming.items():
            cursor.register(f"incoming_{name}", incoming)
        cursor.register(_EDGES, self._edges)
        for name, statement in _PREPARED.items():
            cursor.execute(f"PREPARE {name} AS {statement}")

    def new_rows(self, kind: Kind, table: pa.Table) -> pa.Table:
        """Return the rows of a batch that are to be stored."""
        if not table.num_rows:
            return table
        ranges = windows(kind.times(table))
        if len(ranges) > 1:
            return new_rows(self._cursor, kind, table)
        ((first, last),) = ranges
        self._incoming[kind.table].table = table
        ((distinct, stored),) = self._cursor.execute(f"EXECUTE probe_{kind.table}({first}, {last})").fetchall()
        if distinct == table.num_rows and not stored:
            return table
        return without_resent(self._cursor, kind, table)

    def store(self, tables: Mapping[str, pa.Table], edges: pa.Table, *, number: int, received_at: int) -> None:
        """Commit new rows and the edges that join them under a batch's number."""
        self._edges.table = edges
        with transaction(self._cursor):
            for name, table in tables.items():
                if table.num_rows:
                    self._incoming[name].table = table
                    self._cursor.execute(f"EXECUTE store_{name}({number})")
            self._cursor.execute(f"EXECUTE store_arrivals({number})")
            self._cursor.execute(f"EXECUTE store_pending({number}, {received_at})")
        for incoming in (*self._incoming.values(), self._edges):
            incoming.table = incoming.table.schema.empty_table()
