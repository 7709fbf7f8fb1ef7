"""Whole units shared out by weight, to the last one."""

from __future__ import annotations

import pytest

from processors.ledger.shares import share, share_exactly


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (10, [1.0, 1.0], [5, 5]),
        (10, [1.0, 1.0, 1.0], [4, 3, 3]),
        (11, [1.0, 1.0, 1.0], [4, 4, 3]),
        (10, [1.0, 2.0, 4.0], [1, 3, 6]),
        (7, [0.0, 0.0], [4, 3]),
        (7, [0.0, 3.0], [0, 7]),
        (0, [1.0, 2.0], [0, 0]),
        (5, [], []),
    ],
)
def test_the_largest_remainders_get_the_units_left_over(total: int, weights: list[float], parts: list[int]) -> None:
    """Each part is its weight's, rounded so that all sum to the total; evenly without weights, earlier ones first."""
    assert share(total, weights) == parts


@pytest.mark.parametrize(
    ("total", "tokens", "parts"),
    [
        (10, [1, 1, 1], [4, 3, 3]),
        (10, [1, 2, 4], [1, 3, 6]),
        (7, [0, 0], [4, 3]),
        (7, [0, 1], [0, 7]),
        (10**30 + 1, [1, 1], [5 * 10**29 + 1, 5 * 10**29]),
    ],
)
def test_money_is_shared_without_rounding(total: int, tokens: list[int], parts: list[int]) -> None:
    """The same by whole tokens, exact where a float is not."""
    assert share_exactly(total, tokens) == parts
