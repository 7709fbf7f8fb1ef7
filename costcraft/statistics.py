"""The two statistics that an evaluation needs: a cluster bootstrap and McNemar's exact test."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % interval."""

    estimate: float
    low: float
    high: float

    @classmethod
    def of(cls, estimate: float, resampled: Sequence[float]) -> Interval:
        """Take the 2.5 % and 97.5 % quantiles of resampled figures (percentile method)."""
        ordered = sorted(resampled)
        last = len(ordered) - 1
        return cls(estimate, ordered[math.floor(0.025 * last)], ordered[math.ceil(0.975 * last)])

    def __format__(self, spec: str) -> str:
        return f"{self.estimate:{spec}} ({self.low:{spec}} to {self.high:{spec}})"


def bootstrap(
    clusters: Sequence[Sequence[T]], figure: Callable[[Sequence[T]], float], *, resamples: int, seed: int
) -> Interval:
    """Return `figure` over all members, with an interval from resampling whole clusters with replacement."""
    generator = random.Random(seed)  # noqa: S311 - resampling, not secrets
    estimate = figure([member for cluster in clusters for member in cluster])
    resampled = [
        figure([member for cluster in generator.choices(clusters, k=len(clusters)) for member in cluster])
        for _ in range(resamples)
    ]
    return Interval.of(estimate, resampled)


def mcnemar_exact(worse: int, better: int) -> float:
    """Return the two-sided exact p-value that `worse` and `better` discordant pairs are equally likely.

    Source: McNemar 1947, in the exact binomial form. No discordant pair gives 1.
    """
    discordant = worse + better
    if discordant == 0:
        return 1.0
    tail = sum(math.comb(discordant, k) for k in range(min(worse, better) + 1))
    return min(1.0, float(Fraction(2 * tail, 1 << discordant)))
