"""What a detector is: it looks at a session and drafts findings; the money is filled in for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from processors.findings.model import EvidenceValue
from processors.findings.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A finding before its steps are priced."""

    step_ids: tuple[str, ...]
    note: str
    related_step_ids: tuple[str, ...] = ()
    soft: bool = False
    evidence: Mapping[str, EvidenceValue] = field(default_factory=dict)
    removable: bool = True
    """Whether leaving the steps out makes sense: the waste is then what they were attributed."""
    wasted_usd: Decimal | None = None
    """The waste of steps that cannot be left out, in USD; None where it is not known."""


class Detector(Protocol):
    """One kind of avoidable cost.

    With a gap it stays silent. It must not fire on an innocent session: a wrong finding ends as a rule that breaks an
    agent.
    """

    @property
    def name(self) -> str:
        """Its name in findings and cards."""
        ...

    def gap(self, view: View) -> str | None:
        """Say what was needed and not captured; None where the detector can judge."""
        ...

    def find(self, view: View) -> Iterator[Draft]:
        """Draft findings."""
        ...
