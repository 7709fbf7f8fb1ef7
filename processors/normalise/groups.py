"""Sightings of one model call, found together rule by rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from processors.normalise.work import Work


class Groups:
    """Sets of sightings of one call (union-find), and the rule by which each joined."""

    def __init__(self, calls: Iterable[Work]) -> None:
        self._leader: dict[Work, Work] = {call: call for call in calls}
        self.rule: dict[Work, str] = {}

    def leader(self, work: Work) -> Work:
        """Return the sighting that stands for a set."""
        while self._leader[work] is not work:
            self._leader[work] = self._leader[self._leader[work]]
            work = self._leader[work]
        return work

    def unite(self, one: Work, other: Work, rule: str) -> None:
        """Take two sightings, and all that were found with either, for one call."""
        first, second = self.leader(one), self.leader(other)
        if first is not second:
            self._leader[second] = first
            self.rule.setdefault(one, rule)
            self.rule.setdefault(other, rule)

    def all(self) -> Iterable[list[Work]]:
        """Return the groups in the order of their first members."""
        members: dict[Work, list[Work]] = defaultdict(list)
        for work in self._leader:
            members[self.leader(work)].append(work)
        return members.values()
