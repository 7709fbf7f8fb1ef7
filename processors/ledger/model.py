"""What the ledger says: money per step, and which call paid for which step's tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from processors.ledger.prompt import Prompt, PromptCall
from processors.pricing.model import TokenClass

INITIAL_CONTEXT = "initial_context"
"""The pseudo-step that stands for what no step produced: system prompt, tool definitions, user messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepMoney:
    """USD of one step; every figure is exact.

    A step that only repeats another (`counted_by`) has no entry in the ledger at all.
    """

    billed: Decimal | None
    """What the provider bills for the step itself: 0 for a step that nobody bills, None for an unpriced call."""
    attributed: Decimal
    """The part of the session's bill that this step caused; includes `carried`."""
    carried: Decimal
    """What later prompts paid to carry what this step produced."""
    subtree: Decimal | None
    """The priced bills of this step and of everything under it: 0 where nobody bills any of it, None where bills are
    due and none is known."""
    carried_calls: int = 0
    """How many priced calls carried it."""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One call paid `usd` for `tokens` of one class that `producer_step_id` produced."""

    call_step_id: str
    producer_step_id: str | None
    """None for the many small producers of one call that a very long session's entries sum up in one row."""
    token_class: TokenClass
    tokens: int
    usd: Decimal


ZERO = Decimal(0)
NOTHING = StepMoney(billed=ZERO, attributed=ZERO, carried=ZERO, subtree=ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """What leaving some steps out would have saved."""

    usd: Decimal
    assumption: str
    """What was assumed about the provider's cache and about the turns that vanish, in words for a user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """A session's bill, redistributed to the steps that caused it.

    The billed, and the attributed figures of all steps each sum to `total`, to the last digit. The pseudo-step
    `INITIAL_CONTEXT` is among the steps whenever a prompt was priced.
    """

    session_id: str
    steps: Mapping[str, StepMoney]
    """By step id; a second sighting of a call is absent."""
    total: Decimal | None
    """The session's cost; None when no call could be priced, and 0 when there was none to price."""
    priced: int
    """How many calls were priced."""
    unpriced: Mapping[str, int]
    """How many calls were not, by reason."""
    prompts: tuple[Prompt, ...] = ()
    """How every prompt grew, call by call."""
    embeddings: tuple[PromptCall, ...] = ()
    """Calls without a growing prompt; they cause their own cost."""
    result_tokens: Mapping[str, int] = field(default_factory=dict)
    """Tokens of the tool results that the provider's counts give exactly: those that came alone."""
    gaps: tuple[str, ...] = ()
    """Where the split between steps is an estimate and why, in words for a user; sorted."""
    places: int = 12
    """Units of the prompts' priced ranges are `10 ** -places` USD."""

    def money(self, step_id: str) -> StepMoney:
        """Look up what a step cost; nothing for a step the ledger does not know."""
        return self.steps.get(step_id, NOTHING)
