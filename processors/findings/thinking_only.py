"""A model call that wrote only reasoning."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from processors.findings.detector import Draft
from processors.findings.view import View
from processors.model import ModelCall, Reasoning, Text


class ThinkingOnly:
    """Needs model outputs, or reasoning tokens apart. The last call of a prompt may have been cut off."""

    name = "thinking_only"

    def gap(self, view: View) -> str | None:
        """Say so where neither was captured."""
        calls = list(view.model_calls())
        if calls and all(call.output_messages is None and _reasoning(call) is None for call in calls):
            return "model outputs and reasoning tokens not captured: calls that only reasoned cannot be seen"
        return None

    def find(self, view: View) -> Iterator[Draft]:
        """Look at every call that another one of the same prompt follows."""
        calls = {call.step_id: call for call in view.model_calls()}
        for prompt in view.ledger.prompts:
            in_order = [call.step_id for stretch in prompt.stretches for call in stretch.calls]
            for step_id, _ in pairwise(in_order):
                if not view.structure.asked.get(step_id) and _only_reasoned(calls[step_id]):
                    yield Draft(
                        step_ids=(step_id,),
                        note="the call wrote only reasoning: no text, no tool call",
                        evidence={"output_tokens": _output(calls[step_id]) or 0},
                        wasted_usd=view.ledger.money(step_id).billed,
                        removable=False,
                    )


def _only_reasoned(call: ModelCall) -> bool:
    if call.error is not None or not _output(call):
        return False
    if call.output_messages is None:
        return _reasoning(call) == _output(call)
    parts = [part for message in call.output_messages for part in message.parts]
    reasoned = any(isinstance(part, Reasoning) for part in parts) or bool(_reasoning(call))
    return reasoned and all(isinstance(part, Reasoning) or _blank(part) for part in parts)


def _blank(part: object) -> bool:
    return isinstance(part, Text) and not part.content.strip()


def _output(call: ModelCall) -> int | None:
    return None if call.usage is None else call.usage.output_tokens


def _reasoning(call: ModelCall) -> int | None:
    return None if call.usage is None else call.usage.reasoning_output_tokens
