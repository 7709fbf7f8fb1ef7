"""The ledger row by row: which call paid for which producer's tokens.

Rows are made when asked for. A prompt of n calls has up to n² of them, so a session whose rows would exceed the limit
names, per call, the largest producers only and sums up the others in one row per class; sums per call stay exact.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from heapq import heappush, heappushpop
from itertools import islice
from operator import attrgetter

from processors.ledger.bills import Currency
from processors.ledger.carrying import length_of, units_between
from processors.ledger.model import Ledger, LedgerEntry
from processors.ledger.prompt import PromptCall, Segment, Stretch
from processors.ledger.shares import share_exactly
from processors.pricing.model import TokenClass

START = attrgetter("start")
MAX_ROWS = 25_000
FEWEST_NAMED = 4
"""However long a session is, every call names this many producers."""


def entries(ledger: Ledger, max_rows: int = MAX_ROWS) -> Iterator[LedgerEntry]:
    """List who paid for what, call by call in the order of the prompts.

    Exact: the rows of a call sum to its bill, flat charges and charges for tools apart, and while there are no more
    than `max_rows` rows, those of a producer sum to what it was attributed.
    """
    currency = Currency(ledger.places)
    calls = sum(len(stretch.calls) for prompt in ledger.prompts for stretch in prompt.stretches)
    expected = sum(_expected(stretch) for prompt in ledger.prompts for stretch in prompt.stretches)
    named = None if expected <= max_rows else max(FEWEST_NAMED, max_rows // (2 * max(1, calls)))
    for prompt in ledger.prompts:
        for stretch in prompt.stretches:
            for call, segments in _carried_by(stretch, named):
                yield from _input_rows(call, segments, currency)
                yield from _output_rows(call, currency)
    for call in ledger.embeddings:
        yield from _input_rows(call, [Segment(call.step_id, 0, length_of(call))], currency)
        yield from _output_rows(call, currency)


def _expected(stretch: Stretch) -> int:
    lengths = [length_of(call) for call in stretch.calls]
    reached, rows = 0, 0
    for length in lengths:
        while reached < len(stretch.segments) and stretch.segments[reached].start < length:
            reached += 1
        rows += reached + 1
    return rows


def _carried_by(stretch: Stretch, named: int | None) -> Iterator[tuple[PromptCall, Sequence[Segment]]]:
    """Pair every priced call with the segments to name: all, or the largest that had joined by then."""
    kept: list[tuple[int, int]] = []
    reached = 0
    for call in stretch.calls:
        while reached < len(stretch.segments) and stretch.segments[reached].start < length_of(call):
            size = (stretch.segments[reached].tokens, -reached)
            if named is None or len(kept) < named:
                heappush(kept, size)
            else:
                heappushpop(kept, size)
            reached += 1
        if call.ranges or call.output_units:
            yield call, [stretch.segments[-index] for _, index in kept]


def _input_rows(call: PromptCall, segments: Sequence[Segment], currency: Currency) -> Iterator[LedgerEntry]:
    ordered = sorted(segments, key=START)
    ends = [segment.end for segment in ordered]
    for priced in call.ranges:
        by_producer: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        left_tokens, left_units = priced.end - priced.start, priced.units
        for segment in islice(ordered, bisect_right(ends, priced.start), None):
            start, end = max(segment.start, priced.start), min(segment.end, priced.end)
            if segment.start >= priced.end:
                break
            units = units_between(priced, start, end)
            row = by_producer[segment.producer]
            row[0], row[1] = row[0] + end - start, row[1] + units
            left_tokens, left_units = left_tokens - end + start, left_units - units
        for producer, (tokens, units) in by_producer.items():
            yield LedgerEntry(call.step_id, producer, priced.token_class, tokens, currency.usd(units))
        if left_tokens or left_units:
            yield LedgerEntry(call.step_id, None, priced.token_class, left_tokens, currency.usd(left_units))


def _output_rows(call: PromptCall, currency: Currency) -> Iterator[LedgerEntry]:
    for producer, tokens, units in output_shares(call):
        if tokens or units:
            yield LedgerEntry(call.step_id, producer, TokenClass.OUTPUT, tokens, currency.usd(units))


def output_shares(call: PromptCall) -> list[tuple[str, int, int]]:
    """Split what a call's output cost, as (producer, tokens, units), between the tools it asked for and itself."""
    tokens = [count for _, count in call.output.requests]
    own = call.output.total - sum(tokens)
    producers = [*(producer for producer, _ in call.output.requests), call.step_id]
    units = share_exactly(call.output_units, [*tokens, own]) if call.output.total else [*tokens, call.output_units]
    return list(zip(producers, [*tokens, own], units, strict=True))
