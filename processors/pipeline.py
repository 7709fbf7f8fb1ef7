"""The five calls: telemetry of one group to priced, attributed, flagged sessions, each with its TraceCard.

Pure: everything is passed in, and the same telemetry gives the same result in whatever order it came.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType

from collector.store import Signals
from processors.counterfactual import Counterfactual
from processors.effects import ToolRule
from processors.findings import Finding, View, flag
from processors.ledger import Ledger, attribute
from processors.model import Outcome, Session
from processors.normalise import normalise
from processors.outcomes import judged
from processors.pricing import Price, PriceBook, ToolPrice, price, tool_prices
from processors.savings import savings
from processors.structure import Structure
from processors.tracecard import TraceCard, compile_card

NO_OUTCOMES: Mapping[str, Mapping[str, object]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A session and everything that was computed from it."""

    session: Session
    prices: Mapping[str, Price]
    tool_prices: Mapping[str, ToolPrice]
    """What one call of a tool costs, by the tool's name, where the user says so."""
    ledger: Ledger
    view: View
    savings: Mapping[str, Decimal]
    """USD that leaving out one step would have saved, by step id."""
    findings: tuple[Finding, ...]
    card: TraceCard


def compile_group(
    signals: Signals,
    book: PriceBook,
    outcomes: Mapping[str, Mapping[str, object]] = NO_OUTCOMES,
    rules: Sequence[ToolRule] = (),
) -> tuple[Compiled, ...]:
    """Compile the sessions of one group; `rules` are what a user says about tools.

    `outcomes` are recorded verdicts by session id, each by the columns of the `outcomes` view; they go before what
    the telemetry itself says.
    """
    sessions = judged(normalise(signals.spans, signals.logs), signals.spans, signals.logs)
    return tuple(
        compile_session(_judged(session, outcomes.get(session.session_id)), book, rules) for session in sessions
    )


def compile_session(session: Session, book: PriceBook, rules: Sequence[ToolRule] = ()) -> Compiled:
    """Price, attribute and flag one session, and write its card."""
    structure = Structure.of(session)
    prices = price(session, book)
    per_call = tool_prices(session, rules)
    ledger = attribute(session, prices, {name: price.usd for name, price in per_call.items()}, structure)
    what_if = Counterfactual(session, ledger, book, structure)
    view = View(session, ledger, what_if, rules, structure)
    findings = flag(session, ledger, view=view)
    return Compiled(
        session=session,
        prices=prices,
        tool_prices=per_call,
        ledger=ledger,
        view=view,
        savings=savings(session, ledger, what_if),
        findings=findings,
        card=compile_card(session, prices, ledger, findings, view),
    )


def _judged(session: Session, verdict: Mapping[str, object] | None) -> Session:
    if verdict is None:
        return session
    score, passed, source = verdict.get("score"), verdict.get("passed"), verdict.get("source")
    return replace(
        session,
        task_id=_text(verdict.get("task_id")) or session.task_id,
        condition=_text(verdict.get("condition")) or session.condition,
        outcome=Outcome(
            passed=passed if isinstance(passed, bool) else None,
            score=float(score) if isinstance(score, int | float) and not isinstance(score, bool) else None,
            source=_text(source) or "oracle",
        ),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
