"""Which steps of a session failed, and which later step repaired each."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from processors.model import AgentRun, ModelCall, Session, StepError, ToolCall
from processors.structure import Structure

Failing = ModelCall | ToolCall | AgentRun

_PERMANENT = re.compile(
    r"^4(?!08|09|29)\d\d$|BadRequest|Authentication|Permission|Forbidden|NotFound|Invalid|Validation"
)
"""Errors of a request that the same request would meet again, by HTTP status or by the class SDKs raise."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed step."""

    step: Failing
    error: StepError
    repaired_by: str | None
    """The step that did the same work later and did not fail."""

    @property
    def message(self) -> str:
        """The error in words, with its type where that says more."""
        if not self.error.message:
            return self.error.type
        said = self.error.type in self.error.message
        return self.error.message if said else f"{self.error.message} ({self.error.type})"


def failures(session: Session, structure: Structure) -> Iterator[Failure]:
    """Yield every step that failed itself, in order; not those that only passed on what failed beneath them."""
    later = _tried_again(structure)
    for step in session.steps:
        if step.error is None or step.counted_by is not None or not isinstance(step, Failing):
            continue
        if isinstance(step, AgentRun) and _passed_on(step.error, step.step_id, structure):
            continue
        yield Failure(step, step.error, later.get(step.step_id))


def _passed_on(error: StepError, step_id: str, structure: Structure) -> bool:
    below = (structure.by_id[under] for under in structure.under(step_id) if under != step_id)
    return any(step.error is not None and (step.error == error or step.error.type == error.type) for step in below)


def _tried_again(structure: Structure) -> dict[str, str]:
    """Find for each failed call the one that did its work after all."""
    alike: dict[tuple[str, str | None], list[ModelCall | ToolCall]] = defaultdict(list)
    for step in structure.by_id.values():
        if isinstance(step, ModelCall | ToolCall) and step.counted_by is None:
            alike[step.name, structure.owners.get(step.step_id)].append(step)
    next_call = _next_calls(structure)
    repaired: dict[str, str] = {}
    for steps in alike.values():
        failed: list[ModelCall | ToolCall] = []
        for step in steps:
            if step.error is not None:
                failed.append(step)
                continue
            mended = [other for other in failed if _redoes(step, other, structure.asked_by, next_call)]
            repaired.update((other.step_id, step.step_id) for other in mended)
            failed = [other for other in failed if other.step_id not in repaired]
    return repaired


def _next_calls(structure: Structure) -> dict[str, str]:
    """Map each model call to the next one in the same agent's loop."""
    latest: dict[str | None, str] = {}
    following: dict[str, str] = {}
    for call in structure.calls:
        owner = structure.owners.get(call.step_id)
        if owner in latest:
            following[latest[owner]] = call.step_id
        latest[owner] = call.step_id
    return following


def _redoes(
    step: ModelCall | ToolCall, failed: ModelCall | ToolCall, asked_by: Mapping[str, str], next_call: Mapping[str, str]
) -> bool:
    """Return whether a call does again what failed: the same request, or what the model asked for next instead."""
    if step.started_at < failed.ended_at:
        return False
    if isinstance(step, ModelCall) and isinstance(failed, ModelCall):
        if step.input_messages is not None and failed.input_messages is not None:
            return step.input_messages == failed.input_messages
        return failed.error is not None and not _PERMANENT.search(failed.error.type)
    if isinstance(step, ToolCall) and isinstance(failed, ToolCall):
        if step.arguments is not None and step.arguments == failed.arguments:
            return True
        asked = asked_by.get(failed.step_id)
        return asked is not None and next_call.get(asked) == asked_by.get(step.step_id)
    return False
