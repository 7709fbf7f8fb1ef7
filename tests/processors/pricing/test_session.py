"""Prices of a whole session."""

from __future__ import annotations

from dataclasses import replace

from processors.model import Message, ModelCall, Session, StepError, Text
from processors.pricing import Cost, Unpriced, billable_calls, price, price_book
from processors.pricing.book import CACHE_NOT_REPORTED
from tests.processors.pricing.calls import AUTUMN, call, usage

BOOK = price_book()


def session(*steps: ModelCall) -> Session:
    """Return a session of these calls."""
    return Session(session_id="s", session_source="trace", started_at=AUTUMN, ended_at=AUTUMN, steps=steps)


def test_a_second_sighting_has_no_price() -> None:
    """A call that another step counts is not billed again."""
    first = call(step_id="a")
    second = replace(call(step_id="b"), counted_by="a")
    assert price(session(first, second), BOOK).keys() == {"a"}


def test_a_refused_request_is_not_billed() -> None:
    """A request that failed with nothing coming back is no billable call; one that failed midway is one."""
    refused = call(step_id="a", no_usage=True, error=StepError("429"))
    midway = replace(
        call(step_id="b", no_usage=True, error=StepError("timeout")),
        output_messages=(Message("assistant", (Text("it is"),)),),
    )
    assert [step.step_id for step in billable_calls(session(refused, midway))] == ["b"]
    assert price(session(refused, midway), BOOK) == {
        "a": Unpriced("request_failed"),
        "b": Unpriced("usage_not_reported"),
    }


def test_a_source_that_reports_cached_tokens_elsewhere_omits_zeros() -> None:
    """An absent cache count is zero where the same source gave one on another call, and in doubt elsewhere."""
    silent = call(step_id="a", used=usage(5000, 1, read=None, written=None))
    telling = call(step_id="b", used=usage(5000, 1, read=4096, written=None))
    other = call(step_id="c", used=usage(5000, 1, read=None, written=None), dialect="openinference")
    prices = price(session(silent, telling, other), BOOK)
    notes = {step_id: known.note for step_id, known in prices.items() if isinstance(known, Cost)}
    assert notes == {"a": None, "b": None, "c": CACHE_NOT_REPORTED}


def test_a_lossy_source_is_believed_once_it_reports() -> None:
    """A source known to drop cached tokens leaves calls unpriced, unless it reported some in the same session."""
    silent = call(step_id="a", used=usage(5000, 1, read=None, written=None), usage_missing="not sent")
    telling = call(step_id="b", used=usage(5000, 1, read=4096, written=None))
    assert price(session(silent), BOOK) == {"a": Unpriced("usage_incomplete cached tokens")}
    assert isinstance(price(session(silent, telling), BOOK)["a"], Cost)


def test_a_source_that_sends_zeros_leaves_none_out() -> None:
    """Where the source sent a zero on another call, a count that is missing was lost: the price is an upper bound."""
    silent = call(step_id="a", used=usage(5000, 1, read=None, written=None))
    zero = call(step_id="b", used=usage(5000, 1, read=0, written=None))
    telling = call(step_id="c", used=usage(5000, 1, read=4096, written=None))
    price_of_silent = price(session(silent, zero, telling), BOOK)["a"]
    assert isinstance(price_of_silent, Cost)
    assert price_of_silent.note == CACHE_NOT_REPORTED
