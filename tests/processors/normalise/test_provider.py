"""Who bills a call, whatever stands in the vendor's place."""

from __future__ import annotations

import pytest

from processors.normalise.provider import model_name, vendor


@pytest.mark.parametrize(
    ("named", "model", "expected"),
    [
        ("openai", "gpt-5", "openai"),
        ("openai.chat", "gpt-5", "openai"),
        ("openai.responses", "gpt-5", "openai"),
        ("strands-agents", "gpt-4o-mini", "openai"),
        ("microsoft.agent_framework", "claude-sonnet-4-5", "anthropic"),
        ("gcp.vertex.agent", "gemini-2.5-flash", "gcp.gemini"),
        ("langchain", None, None),
        ("langchain", "openai/gpt-4o", "openai"),
        ("autogen", "o3-mini", "openai"),
        ("vertex_ai", "gemini-2.5-pro", "gcp.vertex_ai"),
        ("gemini", "gemini-2.5-pro", "gcp.gemini"),
        ("az.ai.openai", "prod-deployment", "azure.ai.openai"),
        ("xai", "grok-4", "x_ai"),
        ("amazon-bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0", "aws.bedrock"),
        (None, "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws.bedrock"),
        (None, "claude-sonnet-4-5@20250929", "anthropic"),
        (None, "openrouter/anthropic/claude-sonnet-4.5", "openrouter"),
        ("my-gateway", "gpt-5", "my-gateway"),
        ("google.vertex.chat", "gemini-2.5-flash", "gcp.vertex_ai"),
        ("google.generative-ai.chat", "gemini-2.5-flash", "gcp.gemini"),
        ("bedrock_converse", "us.amazon.nova-pro-v1:0", "aws.bedrock"),
        ("AzureOpenAI", "prod-deployment", "azure.ai.openai"),
        ("ChatAnthropic", "claude-sonnet-4-5", "anthropic"),
        ("vertex_ai_beta", "gemini-2.5-pro", "gcp.vertex_ai"),
        (None, None, None),
    ],
)
def test_vendor(named: str | None, model: str | None, expected: str | None) -> None:
    """A vendor is believed under any spelling, a framework is not, a gateway that is unknown here is (R11)."""
    assert vendor(named, model) == expected


@pytest.mark.parametrize(
    ("model", "provider", "expected"),
    [
        ("openai/gpt-4o-mini", "openai", "gpt-4o-mini"),
        ("anthropic/claude-sonnet-4-5", "anthropic", "claude-sonnet-4-5"),
        ("models/gemini-2.5-flash", "gcp.gemini", "gemini-2.5-flash"),
        ("meta-llama/Llama-3-70b", "together_ai", "meta-llama/Llama-3-70b"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws.bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        (None, "openai", None),
        ("7.5", "openai", None),
        ("nan", None, None),
    ],
)
def test_model_names_lose_a_routers_prefix(model: str | None, provider: str | None, expected: str | None) -> None:
    """What a router put before a model's id is taken off where it is the provider, and kept where it is not."""
    assert model_name(model, provider) == expected
