"""What a card is made from, and how foreign text is cut to fit on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from processors.findings import Finding, View
from processors.ledger.model import INITIAL_CONTEXT, Ledger
from processors.model import ModelCall, Session
from processors.pricing.model import Cost, Price
from processors.pricing.session import billable_calls
from processors.structure import Structure

NAME_BYTES = 60
TEXT_BYTES = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """One session with everything that was computed from it."""

    session: Session
    prices: Mapping[str, Price]
    ledger: Ledger
    findings: tuple[Finding, ...]
    view: View
    calls: tuple[ModelCall, ...] = field(init=False)
    """The billable calls, in the session's order."""
    numbers: Mapping[str, int] = field(init=False)
    """`step_index` by step id; 0 is the initial context."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "calls", tuple(billable_calls(self.session)))
        object.__setattr__(self, "numbers", step_numbers(self.session))

    @property
    def structure(self) -> Structure:
        """Who called whom."""
        return self.view.structure

    def priced(self, step_id: str) -> bool:
        """Return whether a call has a price."""
        return isinstance(self.prices.get(step_id), Cost)

    def attributed(self, step_id: str) -> Decimal:
        """Return what a step caused, in USD."""
        return self.ledger.money(step_id).attributed


def step_numbers(session: Session) -> dict[str, int]:
    """Return `step_index` by step id: from 1 in the session's order; the initial context is 0."""
    return {INITIAL_CONTEXT: 0} | {step.step_id: number for number, step in enumerate(session.steps, start=1)}


def clip(text: str, limit: int = TEXT_BYTES) -> str:
    """Return foreign text on one line of printable characters, of at most `limit` bytes in UTF-8."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * limit])
    line = " ".join(printable.split())
    if len(line) == len(text) and len(text.encode()) <= limit:
        return line
    encoded = line.encode()
    if len(encoded) <= limit and len(text) <= 4 * limit:
        return line
    return encoded[: limit - 3].decode(errors="ignore").rstrip() + "…"
