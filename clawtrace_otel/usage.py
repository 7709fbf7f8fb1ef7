"""Token counts as the helpers take them, checked once and turned into the convention's attributes."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Final, TypedDict

from clawtrace_otel import semconv


class Usage(TypedDict, total=False):
    """Tokens of one model call; a key left out, or None, is 'not reported' and never zero.

    `input_tokens` includes cache reads and writes, as OpenAI counts; where the provider reports the rest apart, as
    Anthropic does, give its `input_tokens` as `uncached_input_tokens` instead. `output_tokens` includes reasoning.
    """

    input_tokens: int | None
    uncached_input_tokens: int | None
    cache_read_input_tokens: int | None
    cache_write_input_tokens: int | None
    output_tokens: int | None
    reasoning_output_tokens: int | None


ATTRIBUTES: Final[Mapping[str, str]] = {
    "input_tokens": semconv.USAGE_INPUT_TOKENS,
    "cache_read_input_tokens": semconv.USAGE_CACHE_READ_INPUT_TOKENS,
    "cache_write_input_tokens": semconv.USAGE_CACHE_WRITE_INPUT_TOKENS,
    "output_tokens": semconv.USAGE_OUTPUT_TOKENS,
    "reasoning_output_tokens": semconv.USAGE_REASONING_OUTPUT_TOKENS,
}


def usage_attributes(usage: Mapping[str, object]) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return the attributes to record, and why what is missing from them was rejected, in words for a user."""
    counts: dict[str, int] = {}
    reasons: list[str] = []
    for name, value in usage.items():
        if name not in Usage.__annotations__:
            reasons.append(f"{name} is not a known token count; use one of {', '.join(Usage.__annotations__)}")
        elif value is not None:
            count = _count(value)
            if count is None:
                reasons.append(f"{name} must be a whole number from 0 on, not {value!r:.40}")
            else:
                counts[name] = count
    reasons += _reconcile_input(counts)
    reasons += _reconcile_output(counts)
    return {ATTRIBUTES[name]: count for name, count in counts.items()}, tuple(reasons)


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        return None
    count = operator.index(value)
    # OTLP integers have 64 bits; a larger one would cost the whole batch.
    return count if 0 <= count < 2**63 else None


def _reconcile_input(counts: dict[str, int]) -> list[str]:
    """Fold `uncached_input_tokens` into the whole, and drop an input whose parts exceed it."""
    uncached = counts.pop("uncached_input_tokens", None)
    cached = counts.get("cache_read_input_tokens", 0) + counts.get("cache_write_input_tokens", 0)
    if uncached is not None and counts.setdefault("input_tokens", uncached + cached) != uncached + cached:
        reason = "input_tokens and uncached_input_tokens contradict each other; give one of them"
    elif counts.get("input_tokens", cached) < cached:
        reason = (
            f"{cached} cached tokens exceed input_tokens ({counts['input_tokens']}); "
            "where the provider counts them apart, give its input_tokens as uncached_input_tokens"
        )
    else:
        return []
    for name in ("input_tokens", "cache_read_input_tokens", "cache_write_input_tokens"):
        counts.pop(name, None)
    return [reason]


def _reconcile_output(counts: dict[str, int]) -> list[str]:
    reasoning = counts.get("reasoning_output_tokens", 0)
    output = counts.get("output_tokens", reasoning)
    if reasoning <= output:
        return []
    del counts["output_tokens"], counts["reasoning_output_tokens"]
    return [f"{reasoning} reasoning tokens exceed output_tokens ({output}), which must include them"]
