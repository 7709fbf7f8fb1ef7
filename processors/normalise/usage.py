"""Token counts as producers send them, turned into `Usage`: whole counts that include their parts.

Rules R5, R6 and R8 of the dialect reference: cached tokens inside or outside the input count, reasoning inside or
outside the output count, zeros that mean 'not known'.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from processors.model import Usage

Counting: TypeAlias = Literal["inclusive", "exclusive", "unknown"]

CACHEABLE = 1024
"""Tokens below which no vendor caches a prompt. Source: the vendors' documentation of prompt caching."""
NOT_SENT = "token counts were not sent"
ZEROS = "token counts of zero on a call that was answered"
CACHED_NOT_SENT = "cached input tokens were not sent"
NO_INPUT = "input tokens were not sent"
NO_OUTPUT = "output tokens were not sent"
FAILED = "the request failed"
ESTIMATED = "the stream brought no token counts, the instrumentation only estimated them"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Token counts under canonical names, with the producer's own meaning."""

    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_5m: int | None = None
    cache_write_1h: int | None = None
    output: int | None = None
    reasoning: int | None = None
    total: int | None = None
    cached_input: Counting = "inclusive"
    """Whether `input` includes `cache_read` and `cache_write`."""
    reasoning_output: Counting = "inclusive"
    """Whether `output` includes `reasoning`."""


_CALLED = {
    "input": "input",
    "cache_read": "cache read",
    "cache_write": "cache write",
    "cache_write_5m": "cache write",
    "cache_write_1h": "cache write",
    "output": "output",
    "reasoning": "reasoning",
    "total": "total",
}
"""The counts, as notes call them."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A usage, why it is missing or incomplete, and what had to be corrected."""

    usage: Usage | None
    missing: str | None = None
    note: str | None = None


def counted(counts: Counts) -> Counted:
    """Return `counts` as a usage whose parts never exceed their whole; every correction is named in the note."""
    counts, notes = _without_negatives(counts)
    if counts.input is None and counts.output is None:
        return Counted(None, NOT_SENT, _joined(notes))
    if not counts.input and not counts.output and not counts.cache_read and not counts.cache_write:
        return Counted(None, ZEROS, _joined(notes))
    counts = _write_total(counts, notes)
    if counts.input == 0 and not counts.cache_read and not counts.cache_write:
        counts = replace(counts, input=None, cache_read=None, cache_write=None)  # no prompt is empty
    whole_input = _whole_input(counts)
    whole_output = _whole_output(counts)
    read, write = _fitting(counts, whole_input, notes)
    long_lived = counts.cache_write_1h
    if long_lived is not None and long_lived > (write or 0):
        notes.append("more one-hour cache writes than cache writes: cut to fit")
        long_lived = write
    reasoning = counts.reasoning
    if reasoning is not None and whole_output is not None and reasoning > whole_output:
        notes.append("more reasoning than output tokens: cut to fit")
        reasoning = whole_output
    usage = Usage(
        input_tokens=whole_input,
        cache_read_input_tokens=read,
        cache_write_input_tokens=write,
        cache_write_1h_input_tokens=long_lived,
        output_tokens=whole_output,
        reasoning_output_tokens=reasoning,
    )
    return Counted(usage, incomplete(usage), _joined(notes))


def without_cached(result: Counted) -> Counted:
    """Return a usage as incomplete, from a source that drops the count of cached tokens, unless it holds one."""
    usage = result.usage
    if usage is None or result.missing is not None:
        return result
    unknown = usage.cache_read_input_tokens is None and usage.cache_write_input_tokens is None
    return replace(result, missing=CACHED_NOT_SENT) if unknown else result


def _without_negatives(counts: Counts) -> tuple[Counts, list[str]]:
    negative = [name for name, called in _CALLED.items() if (getattr(counts, name) or 0) < 0]
    if not negative:
        return counts, []
    known = replace(
        counts,
        input=_positive(counts.input),
        cache_read=_positive(counts.cache_read),
        cache_write=_positive(counts.cache_write),
        cache_write_5m=_positive(counts.cache_write_5m),
        cache_write_1h=_positive(counts.cache_write_1h),
        output=_positive(counts.output),
        reasoning=_positive(counts.reasoning),
        total=_positive(counts.total),
    )
    return known, [f"negative {_CALLED[name]} count ignored" for name in negative]


def _positive(count: int | None) -> int | None:
    return None if count is not None and count < 0 else count


def _write_total(counts: Counts, notes: list[str]) -> Counts:
    """Where writes came by lifetime, let their sum stand for a total that was not sent."""
    if counts.cache_write is not None or (counts.cache_write_5m is None and counts.cache_write_1h is None):
        return counts
    notes.append("cache writes summed from their lifetimes")
    return replace(counts, cache_write=(counts.cache_write_5m or 0) + (counts.cache_write_1h or 0))


def _whole_input(counts: Counts) -> int | None:
    if counts.input is None:
        return None
    cached = (counts.cache_read or 0) + (counts.cache_write or 0)
    return counts.input + cached if cached and _excludes_cached(counts, cached) else counts.input


def _excludes_cached(counts: Counts, cached: int) -> bool:
    """R6: what the numbers themselves say where the producer's habit is not known."""
    if counts.cached_input != "unknown" or counts.input is None:
        return counts.cached_input == "exclusive"
    if cached > counts.input:
        return True
    return counts.total is not None and counts.total == counts.input + (counts.output or 0) + cached


def _whole_output(counts: Counts) -> int | None:
    if counts.output is None or not counts.reasoning:
        return counts.output
    apart = counts.reasoning_output == "exclusive"
    if counts.reasoning_output == "unknown" and counts.total is not None and counts.input is not None:
        apart = counts.total >= counts.input + counts.output + counts.reasoning
    return counts.output + counts.reasoning if apart else counts.output


def _fitting(counts: Counts, whole: int | None, notes: list[str]) -> tuple[int | None, int | None]:
    """Return cache reads and writes that fit into the whole input."""
    read, write = counts.cache_read, counts.cache_write
    if whole is None or (read or 0) + (write or 0) <= whole:
        return read, write
    notes.append("more cached than input tokens: cut to fit")
    write = None if write is None else min(write, whole)
    return None if read is None else min(read, whole - (write or 0)), write


def incomplete(usage: Usage) -> str | None:
    """Return which whole count a usage lacks."""
    if usage.input_tokens is None:
        return NO_INPUT
    return NO_OUTPUT if usage.output_tokens is None else None


def _joined(notes: list[str]) -> str | None:
    return "; ".join(notes) or None
