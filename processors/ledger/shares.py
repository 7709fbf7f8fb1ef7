"""Splits whole units by weight, without losing one."""

from __future__ import annotations

from collections.abc import Sequence


def share(total: int, weights: Sequence[float]) -> list[int]:
    """Split `total` in proportion to weights by largest remainder; the parts sum to `total` exactly.

    Evenly where all weights are zero; of equal remainders the earlier one wins.
    """
    if not weights:
        return []
    whole = sum(weights)
    if whole <= 0:
        weights, whole = [1.0] * len(weights), float(len(weights))
    exact = [total * (weight / whole) for weight in weights]
    parts = [int(value // 1) for value in exact]
    left = total - sum(parts)
    order = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for turn in range(abs(left)):
        parts[order[turn % len(order)]] += 1 if left > 0 else -1
    return parts


def share_exactly(total: int, tokens: Sequence[int]) -> list[int]:
    """Split units of money in proportion to whole tokens by largest remainder, without floating point."""
    whole = sum(tokens)
    if whole <= 0:
        return share(total, [0.0] * len(tokens))
    parts = [total * count // whole for count in tokens]
    order = sorted(range(len(parts)), key=lambda i: (-(total * tokens[i] % whole), i))
    for i in order[: total - sum(parts)]:
        parts[i] += 1
    return parts
