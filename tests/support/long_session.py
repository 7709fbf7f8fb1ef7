"""One agent session of any length as the collector stores it: model calls, each asking for a file that is then read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random

from collector.model import AttributeValue, Resource, Scope, Span
from collector.store import Signals

START_NS = 1_790_000_000_000_000_000
SECOND = 1_000_000_000
LONGEST_PROMPT = 180_000
"""Tokens at which the prompt is compacted."""
RESOURCE, SCOPE = Resource({"service.name": "load"}), Scope("tests.load", "1", {})
MODEL = {
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.response.model": "gpt-4o-mini",
}


def long_session(steps: int) -> Signals:
    """Return the spans of one agent with so many calls of models and tools; the same for the same number."""
    return Signals(tuple(_spans(steps, Random(steps))), ())


def _spans(steps: int, random: Random) -> Iterator[Span]:
    agent: dict[str, AttributeValue] = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "worker",
        "gen_ai.conversation.id": "long",
    }
    yield _span(1, None, "invoke_agent worker", 0, steps * SECOND, agent)
    length, before = 2_000, 0
    for turn in range(steps // 2):
        file, written = random.randrange(max(3, steps // 4)), random.randint(20, 80)
        answer = (f"file {file} " + f"word{file} " * 200)[: random.randint(100, 900)]
        call_id, arguments = f"call-{turn}", {"path": f"src/file{file}.py"}
        asked = [{"type": "tool_call", "id": call_id, "name": "read_file", "arguments": arguments}]
        call: dict[str, AttributeValue] = {
            "gen_ai.operation.name": "chat",
            **MODEL,
            "gen_ai.response.id": f"response-{turn}",
            "gen_ai.usage.input_tokens": length,
            "gen_ai.usage.cache_read.input_tokens": before // 128 * 128,
            "gen_ai.usage.output_tokens": written,
            "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": asked, "finish_reason": "tool_call"}]),
        }
        tool: dict[str, AttributeValue] = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "read_file",
            "gen_ai.tool.call.id": call_id,
            "gen_ai.tool.call.arguments": json.dumps(arguments),
            "gen_ai.tool.call.result": answer,
        }
        begun = turn * 2 * SECOND
        yield _span(2 * turn + 2, 1, "chat gpt-4o-mini", begun, SECOND, call)
        yield _span(2 * turn + 3, 1, "execute_tool read_file", begun + SECOND, SECOND // 2, tool)
        before, length = length, length + written + len(answer) // 4
        if length > LONGEST_PROMPT:
            before, length = 0, 6_000


def _span(
    number: int, parent: int | None, name: str, begun: int, lasted: int, attributes: dict[str, AttributeValue]
) -> Span:
    return Span(
        trace_id=f"{1:032x}",
        span_id=f"{number:016x}",
        parent_span_id=None if parent is None else f"{parent:016x}",
        name=name,
        kind=1,
        start_time_unix_nano=START_NS + begun,
        end_time_unix_nano=START_NS + begun + lasted,
        attributes=attributes,
        events=(),
        links=(),
        status_code=0,
        status_message="",
        trace_state="",
        flags=0,
        resource=RESOURCE,
        scope=SCOPE,
    )
