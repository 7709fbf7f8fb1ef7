"""How many tokens a text has in the simulated models: bytes per token differ by kind, and a little by text."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Kind(StrEnum):
    """What sort of text stands in a prompt."""

    PROSE = "prose"
    JSON = "json"
    CODE = "code"
    TABLE = "table"
    ARGUMENTS = "arguments"


RANGES = {
    Kind.PROSE: (3.6, 4.8),
    Kind.JSON: (1.9, 2.8),
    Kind.CODE: (2.7, 3.6),
    Kind.TABLE: (2.0, 2.6),
    Kind.ARGUMENTS: (2.2, 3.4),
}
"""Bytes per token, lowest and highest over tokenizers."""


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """One model's bytes per token and what a message and a tool call cost beside their text."""

    bytes_per_token: dict[Kind, float]
    per_message: int
    per_tool_call: int
    spread: float

    @classmethod
    def draw(cls, random: Random) -> Tokenizer:
        """Draw a tokenizer."""
        return cls(
            bytes_per_token={kind: random.uniform(*limits) for kind, limits in RANGES.items()},
            per_message=random.randint(3, 6),
            per_tool_call=random.randint(4, 12),
            spread=random.uniform(0.02, 0.12),
        )

    def count(self, text: str, kind: Kind) -> int:
        """Count the tokens of a text: the same text always has the same count."""
        if not text:
            return 0
        data = text.encode()
        noise = 1 + self.spread * (zlib.crc32(data) / 2**31 - 1)
        return max(1, round(len(data) / self.bytes_per_token[kind] * noise))
