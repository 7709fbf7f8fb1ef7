"""Two instrumentations of one model call that share neither an id nor a span: known by their time, model and tokens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain

from processors.model_names import family
from processors.normalise.alike import CLOCK_SLACK, contradict, overlapping, same_tokens, token_pairs
from processors.normalise.groups import Groups
from processors.normalise.work import Work, call_of

SAME_TIME = "counted once: same time, model and tokens in another instrumentation"


def join(calls: Sequence[Work], groups: Groups) -> None:
    """Join sightings of different instrumentations that lie within each other and report the same."""
    by_trace: dict[str | None, list[Work]] = defaultdict(list)
    for work in calls:
        if work.sighting.signal == "span":
            by_trace[work.step.trace_id].append(work)
    if len(by_trace) > 1 and any(_alone(members) for members in by_trace.values()):
        by_trace = {None: [work for members in by_trace.values() for work in members]}
    for members in by_trace.values():
        if len({work.sighting.scope for work in members}) > 1:
            _sweep(sorted(members, key=lambda work: (work.step.started_at, work.step.step_id)), groups)


def _alone(members: Sequence[Work]) -> bool:
    """Tell a call that is a trace's root: a client's span, put into the session that saw its call in another trace."""
    return len(members) == 1 and members[0].parent is None


def _sweep(members: Sequence[Work], groups: Groups) -> None:
    running: dict[object, list[Work]] = defaultdict(list)
    seen = _Seen(members, groups)
    for work in members:
        bucket = _bucket(work)
        for key in list(running) if bucket is None else (bucket, None):
            running[key] = [o for o in running[key] if o.step.ended_at + CLOCK_SLACK >= work.step.started_at]
        candidates = chain.from_iterable(running.values()) if bucket is None else chain(running[bucket], running[None])
        for other in candidates:
            if seen.apart(work, other) and _twins(work, other):
                seen.unite(other, work)
                break
        running[bucket].append(work)


class _Seen:
    """The instrumentations that saw each call so far: none sees a call twice."""

    def __init__(self, members: Iterable[Work], groups: Groups) -> None:
        self._groups = groups
        self._scopes: dict[Work, set[str]] = defaultdict(set)
        for work in members:
            self._scopes[groups.leader(work)].add(work.sighting.scope)

    def apart(self, one: Work, other: Work) -> bool:
        """Tell whether two sightings are of two calls so far, which no instrumentation saw both."""
        first, second = self._groups.leader(one), self._groups.leader(other)
        return first is not second and self._scopes[first].isdisjoint(self._scopes[second])

    def unite(self, one: Work, other: Work) -> None:
        """Take two calls for one."""
        scopes = self._scopes[self._groups.leader(one)] | self._scopes[self._groups.leader(other)]
        self._groups.unite(one, other, SAME_TIME)
        self._scopes[self._groups.leader(one)] = scopes


def _bucket(work: Work) -> object:
    """Return what twins have in common: the family of models, so that others are not compared; None where not named."""
    call = call_of(work)
    return family(call.model) or family(call.request_model)


def _twins(one: Work, other: Work) -> bool:
    first, second = call_of(one), call_of(other)
    if one in other.surroundings() or other in one.surroundings():
        return False  # one inside the other is another rule's matter
    if (
        one.sighting.scope == other.sighting.scope
        or contradict(one.sighting, other.sighting)
        or not overlapping(first, second)
        or max(first.started_at, second.started_at) > min(first.ended_at, second.ended_at)
    ):
        return False
    if not token_pairs(one.sighting) or not token_pairs(other.sighting):
        return (first.error is None) == (second.error is None)
    return same_tokens(one.sighting, other.sighting)
