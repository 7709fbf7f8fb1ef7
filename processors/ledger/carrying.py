"""What every segment of a prompt cost over all calls that carried it, by one sweep over positions.

Each priced range of each call is a step function of money per token over positions. Their sum, integrated between a
segment's ends, is what the segment cost: no pair of call and segment is ever visited. Money stays exact because every
token of a range costs the same whole number of units, and the first few one unit more where the range does not
divide evenly: largest remainder with the token as the unit of share.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence

from processors.ledger.prompt import PricedRange, PromptCall, Segment, Stretch


def plateaus(priced: PricedRange) -> Iterator[tuple[int, int, int]]:
    """Split a range into runs `(start, end, units per token)` of whole units; at most two."""
    tokens = priced.end - priced.start
    each, more = divmod(priced.units, tokens)
    if more:
        yield priced.start, priced.start + more, each + 1
    yield priced.start + more, priced.end, each


def units_between(priced: PricedRange, start: int, end: int) -> int:
    """Sum up what one call paid for the tokens `[start, end)` of a range."""
    each, more = divmod(priced.units, priced.end - priced.start)
    dearer = min(end, priced.start + more) - start
    return each * (end - start) + max(0, dearer)


def carried(stretch: Stretch) -> list[int]:
    """Units that each segment of a stretch cost, in the order of its segments."""
    slopes: dict[int, int] = defaultdict(int)
    for call in stretch.calls:
        for priced in call.ranges:
            for start, end, each in plateaus(priced):
                slopes[start] += each
                slopes[end] -= each
    return _integrate(sorted(slopes.items()), stretch.segments)


def _integrate(slopes: Sequence[tuple[int, int]], segments: Sequence[Segment]) -> list[int]:
    found: list[int] = []
    index, slope, position = 0, 0, 0
    for segment in segments:
        units, position = 0, segment.start
        while position < segment.end:
            while index < len(slopes) and slopes[index][0] <= position:
                slope += slopes[index][1]
                index += 1
            until = min(segment.end, slopes[index][0]) if index < len(slopes) else segment.end
            units += slope * (until - position)
            position = until
        found.append(units)
    return found


def carriers(stretch: Stretch) -> list[int]:
    """How many priced calls carried each segment, in the order of its segments."""
    priced = [call for call in stretch.calls if call.ranges]
    lengths = [length_of(call) for call in priced]
    return [len(lengths) - bisect_right(lengths, segment.start) for segment in stretch.segments]


def length_of(call: PromptCall) -> int:
    """Count the prompt tokens of a priced call."""
    return call.ranges[-1].end if call.ranges else 0
