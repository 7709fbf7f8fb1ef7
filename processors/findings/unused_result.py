"""A tool result of which nothing was ever used.

A look at what the agent also changed decided or checked something, whatever was repeated of it; and an answer that was
asked for again until it was another one said that the time had not come.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from processors.effects import words_of
from processors.effects.names import word_set
from processors.findings.answers import failed, pending, verdict
from processors.findings.detector import Draft
from processors.findings.usage import Used
from processors.findings.view import View
from processors.ledger.pieces import result_text
from processors.model import ToolCall

REFLECTING = word_set("think todo todos plan reflect")
"""Words of tools that show the agent its own thoughts."""
LEAST_DISTINCTIVE = 3
"""A result with fewer values of its own may have been used without being repeated."""


class UnusedResult:
    """Needs results and all that was written after them. What a write answers is not looked at."""

    name = "unused_result"

    def gap(self, view: View) -> str | None:
        """Say so where results or answers were not captured."""
        if view.tools and all(result_text(tool) is None for tool in view.tools):
            return "tool results not captured: unused results cannot be seen"
        if view.tools and all(call.output_messages is None for call in view.model_calls()):
            return "model outputs not captured: unused results cannot be seen"
        return None

    def find(self, view: View) -> Iterator[Draft]:
        """Look at every successful read."""
        awaited = _awaited(view)
        for tool in view.tools:
            text = result_text(tool)
            if text is None or not view.only_reads(tool) or failed(tool) or verdict(text) or pending(text):
                continue
            if tool.step_id in view.structure.sub_agents or tool.step_id in awaited:
                continue
            if not REFLECTING.isdisjoint(words_of(tool.name)):
                continue
            if view.changes.concerns_a_change(tool):
                continue
            used = view.usage.of_result(tool, text)
            if used is not None and unused(used):
                yield _draft(tool, used.distinctive, len(text))


def _awaited(view: View) -> set[str]:
    """Name the calls that were made again, unchanged, and then answered otherwise."""
    return {
        earlier.step_id
        for group in view.same_calls()
        for earlier, later in pairwise(group)
        if view.answer(earlier) != view.answer(later)
    }


def unused(used: Used) -> bool:
    """Whether nothing of a result was repeated, and nothing may have been computed from it."""
    return used.distinctive >= LEAST_DISTINCTIVE and used.used == 0 and not used.derivable


def _draft(tool: ToolCall, distinctive: int, length: int) -> Draft:
    return Draft(
        step_ids=(tool.step_id,),
        note="nothing that was new in the result appears in any later argument, text or answer",
        evidence={
            "tool": tool.name,
            "arguments": tool.arguments or "",
            "values": distinctive,
            "characters": length,
        },
    )
