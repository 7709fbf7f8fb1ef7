"""List prices against what the recordings' model server really charged."""

from __future__ import annotations

from decimal import Decimal

import pytest

from processors.model import Usage
from processors.pricing import Cost, price_book
from tests.processors.pricing.calls import call
from tests.processors.support import RECORDINGS, load_truth

PRICED = [name for name in RECORDINGS if load_truth(name)["expected_cost_usd"] is not None]
VENDORS = {"gpt": "openai", "claude": "anthropic", "gemini": "gcp.gemini"}


def shares(total: int, parts: int) -> list[int]:
    """Spread a total over parts that differ by one at most."""
    each, rest = divmod(total, parts)
    return [each + (1 if part < rest else 0) for part in range(parts)]


def bill(model: str, tokens: dict[str, int], calls: int) -> Decimal:
    """Price a session's tokens spread evenly over its calls, since rates depend on the size of a call."""
    book, total = price_book(), Decimal(0)
    names = ("input_uncached", "cache_read", "cache_write", "output_total")
    for fresh, read, written, output in zip(*(shares(tokens[name], calls) for name in names), strict=True):
        used = Usage(
            input_tokens=fresh + read + written,
            cache_read_input_tokens=read,
            cache_write_input_tokens=written,
            output_tokens=output,
        )
        price = book.price(call(model, used, provider=VENDORS[model.split("-", maxsplit=1)[0]]))
        assert isinstance(price, Cost)
        total += price.total
    return total


@pytest.mark.parametrize("name", PRICED)
def test_served_tokens_cost_what_the_server_charged(name: str) -> None:
    """The tokens that a recording's server billed cost exactly what it charged for them."""
    truth = load_truth(name)
    total = sum(
        (bill(model, tokens, truth["llm_calls"]) for model, tokens in truth["tokens_by_model"].items()), Decimal(0)
    )
    assert abs(total - Decimal(str(truth["expected_cost_usd"]))) < Decimal("1e-9")


def test_gemini_is_priced_by_its_list() -> None:
    """Gemini 2.5 Flash costs 0.30, cached 0.03, output with thoughts 2.50 USD per million (Google's list)."""
    tokens = load_truth("gemini-cli")["tokens_by_model"]["gemini-2.5-flash"]
    expected = (tokens["input_uncached"] * 300 + tokens["cache_read"] * 30 + tokens["output_total"] * 2500) / Decimal(
        10**9
    )
    assert bill("gemini-2.5-flash", tokens, 5) == expected
