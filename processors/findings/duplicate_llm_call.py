"""The same prompt sent to the same model again, for the same answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import pairwise

from processors.findings.detector import Draft
from processors.findings.view import View
from processors.model import ModelCall, Text, ToolRequest


class DuplicateLlmCall:
    """Needs messages. Concurrent calls or different answers may be deliberate sampling; failed calls do not count."""

    name = "duplicate_llm_call"

    def gap(self, view: View) -> str | None:
        """Say so where no messages were captured."""
        calls = list(view.model_calls())
        if calls and all(not call.input_messages or call.output_messages is None for call in calls):
            return "messages not captured: identical model calls cannot be seen"
        return None

    def find(self, view: View) -> Iterator[Draft]:
        """Group calls by what was sent and what came back."""
        groups: dict[tuple[object, ...], list[ModelCall]] = defaultdict(list)
        for call in view.model_calls():
            messages = call.input_messages
            if messages and call.output_messages and call.error is None:
                last = messages[-1]
                groups[call.model, len(messages), last, _said(call)].append(call)
        for group in groups.values():
            again = [call for before, call in pairwise(group) if _same_prompt(before, call)]
            if again:
                yield Draft(
                    step_ids=tuple(call.step_id for call in again),
                    related_step_ids=(group[0].step_id,),
                    note="identical input sent again, with an identical answer",
                    evidence={"model": group[0].model or "", "count": len(again) + 1},
                    wasted_usd=_billed(again, view),
                    removable=False,
                )


def _billed(calls: Iterable[ModelCall], view: View) -> Decimal | None:
    """Sum up what some calls were billed; None where none of them was priced."""
    known = [usd for call in calls if (usd := view.ledger.money(call.step_id).billed) is not None]
    return sum(known, Decimal(0)) if known else None


def _said(call: ModelCall) -> tuple[tuple[str, str], ...]:
    """Return a call's output without the ids that differ from call to call."""
    said: list[tuple[str, str]] = []
    for message in call.output_messages or ():
        for part in message.parts:
            match part:
                case Text():
                    said.append(("", part.content))
                case ToolRequest():
                    said.append((part.name, part.arguments or ""))
                case _:
                    pass
    return tuple(said)


def _same_prompt(before: ModelCall, call: ModelCall) -> bool:
    return (
        before.ended_at <= call.started_at
        and before.input_messages == call.input_messages
        and before.system_instructions == call.system_instructions
        and before.tool_definitions == call.tool_definitions
    )
