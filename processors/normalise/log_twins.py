"""The call that a log record of a finished one speaks of, where neither carries an id."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence

from processors.normalise.alike import CLOCK_SLACK, LOG_SLACK, contradict, differ, related_models, token_pairs
from processors.normalise.work import Work, call_of

_NEIGHBOURS = 16
"""Calls of one producer that may have ended about when a record was written; more never run at once."""


class LogTwins:
    """Model calls, to be found by tokens or by time; each serves one record of each kind."""

    def __init__(self, calls: Iterable[Work]) -> None:
        by_end = sorted(calls, key=lambda work: (work.step.ended_at, work.step.step_id))
        self._by_dialect: dict[str, list[Work]] = defaultdict(list)
        self._by_tokens: dict[tuple[str, int, int], list[Work]] = defaultdict(list)
        for work in by_end:
            self._by_dialect[work.step.dialect].append(work)
            for given, answered in dict.fromkeys(token_pairs(work.sighting)):
                self._by_tokens[work.step.dialect, given, answered].append(work)
        self._taken: set[tuple[Work, str]] = set()

    def by_tokens(self, log: Work) -> Work | None:
        """Return the call with the same token counts whose end is nearest."""
        found: list[Work] = []
        for given, answered in token_pairs(log.sighting):
            found += self._free(log, self._by_tokens.get((log.step.dialect, given, answered), ()))
        return self._take(log, [work for work in found if _during(log, work)])

    def by_time(self, log: Work) -> Work | None:
        """Return the call that had just ended, or was about to, when the record was written."""
        near = self._free(log, self._by_dialect.get(log.step.dialect, ()))
        return self._take(log, [work for work in near if _during(log, work) and _may_be(log, work)])

    def _free(self, log: Work, ordered: Sequence[Work]) -> list[Work]:
        """Return the unused calls whose ends lie around the record's time."""
        at = bisect_left(ordered, log.step.ended_at, key=lambda work: work.step.ended_at)
        window = ordered[max(0, at - _NEIGHBOURS) : at + _NEIGHBOURS]
        return [
            work
            for work in window
            if work is not log
            and (work, kind_of(log)) not in self._taken
            and not contradict(log.sighting, work.sighting)
        ]

    def _take(self, log: Work, found: Sequence[Work]) -> Work | None:
        nearest = min(found, key=lambda work: abs(work.step.ended_at - log.step.ended_at), default=None)
        if nearest is not None:
            self._taken.add((nearest, kind_of(log)))
        return nearest


def kind_of(log: Work) -> str:
    """Return what tells a producer's kinds of records apart where it sends several per call."""
    return f"{log.sighting.scope} {log.sighting.authority}"


def _may_be(log: Work, call: Work) -> bool:
    """Tell whether nothing but time is needed to join two: neither model nor counts say otherwise."""
    mine, theirs = token_pairs(log.sighting), token_pairs(call.sighting)
    others = mine and theirs and all(one[0] != other[0] and one[1] != other[1] for one in mine for other in theirs)
    partly = not (mine and theirs) and differ(log.sighting, call.sighting)
    return related_models(call_of(log), call_of(call)) and not others and not partly


def _during(log: Work, call: Work) -> bool:
    """Tell whether a record was written about when the call ended; one that lasted must have begun before that."""
    lasted = log.step.started_at < log.step.ended_at
    if lasted and log.step.started_at > call.step.ended_at:
        return False
    return call.step.started_at - CLOCK_SLACK <= log.step.ended_at <= call.step.ended_at + LOG_SLACK
