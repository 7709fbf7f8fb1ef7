"""What every analyst is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from costcraft.case import Cases
from costcraft.patch import SkillPatch


@dataclass(frozen=True, slots=True)
class Refused:
    """A proposal that failed validation, and why."""

    analyst: str
    session_id: str
    what: str
    reason: str


class Analyst(Protocol):
    """Proposes patches from cases. Every patch it returns passed validation against the cases."""

    @property
    def name(self) -> str:
        """The name that its patches carry."""
        ...

    @property
    def spent_usd(self) -> Decimal | None:
        """What its answers cost; None where it asks no model or the price is unknown."""
        ...

    def propose(self, cases: Cases) -> Iterable[SkillPatch | Refused]:
        """Return patches and refused proposals; deterministic where no model is asked."""
        ...
