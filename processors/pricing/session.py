"""The prices of one session: every billable call, with what its neighbours tell about a source's silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from processors.model import ModelCall, Session
from processors.pricing.book import CACHE_NOT_REPORTED, WRITES_NOT_REPORTED
from processors.pricing.model import Cost, Price, PriceBook, Unpriced

REFUSED = Unpriced("request_failed")
"""What a request is billed that failed without an answer is not known; it is counted as failed, not as unpriced."""


def billable_calls(session: Session) -> Iterator[ModelCall]:
    """Yield the calls that somebody is billed for: counted once, and not refused before the model ran."""
    for step in session.steps:
        if isinstance(step, ModelCall) and step.counted_by is None and not refused(step):
            yield step


def _refused_ids(session: Session) -> Iterator[str]:
    for step in session.steps:
        if isinstance(step, ModelCall) and step.counted_by is None and refused(step):
            yield step.step_id


def refused(call: ModelCall) -> bool:
    """Return whether a request failed without anything coming back: nobody is billed for it."""
    return call.error is not None and call.usage is None and not call.output_messages and not call.finish_reasons


def price(session: Session, book: PriceBook) -> dict[str, Price]:
    """Price every call of a session that counts, by step id. What was refused has no price and says so."""
    prices = {call.step_id: book.price(call) for call in billable_calls(session)}
    return {**_trust_reporting_sources(session, prices), **dict.fromkeys(_refused_ids(session), REFUSED)}


def _trust_reporting_sources(session: Session, prices: Mapping[str, Price]) -> dict[str, Price]:
    """Drop the doubt about cached tokens where the same source reported them on another call.

    Several instrumentations leave a count out when it is zero.
    """
    reads: set[tuple[str, str | None]] = set()
    writes: set[tuple[str, str | None]] = set()
    for call in billable_calls(session):
        if call.usage is not None and call.usage.cache_read_input_tokens is not None:
            reads.add((call.dialect, call.provider))
        if call.usage is not None and call.usage.cache_write_input_tokens is not None:
            writes.add((call.dialect, call.provider))
    settled = dict(prices)
    for call in billable_calls(session):
        known = prices[call.step_id]
        if not isinstance(known, Cost) or known.note is None:
            continue
        source = (call.dialect, call.provider)
        doubts = {WRITES_NOT_REPORTED} if source in writes else set()
        doubts |= {CACHE_NOT_REPORTED} if source in reads | writes else set()
        kept = [part for part in known.note.split("; ") if part not in doubts]
        settled[call.step_id] = replace(known, note="; ".join(kept) or None)
    return settled
