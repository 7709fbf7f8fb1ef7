"""One model call counted once, however many signals saw it.

Rules R3 and R4 of the dialect reference and rules 1 to 3 of the capture rules, in the order of their certainty: a log
record of the span itself, a shared response id, one span inside the other, the same time and tokens.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from processors.model import ModelCall, OtherStep, Usage
from processors.normalise import from_files, same_time
from processors.normalise.alike import (
    LOG_SLACK,
    contradict,
    overlapping,
    same_model,
    same_tokens,
    token_pairs,
)
from processors.normalise.groups import Groups
from processors.normalise.log_twins import LogTwins
from processors.normalise.merge import merged, merged_usage
from processors.normalise.sighting import SpanKey
from processors.normalise.work import Work, call_of

OF_SPAN = "counted once: log record of the same span"
SAME_ID = "counted once: same response id"
INSIDE = "counted once: the same call in the span inside this one"
SUM = "not counted: repeats the usage of the calls inside this span"
SAME_TIME = same_time.SAME_TIME
ALONE = "counted from a log record: no span of this call was found beside those of others"
LOG_TWIN = "counted once: log record of the same call, by time and tokens"


def join(works: Sequence[Work]) -> None:
    """Let one sighting of each model call count, with what the others know put into it."""
    calls = [work for work in works if isinstance(work.step, ModelCall)]
    groups = Groups(calls)
    _by_span(calls, groups)
    _by_request_id(calls, groups)
    _by_nesting(calls, groups)
    calls = [call for call in calls if call.counted_by is None]
    same_time.join(calls, groups)
    _logs_by_time(calls, groups)
    for call, told in from_files.twins(calls):
        groups.unite(call, told, from_files.SAME_TOKENS)
    for members in groups.all():
        if len(members) > 1:
            _settle(members, groups)


def fill_from_around(works: Sequence[Work]) -> None:
    """Give calls the parts of their usage that only a span around them tells, where both report the same counts."""
    for work in works:
        if isinstance(work.step, ModelCall) and work.counted_by is None and work.step.usage is not None:
            above = work.parent
            while above is not None and isinstance(above.step, OtherStep):
                told = above.sighting.inner_usage
                usage = work.step.usage
                if told is not None and _counts(told) == _counts(usage):
                    work.step = replace(work.step, usage=merged_usage(usage, told))
                above = above.parent


def _counts(usage: Usage) -> tuple[int | None, int | None]:
    return usage.input_tokens, usage.output_tokens


def inherit_models(works: Sequence[Work]) -> None:
    """Name the model of calls that do not: that of the nearest span around them which does."""
    for work in works:
        if isinstance(work.step, ModelCall) and work.step.model is None and work.counted_by is None:
            above = work.parent
            while above is not None and (above.sighting.rollup is None or above.sighting.rollup.model is None):
                above = above.parent
            if above is not None and above.sighting.rollup is not None:
                known = above.sighting.rollup
                work.step = replace(
                    work.step, model=known.model, name=known.name, provider=work.step.provider or known.provider
                )


def _by_span(calls: Sequence[Work], groups: Groups) -> None:
    spans = {_key(work): work for work in calls if work.sighting.signal == "span"}
    for work in calls:
        within = work.sighting.within
        if work.sighting.signal == "log" and within in spans:
            if contradict(work.sighting, spans[within].sighting):
                continue
            groups.unite(spans[within], work, OF_SPAN)


def _key(work: Work) -> SpanKey:
    return work.step.trace_id or "", work.step.span_id or ""


def _by_request_id(calls: Sequence[Work], groups: Groups) -> None:
    named: dict[str, list[Work]] = defaultdict(list)
    for work in calls:
        for identifier in work.sighting.request_ids:
            named[identifier].append(work)
    for members in named.values():
        for earlier, later in pairwise(members):
            if _one_exchange(earlier, later):
                groups.unite(earlier, later, SAME_ID)


def _one_exchange(one: Work, other: Work) -> bool:
    """Guard against servers that give every response the same id: the two must also share their time."""
    first, second = call_of(one), call_of(other)
    if not same_model(first, second):
        return False
    if "log" in {one.sighting.signal, other.sighting.signal}:
        return overlapping(first, second, LOG_SLACK)
    return overlapping(first, second) and (one.sighting.scope != other.sighting.scope or _inside(one, other))


def _inside(one: Work, other: Work) -> bool:
    inner, outer = sorted((one, other), key=lambda work: -work.depth)
    return _enclosing_call(inner) is outer


def _enclosing_call(work: Work) -> Work | None:
    """Return the model call around a work, unless a tool or an agent stands between."""
    return work.around if work.around is not None and isinstance(work.around.step, ModelCall) else None


def _by_nesting(calls: Sequence[Work], groups: Groups) -> None:
    """Count the innermost of nested model calls: what stands around them passes them on or sums them up."""
    inner: dict[Work, list[Work]] = defaultdict(list)
    for work in calls:
        outer = _enclosing_call(work) if work.sighting.signal == "span" else None
        if outer is not None:
            inner[outer].append(work)
    for outer, within in inner.items():
        same = [work for work in within if same_model(call_of(work), call_of(outer))]
        answered = [work for work in same if call_of(work).error is None] or same
        equal = [work for work in answered if same_tokens(work.sighting, outer.sighting)]
        if same:
            groups.unite((equal or answered)[-1], outer, INSIDE)
        elif _sums_up(call_of(outer), within):
            outer.yield_to(within[-1], SUM)


def _sums_up(outer: ModelCall, within: Sequence[Work]) -> bool:
    """Tell whether a call reports what the calls inside report together, whatever their models."""
    usages = [usage for work in within if (usage := call_of(work).usage) is not None]
    return outer.usage is not None and all(
        (getattr(outer.usage, count) or 0) <= sum(getattr(usage, count) or 0 for usage in usages) + len(usages)
        for count in ("input_tokens", "output_tokens")
    )


def _logs_by_time(calls: Sequence[Work], groups: Groups) -> None:
    """Join records that carry no id to spans of the same producer: equal tokens first, then time alone.

    Where a call has no span, its other records join the one that tells most of it.
    """
    logs = [work for work in calls if work.sighting.signal == "log"]
    spans = [work for work in calls if work.sighting.signal == "span"]
    _seek(logs, LogTwins(spans), groups)
    alone = [work for work in logs if work not in groups.rule]
    with_spans = {work.step.dialect for work in spans}
    for work in alone:
        if work.step.dialect in with_spans:
            work.note(ALONE)
    leading: dict[str, int] = {}
    for work in alone:
        if call_of(work).usage is not None:
            leading[work.step.dialect] = max(work.sighting.authority, leading.get(work.step.dialect, 0))
    leaders = [work for work in alone if leading.get(work.step.dialect) == work.sighting.authority]
    led = [work for work in alone if work.sighting.authority < leading.get(work.step.dialect, 0)]
    _seek(led, LogTwins(work for work in leaders if call_of(work).usage is not None), groups)


def _seek(logs: Sequence[Work], twins: LogTwins, groups: Groups) -> None:
    for find in (twins.by_tokens, twins.by_time):
        for log in logs:
            twin = find(log) if log not in groups.rule else None
            if twin is not None:
                groups.unite(twin, log, LOG_TWIN)


def _settle(members: list[Work], groups: Groups) -> None:
    """Choose the sighting that counts and give it what the others know."""
    best = min(members, key=_preference)
    others = sorted((work for work in members if work is not best), key=_preference)
    for other in others:
        around = other in best.surroundings()
        if not around or _tell_the_same(best, other):
            believe = other.sighting.authority > best.sighting.authority
            best.step = merged(call_of(best), call_of(other), believe=believe)
        if around and other.step.dialect == best.step.dialect and not token_pairs(other.sighting):
            best.step = replace(best.step, started_at=min(best.step.started_at, other.step.started_at))
        other.yield_to(best, groups.rule.get(other, SAME_ID))


def _tell_the_same(inner: Work, outer: Work) -> bool:
    """Tell a span that passes a call on from one that sums up several attempts, whose figures are not the call's."""
    known = token_pairs(inner.sighting) and token_pairs(outer.sighting)
    return not known or same_tokens(inner.sighting, outer.sighting)


def _preference(work: Work) -> tuple[object, ...]:
    step = call_of(work)
    return (
        work.sighting.signal == "log",
        from_files.from_file(work),
        work.sighting.secondary,
        -work.depth,
        step.usage is None,
        step.output_messages is None,
        step.dialect == "gen_ai",
        step.started_at,
        step.step_id,
    )
