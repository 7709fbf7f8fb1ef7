"""Builds a TraceCard from a session and what was computed from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from processors import savings
from processors.findings import Finding, View
from processors.findings import gaps as unjudged
from processors.ledger.model import Ledger
from processors.model import Session
from processors.pricing.model import Price
from processors.summary import Summary, summarise
from processors.tracecard import sections
from processors.tracecard.fitting import LONGEST, fit
from processors.tracecard.items import CardAgent, CardOutcome, CostCoverage, TotalTokens
from processors.tracecard.material import NAME_BYTES, Material, clip
from processors.tracecard.model import TraceCard

ID_BYTES = 200
MOST_SCORE = 10**12
_NS_PER_MS = 1_000_000


def compile_card(
    session: Session,
    prices: Mapping[str, Price],
    ledger: Ledger,
    findings: tuple[Finding, ...],
    view: View | None = None,
) -> TraceCard:
    """Return the card of a session: the same for the same session, however it was received.

    Pass the `view` with which the session was flagged to save its work.
    """
    view = view or View(session, ledger, None)
    material = Material(session=session, prices=prices, ledger=ledger, findings=findings, view=view)
    summary = summarise(session, prices, ledger, view.structure)
    top, cheaper = sections.top_cost_spans(material, LONGEST["top_cost_spans"])
    return fit(
        TraceCard(
            session_id=clip(session.session_id, ID_BYTES),
            task_id=_clipped(session.task_id, ID_BYTES),
            agent=CardAgent(name=_clipped(session.agent_name), service=_clipped(session.service_name)),
            models=_clipped_counts(summary.models),
            outcome=_outcome(session),
            duration_s=Decimal((session.ended_at - session.started_at) // _NS_PER_MS) / 1000,
            total_cost_usd=summary.cost,
            cost_coverage=CostCoverage(
                priced=summary.priced,
                unpriced=sum(summary.unpriced.values()),
                why=_clipped_counts(summary.unpriced),
            ),
            reported_cost_usd=summary.reported_cost,
            total_tokens=_tokens(summary),
            llm_call_count=summary.llm_calls,
            tool_call_count=summary.tool_calls,
            top_cost_spans=tuple(top),
            redundant_tool_calls=tuple(sections.redundant_tool_calls(material)),
            sub_agents=tuple(sections.sub_agents(material)),
            failed_or_repaired_steps=tuple(sections.failed_or_repaired_steps(material)),
            findings=tuple(sections.other_findings(material)),
            gaps=tuple(clip(gap) for gap in gaps(view, summary)),
            left_out={"top_cost_spans": cheaper} if cheaper else {},
            prices=_clipped(", ".join(summary.price_sources) or None),
        )
    )


def gaps(view: View, summary: Summary) -> Iterator[str]:
    """Yield what cannot be said about a session, in words for a user: what concerns its cost first."""
    calls = sum(summary.models.values())
    for doubt, count in summary.doubts.items():
        yield f"{count} of {calls} model calls: {doubt}"
    yield from filter(None, (savings.gap(view.session),))
    yield from unjudged(view)
    yield from sorted({*view.session.gaps, *view.ledger.gaps})


def _outcome(session: Session) -> CardOutcome:
    if session.outcome is None:
        return CardOutcome()
    score = session.outcome.score
    return CardOutcome(
        passed=session.outcome.passed,
        score=Decimal(repr(round(score, 6))) if score is not None and abs(score) < MOST_SCORE else None,
        source=_clipped(session.outcome.source),
    )


def _tokens(summary: Summary) -> TotalTokens:
    return TotalTokens(
        input=summary.tokens.input_tokens,
        cache_read=summary.tokens.cache_read_input_tokens,
        cache_write=summary.tokens.cache_write_input_tokens,
        output=summary.tokens.output_tokens,
        reasoning=summary.tokens.reasoning_output_tokens,
    )


def _clipped(text: str | None, limit: int = NAME_BYTES) -> str | None:
    return clip(text, limit) or None if text is not None else None


def _clipped_counts(counts: Mapping[str, int]) -> dict[str, int]:
    clipped: dict[str, int] = {}
    for name, count in counts.items():
        short = clip(name, NAME_BYTES)
        clipped[short] = clipped.get(short, 0) + count
    return clipped
