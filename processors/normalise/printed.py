"""Objects of vendors' clients and of frameworks as Python prints them: some producers send them only so."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Final

_IS: Final = r"(?:=|': )(\d{1,15})(?!\d)"
"""What stands between a name and its number, in an object and in a mapping; a longer number is no count of tokens."""
_COUNTS: Final = {
    "input": re.compile(rf"\b(?:prompt_tokens|input_tokens){_IS}"),
    "output": re.compile(rf"\b(?:completion_tokens|output_tokens){_IS}"),
    "cache_read": re.compile(rf"\b(?:cached_tokens|cache_read_input_tokens){_IS}"),
    "cache_write": re.compile(rf"\b(?:cache_write_tokens|cache_creation_input_tokens){_IS}"),
    "reasoning": re.compile(rf"\breasoning_tokens{_IS}"),
}

_PRINTED_TOOL_MESSAGE: Final = re.compile(
    r"""content=('(?:[^'\\\n]|\\[^N\n])*'|"(?:[^"\\\n]|\\[^N\n])*")(?: \w+=.*)? tool_call_id='""", re.DOTALL
)


def printed_counts(usage: str) -> Mapping[str, int]:
    """Return the counts in a printed usage by their names in `Counts`; those that it does not hold are left out."""
    found = {name: pattern.search(usage) for name, pattern in _COUNTS.items()}
    return {name: int(match[1]) for name, match in found.items() if match is not None}


def printed_content(said: str) -> str:
    """Return the content of a printed tool message, which names the call's id after it; other text as it is."""
    printed = _PRINTED_TOOL_MESSAGE.match(said)
    if printed is None:
        return said
    try:
        return str(ast.literal_eval(printed[1]))
    except (ValueError, SyntaxError):  # an escape that was cut off
        return said
