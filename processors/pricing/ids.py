"""Resolves what agents call a model: vendor prefixes, cloud resource names, dated ids.

Everything here is data about vendors' naming; no price is decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

VENDORS = {
    "openai": "openai",
    "azure.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "az.ai.openai": "azure",
    "az.ai.inference": "azure",
    "azure_ai": "azure",
    "azure": "azure",
    "anthropic": "anthropic",
    "aws.bedrock": "aws",
    "bedrock": "aws",
    "bedrock_converse": "aws",
    "aws_bedrock": "aws",
    "gcp.gen_ai": "google",
    "gcp.gemini": "google",
    "gcp.vertex_ai": "google",
    "gemini": "google",
    "google": "google",
    "google_genai": "google",
    "google_vertexai": "google",
    "vertex_ai": "google",
    "vertexai": "google",
    "x_ai": "x-ai",
    "xai": "x-ai",
    "x-ai": "x-ai",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "mistral": "mistral",
    "moonshot_ai": "moonshotai",
    "moonshot": "moonshotai",
    "moonshotai": "moonshotai",
    "deepseek": "deepseek",
    "cohere": "cohere",
    "cohere_chat": "cohere",
    "groq": "groq",
    "perplexity": "perplexity",
    "together_ai": "together",
    "fireworks_ai": "fireworks",
    "openrouter": "openrouter",
    "github_copilot": "github-copilot",
}
"""The price source's vendor id by what agents call the vendor: GenAI conventions, LangChain, LiteLLM prefixes."""

SELF_HOSTED = re.compile(r"ollama|vllm|llama[._-]?cpp|lm[._-]?studio|localai|sglang|mlx|self[._-]?hosted|local$")
"""Providers that are the user's own machine: nobody publishes a price for it."""

OWNERS = (
    (re.compile(r"claude-"), "anthropic"),
    (re.compile(r"gemini-"), "google"),
    (re.compile(r"gpt-(?!oss)|chatgpt-|o[134](-|$)|codex-|text-embedding-(3|ada)"), "openai"),
)
"""Models that only their maker sells under this name, so that the name alone says whose list price it has."""

OPEN_WEIGHTS = re.compile(r"(^|/)(gpt-oss|llama|meta-llama|qwen|gemma|mixtral|phi-|deepseek-(r1|v\d|ai)|kimi-k2|glm-)")
"""Models that many vendors sell at many prices: without the vendor's name their price is anybody's guess."""

NOT_A_HOST = frozenset({None, "openai"})
"""Who serves no open weights: nobody, and OpenAI, whose name on such a call is that of the client library."""

_BEDROCK = re.compile(
    r"(arn:aws[a-z-]*:bedrock:.*/)?((?:[a-z]{2}(?:-gov)?|apac|global)\.)?"
    r"(ai21|amazon|anthropic|cohere|deepseek|meta|mistral|openai|qwen|stability|writer)\.[a-z0-9]"
)
_RESOURCE = re.compile(r"(?:projects/.*/)?(?:publishers/[^/]+/)?(?:models|endpoints)/([^/]+)$")
_VARIANT = re.compile(r"\[[^\]]*\]$")
_VERSION = re.compile(r"(@[\w.-]+|[-.]20\d{2}-?[01]\d-?[0-3]\d|-v\d+(:\d+)?|:\d+|-latest)$")


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to understand a model id: whose model it is, where said, and its name there."""

    vendor: str | None
    model: str


def vendor_of(provider: str | None) -> str | None:
    """Return the price source's id of a provider, the lower-cased name where it is not in the table."""
    if provider is None or not provider.strip():
        return None
    name = provider.strip().lower()
    return VENDORS.get(name, name)


def owner_of(model: str) -> str | None:
    """Return the only vendor that sells a model under this name, where there is one."""
    return next((vendor for pattern, vendor in OWNERS if pattern.match(model)), None)


def readings(provider: str | None, model: str) -> Iterator[Reading]:
    """Yield the ways to read a model id, the most literal first."""
    vendor = vendor_of(provider)
    name = _VARIANT.sub("", model.strip().lower())
    if _BEDROCK.match(name):
        vendor, name = "aws", name.rsplit("/", 1)[-1] if name.startswith("arn:") else name
    elif resource := _RESOURCE.search(name):
        name = resource[1]
        vendor = vendor or "google"
    yield Reading(vendor, name)
    head, slash, tail = name.partition("/")
    if slash and (named := VENDORS.get(head)):
        if vendor is not None and vendor != named:
            yield Reading(vendor, tail)
        yield from readings(named, tail)
        name = tail
    undated = _VERSION.sub("", name)
    while undated != name and undated:
        yield Reading(vendor, undated)
        name, undated = undated, _VERSION.sub("", undated)
