"""A vendor's usage as Python prints the client's object: some producers send cached and reasoning tokens only so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_COUNTS: Final = {
    "input": re.compile(r"\b(?:prompt_tokens|input_tokens)=(\d+)"),
    "output": re.compile(r"\b(?:completion_tokens|output_tokens)=(\d+)"),
    "cache_read": re.compile(r"\b(?:cached_tokens|cache_read_input_tokens)=(\d+)"),
    "cache_write": re.compile(r"\b(?:cache_write_tokens|cache_creation_input_tokens)=(\d+)"),
    "reasoning": re.compile(r"\breasoning_tokens=(\d+)"),
}


def printed_counts(usage: str) -> Mapping[str, int]:
    """Return the counts in a printed usage by their names in `Counts`; those that it does not hold are left out."""
    found = {name: pattern.search(usage) for name, pattern in _COUNTS.items()}
    return {name: int(match[1]) for name, match in found.items() if match is not None}
