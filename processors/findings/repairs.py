"""Which tool calls failed, and which later call succeeded in their place."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from processors.findings.answers import error_of, failed
from processors.findings.arguments import ALIKE, plain
from processors.findings.view import View
from processors.model import ToolCall
from processors.similarity import alike


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed tool call."""

    step_id: str
    error: str
    repaired_by: str | None
    """The next successful call of the same tool in the same loop with the same, similar or same-target arguments."""


def failures(view: View) -> tuple[Failure, ...]:
    """List a session's failed tool calls by time; near-linear, as each looks ahead only to its repair."""
    waiting: dict[tuple[str, str], list[ToolCall]] = defaultdict(list)
    repaired: dict[str, str] = {}
    found: list[ToolCall] = []
    for tool in view.tools:
        tries = waiting[view.loop_of(tool), tool.name]
        if failed(tool):
            found.append(tool)
            tries.append(tool)
            continue
        mended = [before for before in tries if _same_aim(view, before, tool)]
        repaired.update((before.step_id, tool.step_id) for before in mended)
        tries[:] = [before for before in tries if before.step_id not in repaired][-LONGEST_MEMORY:]
    return tuple(Failure(tool.step_id, error_of(tool) or "", repaired.get(tool.step_id)) for tool in found)


LONGEST_MEMORY = 32
"""Failed calls of one tool that are still waiting for a repair."""


def _same_aim(view: View, before: ToolCall, after: ToolCall) -> bool:
    if before.arguments is None or after.arguments is None:
        return before.arguments == after.arguments
    left, right = plain(before.arguments), plain(after.arguments)
    shared = view.effect(before).targets & view.effect(after).targets
    return left == right or bool(shared) or alike(left, right, ALIKE)
