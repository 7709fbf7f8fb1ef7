"""Analysts read cases and propose patches; validation, merge and lint decide.

Cases come from the stable views, patches go to `merge`. `rules` needs no model; `llm` is imported by whoever wants it,
since it needs the extra `[llm]`.
"""

from costcraft.analysts.analyst import Analyst, Refused
from costcraft.analysts.rules import RulesAnalyst

__all__ = ["Analyst", "Refused", "RulesAnalyst"]
