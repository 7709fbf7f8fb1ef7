"""Reprices one stretch of a prompt without some of its segments and calls.

The first calls after a removal are repriced one by one, with the provider's rounding. Further on the rounding averages
out, so the rest is one product of tokens and summed rates, which keeps a session of ten thousand calls cheap.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import accumulate

from processors.ledger.caching import CacheRule
from processors.ledger.prompt import PromptCall, Segment, Stretch
from processors.ledger.rates import Rates
from processors.pricing.model import TokenClass

HORIZON = 48
"""Calls that are repriced one by one after the last removal."""
NEARLY_ALL = 0.9
"""A call that read at least this share of the readable part of the previous prompt was a full cache hit."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one call read and wrote, in tokens."""

    length: int
    read: int
    written: int
    one_hour: int

    @classmethod
    def of(cls, call: PromptCall, length: int) -> _Seen:
        sizes = {part.token_class: part.end - part.start for part in call.ranges}
        one_hour = sizes.get(TokenClass.CACHE_WRITE_1H, 0)
        written = one_hour + sizes.get(TokenClass.CACHE_WRITE, 0)
        return cls(length, sizes.get(TokenClass.CACHE_READ, 0), written, one_hour)


class _Removed:
    """The removed segments, and how many removed tokens lie before a position."""

    def __init__(self, segments: Iterable[Segment]) -> None:
        self._segments = sorted(segments, key=lambda segment: segment.start)
        self.starts = [segment.start for segment in self._segments]
        self._sums = list(accumulate((segment.tokens for segment in self._segments), initial=0))

    def before(self, position: int) -> int:
        index = bisect_left(self.starts, position)
        if index == 0:
            return 0
        last = self._segments[index - 1]
        return self._sums[index] - max(0, last.end - position)


@dataclass(slots=True)
class Rewrite:
    """A stretch, indexed so that it can be repriced many times."""

    stretch: Stretch
    rule: CacheRule
    rates: Rates
    _seen: list[_Seen] = field(default_factory=list)
    _hits: list[bool] = field(default_factory=list)
    _expired: list[bool] = field(default_factory=list)
    """Whether a call missed the cache after a pause that outlasted it."""
    _lengths: list[int] = field(default_factory=list)
    _paid: list[int] = field(default_factory=list)
    """Units that each prompt cost."""
    _marginal: list[int] = field(default_factory=list)
    _longest_paid: int = 0
    """Tokens of the longest prompt that was priced."""

    def __post_init__(self) -> None:
        for index, call in enumerate(self.stretch.calls):
            length = call.length if call.length is not None else (self._lengths[-1] if index else 0)
            self._lengths.append(length)
            self._paid.append(sum(part.units for part in call.ranges))
            self._longest_paid = max(self._longest_paid, length if call.ranges else 0)
            self._seen.append(_Seen.of(call, length))
            self._hits.append(self._was_hit(index))
            self._expired.append(not self._hits[index] and self._pause(index) > self.rule.lifetime_ns)
        self._marginal = list(accumulate((self._far_rate(i) for i in range(len(self._lengths))), initial=0))

    def paid_for(self, segment: Segment) -> bool:
        """Whether any priced call carried a segment."""
        return segment.start < self._longest_paid

    def _was_hit(self, index: int) -> bool:
        if index == 0:
            return False
        readable = self.rule.readable(self._lengths[index - 1])
        return readable > 0 and self._seen[index].read >= min(NEARLY_ALL * readable, readable - 2 * self.rule.step)

    def _pause(self, index: int) -> int:
        if index == 0:
            return 0
        calls = self.rates.calls
        before, call = self.stretch.calls[index - 1], self.stretch.calls[index]
        return calls[call.step_id].started_at - calls[before.step_id].started_at

    def _far_rate(self, index: int) -> int:
        """Units that a call paid for one token that had joined its prompt `HORIZON` calls before."""
        position = self._lengths[max(0, index - HORIZON)] - 1
        for part in self.stretch.calls[index].ranges:
            if part.start <= position < part.end:
                return part.units // (part.end - part.start)
        return 0

    def saved(self, gone: Iterable[Segment], vanished: AbstractSet[int]) -> int:
        """Return the units saved when some segments are removed and the calls at some positions are not made."""
        removed = _Removed(gone)
        changes = sorted({*(bisect_right(self._lengths, start) for start in removed.starts), *vanished})
        total, end = 0, len(self._lengths)
        index = changes[0] if changes else end
        kept, run, quiet = index - 1, False, 0
        shorter = self._lengths[kept] if kept >= 0 else 0
        while index < end:
            upcoming = bisect_left(changes, index)
            following = changes[upcoming] if upcoming < len(changes) else end
            quiet = 0 if following == index else quiet + 1
            if quiet > HORIZON and not run:
                far = self._marginal[following] - self._marginal[index]
                total += removed.before(self._lengths[index]) * far
                index, kept = following, following - 1
                shorter = self._lengths[kept] - removed.before(self._lengths[kept])
                continue
            call = self.stretch.calls[index]
            if index in vanished:
                total += call.units
                run = True
            else:
                length = self._lengths[index] - removed.before(self._lengths[index])
                if call.ranges:
                    read = min(length, self._read(index, kept, shorter, removed))
                    total += self._paid[index] - self._rewritten(index, length, read)
                kept, run, shorter = index, False, length
            index += 1
        return total

    def _rewritten(self, index: int, length: int, read: int) -> int:
        """Price a call's prompt at a new length, with so many tokens read from the cache."""
        call, seen = self.stretch.calls[index], self._seen[index]
        written = 0
        if seen.written:
            unwritten = seen.length - seen.read - seen.written
            written = max(0, length - unwritten - read)
        if length < self.rule.minimum:
            read = written = 0
        one_hour = written * seen.one_hour // seen.written if seen.written else 0
        tokens = {
            TokenClass.CACHE_READ: read,
            TokenClass.CACHE_WRITE_1H: one_hour,
            TokenClass.CACHE_WRITE: written - one_hour,
            TokenClass.INPUT: length - read - written,
        }
        return self.rates.prompt_units(call.step_id, tokens)

    def _read(self, index: int, kept: int, shorter: int, removed: _Removed) -> int:
        """Carry the cache reads of a call over to the prompt that now follows the one at `kept`, of `shorter` tokens.

        A call that read nearly all of the prompt before it still does, unless a pause that outlasted the cache came
        before a call that is not made: the pause is then its own.
        """
        first = kept + 1
        source = next((i for i in range(first, index) if self._expired[i]), index) if first < index else index
        if kept < 0 and self._seen[first].read < self._seen[source].read:
            source = first
        seen = self._seen[source]
        if kept < 0 or not self._hits[source]:
            return self.rule.readable(seen.read - removed.before(seen.read))
        shortfall = self.rule.readable(self._lengths[source - 1]) - seen.read
        return max(0, self.rule.readable(shorter) - shortfall)
