"""Which steps of a session failed, and which later step repaired each."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import TypeAlias

from processors.findings import View
from processors.findings import failures as failed_tools
from processors.model import AgentRun, ModelCall, Session, StepError, ToolCall
from processors.structure import Structure

Failing: TypeAlias = ModelCall | ToolCall | AgentRun

_PERMANENT = re.compile(
    r"^4(?!08|09|29)\d\d$|BadRequest|Authentication|Permission|Forbidden|NotFound|Invalid|Validation"
)
"""Permanent errors, which the same request would meet again, by HTTP status or by the class that SDKs raise."""


def failed_steps(session: Session, structure: Structure) -> Iterator[Failing]:
    """Yield every step that failed itself, in order; not those that only passed on what failed beneath them."""
    for step in session.steps:
        if step.error is None or step.counted_by is not None or not isinstance(step, Failing):
            continue
        if isinstance(step, AgentRun) and _passed_on(step.error, step.step_id, structure):
            continue
        yield step


def in_words(error: StepError) -> str:
    """Return the message, with the type where that says more."""
    kind = error.type.rsplit(".", 1)[-1]
    if not error.message:
        return kind
    return error.message if kind in error.message else f"{error.message} ({kind})"


def repairs(view: View) -> dict[str, str]:
    """Map failed calls to the later call that succeeded in their place."""
    tools = {failure.step_id: failure.repaired_by for failure in failed_tools(view) if failure.repaired_by is not None}
    return {**tools, **_repaired_calls(view.structure)}


def _passed_on(error: StepError, step_id: str, structure: Structure) -> bool:
    below = (structure.by_id[under] for under in structure.under(step_id) if under != step_id)
    return any(step.error is not None and step.error.type == error.type for step in below)


def _repaired_calls(structure: Structure) -> dict[str, str]:
    alike: dict[tuple[str | None, str | None], list[ModelCall]] = defaultdict(list)
    repaired: dict[str, str] = {}
    for call in structure.calls:
        waiting = alike[call.request_model or call.model, structure.owners.get(call.step_id)]
        if call.error is not None:
            waiting.append(call)
            continue
        repaired.update((failed.step_id, call.step_id) for failed in waiting if _redoes(call, failed))
        waiting[:] = [failed for failed in waiting if failed.step_id not in repaired]
    return repaired


def _redoes(call: ModelCall, failed: ModelCall) -> bool:
    """Return whether a request retries a failed one: the same prompt, or where unknown, a transient error."""
    if call.input_messages is not None and failed.input_messages is not None:
        return call.input_messages == failed.input_messages
    return failed.error is not None and not _PERMANENT.search(failed.error.type)
