"""Compares what sessions cost with a user's budgets.

Pure: the charges of other sessions on the same days are passed in; judging again gives the same verdicts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal, TypeAlias

from collector.store.charges import COST, WASTE, Charge, SessionCharges
from processors.budgets.rules import ANY_FINDING, Per, Rule

State: TypeAlias = Literal["over", "unknown", "within"]
_Subject: TypeAlias = tuple[str | None, date | None, str | None]
"""Session, day and agent; those that a rule does not tell apart are None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one rule says of one session, day, or agent and day."""

    rule: str
    per: Per
    session_id: str | None
    """The session; of a day or an agent the one that went over the limit, where that was one of those judged."""
    day: date | None
    agent_name: str | None
    finding: str | None
    limit_usd: Decimal | None
    amount_usd: Decimal | None
    """What is known of the cost; None where nothing is."""
    limit_count: int | None
    amount_count: int | None
    unknown_count: int
    """Calls, or findings, whose cost is not known: the amount is at least what it says."""
    state: State
    """`unknown` where what is known is within the limit and something is not known."""

    @property
    def breach_id(self) -> str:
        """Stable over recompilation: a hash of the rule's name and of what it judged."""
        judged = self.session_id if self.per == "session" else f"{self.day}\0{self.agent_name}"
        return hashlib.sha256(f"{self.rule}\0{self.per}\0{judged}".encode()).hexdigest()[:16]

    def row(self, judged_at: int) -> Mapping[str, object]:
        """Return the verdict by the columns of the budgets table; `judged_at` is in nanoseconds since the epoch."""
        breached_at = judged_at if self.state == "over" else None
        return asdict(self) | {"breach_id": self.breach_id, "judged_at": judged_at, "breached_at": breached_at}


@dataclass(slots=True)
class _Tally:
    """The charges on one subject so far."""

    usd: Decimal | None = None
    count: int = 0
    unknown: int = 0
    crossed_by: str | None = None

    def add(self, charge: Charge) -> None:
        if charge.usd is not None:
            self.usd = (self.usd or Decimal(0)) + charge.usd
        self.count += charge.count
        self.unknown += charge.unknown

    def is_over(self, rule: Rule) -> bool:
        if rule.limit_count is not None:
            return self.count > rule.limit_count
        return self.usd is not None and rule.limit_usd is not None and self.usd > rule.limit_usd


@dataclass(slots=True)
class _Ledger:
    """The tallies of one rule."""

    rule: Rule
    tallies: dict[_Subject, _Tally] = field(default_factory=dict)

    def put(self, charge: Charge, session_id: str | None) -> None:
        """Add a charge that the rule is about; `session_id` says whose it is, where that matters."""
        if charge.kind != _kind(self.rule) or not self.rule.concerns(charge.agent_name):
            return
        subject = _subject(self.rule.per, charge, session_id)
        if subject is None:
            return
        tally = self.tallies.setdefault(subject, _Tally())
        was_over = tally.is_over(self.rule)
        tally.add(charge)
        if session_id is not None and not was_over and tally.is_over(self.rule):
            tally.crossed_by = session_id


def judge(rules: Iterable[Rule], sessions: Sequence[SessionCharges], others: Iterable[Charge]) -> tuple[Verdict, ...]:
    """Return what every rule says of everything that the sessions touch.

    `others` are the charges of all other sessions on the days that these touch, or touched before they were compiled
    again.
    """
    ledgers = [_Ledger(rule) for rule in rules]
    spent = tuple(others)
    for ledger in ledgers:
        if ledger.rule.per != "session":
            for charge in spent:
                ledger.put(charge, None)
        for session in sessions:
            for charge in session.charges:
                ledger.put(charge, session.session_id)
    return tuple(
        _verdict(ledger.rule, subject, tally) for ledger in ledgers for subject, tally in ledger.tallies.items()
    )


def _kind(rule: Rule) -> str:
    if rule.finding is None:
        return COST
    return WASTE if rule.finding == ANY_FINDING else rule.finding


def _subject(per: Per, charge: Charge, session_id: str | None) -> _Subject | None:
    match per:
        case "session":
            return session_id, None, None
        case "day":
            return None if charge.day is None else (None, charge.day, None)
        case "agent":
            return None if charge.day is None else (None, charge.day, charge.agent_name)


def _verdict(rule: Rule, subject: _Subject, tally: _Tally) -> Verdict:
    session_id, day, agent_name = subject
    counts = rule.limit_count is not None
    unknown = 0 if counts else tally.unknown
    return Verdict(
        rule=rule.rule,
        per=rule.per,
        session_id=session_id or tally.crossed_by,
        day=day,
        agent_name=agent_name,
        finding=rule.finding,
        limit_usd=rule.limit_usd,
        amount_usd=None if counts else tally.usd,
        limit_count=rule.limit_count,
        amount_count=tally.count if counts else None,
        unknown_count=unknown,
        state="over" if tally.is_over(rule) else "unknown" if unknown else "within",
    )
