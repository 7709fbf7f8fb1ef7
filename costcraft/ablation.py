"""Parts of CostCraft that can be switched off, to measure what each contributes.

The arm without costs is given cases that were read without any: no order and no selection in them depends on money.
Erasing the figures afterwards would leave their trace in the order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

JUDGED_BY_COST: Final = frozenset(("context_growth", "oversized_result"))
"""Detectors that depend on cost; the others depend only on what was done."""
PRICED_KINDS: Final = frozenset(("context",))
"""Kinds of steps that exist only where a session could be priced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ablation:
    """Which parts are enabled in a run; by default all."""

    cost: bool = True
    """Analysts see what steps cost and what removing them would save."""
    prune: bool = True
    """Prunes may be proposed."""
    counterfactual: bool = True
    """A prune must show why the outcome would have held without its steps."""


FULL: Final = Ablation()
