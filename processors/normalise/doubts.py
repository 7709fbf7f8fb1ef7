"""Figures of which the session's other calls say that something may be lost, or that they were never counted."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from processors.model import ModelCall
from processors.model_names import family
from processors.normalise.usage import CACHEABLE, CACHED_NOT_SENT, ESTIMATED
from processors.normalise.work import Work, call_of

CACHE_TAKEN_AS_NONE = "cached input tokens were not sent for this call, though for others of its source: taken as none"
MAYBE_CUT = "the model's name is the beginning of another one in this session: it may have been cut short"

_SPELLINGS = 16
_ESTIMATING = ("@traceloop/instrumentation-openai",)
"""Sources that never read a stream's counts: they count its text themselves, and nothing where a tool was asked for."""

_LEAVING_OUT_ZEROS = ("strands",)
"""Dialects of which some releases drop cached tokens and others leave out zeros; a session's other calls tell which."""


def doubt(works: Sequence[Work]) -> None:
    """Note on calls what may be missing from them."""
    counted = [work for work in works if isinstance(work.step, ModelCall) and work.counted_by is None]
    _of_streams(counted)
    _of_caches(counted)
    _of_names(counted)


def _of_streams(calls: Sequence[Work]) -> None:
    """Take away what a source made up, which shows in the calls that it has no counts for."""
    for source in _ESTIMATING:
        own = [work for work in calls if work.sighting.scope == source]
        if any(call_of(work).usage is None and work.step.error is None for work in own):
            for work in own:
                if call_of(work).usage is not None:
                    work.step = replace(call_of(work), usage=None, usage_missing=ESTIMATED)


def _of_caches(calls: Sequence[Work]) -> None:
    """Note where a source told of cached tokens on other calls: it leaves zeros out, or lost a count."""
    telling = {work.step.dialect for work in calls if _cached(work) is not None}
    for work in calls:
        usage = call_of(work).usage
        large = usage is not None and (usage.input_tokens or 0) >= CACHEABLE
        if large and _cached(work) is None and work.step.dialect in telling:
            work.note(CACHE_TAKEN_AS_NONE)
            if work.step.dialect in _LEAVING_OUT_ZEROS and call_of(work).usage_missing == CACHED_NOT_SENT:
                work.step = replace(call_of(work), usage_missing=None)


def _cached(work: Work) -> int | None:
    usage = call_of(work).usage
    return usage.cache_read_input_tokens if usage is not None else None


def _of_names(calls: Sequence[Work]) -> None:
    """Note a name that one call alone has, once, and that begins another model's: `gpt-4` beside `gpt-4o-mini`."""
    names: dict[str, list[Work]] = defaultdict(list)
    sent: Counter[str] = Counter()
    for work in calls:
        call = call_of(work)
        sent.update({name.lower() for name in (call.model, call.request_model) if name})
        if call.model is not None:
            names[call.model.lower()].append(work)
    ordered = sorted(sent)
    for name, named in names.items():
        if sent[name] == 1 and any(family(name) != family(other) for other in _longer(name, ordered)):
            named[0].note(MAYBE_CUT)


def _longer(name: str, ordered: Sequence[str]) -> Iterator[str]:
    """Yield the names that begin with this one, which follow it in order; as many as any session means."""
    at = bisect_right(ordered, name)
    return (other for other in ordered[at : at + _SPELLINGS] if other.startswith(name))
