"""A large result that was carried through the session although little of it was used."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from processors.findings.detector import Draft
from processors.findings.usage import Used
from processors.findings.view import View
from processors.ledger.pieces import result_text
from processors.pricing.model import USD_QUANTUM

LARGE_SHARE = Decimal("0.2")
"""Share of the session's cost, source: design/tracecard.md."""
LITTLE = 0.1
LEAST_DISTINCTIVE = 20


class OversizedResult:
    """Needs prices, results and all that was written after them."""

    name = "oversized_result"

    def gap(self, view: View) -> str | None:
        """Say so where the ledger shows a candidate that cannot be judged."""
        large = [tool for tool in view.tools if self._large(view, tool.step_id)]
        if large and all(result_text(tool) is None for tool in large):
            return "tool results not captured: how much of a large result was used cannot be seen"
        return None

    def find(self, view: View) -> Iterator[Draft]:
        """Look at results that cost a large share of the session."""
        large = [tool for tool in view.tools if self._large(view, tool.step_id)]
        if not large:
            return
        for tool in large:
            text = result_text(tool)
            used = None if text is None else view.usage.of_result(tool, text)
            if text is None or used is None or used.distinctive < LEAST_DISTINCTIVE:
                continue
            if 0 < used.used <= LITTLE * used.distinctive and not used.derivable:
                yield self._draft(view, tool.step_id, tool.name, used, len(text))

    def _large(self, view: View, step_id: str) -> bool:
        total = view.ledger.total
        return total is not None and view.ledger.money(step_id).carried > LARGE_SHARE * total > 0

    def _draft(self, view: View, step_id: str, name: str, used: Used, length: int) -> Draft:
        money = view.ledger.money(step_id)
        idle = money.carried * (used.distinctive - used.used) / used.distinctive
        return Draft(
            step_ids=(step_id,),
            note=f"carried in {money.carried_calls} calls; {used.used} of its {used.distinctive} values were used",
            evidence={"tool": name, "characters": length, "carried_usd": money.carried},
            wasted_usd=idle.quantize(USD_QUANTUM),
            removable=False,
        )
