"""Edges that only content shows: written when the rows are that were derived from it, as SQL."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from collector.store import MOST_TRACES_OF_A_VALUE
from collector.store.engine import Cursor
from collector.store.registering import registered

FOUND: Final = pa.schema(
    [
        pa.field("trace_id", pa.string()),
        pa.field("value", pa.string()),
        pa.field("lasting", pa.bool_()),
        pa.field("group_key", pa.string()),
        pa.field("batch", pa.int64()),
    ]
)
"""`batch` is the last one that the content was read from."""

_NEW: Final = """
    SELECT min(f.batch) AS batch, f.trace_id, f.value FROM found f
    WHERE NOT EXISTS (SELECT 1 FROM nodes n WHERE n.group_key = f.group_key AND n.value = f.value)
    AND (SELECT count(DISTINCT a.trace_id) FROM telemetry.arrivals a WHERE a.value = f.value) < ?
    AND (
        f.lasting
        OR EXISTS (SELECT 1 FROM telemetry.arrivals a WHERE a.value = f.value)
        OR EXISTS (SELECT 1 FROM found g WHERE g.value = f.value AND g.lasting AND g.group_key <> f.group_key)
    )
    GROUP BY f.trace_id, f.value
"""
_INSERT: Final = "INSERT INTO {schema}.arrivals BY NAME SELECT {columns} FROM new_edges"
# Received at the beginning of time: what grew together waits for nothing but the rest of its group.
_GREW_TOGETHER: Final = """
    INSERT INTO {schema}.pending BY NAME SELECT {columns}, 0 AS received_at FROM new_edges n
    WHERE EXISTS (SELECT 1 FROM telemetry.arrivals a WHERE a.value = n.value AND a.trace_id <> n.trace_id)
"""


def join(cursor: Cursor, found: pa.Table, nodes: pa.Table, *, schema: str = "telemetry", numbered: bool = True) -> None:
    """Add the edges that are not known, and make groups pending that grow together by them.

    `nodes` are the groups' members as they were. `numbered` says whether the tables hold a batch's number, or their
    store numbers rows itself.
    """
    if not found.num_rows:
        return
    with registered(cursor, found=found, nodes=nodes):
        new = cursor.execute(_NEW, [MOST_TRACES_OF_A_VALUE]).to_arrow_table()
    if not new.num_rows:
        return
    columns = "batch, trace_id, value" if numbered else "trace_id, value"
    with registered(cursor, new_edges=new):
        cursor.execute(_INSERT.format(schema=schema, columns=columns))
        cursor.execute(_GREW_TOGETHER.format(schema=schema, columns=columns))
