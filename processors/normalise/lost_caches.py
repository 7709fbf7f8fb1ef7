"""Cached tokens that a source is seen to leave out, whichever it is: without them a price would be too high.

Some vendors cache every long prompt by themselves. A source that tells of no cached tokens in a whole session, although
long prompts went on one another, does not pass the count on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TypeAlias

from processors.normalise.contexts import Thread
from processors.normalise.provider import CACHING_UNASKED
from processors.normalise.usage import CACHEABLE, CACHED_NOT_SENT
from processors.normalise.work import Work, call_of

Source: TypeAlias = tuple[str, str]
"""A dialect and the instrumentation that spoke it."""


def admit(threads: Sequence[Thread]) -> None:
    """Say of the long calls of such sources that their cached tokens were not sent."""
    telling = {_source(call) for thread in threads for call in thread.calls if _tells(call)}
    silent = {
        _source(later)
        for thread in threads
        for earlier, later in pairwise(call for call in thread.calls if _could_be_cached(call))
        if _goes_on(earlier, later)
    } - telling
    for thread in threads:
        for call in thread.calls:
            step = call_of(call)
            if _source(call) in silent and step.usage_missing is None and _could_be_cached(call):
                call.step = replace(step, usage_missing=CACHED_NOT_SENT)


def _source(call: Work) -> Source:
    return call.step.dialect, call.sighting.scope


def _tells(call: Work) -> bool:
    usage = call_of(call).usage
    return usage is not None and (usage.cache_read_input_tokens, usage.cache_write_input_tokens) != (None, None)


def _could_be_cached(call: Work) -> bool:
    step = call_of(call)
    long = step.usage is not None and (step.usage.input_tokens or 0) >= CACHEABLE
    return long and step.provider in CACHING_UNASKED


def _goes_on(earlier: Work, later: Work) -> bool:
    """Tell whether one prompt can begin with the other: of the same model, and no shorter."""
    one, other = call_of(earlier), call_of(later)
    if one.usage is None or other.usage is None or one.model != other.model:
        return False
    return (one.usage.input_tokens or 0) <= (other.usage.input_tokens or 0)
