"""Token counts: what is recorded is consistent, and what is not says why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawtrace_otel.usage import Usage, usage_attributes

COUNTS = st.one_of(st.none(), st.booleans(), st.integers(-5, 2**64), st.floats(), st.text(max_size=3))
INPUT = "gen_ai.usage.input_tokens"


@given(st.dictionaries(st.sampled_from([*Usage.__annotations__, "prompt_tokens"]), COUNTS))
def test_parts_never_exceed_their_whole(usage: dict[str, object]) -> None:
    """Whatever is given, what is recorded is whole numbers whose parts fit, and everything left out has a reason."""
    sent, reasons = usage_attributes(usage)
    cached = sent.get("gen_ai.usage.cache_read.input_tokens", 0) + sent.get("gen_ai.usage.cache_write.input_tokens", 0)
    assert sent.get(INPUT, cached) >= cached
    reasoning = sent.get("gen_ai.usage.reasoning.output_tokens", 0)
    assert sent.get("gen_ai.usage.output_tokens", reasoning) >= reasoning
    assert all(type(count) is int and count >= 0 for count in sent.values())
    given_counts = {name for name, value in usage.items() if value is not None}
    assert reasons or len(sent) >= len(given_counts - {"uncached_input_tokens", "input_tokens"})


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_uncached_input_is_completed(uncached: int, read: int, write: int) -> None:
    """Anthropic's three counts add up to the convention's inclusive input."""
    sent, reasons = usage_attributes(
        {"uncached_input_tokens": uncached, "cache_read_input_tokens": read, "cache_write_input_tokens": write}
    )
    assert reasons == ()
    assert sent[INPUT] == uncached + read + write


@pytest.mark.parametrize(
    ("usage", "word"),
    [
        ({"input_tokens": -1}, "input_tokens"),
        ({"input_tokens": "12"}, "input_tokens"),
        ({"input_tokens": True}, "input_tokens"),
        ({"prompt_tokens": 12}, "prompt_tokens"),
        ({"input_tokens": 10, "uncached_input_tokens": 5}, "contradict"),
        ({"output_tokens": 5, "reasoning_output_tokens": 6}, "reasoning"),
    ],
)
def test_bad_counts_are_named(usage: dict[str, object], word: str) -> None:
    """Each rejected count says which it is, and none is recorded."""
    sent, reasons = usage_attributes(usage)
    assert sent == {}
    assert word in reasons[0]
