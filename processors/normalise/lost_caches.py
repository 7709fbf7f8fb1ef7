"""Cached tokens that a source is seen to leave out, whichever it is: without them a price would be too high.

Some vendors cache every long prompt by themselves. A source that tells of no cached tokens in a whole session, although
long prompts went on one another, does not pass the count on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TypeAlias

from processors.model import ModelCall
from processors.normalise.contexts import extends
from processors.normalise.provider import CACHING_UNASKED
from processors.normalise.usage import CACHEABLE, CACHED_NOT_SENT
from processors.normalise.work import Work, call_of

Source: TypeAlias = tuple[str, str]
"""A dialect and the instrumentation that spoke it."""


def admit(works: Iterable[Work]) -> None:
    """Say of the long calls of such sources that their cached tokens were not sent."""
    calls = [work for work in works if isinstance(work.step, ModelCall) and work.counted_by is None]
    telling = {_source(call) for call in calls if _tells(call_of(call))}
    long = [call for call in calls if _could_be_cached(call_of(call)) and _source(call) not in telling]
    silent = {_source(call) for call in _going_on(long)}
    for call in long:
        step = call_of(call)
        if _source(call) in silent and step.usage_missing is None:
            call.step = replace(step, usage_missing=CACHED_NOT_SENT)


def _source(call: Work) -> Source:
    return call.step.dialect, call.sighting.scope


def _tells(step: ModelCall) -> bool:
    usage = step.usage
    return usage is not None and (usage.cache_read_input_tokens, usage.cache_write_input_tokens) != (None, None)


def _could_be_cached(step: ModelCall) -> bool:
    return step.operation == "chat" and step.provider in CACHING_UNASKED and _given(step) >= CACHEABLE


def _given(step: ModelCall) -> int:
    return (step.usage.input_tokens or 0) if step.usage is not None else 0


def _going_on(calls: Sequence[Work]) -> Iterable[Work]:
    """Yield the calls that go on with the one that their agent made of the same model before."""
    by_agent: dict[tuple[Source, str | None, str | None], list[Work]] = defaultdict(list)
    for call in sorted(calls, key=lambda call: (call.step.started_at, call.step.step_id)):
        by_agent[_source(call), call.step.agent_name, call_of(call).model].append(call)
    for members in by_agent.values():
        yield from (later for earlier, later in pairwise(members) if _goes_on(call_of(earlier), call_of(later)))


def _goes_on(earlier: ModelCall, later: ModelCall) -> bool:
    """Tell whether one prompt begins with the other: by its messages where captured, else by its length."""
    if earlier.input_messages is not None and later.input_messages is not None:
        return extends(later.input_messages, earlier.input_messages)
    return _given(earlier) <= _given(later)
