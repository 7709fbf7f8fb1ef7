"""A hint spares a search only where the search would have found nothing."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.findings.answers import VOLATILE, VOLATILE_HINTS, pending, steady
from processors.findings.moments import (
    BARE_HINT,
    CLOCK,
    CLOCK_HINT,
    ISO,
    ISO_HINT,
    WRITTEN,
    WRITTEN_HINT,
    moments,
)

SEARCHES = [
    (VOLATILE, VOLATILE_HINTS),
    (ISO, (ISO_HINT,)),
    *((pattern, (WRITTEN_HINT,)) for pattern in WRITTEN),
    (CLOCK, (CLOCK_HINT, BARE_HINT)),
]


@pytest.mark.parametrize(("pattern", "hints"), SEARCHES, ids=["volatile", "iso", "month day", "day month", "clock"])
@given(data=st.data())
def test_a_hint_stands_wherever_the_pattern_matches(
    pattern: re.Pattern[str], hints: tuple[re.Pattern[str], ...], data: st.DataObject
) -> None:
    """Every text in which the pattern finds something holds one of its hints."""
    text = data.draw(st.from_regex(pattern))
    assert any(hint.search(text.casefold()) for hint in hints)


@pytest.mark.parametrize(
    ("said", "masked"),
    [
        ("done in 12 ms, all tests of the module passed", "done in #, all tests of the module passed"),
        ("done in 3.5 Seconds, all tests of the module passed", "done in #, all tests of the module passed"),
        ("took 15\u00b5s to find the row of that customer", "took # to find the row of that customer"),
        ('{"Request_ID": "q-17", "rows": "three of the customers"}', '{"#", "rows": "three of the customers"}'),
        ("2 words, no id, no time: 16:30", "2 words, no id, no time: 16:30"),
    ],
)
def test_what_changes_from_call_to_call_is_masked(said: str, masked: str) -> None:
    """Durations and request ids do not make two answers differ."""
    assert steady(said) == masked


def test_moments_in_any_spelling() -> None:
    """A day and a time of day are the same however they are written."""
    assert set(moments("2024-05-17T16:00")) == {"day 5-17", "time 16:00"}
    assert set(moments("at 4PM")) == {"time 16:00"}
    assert set(moments("2024-05-17T16:00")) == set(moments("May 17th, 4 p.m.")) == set(moments("on 17 of MAY at 4PM"))


@pytest.mark.parametrize("answer", ['{"Status": "Running"}', "still", "phase: in progress"])
def test_work_goes_on(answer: str) -> None:
    """An answer that names a state of work under way is pending."""
    assert pending(answer)
