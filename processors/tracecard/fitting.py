"""A card cut to size: the cheapest entries go first, and the card says how many went."""

from __future__ import annotations

from collections.abc import Mapping

from processors import plain_text
from processors.tracecard.model import TraceCard

MAX_BYTES = 4_000
"""No card is larger, in UTF-8."""
LONGEST: Mapping[str, int] = {
    "top_cost_spans": 6,
    "redundant_tool_calls": 5,
    "sub_agents": 4,
    "failed_or_repaired_steps": 5,
    "findings": 5,
    "gaps": 6,
}
"""How many entries a list has at most."""
MOST_MODELS = 8
MOST_REASONS = 4


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
    while len(cut.to_yaml().encode()) > MAX_BYTES:
        smaller = _without_cheapest(cut)
        if smaller is None:
            return cut
        cut = smaller
    return cut


def _without_cheapest(card: TraceCard) -> TraceCard | None:
    """Drop the last entry of the list that takes the most room."""
    data = card.to_data()
    sizes = {key: len(plain_text.flow(data[key])) for key in LONGEST if key in data}
    if not sizes:
        return None
    key = max(sizes, key=lambda name: (sizes[name], name))
    left_out = dict(card.left_out)
    _note(left_out, key, 1)
    return card.model_copy(update={key: getattr(card, key)[:-1], "left_out": left_out})


def _note(left_out: dict[str, int], key: str, count: int) -> None:
    if count > 0:
        left_out[key] = left_out.get(key, 0) + count
