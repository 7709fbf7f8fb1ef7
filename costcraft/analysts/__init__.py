"""Analysts read cases and propose patches; validation, merge and lint decide.

Cases come from the stable views, patches go to `merge`.
"""

from costcraft.analysts.analyst import Analyst
from costcraft.analysts.rules import RulesAnalyst

ANALYSTS: tuple[type[Analyst], ...] = (RulesAnalyst,)

__all__ = ["ANALYSTS", "Analyst", "RulesAnalyst"]
