"""What sessions put on budgets, summed up by day and agent, and what budgets said of them, as SQL.

Which rules there are, and what they make of the sums, is the business of packages that the collector does not know.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Final

import pyarrow as pa

from collector.store.charges import COST, WASTE, Charge
from collector.store.derived import Row
from collector.store.derived_rows import python_rows
from collector.store.engine import Cursor, transaction
from collector.store.registering import registered

_DAYS: Final = """
    SELECT unnest(?::DATE[]) AS day
    UNION
    SELECT CAST(started_at AS DATE) FROM derived.sessions WHERE session_id IN (SELECT session_id FROM old_sessions)
"""
_CHARGES: Final = f"""
    WITH others AS MATERIALIZED (
        SELECT session_id, CAST(started_at AS DATE) AS day, agent_name, cost_usd, wasted_usd, unpriced_call_count
        FROM derived.sessions
        WHERE CAST(started_at AS DATE) IN ({_DAYS})
        AND session_id NOT IN (SELECT session_id FROM old_sessions)
    ), found AS MATERIALIZED (
        SELECT o.session_id, o.day, o.agent_name, f.detector, f.wasted_usd, coalesce(f.soft, false) AS soft
        FROM others o JOIN derived.findings f ON f.session_id = o.session_id
    )
    SELECT day, agent_name, '{COST}' AS kind, sum(cost_usd), count(*), coalesce(sum(unpriced_call_count), 0)
    FROM others GROUP BY day, agent_name
    UNION ALL
    SELECT day, agent_name, '{WASTE}', sum(wasted_usd), coalesce(sum(hard), 0), coalesce(sum(unknown), 0)
    FROM others LEFT JOIN (
        SELECT session_id, count(*) AS hard, count(*) FILTER (wasted_usd IS NULL) AS unknown
        FROM found WHERE NOT soft GROUP BY session_id
    ) USING (session_id) GROUP BY day, agent_name
    UNION ALL
    SELECT day, agent_name, detector, sum(wasted_usd), count(*), count(*) FILTER (wasted_usd IS NULL)
    FROM found GROUP BY day, agent_name, detector
"""  # noqa: S608 - ours
_FIRST_SAID: Final = "breached_at", "session_id"
"""What stays as it was when a verdict comes again."""
_SAID_ANEW: Final = (
    *("rule", "per", "day", "agent_name", "finding", "limit_usd", "amount_usd", "limit_count", "amount_count"),
    *("unknown_count", "state", "judged_at"),
)
_UPDATE: Final = f"""
    UPDATE derived.budgets SET {", ".join(f"{name} = v.{name}" for name in _SAID_ANEW)},
    {", ".join(f"{name} = coalesce(budgets.{name}, v.{name})" for name in _FIRST_SAID)}
    FROM verdicts AS v WHERE budgets.breach_id = v.breach_id
"""  # noqa: S608 - ours
_INSERT: Final = """
    INSERT INTO derived.budgets BY NAME
    SELECT * FROM verdicts WHERE state <> 'within' AND breach_id NOT IN (SELECT breach_id FROM derived.budgets)
"""
_VANISHED: Final = "SELECT session_id FROM old_sessions EXCEPT SELECT session_id FROM new_sessions"
_FORGET: Final = (
    f"DELETE FROM derived.budgets WHERE per = 'session' AND session_id IN ({_VANISHED})",  # noqa: S608 - ours
    f"UPDATE derived.budgets SET session_id = NULL WHERE session_id IN ({_VANISHED})",  # noqa: S608 - ours
)
_BREACHED: Final = """
    SELECT breach_id FROM derived.budgets
    WHERE breached_at IS NOT NULL AND breach_id IN (SELECT unnest(?::VARCHAR[]))
"""
_MARK_POSTED: Final = """
    UPDATE derived.budgets SET posted_at = make_timestamp_ns(?::BIGINT)
    WHERE breach_id IN (SELECT unnest(?::VARCHAR[]))
"""
_UNPOSTED: Final = """
    SELECT * FROM derived.budgets WHERE state = 'over' AND posted_at IS NULL ORDER BY breached_at, breach_id LIMIT ?
"""


def other_charges(cursor: Cursor, days: Collection[date]) -> Sequence[Charge]:
    """Return the charges on some days of all sessions but those in `old_sessions`, whose days are added."""
    return [Charge(*row) for row in cursor.execute(_CHARGES, [sorted(days)]).fetchall()]


def store_verdicts(cursor: Cursor, verdicts: pa.Table) -> None:
    """Store what budgets say now, each rule and subject once; what is within a budget only where it was not before."""
    with registered(cursor, verdicts=verdicts):
        cursor.execute(_UPDATE)
        cursor.execute(_INSERT)


def forget_vanished(cursor: Cursor) -> None:
    """Take sessions in `old_sessions` that are not in `new_sessions` out of what budgets said."""
    for statement in _FORGET:
        cursor.execute(statement)


def breached(cursor: Cursor, breach_ids: Collection[str]) -> frozenset[str]:
    """Return those of some breaches that were one before, also where they are none now."""
    rows = cursor.execute(_BREACHED, [sorted(breach_ids)]).fetchall()
    return frozenset(breach_id for (breach_id,) in rows)


def unposted(cursor: Cursor, limit: int) -> Sequence[Row]:
    """Return the breaches that no webhook was told of, oldest first."""
    return python_rows(cursor.execute(_UNPOSTED, [limit]).to_arrow_table())


def mark_posted(cursor: Cursor, breach_ids: Collection[str], at_ns: int) -> None:
    """Note that a webhook was told."""
    with transaction(cursor):
        cursor.execute(_MARK_POSTED, [at_ns, sorted(breach_ids)])
