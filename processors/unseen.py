"""Work that a session's source does not report: what was not sent is unknown, not zero."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from processors.model import AgentRun, ModelCall, Step, ToolCall

_ASKS_FOR_TOOLS = re.compile(r"tool|function", re.IGNORECASE)


def model_calls_unseen(steps: Sequence[Step]) -> bool:
    """Tell whether agents or tools ran and no model call of theirs was sent, at most a total of what they used."""
    if any(isinstance(step, ModelCall) and not step.inferred for step in steps):
        return False
    return any(isinstance(step, (ModelCall, AgentRun, ToolCall)) for step in steps)


def tool_calls_unseen(steps: Sequence[Step]) -> bool:
    """Tell whether there may have been tools although no run of one is known: the answers that ask were not sent."""
    if any(isinstance(step, ToolCall) and step.counted_by is None for step in steps):
        return False
    return model_calls_unseen(steps) or any(not _tells_that_no_tool_was_asked_for(call) for call in _answered(steps))


def _answered(steps: Sequence[Step]) -> Iterator[ModelCall]:
    for step in steps:
        if isinstance(step, ModelCall) and step.operation == "chat" and step.counted_by is None and step.error is None:
            yield step


def _tells_that_no_tool_was_asked_for(call: ModelCall) -> bool:
    reasons = call.finish_reasons
    return bool(call.output_messages) or bool(reasons and not any(map(_ASKS_FOR_TOOLS.search, reasons)))
