"""Cuts a card to size: the cheapest entries are dropped first, and the card says how many."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from collector.strict_yaml import Value
from processors import plain_text
from processors.tracecard.model import TraceCard

MAX_BYTES: Final = 4_000
"""No card is larger, in UTF-8."""
TARGET_BYTES: Final = 1_500
"""Above it lists are cut to what a reader needs to see of each."""
LONGEST: Final[Mapping[str, int]] = MappingProxyType(
    {
        "top_cost_spans": 6,
        "redundant_tool_calls": 5,
        "sub_agents": 4,
        "failed_or_repaired_steps": 5,
        "findings": 5,
        "gaps": 6,
    }
)
"""How many entries a list has at most."""
SHORTEST: Final[Mapping[str, int]] = MappingProxyType(
    {
        "top_cost_spans": 3,
        "redundant_tool_calls": 2,
        "sub_agents": 2,
        "failed_or_repaired_steps": 2,
        "findings": 2,
        "gaps": 3,
    }
)
"""How many entries a list keeps while the card is no larger than it may be."""
NOTHING: Final[Mapping[str, int]] = MappingProxyType(dict.fromkeys(LONGEST, 0))
MOST_MODELS: Final = 8
MOST_REASONS: Final = 4


def fit(card: TraceCard) -> TraceCard:
    """Return the card with every list cut to its length, and further while the whole is too large."""
    left_out = dict(card.left_out)
    kept = {key: _cut(left_out, key, len(getattr(card, key)), longest) for key, longest in LONGEST.items()}
    models = _first(left_out, "models", card.models, MOST_MODELS)
    why = _first(left_out, "why", card.cost_coverage.why, MOST_REASONS)
    cut = card.model_copy(
        update={
            "models": models,
            "cost_coverage": card.cost_coverage.model_copy(update={"why": why}),
            **{key: getattr(card, key)[:count] for key, count in kept.items()},
            "left_out": left_out,
        }
    )
    data = cut.to_data()
    if not _shrunk(data, kept, left_out, TARGET_BYTES, SHORTEST):
        _shrunk(data, kept, left_out, MAX_BYTES, NOTHING)
    return cut.model_copy(
        update={**{key: getattr(card, key)[:count] for key, count in kept.items()}, "left_out": left_out}
    )


def _shrunk(
    data: dict[str, Value], kept: dict[str, int], left_out: dict[str, int], most_bytes: int, shortest: Mapping[str, int]
) -> bool:
    """Drop the last entry of the list that takes the most room until the card fits; False once nothing more may go."""
    while len(plain_text.to_yaml(data).encode()) > most_bytes:
        sizes = {key: len(plain_text.flow(data[key])) for key, count in kept.items() if count > shortest[key]}
        if not sizes:
            return False
        key = max(sizes, key=lambda name: (sizes[name], name))
        kept[key] = _cut(left_out, key, kept[key], kept[key] - 1)
        entries = data[key]
        data[key] = entries[: kept[key]] if isinstance(entries, list) else []
        data["left_out"] = {**left_out}
    return True


def _cut(left_out: dict[str, int], key: str, length: int, longest: int) -> int:
    """Return how many entries stay, and count those that do not."""
    if length > longest:
        left_out[key] = left_out.get(key, 0) + length - longest
    return min(length, longest)


def _first(left_out: dict[str, int], key: str, counts: Mapping[str, int], most: int) -> dict[str, int]:
    return dict(list(counts.items())[: _cut(left_out, key, len(counts), most)])
