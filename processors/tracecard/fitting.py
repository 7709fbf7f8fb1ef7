"""A card cut to size: the cheapest entries go first, and the card says how many went."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

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
    update: dict[str, object] = {}
    for key, longest in LONGEST.items():
        items: tuple[object, ...] = getattr(card, key)
        _note(left_out, key, len(items) - longest)
        update[key] = items[:longest]
    models = dict(list(card.models.items())[:MOST_MODELS])
    _note(left_out, "models", len(card.models) - len(models))
    why = dict(list(card.cost_coverage.why.items())[:MOST_REASONS])
    _note(left_out, "why", len(card.cost_coverage.why) - len(why))
    coverage = card.cost_coverage.model_copy(update={"why": why})
    cut = card.model_copy(update={**update, "models": models, "cost_coverage": coverage, "left_out": left_out})
    return _shrunk(_shrunk(cut, TARGET_BYTES, SHORTEST), MAX_BYTES, NOTHING)


def _shrunk(card: TraceCard, most_bytes: int, shortest: Mapping[str, int]) -> TraceCard:
    """Drop the last entry of the list that takes the most room until the card fits or nothing more may go."""
    while len(card.to_yaml().encode()) > most_bytes:
        data = card.to_data()
        sizes = {key: len(plain_text.flow(data[key])) for key in LONGEST if len(getattr(card, key)) > shortest[key]}
        if not sizes:
            return card
        key = max(sizes, key=lambda name: (sizes[name], name))
        left_out = dict(card.left_out)
        _note(left_out, key, 1)
        card = card.model_copy(update={key: getattr(card, key)[:-1], "left_out": left_out})
    return card


def _note(left_out: dict[str, int], key: str, count: int) -> None:
    if count > 0:
        left_out[key] = left_out.get(key, 0) + count
