"""What is known of a provider's cache, and what a session teaches about it."""

from __future__ import annotations

from processors.ledger.caching import RULES, rules
from processors.model import ModelCall, Usage


def call(length: int, read: int = 0, written: int | None = None, provider: str = "anthropic") -> ModelCall:
    """Make a call of some prompt length."""
    usage = Usage(input_tokens=length, cache_read_input_tokens=read, cache_write_input_tokens=written, output_tokens=10)
    return ModelCall(
        step_id=f"{length}", name="m", model="m", provider=provider, started_at=0, ended_at=1, dialect="x", usage=usage
    )


def test_prompts_that_are_not_cached_raise_the_minimum() -> None:
    """Where every shorter prompt was left alone and every longer one written, the minimum lies between them."""
    calls = [call(900), call(3_000), call(3_900), call(4_200, written=4_190), call(4_400, 4_190, 200)]
    assert rules(calls)["anthropic", "m"].minimum == 3_901


def test_uncached_prompts_among_cached_ones_teach_nothing() -> None:
    """A long prompt that was left alone had no mark; the documented minimum stands."""
    calls = [call(2_000, written=1_990), call(9_000), call(2_500, 1_990, 500)]
    assert rules(calls)["anthropic", "m"].minimum == 1_024


def test_reads_alone_do_not_raise_the_minimum() -> None:
    """Where writing is free, a prompt that read nothing may have had no entry to read."""
    calls = [call(3_000, provider="openai"), call(4_000, 2_944, provider="openai")]
    assert rules(calls)["openai", "m"].minimum == 1_024


def test_a_shorter_read_lowers_the_minimum() -> None:
    """A read below the documented minimum shows that it is lower."""
    assert rules([call(900, 512, provider="openai")])["openai", "m"].minimum == 512


def test_a_session_without_reads_keeps_the_documented_rule() -> None:
    """That nothing was read says nothing against the provider's documentation."""
    assert rules([call(900, provider="openai")])["openai", "m"] == RULES["openai"]


def test_a_read_off_the_documented_step() -> None:
    """A read that is no multiple of the documented step shows that reads have no steps."""
    assert rules([call(4_000, 3_001, provider="openai")])["openai", "m"].step == 1
