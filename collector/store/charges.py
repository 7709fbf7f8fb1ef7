"""What sessions put on budgets, read from the rows that were derived from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from collector.store import DerivedRows
from collector.store.derived import Row

COST: Final = "cost"
WASTE: Final = "waste"
"""Kinds of charge beside the names of detectors."""
_NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Charge:
    """What sessions of one agent on one day put on budgets of one kind: cost, waste, or findings of a detector."""

    day: date | None
    """In UTC, of the moment the session began; None where that is not known."""
    agent_name: str | None
    kind: str
    usd: Decimal | None
    """None where nothing is known, never 0."""
    count: int
    """Sessions for cost; findings for everything else, for waste those that are not soft."""
    unknown: int
    """Model calls, or findings, whose USD is not known and stands in no sum."""


@dataclass(frozen=True, slots=True)
class SessionCharges:
    """A session and its charges: its cost, its waste, and one for each kind of finding."""

    session_id: str
    charges: tuple[Charge, ...]


def charges_of(rows: DerivedRows) -> tuple[SessionCharges, ...]:
    """Return the charges of every session in some rows, in their order."""
    findings: dict[str, list[Row]] = {}
    for row in rows.get("findings", ()):
        findings.setdefault(str(row["session_id"]), []).append(row)
    return tuple(
        SessionCharges(
            str(session["session_id"]), tuple(_charges(session, findings.get(str(session["session_id"]), [])))
        )
        for session in rows.get("sessions", ())
    )


def _charges(session: Row, findings: list[Row]) -> Iterator[Charge]:
    day, agent = _day(session.get("started_at")), session.get("agent_name")
    agent_name = agent if isinstance(agent, str) else None
    unpriced = session.get("unpriced_call_count")
    yield Charge(day, agent_name, COST, _usd(session), 1, unpriced if isinstance(unpriced, int) else 0)
    hard = [finding for finding in findings if not finding.get("soft")]
    yield Charge(day, agent_name, WASTE, _usd(session, "wasted_usd"), len(hard), _unknown(hard))
    for detector in sorted({str(finding["detector"]) for finding in findings}):
        kind = [finding for finding in findings if finding["detector"] == detector]
        known = [usd for finding in kind if (usd := _usd(finding, "wasted_usd")) is not None]
        total = sum(known, Decimal(0)) if known else None
        yield Charge(day, agent_name, detector, total, len(kind), _unknown(kind))


def _unknown(findings: Iterable[Row]) -> int:
    return sum(finding.get("wasted_usd") is None for finding in findings)


def _usd(row: Row, column: str = "cost_usd") -> Decimal | None:
    value = row.get(column)
    return value if isinstance(value, Decimal) else None


def _day(started_at: object) -> date | None:
    """Return the day in UTC; None for a time that was not given or that no row holds."""
    if not isinstance(started_at, int) or not 0 < started_at < 2**63 - 1:
        return None
    return datetime.fromtimestamp(started_at // _NS_PER_S, tz=UTC).date()
