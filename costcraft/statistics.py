"""The statistics that an evaluation needs: a cluster bootstrap, an interval of changes, and two exact tests."""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist
from typing import TypeVar

T = TypeVar("T")

TAIL = 0.025
"""What lies beyond each end of a 95 % interval."""
NORMAL = NormalDist()
_MOST_CLUSTERS = 2_000
DOUBT = 0.25
"""Clusters that are supposed to have got worse, and as many to have got better, beyond those that were seen. Without
them an interval of changes that nobody saw would have no width, however few clusters there are."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % interval."""

    estimate: float
    low: float
    high: float

    @classmethod
    def of(cls, estimate: float, resampled: Sequence[float], tail: float = TAIL) -> Interval:
        """Take the quantiles of resampled figures that leave a share of `tail` at each end."""
        ordered = sorted(resampled)
        last = len(ordered) - 1
        return cls(estimate, ordered[math.floor(tail * last)], ordered[math.ceil((1 - tail) * last)])

    def __format__(self, spec: str) -> str:
        return f"{self.estimate:{spec}} ({self.low:{spec}} to {self.high:{spec}})"


def bootstrap(
    clusters: Sequence[Sequence[T]], figure: Callable[[Sequence[T]], float], *, resamples: int, seed: int
) -> Interval:
    """Return `figure` over all members, with an interval from resampling whole clusters with replacement.

    Resampled figures vary too little where clusters are few, so their quantiles lie further out than 2.5 %: the
    expanded percentile interval of Hesterberg 2015, 'What Teachers Should Know About the Bootstrap'.
    """
    generator = random.Random(seed)  # noqa: S311 - resampling, not secrets
    estimate = figure([member for cluster in clusters for member in cluster])
    resampled = [
        figure([member for cluster in generator.choices(clusters, k=len(clusters)) for member in cluster])
        for _ in range(resamples)
    ]
    return Interval.of(estimate, resampled, _expanded_tail(len(clusters)))


def change(clusters: Sequence[Sequence[float]]) -> Interval:
    """Return the mean of some changes between -1 and 1, with an interval that takes clusters for independent.

    Also where no cluster changed the interval has a width, which shrinks with their number. Source: Agresti and Min
    2005, 'Simple improved confidence intervals for comparing matched proportions', with the prior weight of `DOUBT`.
    """
    members = [member for cluster in clusters for member in cluster]
    means = [math.fsum(cluster) / len(cluster) for cluster in clusters]
    weight = len(means) + 4 * DOUBT
    centre = math.fsum(means) / weight
    squares = (math.fsum(mean * mean for mean in means) + 2 * DOUBT) / weight
    reach = _t_quantile(len(means) - 1) * math.sqrt((squares - centre * centre) / weight)
    estimate = math.fsum(members) / len(members)
    return Interval(estimate, max(-1.0, min(estimate, centre - reach)), min(1.0, max(estimate, centre + reach)))


def unchanged_clusters(low: float) -> int | None:
    """Return how many clusters without any change it takes for `change` to stay above `low`; None for thousands."""
    counts = range(2, _MOST_CLUSTERS)
    found = bisect_left(counts, low, key=lambda count: change([[0.0]] * count).low)
    return counts[found] if found < len(counts) else None


def _expanded_tail(clusters: int) -> float:
    """Return the share of resampled figures to leave at each end; none where there is nothing to resample."""
    if clusters <= 1:
        return 0.0
    return NORMAL.cdf(-_t_quantile(clusters - 1) * math.sqrt(clusters / (clusters - 1)))


def _t_quantile(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's t; right to 0.2 % from five degrees of freedom, infinite at none.

    Source: Abramowitz and Stegun 26.7.5.
    """
    if freedom < 1:
        return math.inf
    z = NORMAL.inv_cdf(1 - TAIL)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


def fewer_by_chance(few: int, of_few: int, many: int, of_many: int) -> float:
    """Return how likely at most `few` of `of_few` show what `many` of `of_many` show if both show it equally often.

    Source: Fisher's exact test, one-sided.
    """
    showing = few + many
    ways = sum(math.comb(of_few, k) * math.comb(of_many, showing - k) for k in range(few + 1))
    return ways / math.comb(of_few + of_many, showing)


def mcnemar_exact(worse: int, better: int) -> float:
    """Return the two-sided exact p-value that `worse` and `better` discordant pairs are equally likely.

    Source: McNemar 1947, in the exact binomial form. No discordant pair gives 1.
    """
    discordant = worse + better
    if discordant == 0:
        return 1.0
    tail = sum(math.comb(discordant, k) for k in range(min(worse, better) + 1))
    return min(1.0, float(Fraction(2 * tail, 1 << discordant)))
