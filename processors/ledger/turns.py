"""The calls of a prompt in order, each with what must have joined the prompt since the previous call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from processors.ledger.bills import Bill
from processors.ledger.pieces import Growth, growth
from processors.ledger.ratios import Ratios, fit
from processors.ledger.threads import Thread, prompt_length
from processors.model import ModelCall
from processors.structure import Structure

NOTHING_JOINED = Growth((), written=False)


@dataclass(frozen=True, slots=True)
class Turn:
    """A call whose prompt length is known, and what happened since the last such call."""

    call: ModelCall
    length: int
    before: tuple[ModelCall, ...]
    """The calls since then, the last one of known length first."""
    previous: int | None
    """That one's prompt length; None for the first of a prompt."""
    growth: Growth
    """Empty for the first of a prompt."""

    @property
    def new(self) -> int:
        """Tokens by which the prompt grew."""
        return self.length - (self.previous or 0)


def turns_of(thread: Thread, structure: Structure, billed: Mapping[str, Bill]) -> list[Turn]:
    """List the calls of known length, with their growth."""
    turns: list[Turn] = []
    before: list[ModelCall] = []
    previous: int | None = None
    for call in thread.calls:
        bill = billed.get(call.step_id)
        length = bill.length if bill is not None and bill.length else prompt_length(call)
        if length is not None:
            joined = NOTHING_JOINED if previous is None else growth(before, call, structure)
            turns.append(Turn(call, length, tuple(before), previous, joined))
            previous, before = length, []
        before.append(call)
    return turns


def fit_ratios(turns: Sequence[Turn]) -> Ratios:
    """Fit a session's tokens per byte to all its turns."""
    return fit((turn.new, turn.growth.pieces) for turn in turns if turn.previous is not None)


def hidden_request_cap(turns: Sequence[Turn], structure: Structure) -> int | None:
    """Estimate the tokens of a tool request in a session whose output counts include unreported reasoning; else None.

    Reasoning is hidden in the count where a prompt grew by less than the previous call had written.
    """
    smallest: int | None = None
    hidden = False
    for turn in turns:
        if turn.previous is None or turn.new < 0 or len(turn.before) != 1:
            continue
        usage, tools = turn.before[0].usage, structure.asked.get(turn.before[0].step_id, ())
        if usage is None or usage.output_tokens is None or usage.reasoning_output_tokens is not None or not tools:
            continue
        hidden = hidden or 0 < turn.new < usage.output_tokens
        needed = min(usage.output_tokens, turn.new) // len(tools)
        smallest = needed if smallest is None else min(smallest, needed)
    return smallest if hidden else None
