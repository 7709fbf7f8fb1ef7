"""Token counts of Vercel AI SDK 3 to 6, whose own names say too little where the vendor's metadata says it all.

Versions 3 and 4 have no name for cached tokens, nor has `generateText` of version 5. Up to version 5 the counts are the
vendor's: Anthropic's input leaves cached tokens out, Gemini's output its thoughts, which versions 3 and 4 cannot name:
what a model that thinks has put out is not known then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from collector.model import Attributes
from processors.normalise.provider import gemini_may_think
from processors.normalise.usage import Counts
from processors.normalise.values import Json, as_count, count, mapping, structured, text

_OLDEST = "ai.usage.promptTokens"
_CACHE_READ = ("ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.cachedInputTokens")


def counts(sent: Attributes) -> Counts:
    """Return the counts under the names of every version, with what the vendor's metadata knows better."""
    own = Counts(
        input=count(
            sent, "ai.usage.inputTokens", "ai.usage.promptTokens", "gen_ai.usage.input_tokens", "ai.usage.tokens"
        ),
        cache_read=count(sent, *_CACHE_READ),
        cache_write=count(sent, "ai.usage.inputTokenDetails.cacheWriteTokens"),
        output=count(sent, "ai.usage.outputTokens", "ai.usage.completionTokens", "gen_ai.usage.output_tokens"),
        reasoning=count(sent, "ai.usage.outputTokenDetails.reasoningTokens", "ai.usage.reasoningTokens"),
        total=count(sent, "ai.usage.totalTokens"),
        cached_input="unknown",
    )
    if any(key.startswith(("ai.usage.inputTokenDetails.", "ai.usage.outputTokenDetails.")) for key in sent):
        return own  # version 6 names every part, and made them alike for all vendors
    told = mapping(structured(sent.get("ai.response.providerMetadata")))
    anthropic, google, openai = (mapping(told.get(name)) for name in ("anthropic", "google", "openai"))
    if anthropic:
        return _anthropic(own, anthropic)
    if "usageMetadata" in google:
        return _google(own, mapping(google["usageMetadata"]))
    if _OLDEST in sent and _thinks(sent):
        return replace(own, output=None)
    return replace(
        own,
        cache_read=_either(own.cache_read, openai.get("cachedPromptTokens")),
        reasoning=_either(own.reasoning, openai.get("reasoningTokens")),
    )


def names_cached(sent: Attributes) -> bool:
    """Tell whether the span could have named cached tokens: one with the oldest names alone could not."""
    return _OLDEST not in sent or counts(sent).cache_read is not None


def _thinks(sent: Attributes) -> bool:
    """Tell whether the answer may hold thoughts of a Gemini model."""
    provider, model = text(sent, "ai.model.provider") or "", text(sent, "ai.model.id") or ""
    return provider.startswith("google.") and gemini_may_think(model)


def _anthropic(own: Counts, told: Mapping[str, Json]) -> Counts:
    usage = mapping(told.get("usage"))
    lifetimes = mapping(usage.get("cache_creation"))
    read = _either(as_count(usage.get("cache_read_input_tokens")), told.get("cacheReadInputTokens"))
    if read is None and own.cache_read is None:
        return own
    return replace(
        own,
        input=_either(as_count(usage.get("input_tokens")), own.input),
        cache_read=_either(read, own.cache_read),
        cache_write=_either(as_count(usage.get("cache_creation_input_tokens")), told.get("cacheCreationInputTokens")),
        cache_write_5m=as_count(lifetimes.get("ephemeral_5m_input_tokens")),
        cache_write_1h=as_count(lifetimes.get("ephemeral_1h_input_tokens")),
        total=None,
        cached_input="exclusive",
    )


def _google(own: Counts, told: Mapping[str, Json]) -> Counts:
    return replace(
        own,
        input=_either(as_count(told.get("promptTokenCount")), own.input),
        cache_read=as_count(told.get("cachedContentTokenCount")) or 0,
        output=_either(as_count(told.get("candidatesTokenCount")), own.output),
        reasoning=as_count(told.get("thoughtsTokenCount")) or 0,
        cached_input="inclusive",
        reasoning_output="exclusive",
    )


def _either(known: int | None, other: object) -> int | None:
    return known if known is not None else as_count(other)
