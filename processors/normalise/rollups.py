"""Usage that a parent repeats for what is beneath it: kept apart, and counted only where nothing else was (R1, R2)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from processors.model import AgentRun, ModelCall, OtherStep
from processors.normalise.sighting import Sighting
from processors.normalise.work import Work, call_of, counting

PROMOTED = "counted from the agent's total: no model call beneath it reported usage"
IN_TOTAL = "token counts were sent only as the agent's total, counted at its last call"


def promote(works: Sequence[Work]) -> list[Work]:
    """Return the model calls that stand for totals under which nothing reported usage.

    Where calls without usage are beneath, the total becomes the usage of the last of them, since how it divides is
    not known. A total stays out where calls of no agent ran at the same time: they may be what it sums up.
    """
    reported: set[Work] = set()
    silent: dict[Work, list[Work]] = defaultdict(list)
    for work in works:
        if isinstance(work.step, ModelCall):
            _register(work, reported, silent)
    added: list[Work] = []
    loose = sorted(work.step.started_at for work in works if _loose(work))
    holders = [work for work in works if work.sighting.rollup is not None and work.counted_by is None]
    holders.sort(key=lambda work: (work.sighting.sums_beside, -work.depth))
    dialects = {work.step.dialect for work in reported}
    sent = frozenset(reported)
    known: set[Work] | None = None
    """What reported usage before the first sum of what ran beside it was looked at: those sums are of other turns."""
    for work in holders:
        total = work.sighting.rollup
        counted = sent if work.sighting.own_calls else reported
        if total is None or work in counted or not isinstance(work.step, (AgentRun, OtherStep)):
            continue
        if work.sighting.sums_beside:
            known = set(reported) if known is None else known
            around = work.around
            if (around in known) if around is not None else work.step.dialect in dialects:
                continue
        elif bisect_right(loose, work.step.ended_at) > bisect_left(loose, work.step.started_at):
            continue
        if silent[work]:
            _give(silent[work], total)
        else:
            added.append(_stand_in(work, total))
        _mark(work, reported)
    return added


def _loose(work: Work) -> bool:
    """Tell a call in no agent or tool: spans around it were lost or its trace cut, so any total may hold it."""
    called = isinstance(work.step, ModelCall) and work.counted_by is None and work.step.usage is not None
    return called and all(isinstance(above.step, ModelCall) for above in work.surroundings())


def _register(work: Work, reported: set[Work], silent: dict[Work, list[Work]]) -> None:
    if call_of(counting(work)).usage is not None:
        _mark(work, reported)
    elif work.counted_by is None and work.step.error is None:
        holder = next((above for above in _path(work) if above.sighting.rollup is not None), None)
        if holder is not None:
            silent[holder].append(work)


def _path(work: Work) -> Iterator[Work]:
    while work.parent is not None:
        work = work.parent
        yield work


def _mark(work: Work, reported: set[Work]) -> None:
    above: Work | None = work
    while above is not None and above not in reported:
        reported.add(above)
        above = above.parent


def _give(calls: Sequence[Work], total: ModelCall) -> None:
    *others, last = sorted(calls, key=lambda work: (work.step.started_at, work.step.step_id))
    last.step = replace(call_of(last), usage=total.usage, usage_missing=total.usage_missing)
    last.note(PROMOTED)
    for other in others:
        other.step = replace(call_of(other), usage_missing=IN_TOTAL)


def _stand_in(work: Work, total: ModelCall) -> Work:
    step = replace(total, step_id=f"{work.step.step_id}:total", span_id=None, note=PROMOTED, inferred=True)
    return Work(Sighting(step=step, scope=work.sighting.scope), step, parent=work, depth=work.depth + 1)
