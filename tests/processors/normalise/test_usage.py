"""Token counts of every habit, turned into whole counts that include their parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.model import Usage
from processors.normalise.usage import NO_INPUT, NOT_SENT, ZEROS, Counting, Counts, counted

tokens = st.none() | st.integers(-5, 10_000)
habits = st.sampled_from(["inclusive", "exclusive", "unknown"])


@given(st.builds(
    Counts, input=tokens, cache_read=tokens, cache_write=tokens, cache_write_5m=tokens, cache_write_1h=tokens,
    output=tokens, reasoning=tokens, total=tokens, cached_input=habits, reasoning_output=habits,
))  # fmt: skip
def test_any_counts_give_a_valid_usage_or_a_reason(counts: Counts) -> None:
    """Whatever was sent, parts fit into their whole, what is missing has a reason, what was corrected a note."""
    result = counted(counts)
    assert result.usage is not None or result.missing is not None
    if result.usage is not None:
        Usage(**{name: getattr(result.usage, name) for name in Usage.__slots__})
    negative = any((getattr(counts, name) or 0) < 0 for name in ("input", "output", "cache_read", "cache_write"))
    assert not negative or result.note is not None


@given(st.integers(1, 10_000), st.integers(0, 10_000), st.integers(0, 10_000))
def test_exclusive_and_inclusive_counts_of_one_call_are_one_usage(fresh: int, read: int, write: int) -> None:
    """The same call is the same usage, whether its producer counts cached tokens in or apart."""
    apart = counted(Counts(input=fresh, cache_read=read, cache_write=write, output=3, cached_input="exclusive"))
    whole = counted(Counts(input=fresh + read + write, cache_read=read, cache_write=write, output=3))
    assert apart.usage == whole.usage


@pytest.mark.parametrize(
    ("counts", "whole"),
    [
        (Counts(input=12, cache_read=1000, cache_write=5, output=7, cached_input="unknown"), 1017),
        (Counts(input=1017, cache_read=1000, output=7, total=1024, cached_input="unknown"), 1017),
        (Counts(input=600, cache_read=500, output=7, total=1107, cached_input="unknown"), 1100),
        (Counts(input=1017, cache_read=1000, output=7, cached_input="unknown"), 1017),
    ],
)
def test_unknown_habits_are_read_off_the_numbers(counts: Counts, whole: int) -> None:
    """More cached than input, or a total that only adds up apart, says that input excludes cached tokens (R6)."""
    usage = counted(counts).usage
    assert usage is not None
    assert usage.input_tokens == whole


@pytest.mark.parametrize(
    ("habit", "total", "output"),
    [
        ("inclusive", None, 100),
        ("exclusive", None, 160),
        ("unknown", 1160, 160),
        ("unknown", 1100, 100),
        ("unknown", None, 100),
    ],
)
def test_reasoning_stands_inside_or_beside_output(habit: Counting, total: int | None, output: int) -> None:
    """Reasoning sent apart from output is added to it, once."""
    usage = counted(Counts(input=1000, output=100, reasoning=60, total=total, reasoning_output=habit)).usage
    assert usage is not None
    assert (usage.output_tokens, usage.reasoning_output_tokens) == (output, 60)


def test_zeros_on_an_answered_call_are_unknown() -> None:
    """0/0 is what producers write that have no counts: unknown, not free (R8)."""
    assert counted(Counts(input=0, output=0)).missing == ZEROS
    assert counted(Counts(input=0, output=0)).usage is None
    assert counted(Counts()).missing == NOT_SENT


def test_cache_writes_by_lifetime() -> None:
    """Writes of both lifetimes are one count, of which the one-hour part is kept."""
    usage = counted(Counts(input=100, output=1, cache_write_5m=30, cache_write_1h=20)).usage
    assert usage is not None
    assert (usage.cache_write_input_tokens, usage.cache_write_1h_input_tokens) == (50, 20)


def test_corrections_are_named() -> None:
    """Parts that do not fit are cut, and the note says so."""
    result = counted(Counts(input=10, cache_read=50, output=5, reasoning=9))
    assert result.usage is not None
    assert (result.usage.cache_read_input_tokens, result.usage.reasoning_output_tokens) == (10, 5)
    assert "more cached than input tokens" in (result.note or "")
    assert "more reasoning than output tokens" in (result.note or "")


def test_a_prompt_of_no_tokens_is_one_that_was_not_counted() -> None:
    """A stream's last event alone tells what was answered: the zeros beside it are no counts."""
    result = counted(Counts(input=0, cache_read=0, output=8))
    assert result.usage is not None
    assert (result.usage.input_tokens, result.usage.cache_read_input_tokens) == (None, None)
    assert (result.usage.output_tokens, result.missing) == (8, NO_INPUT)
    cached = counted(Counts(input=0, cache_read=900, output=8, cached_input="exclusive")).usage
    assert cached is not None
    assert cached.input_tokens == 900
