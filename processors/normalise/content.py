"""Messages that came one by one in log records, put into the model calls and tools they belong to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from processors.model import ModelCall, ToolCall, ToolResponse
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
