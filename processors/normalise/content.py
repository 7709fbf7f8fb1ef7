"""What messages hold: those that came one by one in log records are put where they belong, empty ones taken out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from processors.model import Media, Message, ModelCall, Part, Reasoning, Text, ToolCall, ToolRequest, ToolResponse
from processors.normalise.messages import result_text
from processors.normalise.sighting import SpanKey, Spoken
from processors.normalise.values import canonical
from processors.normalise.work import Work


def attach(works: Sequence[Work], spoken: Iterable[Spoken]) -> None:
    """Fill in what a span itself did not carry; repeated records of one message count once."""
    by_span: dict[SpanKey, list[Spoken]] = defaultdict(list)
    for item in sorted(set(spoken), key=lambda item: (item.time, item.direction, canonical(str(item.message)))):
        by_span[item.of_span].append(item)
    for work in works:
        said = by_span.get((work.step.trace_id or "", work.step.span_id or ""))
        if said:
            _fill(work, said)


def _fill(work: Work, said: Sequence[Spoken]) -> None:
    step = work.step
    given = tuple(item.message for item in said if item.direction == "input")
    answered = tuple(item.message for item in said if item.direction == "output")
    if isinstance(step, ModelCall):
        system = tuple(part for item in said if item.direction == "system" for part in item.message.parts)
        reasons = tuple(item.finish_reason for item in said if item.finish_reason is not None)
        work.step = replace(
            step,
            input_messages=step.input_messages or given or None,
            output_messages=step.output_messages or answered or None,
            system_instructions=step.system_instructions or system or None,
            finish_reasons=step.finish_reasons or reasons,
        )
    elif isinstance(step, ToolCall) and step.result is None:
        results = [part.result for message in answered for part in message.parts if isinstance(part, ToolResponse)]
        work.step = replace(step, result=result_text(results[0]) if results else None)


def without_skeletons(works: Sequence[Work]) -> None:
    """Take out messages of which only the shape was captured: who spoke, and which tools were called."""
    for work in works:
        if isinstance(work.step, ModelCall):
            given, answered = work.step.input_messages, work.step.output_messages
            if given is not None and not _says_something(given):
                work.step = replace(work.step, input_messages=None)
            if answered is not None and not _says_something(answered):
                work.step = replace(work.step, output_messages=None)


def _says_something(messages: Sequence[Message]) -> bool:
    return any(_content(part) is not None for message in messages for part in message.parts)


def _content(part: Part) -> str | None:
    match part:
        case Text() | Reasoning():  # of hidden reasoning it is told that there was some
            return part.content
        case ToolRequest():
            return part.arguments
        case ToolResponse():
            return part.result
        case Media():
            return part.modality
