"""A finding: avoidable cost, the steps that caused it, and evidence that a reader can check."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

EvidenceValue: TypeAlias = "str | int | Decimal | tuple[str, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One piece of waste, or of suspected waste where `soft` is set."""

    detector: str
    step_ids: tuple[str, ...]
    """The steps that could have been left out or done better, in order. A repeat is named here, its original is not."""
    span_ids: tuple[str, ...]
    """The spans of those steps, where they have one."""
    related_step_ids: tuple[str, ...] = ()
    """Steps that the evidence refers to and that were not waste, such as the first of several equal calls."""
    wasted_usd: Decimal | None
    """What the ledger says the steps cost, in USD; None where none of the calls that paid for them was priced."""
    saving_usd: Decimal | None
    """What removing all of `step_ids` together would have saved, in USD; None where unknown or not removable."""
    note: str
    """Why it fired, in one sentence."""
    soft: bool
    """True where the evidence has an innocent explanation too."""
    evidence: Mapping[str, EvidenceValue]
    """What a reader needs to check it, by name."""

    @property
    def finding_id(self) -> str:
        """Stable over recompilation: a hash of the detector and its steps."""
        text = "\0".join((self.detector, *self.step_ids))
        return hashlib.sha256(text.encode()).hexdigest()[:16]
