"""The prices of one session: every billable call, with missing counts read in the light of the source's other calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from processors.model import ModelCall, Session, Usage
from processors.pricing.model import Price, PriceBook, Unpriced

REFUSED = Unpriced("request_failed")
"""Whether a request that failed without an answer is billed is unknown; it is counted as failed, not as unpriced."""


NO_CACHE = {"cache_read_input_tokens": 0, "cache_write_input_tokens": 0}


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
    nothing = call.usage is None and not call.output_messages
    named = set(call.finish_reasons) - ({"error"} if call.request_id is None else set())
    return call.error is not None and nothing and not named


def price(session: Session, book: PriceBook) -> dict[str, Price]:
    """Price every call of a session that counts, by step id. What was refused has no price and says so."""
    prices = {call.step_id: book.price(call) for call in billable_calls(session)}
    return {**_trust_reporting_sources(session, prices, book), **dict.fromkeys(_refused_ids(session), REFUSED)}


def _trust_reporting_sources(session: Session, prices: Mapping[str, Price], book: PriceBook) -> dict[str, Price]:
    """Price calls without cached tokens as having none where the same source reported some on another call.

    Several instrumentations leave a count out when it is zero. One that sent a zero elsewhere does not: there a count
    that is missing was lost, and the price keeps its doubt.
    """
    calls = tuple(billable_calls(session))
    told = [
        (call.dialect, call.provider, call.usage) for call in calls if call.usage is not None and _split(call.usage)
    ]
    zeros = {(dialect, provider) for dialect, provider, usage in told if usage.cache_read_input_tokens == 0}
    telling = {(dialect, provider) for dialect, provider, _ in told} - zeros
    settled = dict(prices)
    for call in calls:
        if call.usage is not None and not _split(call.usage) and (call.dialect, call.provider) in telling:
            settled[call.step_id] = book.reprice(call, replace(call.usage, **NO_CACHE))
    return settled


def _split(usage: Usage) -> bool:
    return usage.cache_read_input_tokens is not None or usage.cache_write_input_tokens is not None
