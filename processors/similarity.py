"""Exact similarity search over many strings, without a full comparison of every pair.

Callers give each string once; only pairs whose lengths and whose character histograms allow the wanted
similarity are compared, and the comparison stops as soon as it cannot be reached.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence

from rapidfuzz.distance import Levenshtein

BUCKETS = 64


def similarity(left: str, right: str, cutoff: float = 0.0) -> float:
    """Normalised Levenshtein similarity, 1 for equal strings; 0 where it is below `cutoff`."""
    if left == right:
        return 1.0
    return Levenshtein.normalized_similarity(left, right, score_cutoff=cutoff)


def alike(left: str, right: str, cutoff: float) -> bool:
    """Whether two strings are at least `cutoff` similar."""
    return similarity(left, right, cutoff) >= cutoff > 0 or left == right


def similar_pairs(texts: Sequence[str], cutoff: float) -> list[tuple[int, int]]:
    """List the pairs `(i, j)`, i < j, of distinct texts that are at least `cutoff` similar; exact.

    Give each text once.
    """
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    lengths = [len(texts[i]) for i in order]
    histograms = [_histogram(texts[i]) for i in order]
    found: list[tuple[int, int]] = []
    for position, i in enumerate(order):
        longest = int(lengths[position] / cutoff) if cutoff > 0 else max(lengths)
        for other in range(position + 1, bisect_right(lengths, longest)):
            allowed = (1 - cutoff) * lengths[other] + 1e-9
            if _least_edits(histograms[position], histograms[other]) > allowed:
                continue
            j = order[other]
            if similarity(texts[i], texts[j], cutoff) >= cutoff:
                found.append((min(i, j), max(i, j)))
    return sorted(found)


def _histogram(text: str) -> tuple[int, ...]:
    counts = [0] * BUCKETS
    for character, count in Counter(text).items():
        counts[ord(character) % BUCKETS] += count
    return tuple(counts)


def _least_edits(left: Sequence[int], right: Sequence[int]) -> int:
    """Bound the edit distance from below: one edit removes at most one surplus and one shortage."""
    surplus = lack = 0
    for mine, theirs in zip(left, right, strict=True):
        if mine > theirs:
            surplus += mine - theirs
        else:
            lack += theirs - mine
    return max(surplus, lack)
