"""What removing each step on its own would have saved, for the costliest steps of a session."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from processors.counterfactual import Counterfactual
from processors.ledger import Ledger
from processors.model import AgentRun, Session, ToolCall

MOST_STEPS: Final = 5_000
"""How many steps of a session are considered, costliest first: ten thousand counterfactuals take seconds."""


def savings(session: Session, ledger: Ledger, what_if: Counterfactual, most: int = MOST_STEPS) -> Mapping[str, Decimal]:
    """Return USD by step id, for tool calls and sub-agents that can be left out of a priced session."""
    if ledger.total is None:
        return {}
    removable = _removable(session)
    removable.sort(key=lambda step_id: (-ledger.money(step_id).attributed, step_id))
    found = {step_id: what_if.saving((step_id,)) for step_id in removable[:most]}
    return {step_id: saving.usd for step_id, saving in found.items() if saving is not None}


def gap(session: Session, most: int = MOST_STEPS) -> str | None:
    """Say for how many steps no saving was computed; None where it was computed for all."""
    count = len(_removable(session))
    return f"savings only of the {most:,} costliest of {count:,} steps" if count > most else None


def _removable(session: Session) -> list[str]:
    return [
        step.step_id
        for step in session.steps
        if step.counted_by is None
        and (isinstance(step, ToolCall) or (isinstance(step, AgentRun) and step.is_sub_agent))
    ]
