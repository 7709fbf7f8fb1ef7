"""What agents call models, and what is meant."""

from __future__ import annotations

from decimal import Decimal

import pytest

from processors.pricing import Cost, Unpriced, price_book
from tests.processors.pricing.calls import call, usage

BOOK = price_book()


def per_million(model: str, provider: str | None, request_model: str | None = None) -> Decimal:
    """Return the rate of fresh input in USD per million tokens."""
    price = BOOK.price(call(model, usage(100_000, 0), provider=provider, request_model=request_model))
    assert isinstance(price, Cost), price
    return price.total * 10


@pytest.mark.parametrize(
    ("model", "provider", "usd"),
    [
        ("gpt-5-2025-08-07", "openai", "1.25"),
        ("GPT-5", "OpenAI", "1.25"),
        ("openai/gpt-5", None, "1.25"),
        ("openai/gpt-5", "openai", "1.25"),
        ("openai/gpt-5", "openrouter", "1.25"),
        ("gpt-5", "azure.ai.openai", "1.25"),
        ("azure/gpt-5", None, "1.25"),
        ("azure/gpt-5", "litellm", "1.25"),
        ("gpt-5", "openai.responses", "1.25"),
        ("gpt-5", None, "1.25"),
        ("o3-2025-04-16", None, "2"),
        ("text-embedding-3-small", None, "0.02"),
        ("ft:gpt-4o-mini-2024-07-18:acme::abc", "openai", "0.3"),
        ("claude-sonnet-4-5-20250929", "anthropic", "3"),
        ("claude-sonnet-4-5[1m]", "anthropic", "3"),
        ("anthropic/claude-sonnet-4-5", None, "3"),
        ("claude-sonnet-4-5@20250929", "gcp.vertex_ai", "3"),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "aws.bedrock", "3.3"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic", "3.3"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", None, "3.3"),
        ("global.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws.bedrock", "3"),
        ("bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", None, "3.3"),
        (
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "aws.bedrock",
            "3.3",
        ),
        ("models/gemini-2.5-flash", "gcp.gemini", "0.3"),
        ("models/gemini-2.5-flash", None, "0.3"),
        ("vertex_ai/gemini-2.5-flash", None, "0.3"),
        ("publishers/google/models/gemini-2.5-flash", "gcp.vertex_ai", "0.3"),
        ("projects/p/locations/l/publishers/google/models/gemini-2.5-flash", None, "0.3"),
        ("grok-3", "x_ai", "3"),
        ("deepseek-chat", None, "0.27"),
        ("llama-3.3-70b-versatile", "groq", "0.59"),
        ("openai/gpt-oss-120b", "groq", "0.15"),
    ],
)
def test_a_model_is_recognised_by_any_of_its_names(model: str, provider: str | None, usd: str) -> None:
    """Vendor prefixes, cloud resource names, dates and letter case lead to the list price of the model they mean."""
    assert per_million(model, provider) == Decimal(usd)


def test_a_model_that_only_its_maker_sells_is_priced_behind_a_gateway() -> None:
    """Claude through an OpenAI-shaped or unknown endpoint has Anthropic's list price, and the price says so."""
    for provider in ("openai", "our-gateway"):
        price = BOOK.price(call("claude-sonnet-4-5", usage(1000, 0), provider=provider))
        assert isinstance(price, Cost)
        assert price.note == "priced as claude-sonnet-4-5 of anthropic"


def test_a_seller_named_in_the_model_id_is_the_one_that_bills() -> None:
    """`azure/gpt-5` without a provider has Azure's price, not that of the model's maker."""
    price = BOOK.price(call("azure/gpt-5", usage(1000, 0), provider=None))
    assert isinstance(price, Cost)
    assert price.note == "priced as gpt-5 of azure"


def test_an_unlisted_snapshot_is_priced_as_its_model() -> None:
    """A dated id that the list does not have is priced as the undated model, and the price says so."""
    price = BOOK.price(call("gpt-4o-mini-2031-01-01", usage(1000, 0)))
    assert isinstance(price, Cost)
    assert (price.total, price.note) == (Decimal("0.00015"), "priced as gpt-4o-mini of openai")


def test_the_requested_model_helps_where_the_answering_one_is_unknown() -> None:
    """A deployment's own name in the response is priced as the model that was asked for."""
    assert per_million("my-deployment", "azure.ai.openai", request_model="gpt-5") == Decimal("1.25")


@pytest.mark.parametrize(
    ("model", "provider", "reason"),
    [
        ("foo-1", "openai", "unknown_model foo-1"),
        ("foo-1", None, "unknown_model foo-1"),
        ("gpt-5-foo", None, "unknown_model gpt-5-foo"),
        ("claude-sonnet-99", "anthropic", "unknown_model claude-sonnet-99"),
        ("llama3.3", "our-gateway", "unknown_provider our-gateway"),
        ("llama-3.3-70b", None, "ambiguous_vendor llama-3.3-70b"),
        ("gpt-oss-120b", None, "ambiguous_vendor gpt-oss-120b"),
        ("openai/gpt-oss-120b", "openai", "ambiguous_vendor openai/gpt-oss-120b"),
        ("meta-llama/Llama-3.3-70B-Instruct", "openai", "ambiguous_vendor meta-llama/Llama-3.3-70B-Instruct"),
        ("deepseek-r1", "ollama", "self_hosted ollama"),
        ("gpt-5", "vllm", "self_hosted vllm"),
        ("whisper-1", "openai", "no_token_rates whisper-1"),
    ],
)
def test_what_is_not_known_is_not_guessed(model: str, provider: str | None, reason: str) -> None:
    """An unknown model or vendor, one that many sell, and one's own machine have a reason, never a price."""
    assert BOOK.price(call(model, provider=provider)) == Unpriced(reason)


def test_a_hostile_name_is_cut() -> None:
    """A name of any length and with control characters ends short and printable in the reason."""
    price = BOOK.price(call("x\n\x1b[31m" + "y" * 10_000))
    assert isinstance(price, Unpriced)
    assert price.reason.isprintable()
    assert len(price.reason) < 200
