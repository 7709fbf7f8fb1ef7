"""Sources of any name that never tell of cached tokens, where the vendor is known to have cached."""

from __future__ import annotations

from decimal import Decimal

import pytest

from collector.model import AttributeValue, Span
from collector.store import Signals
from processors.normalise.usage import CACHED_NOT_SENT
from processors.pipeline import compile_group
from processors.pricing import price_book
from tests.processors.normalise.counting import counted, spans_of

make = spans_of("some.sdk")
AGENT = make(1, "invoke_agent a", {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a"}, at=(0, 99))


def call(number: int, given: int, *, provider: str = "openai", model: str = "gpt-5", **more: AttributeValue) -> Span:
    """Return an agent's model call, one after the other."""
    sent: dict[str, AttributeValue] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": model,
        "gen_ai.provider.name": provider,
        "gen_ai.usage.input_tokens": given,
        "gen_ai.usage.output_tokens": 5,
        **{f"gen_ai.usage.{key}": value for key, value in more.items()},
    }
    return make(number, "chat", sent, parent=1, at=(number, number + 1))


def missing(*spans: Span) -> list[str | None]:
    """Return why each call's usage is incomplete."""
    return [step.usage_missing for step in counted([AGENT, *spans]).calls]


def test_long_prompts_that_go_on_without_a_word_of_the_cache_have_no_price() -> None:
    """OpenAI caches such prompts unasked: a source that says nothing lost the count, so the price would be too high."""
    spans = (call(2, 1500), call(3, 1700))
    assert missing(*spans) == [CACHED_NOT_SENT] * 2
    (session,) = compile_group(Signals((AGENT, *spans), ()), price_book())
    assert session.card.total_cost_usd is None
    assert session.card.total_tokens.input == 3200


@pytest.mark.parametrize(
    "spans",
    [
        (call(2, 1500),),
        (call(2, 300), call(3, 900)),
        (call(2, 1700), call(3, 1500)),
        (call(2, 1500), call(3, 1700, model="gpt-4o-mini")),
        (call(2, 1500), call(3, 1700, cache_read_input_tokens=0)),
        (call(2, 1500, provider="anthropic", model="claude-sonnet-4-5"),
         call(3, 1700, provider="anthropic", model="claude-sonnet-4-5")),
    ],
    ids=["one call", "short", "another prompt", "another model", "told", "a vendor that caches when asked"],
)  # fmt: skip
def test_without_proof_the_counts_are_believed(spans: tuple[Span, ...]) -> None:
    """One call, short or unrelated prompts, a zero that was sent: nothing says that a count was lost."""
    assert missing(*spans) == [None] * len(spans)


def test_short_calls_of_such_a_source_keep_their_price() -> None:
    """A prompt below the vendor's limit is never cached, whatever the source leaves out."""
    spans = (call(2, 1500), call(3, 1700), call(4, 200))
    (session,) = compile_group(Signals((AGENT, *spans), ()), price_book())
    assert session.card.cost_coverage.priced == 1
    assert (session.card.total_cost_usd or 0) < Decimal("0.001")
