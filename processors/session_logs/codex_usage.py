"""Codex's `token_count` events: which of them tell of a response, and of how many tokens.

An event has the usage of the last response and the running total. It comes again with the same total whenever the
rate limits are shown anew (ccusage#1288), a little late with an older one, and as zeros after a compaction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

from processors.session_logs.lines import Record, count, record
from processors.session_logs.trace import Tokens

Counts: TypeAlias = "tuple[int, ...]"
"""Input, cached input, cache writes, output, reasoning, and the sum that the event itself gives."""

_NAMES: Final = (
    ("input_tokens",),
    ("cached_input_tokens", "cache_read_input_tokens"),
    ("cache_write_input_tokens",),
    ("output_tokens",),
    ("reasoning_output_tokens",),
    ("total_tokens",),
)
_INPUT, _CACHED, _WRITTEN, _OUTPUT, _REASONING, _SUM = range(len(_NAMES))
_STALE_PERCENT: Final = 98


@dataclass(slots=True)
class Meter:
    """Follows the running total of one session file."""

    total: Counts | None = None
    inherited: set[Counts] = field(default_factory=set)
    """Totals of history that the file repeats from another."""
    seen: set[Counts] = field(default_factory=set)
    """Totals of the responses that were told."""

    def inherit(self, info: Record) -> None:
        """Note an event of copied history."""
        total = _counts(record(info.get("total_token_usage")))
        if total is not None:
            self.total = total
            self.inherited.add(total)
            self.seen.add(total)

    def response(self, info: Record) -> Tokens | None:
        """Return the tokens of the response that an event tells of; None where it tells of none that is new."""
        last, total = _counts(record(info.get("last_token_usage"))), _counts(record(info.get("total_token_usage")))
        if total is not None and (total == self.total or total in self.inherited):
            return None
        if last is None and total is not None:
            last = _difference(total, self.total)
        if last is None or not any(last[:_SUM]):
            self.total = total if total is not None and any(total[:_SUM]) else self.total
            return None
        if total is not None and self.total is not None and _stale(total, self.total, last):
            return None
        if total is not None:
            self.total = total
            self.seen.add(total)
        return _tokens(last, record(info.get("last_token_usage")) or record(info.get("total_token_usage")))


def _counts(usage: Record) -> Counts | None:
    found = [next((n for name in names if (n := count(usage.get(name))) is not None), None) for names in _NAMES]
    if all(number is None for number in found):
        return None
    return tuple(number or 0 for number in found)


def _difference(total: Counts, before: Counts | None) -> Counts | None:
    if before is None:
        return total
    step = tuple(now - then for now, then in zip(total, before, strict=True))
    return step if min(step) >= 0 else None


def _stale(total: Counts, before: Counts, last: Counts) -> bool:
    """Tell a total that came late, which lies a little under the latest, from one that began anew."""
    if all(now >= then for now, then in zip(total, before, strict=True)):
        return False
    now, then, step = (counts[_INPUT] + counts[_OUTPUT] for counts in (total, before, last))
    return now * 100 >= then * _STALE_PERCENT or (now != step and now + 2 * step >= then)


def _tokens(counts: Counts, sent: Record) -> Tokens:
    """Return what was sent: a count that the event does not name is unknown, not zero."""
    known = [any(name in sent for name in names) for names in _NAMES]
    given = [number if is_known else None for number, is_known in zip(counts, known, strict=True)]
    return Tokens(
        input=given[_INPUT],
        cache_read=given[_CACHED],
        cache_write=given[_WRITTEN],
        output=given[_OUTPUT],
        reasoning=given[_REASONING],
    )
