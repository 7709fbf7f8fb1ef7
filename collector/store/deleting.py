"""Taking sessions out of a store: their telemetry, and what was derived from it or says something of them, as SQL.

DuckDB only marks rows as deleted; what else it takes until their bytes are gone is the business of `compacting`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import pyarrow as pa

from collector.store import CONTENT_OF_STEPS, Deleted
from collector.store.derived import PER_SESSION
from collector.store.engine import Cursor, transaction
from collector.store.registering import registered

_TRACES: Final = """
    SELECT DISTINCT unnest(trace_ids) FROM derived.sessions WHERE session_id IN (SELECT name FROM gone_sessions)
    EXCEPT
    SELECT DISTINCT unnest(trace_ids) FROM derived.sessions WHERE session_id NOT IN (SELECT name FROM gone_sessions)
"""
_OWN_VALUES: Final = """
    list_concat(coalesce(conversation_ids, []), [session_id, CASE WHEN ends_with(session_id, '@' || service_name)
    THEN left(session_id, length(session_id) - length(service_name) - 1) ELSE session_id END])
"""
"""What names a session: an id that is not unique by itself has its service behind it, which telemetry does not."""
_WHOLE_GROUPS: Final = """
    SELECT group_key FROM derived.sessions GROUP BY group_key
    HAVING bool_and(session_id IN (SELECT name FROM gone_sessions))
"""
_VALUES: Final = f"""
    SELECT DISTINCT unnest({_OWN_VALUES}) FROM derived.sessions WHERE session_id IN (SELECT name FROM gone_sessions)
    UNION
    SELECT value FROM derived.members WHERE value IS NOT NULL AND group_key IN ({_WHOLE_GROUPS})
    EXCEPT
    SELECT DISTINCT unnest({_OWN_VALUES}) FROM derived.sessions WHERE session_id NOT IN (SELECT name FROM gone_sessions)
"""  # noqa: S608 - ours
_LEFT_OF_GROUPS: Final = """
    SELECT m.group_key, min(m.trace_id), min(m.value) FILTER (m.trace_id IS NULL) FROM derived.members m
    WHERE m.group_key IN (
        SELECT group_key FROM derived.sessions WHERE session_id IN (SELECT name FROM gone_sessions)
        INTERSECT
        SELECT group_key FROM derived.sessions WHERE session_id NOT IN (SELECT name FROM gone_sessions)
    ) AND (m.trace_id NOT IN (SELECT name FROM gone_traces) OR m.value NOT IN (SELECT name FROM gone_values))
    GROUP BY m.group_key
"""
_GONE_POINT: Final = "EXISTS (SELECT 1 FROM gone_values v WHERE contains({column}, v.quoted) AND ({named}))"
_EXEMPLAR: Final = "EXISTS (SELECT 1 FROM gone_traces g WHERE contains(data, g.name))"
_BODIES: Final = (
    "DELETE FROM telemetry.spans WHERE trace_id IN (SELECT name FROM gone_traces)",
    """
    DELETE FROM telemetry.logs WHERE trace_id IN (SELECT name FROM gone_traces)
    OR (trace_id IS NULL AND correlation_value IN (SELECT name FROM gone_values))
    """,
)
_EDGES: Final = tuple(
    f"""
    DELETE FROM telemetry.{table} WHERE trace_id IN (SELECT name FROM gone_traces)
    OR value IN (SELECT name FROM gone_values) OR joined_value IN (SELECT name FROM gone_values)
    """  # noqa: S608 - ours
    for table in ("arrivals", "pending")
)
_NAMED: Final = (*PER_SESSION, "outcomes")
"""Tables that name a session; `sessions` first, whose rows are counted."""
_SAID_OF_THEM: Final = (
    *(f"DELETE FROM derived.{name} WHERE session_id IN (SELECT name FROM gone_sessions)" for name in _NAMED),  # noqa: S608 - ours
    "DELETE FROM derived.budgets WHERE per = 'session' AND session_id IN (SELECT name FROM gone_sessions)",
    "UPDATE derived.budgets SET session_id = NULL WHERE session_id IN (SELECT name FROM gone_sessions)",
    *(
        f"DELETE FROM derived.{name} WHERE list_has_any(session_ids, (SELECT list(name) FROM gone_sessions))"  # noqa: S608 - ours
        for name in ("patches", "skills")
    ),
    """
    DELETE FROM derived.members WHERE trace_id IN (SELECT name FROM gone_traces)
    OR value IN (SELECT name FROM gone_values)
    """,
)
_FORGET_BODIES: Final = "UPDATE derived.steps SET {columns} WHERE session_id IN (SELECT name FROM gone_sessions)"


def delete(
    cursor: Cursor, session_ids: Collection[str], attributes: Sequence[str] | None, *, keep_cards: bool
) -> Deleted:
    """Take sessions out in one transaction.

    With them go, unless `attributes` is None, metric points that carry one of their ids in one of those or an exemplar
    of one of their traces, and every patch and skill that names one of them as evidence. With `keep_cards` only
    telemetry goes, and the content that steps hold of it. A trace or an id that other sessions share stays.
    """
    with transaction(cursor), registered(cursor, gone_sessions=_names(sorted(session_ids))):
        traces = _names([row[0] for row in cursor.execute(_TRACES).fetchall()])
        values = [row[0] for row in cursor.execute(_VALUES).fetchall()]
        with registered(cursor, gone_traces=traces, gone_values=_quoted(cursor, values)):
            return _delete(cursor, attributes, keep_cards=keep_cards)


def _delete(cursor: Cursor, attributes: Sequence[str] | None, *, keep_cards: bool) -> Deleted:
    left = cursor.execute(_LEFT_OF_GROUPS).fetchall()
    spans, logs = (_count(cursor, statement) for statement in _BODIES)
    points = 0
    if attributes is not None:
        points = _count(cursor, f"DELETE FROM telemetry.metric_points WHERE {_tied(attributes)}")  # noqa: S608 - ours
    for statement in _EDGES:
        cursor.execute(statement)
    if keep_cards:
        cursor.execute(_FORGET_BODIES.format(columns=", ".join(f"{name} = NULL" for name in CONTENT_OF_STEPS)))
        return Deleted(0, spans, logs, points)
    sessions, *_ = [_count(cursor, statement) for statement in _SAID_OF_THEM]
    for _, trace_id, value in left:
        # What is left of a group is compiled again: it may have said something of the session that is no more.
        cursor.execute(
            "INSERT INTO telemetry.pending SELECT coalesce(max(batch), 0), 0, ?, ?, NULL FROM telemetry.arrivals",
            [trace_id, None if trace_id is not None else value],
        )
    return Deleted(sessions, spans, logs, points)


def _tied(attributes: Sequence[str]) -> str:
    """Return SQL for the metric points that belong to what goes."""
    found = [_EXEMPLAR]
    for column in ("attributes", "resource_attributes"):
        paths = (f'$."{name}"' for name in attributes)
        named = " OR ".join(f"json_extract_string({column}, '{path}') = v.name" for path in paths)
        if named:
            found.append(_GONE_POINT.format(column=column, named=named))
    return " OR ".join(found)


def _count(cursor: Cursor, statement: str) -> int:
    ((count,),) = cursor.execute(statement).fetchall()
    return int(count)


def _names(names: Sequence[str]) -> pa.Table:
    return pa.table({"name": pa.array(names, pa.string())})


def _quoted(cursor: Cursor, values: Sequence[str]) -> pa.Table:
    """Return values beside their JSON, by which rows that cannot hold them are told without reading their JSON."""
    with registered(cursor, unquoted=_names(values)):
        return cursor.execute("SELECT name, CAST(to_json(name) AS VARCHAR) AS quoted FROM unquoted").to_arrow_table()
