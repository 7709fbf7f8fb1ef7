"""The usage object of the Anthropic API, as Claude Code's lines hold it."""

from __future__ import annotations

from typing import Final

from processors.session_logs.lines import Record, count, items, record, text
from processors.session_logs.trace import Tokens

_OWN: Final = frozenset({"message", "fallback_message"})
"""Kinds of iterations that the figures at the top include."""


def tokens_of(usage: Record) -> Tokens:
    """Return the tokens of a usage object or of one of its iterations, the cache inside the input."""
    fresh, read = count(usage.get("input_tokens")), count(usage.get("cache_read_input_tokens"))
    written, lifetimes = count(usage.get("cache_creation_input_tokens")), record(usage.get("cache_creation"))
    five, hour = (count(lifetimes.get(f"ephemeral_{time}_input_tokens")) for time in ("5m", "1h"))
    if written is None and (five is not None or hour is not None):
        written = (five or 0) + (hour or 0)
    return Tokens(
        input=None if fresh is None else fresh + (read or 0) + (written or 0),
        cache_read=read,
        cache_write=written,
        cache_write_1h=hour,
        output=count(usage.get("output_tokens")),
        reasoning=count(record(usage.get("output_tokens_details")).get("thinking_tokens")),
    )


def better(usage: Record, other: Record) -> Record:
    """Return the later state of a response that streams: counts only grow."""
    return other if usage != other and _size(other) >= _size(usage) else usage


def vary(usage: Record, other: Record) -> bool:
    """Tell whether two lines tell of prompts of different sizes, as no two lines of one response do."""
    if usage == other:
        return False
    one, two = tokens_of(usage).input, tokens_of(other).input
    return bool(one) and bool(two) and one != two


def advised(usage: Record) -> list[Record]:
    """Return the iterations that are billed beside the figures at the top: another model's advice, a compaction."""
    return [entry for entry in items(usage.get("iterations")) if (text(entry.get("type")) or "message") not in _OWN]


def _size(usage: Record) -> tuple[int, int]:
    tokens = tokens_of(usage)
    return tokens.output if tokens.output is not None else -1, tokens.input if tokens.input is not None else -1
