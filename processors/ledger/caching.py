"""How providers cache prompts: data from their documentation, corrected by what a session observed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import gcd

from processors.model import ModelCall, Usage

SECOND = 1_000_000_000
HOUR_NS = 3_600 * SECOND
"""The longer lifetime that some providers sell."""


@dataclass(frozen=True, slots=True)
class CacheRule:
    """One provider's prompt cache."""

    step: int = 1
    """Cache reads are multiples of this many tokens."""
    minimum: int = 0
    """Prompts shorter than this are not cached."""
    lifetime_ns: int = 300 * SECOND
    """How long an entry surely lives after its last use, in nanoseconds."""

    def readable(self, tokens: int) -> int:
        """Count how many of `tokens` cached tokens can be read."""
        return 0 if tokens < self.minimum else tokens // self.step * self.step


RULES = {
    # https://platform.openai.com/docs/guides/prompt-caching: from 1,024 tokens, in increments of 128, 5-10 minutes.
    "openai": CacheRule(step=128, minimum=1024),
    "azure.ai.openai": CacheRule(step=128, minimum=1024),
    # https://docs.claude.com/en/docs/build-with-claude/prompt-caching: at least 1,024 tokens, 5 minutes by default.
    "anthropic": CacheRule(minimum=1024),
    "aws.bedrock": CacheRule(minimum=1024),
    # https://ai.google.dev/gemini-api/docs/caching: implicit caching, at least 1,024 tokens.
    "gcp.gemini": CacheRule(minimum=1024),
    "gcp.vertex_ai": CacheRule(minimum=1024),
    # https://api-docs.deepseek.com/guides/kv_cache: units of 64 tokens, kept for hours.
    "deepseek": CacheRule(step=64, minimum=64, lifetime_ns=HOUR_NS),
}
KNOWN_STEPS = (128, 64)
ENOUGH_READS = 3


Caches = Mapping[tuple[str | None, str | None], CacheRule]
"""The rules of a session, by provider and model."""


def cache_of(call: ModelCall) -> tuple[str | None, str | None]:
    """Name the cache that a call met."""
    return call.provider, call.model


def rules(calls: Iterable[ModelCall]) -> Caches:
    """Choose the rule of every model in a session: its provider's documented one, unless a call was seen to break it.

    A provider without a documented rule gets the step that all its reads share.
    """
    reads: dict[str | None, set[int]] = defaultdict(set)
    by_cache: dict[tuple[str | None, str | None], list[Usage]] = defaultdict(list)
    for call in calls:
        usages = by_cache[cache_of(call)]
        if call.usage is not None:
            usages.append(call.usage)
            reads[call.provider].update(filter(None, (call.usage.cache_read_input_tokens,)))
    by_provider = {provider: _observed(provider, reads[provider]) for provider, _ in by_cache}
    return {cache: _with_minimum(by_provider[cache[0]], usages) for cache, usages in by_cache.items()}


def _with_minimum(rule: CacheRule, usages: Sequence[Usage]) -> CacheRule:
    """Raise the minimum where a model wrote longer prompts only; some models' is above their provider's lowest.

    Only where writes are reported: that nothing was read may be for want of an entry.
    """
    cached = [usage.input_tokens or 0 for usage in usages if _touched(usage)]
    longest = max((usage.input_tokens or 0 for usage in usages if not _touched(usage)), default=0)
    wrote = any(usage.cache_write_input_tokens for usage in usages)
    if wrote and rule.minimum <= longest < min(cached):
        return replace(rule, minimum=longest + 1)
    return rule


def _touched(usage: Usage) -> bool:
    return bool(usage.cache_read_input_tokens or usage.cache_write_input_tokens)


def _observed(provider: str | None, reads: set[int]) -> CacheRule:
    shared = gcd(*reads) if reads else 0
    rule = RULES.get(provider or "")
    if rule is None:
        fitting = (step for step in KNOWN_STEPS if len(reads) >= ENOUGH_READS and shared % step == 0)
        return CacheRule(step=next(fitting, 1))
    if shared % rule.step:
        rule = replace(rule, step=1)
    return replace(rule, minimum=min(rule.minimum, min(reads, default=rule.minimum)))
