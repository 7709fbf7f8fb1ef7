"""Sums of a session's tokens: what is known of some calls only is not told as if it were of all."""

from __future__ import annotations

import pytest

from processors.model import ModelCall, Usage
from processors.summary import token_sum


def call(reasoning: int | None, *, silent: bool = False) -> ModelCall:
    """Return a call with that many reasoning tokens, or one that sent no usage."""
    usage = None if silent else Usage(input_tokens=10, output_tokens=100, reasoning_output_tokens=reasoning)
    return ModelCall(
        step_id="s", trace_id=None, name="gpt-5", started_at=0, ended_at=1, dialect="", operation="chat", usage=usage
    )


@pytest.mark.parametrize(
    ("calls", "total"),
    [
        ([call(0), call(0)], 0),
        ([call(0), call(None)], None),
        ([call(0), call(None, silent=True)], None),
        ([call(64), call(None)], 64),
        ([call(None)], None),
        ([], None),
    ],
)
def test_a_zero_of_some_calls_is_no_sum(calls: list[ModelCall], total: int | None) -> None:
    """Zeros stand for all calls only where every call sent one."""
    assert token_sum(calls, "reasoning_output_tokens") == total
