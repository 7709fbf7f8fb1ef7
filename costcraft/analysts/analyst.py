"""What every analyst is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from costcraft.case import Cases
from costcraft.patch import SkillPatch


class Analyst(Protocol):
    """Proposes patches from cases. Every patch it returns passed validation against the cases."""

    @property
    def name(self) -> str:
        """What patches name as their analyst."""
        ...

    def propose(self, cases: Cases) -> Iterable[SkillPatch]:
        """Return patches; the same cases give the same patches where no model is asked."""
        ...
