"""How providers cache prompts: data from their documentation, corrected by what a session observed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import gcd

from processors.model import ModelCall

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


def rules(calls: Iterable[ModelCall]) -> dict[str | None, CacheRule]:
    """Choose the rule of every provider in a session: the documented one, unless a read was seen to break it.

    A provider without a documented rule gets the step that all its reads share.
    """
    reads: dict[str | None, set[int]] = defaultdict(set)
    for call in calls:
        read = call.usage.cache_read_input_tokens if call.usage is not None else None
        reads[call.provider].update({read} if read else ())
    return {provider: _observed(provider, seen) for provider, seen in reads.items()}


def _observed(provider: str | None, reads: set[int]) -> CacheRule:
    shared = gcd(*reads) if reads else 0
    rule = RULES.get(provider or "")
    if rule is None:
        fitting = (step for step in KNOWN_STEPS if len(reads) >= ENOUGH_READS and shared % step == 0)
        return CacheRule(step=next(fitting, 1))
    if shared % rule.step:
        rule = replace(rule, step=1)
    return replace(rule, minimum=min(rule.minimum, min(reads, default=rule.minimum)))
