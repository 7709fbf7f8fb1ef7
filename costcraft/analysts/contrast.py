"""What sessions that passed did and sessions that failed in one way did not, beyond what chance would show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from costcraft.analysts.behaviours import Behaviour
from costcraft.statistics import fewer_by_chance

MOST = 0.9
"""The share of passing sessions that must share a behaviour before its absence explains a failure."""
CHANCE = 0.05
"""How likely one kind of failure in a family may be explained although nothing but chance was at work."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """The behaviours that explain one kind of failure, most telling first.

    Most telling is what is rarest among failures compared with passes, then what names the tool that it comes after.
    """

    telling: tuple[Behaviour, ...]
    alone: bool
    """Too few sessions to rule out chance: a failure is explained only where a single tool is missing."""

    @classmethod
    def of(cls, passed: Sequence[frozenset[Behaviour]], failed: Sequence[frozenset[Behaviour]]) -> Contrast:
        """Compare passes with the failures of one kind, every tool that passes used being one more chance to be wrong.

        Where sessions are so few that nothing rules chance out, what explains a failure must part both cleanly.
        """
        among_passes = Counter(behaviour for shown in passed for behaviour in shown)
        among_failures = Counter(behaviour for shown in failed for behaviour in shown)
        shared = {behaviour: count for behaviour, count in among_passes.items() if count >= MOST * len(passed)}
        chance = CHANCE / max(1, len({behaviour.tool for behaviour in among_passes}))
        alone = fewer_by_chance(0, len(failed), len(passed), len(passed)) > chance
        difference = {
            behaviour: count / len(passed) - among_failures[behaviour] / len(failed)
            for behaviour, count in shared.items()
            if (
                count == len(passed) and not among_failures[behaviour]
                if alone
                else fewer_by_chance(among_failures[behaviour], len(failed), count, len(passed)) <= chance
            )
        }
        return cls(_by_difference(difference), alone)

    def explains(self, done: frozenset[Behaviour]) -> Behaviour | None:
        """Return the most telling behaviour that a failure lacks, although it did what should have come before."""
        used = {behaviour.tool for behaviour in done}
        missing = [b for b in self.telling if b not in done and (b.after is None or b.after in used)]
        if self.alone and len({behaviour.tool for behaviour in missing}) > 1:
            return None
        return next(iter(missing), None)


def _by_difference(difference: Mapping[Behaviour, float]) -> tuple[Behaviour, ...]:
    return tuple(sorted(difference, key=lambda b: (-difference[b], b.after is None, str(b))))
