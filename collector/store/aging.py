"""Which sessions are the oldest, and how much room there is, as SQL.

A session's age counts from the last thing that was received for it or for what it grew together with, never from the
times that its agent sent: an agent's clock that runs wrong neither deletes what is going on nor keeps anything forever.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from collector.store import Aged, Deleted
from collector.store.engine import Cursor, transaction

_RECEIVED: Final = """
    SELECT m.group_key, max(r.received) AS received FROM derived.members m JOIN (
        SELECT trace_id, max(received_at) AS received FROM telemetry.spans GROUP BY trace_id
        UNION ALL
        SELECT trace_id, max(received_at) FROM telemetry.logs WHERE trace_id IS NOT NULL GROUP BY trace_id
    ) r ON r.trace_id = m.trace_id GROUP BY m.group_key
    UNION ALL
    SELECT m.group_key, max(r.received) FROM derived.members m JOIN (
        SELECT correlation_value, max(received_at) AS received FROM telemetry.logs
        WHERE trace_id IS NULL AND correlation_value IS NOT NULL GROUP BY correlation_value
    ) r ON r.correlation_value = m.value GROUP BY m.group_key
"""
_PENDING: Final = """
    SELECT group_key FROM derived.members
    WHERE trace_id IN (SELECT trace_id FROM telemetry.pending) OR value IN (SELECT value FROM telemetry.pending)
    OR value IN (SELECT joined_value FROM telemetry.pending)
"""
_OLDEST: Final = f"""
    SELECT s.session_id, coalesce(l.received, epoch_ns(t.compiled_at), 0) AS last, l.received IS NOT NULL AS has_bodies
    FROM derived.sessions s
    LEFT JOIN (SELECT group_key, max(received) AS received FROM ({_RECEIVED}) GROUP BY group_key) l
    ON l.group_key = s.group_key
    LEFT JOIN derived.tracecards t ON t.session_id = s.session_id
    WHERE s.group_key NOT IN ({_PENDING}) AND last < $before AND (has_bodies OR NOT $bodies)
    ORDER BY last, s.session_id LIMIT $limit
"""  # noqa: S608 - ours
_STRAYS: Final = (
    """
    DELETE FROM telemetry.spans WHERE received_at < $before
    AND trace_id NOT IN (SELECT trace_id FROM derived.members WHERE trace_id IS NOT NULL)
    AND trace_id NOT IN (SELECT trace_id FROM telemetry.pending WHERE trace_id IS NOT NULL)
    """,
    """
    DELETE FROM telemetry.logs WHERE received_at < $before
    AND (trace_id IS NULL OR trace_id NOT IN (SELECT trace_id FROM derived.members WHERE trace_id IS NOT NULL))
    AND (trace_id IS NULL OR trace_id NOT IN (SELECT trace_id FROM telemetry.pending WHERE trace_id IS NOT NULL))
    AND (correlation_value IS NULL
        OR correlation_value NOT IN (SELECT value FROM derived.members WHERE value IS NOT NULL))
    AND (correlation_value IS NULL
        OR correlation_value NOT IN (SELECT value FROM telemetry.pending WHERE value IS NOT NULL))
    """,
    "DELETE FROM telemetry.metric_points WHERE received_at < $before",
)


def oldest(cursor: Cursor, *, before_ns: int, limit: int, bodies: bool) -> Sequence[Aged]:
    """Return the sessions that received nothing since `before_ns` and wait for no compiling, the oldest first."""
    given = {"before": before_ns, "limit": limit, "bodies": bodies}
    return [Aged(*row) for row in cursor.execute(_OLDEST, given).fetchall()]


def delete_strays(cursor: Cursor, *, before_ns: int) -> Deleted:
    """Delete metric points, and telemetry of no session, received before a time."""
    with transaction(cursor):
        counts = [cursor.execute(statement, {"before": before_ns}).fetchall()[0][0] for statement in _STRAYS]
    return Deleted(0, *counts)
