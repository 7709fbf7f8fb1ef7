"""What of CostCraft may be switched off, to measure what each part is worth.

The arm without costs is given cases that never held any: no money was read, nothing is in an order or a selection that
money decided. Erasing the figures from what cost has ordered would leave their trace in the order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

JUDGED_BY_COST: Final = frozenset(("context_growth", "oversized_result"))
"""Detectors that fire or not by what something cost; the others look at what was done."""
PRICED_KINDS: Final = frozenset(("context",))
"""Kinds of steps that exist only where a session could be priced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ablation:
    """Which parts take part in a run; everything, unless said otherwise."""

    cost: bool = True
    """Analysts see what steps cost and what leaving them out would save."""
    prune: bool = True
    """Rules against steps may be proposed."""
    counterfactual: bool = True
    """A rule against steps must show why the outcome would have held without them."""


FULL: Final = Ablation()
