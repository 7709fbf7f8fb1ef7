"""Counting: a token is four characters of canonical JSON, and a prompt that begins like an earlier one is cached.

The rules are the providers': OpenAI caches prefixes from 1,024 tokens on in steps of 128 by itself; Anthropic caches
up to the blocks that carry `cache_control`, charges for writing, and reports both apart from `input_tokens`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

CHARACTERS_PER_TOKEN: Final = 4
CACHE_MINIMUM: Final = 1024
CACHE_STEP: Final = 128


@dataclass(frozen=True, slots=True)
class Prompt:
    """Tokens of one prompt; `input_tokens` includes what was read from and written to the cache."""

    input_tokens: int
    cache_read: int = 0
    cache_write: int = 0


def canonical(value: object) -> str:
    """Return the text whose length is counted."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def count(text: str) -> int:
    """Return the tokens of a text, rounded up."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


@dataclass(slots=True)
class PrefixCache:
    """Prompts seen so far, per model."""

    _prompts: dict[str, list[str]] = field(default_factory=dict)
    _breakpoints: dict[str, set[str]] = field(default_factory=dict)

    def automatic(self, model: str, text: str) -> Prompt:
        """Count an OpenAI prompt and remember it."""
        seen = self._prompts.setdefault(model, [])
        shared = max((_common(text, earlier) for earlier in seen), default=0) // CHARACTERS_PER_TOKEN
        seen.append(text)
        cached = shared // CACHE_STEP * CACHE_STEP if shared >= CACHE_MINIMUM else 0
        return Prompt(count(text), cache_read=min(cached, count(text)))

    def explicit(self, model: str, blocks: Iterable[Mapping[str, Any]]) -> Prompt:
        """Count an Anthropic prompt and remember the prefixes that its `cache_control` blocks end."""
        stored = self._breakpoints.setdefault(model, set())
        prefix, read, marked = "", 0, 0
        for block in blocks:
            prefix += canonical({key: value for key, value in block.items() if key != "cache_control"})
            length = count(prefix)
            if length < CACHE_MINIMUM:
                continue
            if prefix in stored:
                read = length
            if block.get("cache_control"):
                marked = length
                stored.add(prefix)
        return Prompt(count(prefix), cache_read=min(read, marked), cache_write=max(marked - read, 0))


def _common(one: str, other: str) -> int:
    """Return the length of the shared beginning, by halving: prompts are long and mostly equal."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low
