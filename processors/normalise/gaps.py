"""What a session's source did not send, and what therefore cannot be said, in words for a user."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from processors.model import ModelCall, Step, ToolCall
from processors.normalise.sessions import FROM_TRACE
from processors.normalise.usage import CACHED_NOT_SENT
from processors.unseen import model_calls_unseen, tool_calls_unseen

NO_SESSION_ID = "no session id was sent: the trace stands for the session"
NO_SESSION_ID_IN_TRACES = "no session id was sent: traces that continue one another stand for the session"
NO_MODEL_CALLS = "model calls were not sent: they cannot be counted"
NO_TOOL_CALLS = "tool calls were not sent, and no answers that ask for them: neither they nor repeats can be counted"


def gaps(steps: Sequence[Step], session_source: str) -> tuple[str, ...]:
    """Return the gaps of a session, sorted."""
    counted = [step for step in steps if step.counted_by is None]
    calls = [
        step for step in counted if isinstance(step, ModelCall) and step.operation == "chat" and step.error is None
    ]
    tools = [step for step in counted if isinstance(step, ToolCall)]
    found = {*_of_calls(calls), *_of_tools(tools), *_unseen(steps)}
    if session_source == FROM_TRACE:
        several = len({step.trace_id for step in steps if step.trace_id is not None}) > 1
        found.add(NO_SESSION_ID_IN_TRACES if several else NO_SESSION_ID)
    return tuple(sorted(found))


def _unseen(steps: Sequence[Step]) -> Iterator[str]:
    if model_calls_unseen(steps):
        yield NO_MODEL_CALLS
    if tool_calls_unseen(steps):
        yield NO_TOOL_CALLS


def _of_calls(calls: Sequence[ModelCall]) -> Iterator[str]:
    for reason in {call.usage_missing for call in calls if call.usage is None and call.usage_missing is not None}:
        number = sum(call.usage is None and call.usage_missing == reason for call in calls)
        yield f"{reason}: {number} of {len(calls)} model calls"
    used = [call.usage for call in calls if call.usage is not None]
    for name, gap in (
        ("cache_read_input_tokens", "cached input tokens were not sent"),
        ("reasoning_output_tokens", "reasoning tokens were not sent apart from output"),
    ):
        counts = [getattr(usage, name) for usage in used]
        dropped = name == "cache_read_input_tokens" and any(call.usage_missing == CACHED_NOT_SENT for call in calls)
        if dropped or not any(counts):
            yield from _partly(gap, counts.count(None), len(counts), "model calls")
    without = sum(call.input_messages is None for call in calls)
    yield from _partly("prompts were not captured", without, len(calls), "model calls")
    silent = sum(call.output_messages is None for call in calls)
    yield from _partly("answers of the model were not captured", silent, len(calls), "model calls")
    if calls and all(call.model is None for call in calls):
        yield "models were not named"


def _of_tools(tools: Sequence[ToolCall]) -> Iterator[str]:
    for name, missing in (
        ("arguments", sum(tool.arguments is None for tool in tools)),
        ("results", sum(tool.result is None and tool.error is None for tool in tools)),
    ):
        yield from _partly(f"tool {name} were not captured", missing, len(tools), "tool calls")


def _partly(gap: str, missing: int, number: int, unit: str) -> Iterator[str]:
    """Say that something is missing, and of how many where it is not of all."""
    if missing:
        yield gap if missing == number else f"{gap}: {missing} of {number} {unit}"
