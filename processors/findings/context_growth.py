"""A prompt that grew until carrying it cost more than the output it led to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from processors.findings.detector import Draft
from processors.findings.view import View
from processors.ledger import INITIAL_CONTEXT
from processors.ledger.bills import Currency
from processors.ledger.carrying import carried
from processors.ledger.prompt import Stretch

GROWTH = 10
"""Times the first prompt, source: design/tracecard.md."""
WORTH_COMPACTING = 8_192
"""Tokens below which a prompt is small however much it grew."""
NAMED = 5


class ContextGrowth:
    """Needs usage and prices. Soft: whether a shorter prompt would have done is not known."""

    name = "context_growth"

    def gap(self, view: View) -> str | None:
        """Say so where no usage was reported."""
        calls = view.calls.values()
        if calls and all(call.length is None for call in calls):
            return "token usage not reported: growth of prompts cannot be seen"
        return None

    def find(self, view: View) -> Iterator[Draft]:
        """Look at every prompt that was never cut."""
        for prompt in view.ledger.prompts:
            if len(prompt.stretches) == 1:
                yield from _judge(prompt.stretches[0], Currency(view.ledger.places))


def _judge(stretch: Stretch, currency: Currency) -> Iterator[Draft]:
    lengths = [call.length for call in stretch.calls if call.length]
    if not lengths or lengths[-1] <= max(GROWTH * lengths[0], WORTH_COMPACTING):
        return
    by_producer: dict[str, int] = defaultdict(int)
    for segment, units in zip(stretch.segments, carried(stretch), strict=True):
        by_producer[segment.producer] += units
    by_producer.pop(INITIAL_CONTEXT, None)
    load = sum(by_producer.values())
    work = sum(call.output_units for call in stretch.calls)
    if load > work > 0:
        heaviest = sorted(by_producer, key=lambda producer: (-by_producer[producer], producer))[:NAMED]
        yield Draft(
            step_ids=tuple(heaviest),
            note=f"prompts grew from {lengths[0]} to {lengths[-1]} tokens without compaction",
            soft=True,
            evidence={"carried_usd": currency.usd(load), "output_usd": currency.usd(work), "calls": len(lengths)},
            wasted_usd=currency.usd(load),
            removable=False,
        )
