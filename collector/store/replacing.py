"""Swapping what was derived from groups, as SQL: out with everything that stems from their members, in with the new."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import pyarrow as pa

from collector.store import DerivedRows, Group
from collector.store.charges import Charge
from collector.store.derived import PER_SESSION, REPLACED, Row
from collector.store.derived_rows import arrow_tables
from collector.store.engine import Cursor, transaction
from collector.store.groups import group_key
from collector.store.joining import FOUND, join
from collector.store.registering import registered
from collector.store.spending import forget_vanished, other_charges, store_verdicts

_SESSIONS: Final = "sessions"
_BUDGETS: Final = "budgets"
_CORRELATIONS: Final = "correlations"
_NODES: Final = pa.schema(
    [
        pa.field("group_key", pa.string()),
        pa.field("last_batch", pa.int64()),
        pa.field("trace_id", pa.string()),
        pa.field("value", pa.string()),
    ]
)
_OLD_GROUPS: Final = """
    SELECT group_key FROM derived.members WHERE trace_id IN (SELECT trace_id FROM nodes)
    UNION
    SELECT group_key FROM derived.members WHERE value IN (SELECT value FROM nodes)
"""
_OLD_SESSIONS: Final = """
    SELECT session_id FROM derived.sessions
    WHERE group_key IN (SELECT group_key FROM old_groups) OR session_id IN (SELECT session_id FROM new_sessions)
"""
_NEW_MEMBERS: Final = """
    INSERT INTO derived.members SELECT group_key, trace_id, value FROM nodes WHERE list_contains(?, group_key)
"""
_DONE: Final = tuple(
    f"""
    DELETE FROM telemetry.pending USING (SELECT {column}, max(last_batch) AS last_batch FROM nodes GROUP BY {column}) n
    WHERE pending.{column} = n.{column} AND pending.batch <= n.last_batch
    """  # noqa: S608 - ours
    for column in ("trace_id", "value")
)


@dataclass(frozen=True, slots=True)
class Compiled:
    """Groups and what was derived from them, ready for the database."""

    tables: dict[str, pa.Table]
    nodes: pa.Table
    found: pa.Table
    """The edges that content showed, by `collector.store.joining.FOUND`."""
    with_sessions: frozenset[str]
    """Keys of the groups that any session was derived from."""


def compiled_of(compiled: Sequence[tuple[Group, DerivedRows]]) -> Compiled:
    """Return groups and rows as Arrow. Raises ValueError for what the tables cannot hold."""
    rows: dict[str, list[Row]] = {}
    keys: list[str] = []
    origins: list[tuple[str, int]] = []
    for group, derived in compiled:
        for name, some in derived.items():
            rows.setdefault(name, []).extend(some)
        keys += [group_key(group)] * len(derived.get(_SESSIONS, ()))
        origins += [(group_key(group), group.last_batch)] * len(derived.get(_CORRELATIONS, ()))
    tables = {name: table for name, table in arrow_tables(rows, REPLACED).items() if table.num_rows}
    if keys:
        tables[_SESSIONS] = tables[_SESSIONS].append_column("group_key", pa.array(keys, pa.string()))
    found = FOUND.empty_table()
    if origins:
        groups, batches = zip(*origins, strict=True)
        found = tables.pop(_CORRELATIONS).append_column("group_key", pa.array(groups))
        found = found.append_column("batch", pa.array(batches))
    return Compiled(tables, _nodes([group for group, _ in compiled]), found, frozenset(keys))


def _nodes(groups: Sequence[Group]) -> pa.Table:
    nodes = [
        {"group_key": group_key(group), "last_batch": group.last_batch, column: name}
        for group in groups
        for column, names in (("trace_id", group.trace_ids), ("value", group.values))
        for name in names
    ]
    return pa.Table.from_pylist(nodes, schema=_NODES)


def charges_beside(
    cursor: Cursor, compiled: Sequence[tuple[Group, DerivedRows]], days: Collection[date]
) -> list[Charge]:
    """Return what all sessions but those that `compiled` replaces put on budgets, on its days and on theirs."""
    ids = [str(row["session_id"]) for _, rows in compiled for row in rows.get(_SESSIONS, ())]
    new_sessions = pa.table({"session_id": pa.array(ids, pa.string())})
    with registered(cursor, nodes=_nodes([group for group, _ in compiled]), new_sessions=new_sessions):
        _, old_sessions = _old(cursor)
        with registered(cursor, old_sessions=old_sessions):
            return list(other_charges(cursor, days))


def swap(cursor: Cursor, compiled: Compiled) -> None:
    """Replace in one transaction, and take what was compiled off the to-do list."""
    with transaction(cursor):
        swap_rows(cursor, compiled)
        with registered(cursor, nodes=compiled.nodes):
            cursor.execute(_NEW_MEMBERS, [sorted(compiled.with_sessions)])
            for statement in _DONE:
                cursor.execute(statement)
        join(cursor, compiled.found, compiled.nodes)


def swap_rows(cursor: Cursor, compiled: Compiled) -> None:
    """Put the new rows, without their members, in the place of all that stems from the same traces and values."""
    new = compiled.tables.get(_SESSIONS)
    new_sessions = (
        new.select(["session_id"]) if new is not None else pa.table({"session_id": pa.array([], pa.string())})
    )
    with registered(cursor, nodes=compiled.nodes, new_sessions=new_sessions):
        _delete_old(cursor)
        verdicts = compiled.tables.get(_BUDGETS)
        if verdicts is not None:
            store_verdicts(cursor, verdicts)
        for name, rows in compiled.tables.items():
            if name == _BUDGETS:
                continue
            with registered(cursor, rows=rows):
                cursor.execute(f"INSERT INTO derived.{name} BY NAME SELECT * FROM rows")  # noqa: S608 - ours


def _delete_old(cursor: Cursor) -> None:
    old_groups, old_sessions = _old(cursor)
    if old_groups.num_rows:
        with registered(cursor, old_groups=old_groups):
            cursor.execute("DELETE FROM derived.members WHERE group_key IN (SELECT group_key FROM old_groups)")
    if old_sessions.num_rows:
        with registered(cursor, old_sessions=old_sessions):
            for name in PER_SESSION:
                cursor.execute(
                    f"DELETE FROM derived.{name} WHERE session_id IN (SELECT session_id FROM old_sessions)"  # noqa: S608 - ours
                )
            forget_vanished(cursor)


def _old(cursor: Cursor) -> tuple[pa.Table, pa.Table]:
    """Return the groups and sessions that `nodes` and `new_sessions` take the place of."""
    old_groups = cursor.execute(_OLD_GROUPS).to_arrow_table()
    with registered(cursor, old_groups=old_groups):
        return old_groups, cursor.execute(_OLD_SESSIONS).to_arrow_table()
