"""A made-up run, and what every dialect that tells it needs: prompts, answers and a frame of spans."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from collector.model import Attributes, AttributeValue, LogRecord, Resource, Scope, Span

TRACE = "5" * 32
EPOCH = 1_790_000_000_000_000_000
SECOND = 1_000_000_000
ROOT = 1


@dataclass(frozen=True, slots=True)
class Turn:
    """One model call and the tool that it asked for, if any. Tokens as billed: wholes include their parts."""

    given: int
    read: int
    written: int
    answered: int
    reasoned: int
    tool: Tool | None


@dataclass(frozen=True, slots=True)
class Tool:
    """One run of a tool."""

    name: str
    argument: str
    result: str
    failed: bool

    @property
    def arguments(self) -> str:
        return json.dumps({"path": self.argument})


@dataclass(frozen=True, slots=True)
class Told:
    """What a dialect sends of a run."""

    spans: tuple[Span, ...]
    logs: tuple[LogRecord, ...] = ()


Message = Mapping[str, object]


def identifier(turn: int) -> str:
    """Return the id of the tool call that a turn asked for."""
    return f"call_{turn}_Yd81mKq07ZtW"


def history(turns: tuple[Turn, ...], until: int) -> Iterator[tuple[int, Tool]]:
    """Yield the tools whose answers stand in the prompt of a turn."""
    for number, turn in enumerate(turns[:until]):
        if turn.tool is not None:
            yield number, turn.tool


def parts_prompt(turns: tuple[Turn, ...], until: int) -> str:
    """Return a prompt in the conventions' parts."""
    messages: list[Message] = [{"role": "user", "parts": [{"type": "text", "content": "Go."}]}]
    for number, tool in history(turns, until):
        asked = {"type": "tool_call", "id": identifier(number), "name": tool.name, "arguments": {"path": tool.argument}}
        answer = {"type": "tool_call_response", "id": identifier(number), "response": tool.result}
        messages += [{"role": "assistant", "parts": [asked]}, {"role": "tool", "parts": [answer]}]
    return json.dumps(messages)


def parts_answer(number: int, turn: Turn) -> str:
    """Return an answer in the conventions' parts."""
    part: Message = {"type": "text", "content": "Done."}
    if turn.tool is not None:
        part = {"type": "tool_call", "id": identifier(number), "name": turn.tool.name, "arguments": turn.tool.arguments}
    return json.dumps([{"role": "assistant", "parts": [part]}])


def chat_prompt(turns: tuple[Turn, ...], until: int) -> list[Message]:
    """Return a prompt as OpenAI's chat API has it."""
    messages: list[Message] = [{"role": "user", "content": "Go."}]
    for number, tool in history(turns, until):
        call = {
            "id": identifier(number),
            "type": "function",
            "function": {"name": tool.name, "arguments": tool.arguments},
        }
        messages.append({"role": "assistant", "content": "", "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": identifier(number), "content": tool.result})
    return messages


def chat_answer(number: int, turn: Turn) -> Message:
    """Return an answer as OpenAI's chat API has it."""
    if turn.tool is None:
        return {"role": "assistant", "content": "Done."}
    function = {"name": turn.tool.name, "arguments": turn.tool.arguments}
    return {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"id": identifier(number), "type": "function", "function": function}],
    }


def flat(prefix: str, value: object) -> Iterator[tuple[str, AttributeValue]]:
    """Yield a structure as attributes whose keys spell it out."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from flat(f"{prefix}.{key}", item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from flat(f"{prefix}.{index}", item)
    elif isinstance(value, (str, int)):
        yield prefix, value


def span(number: int, scope: str, name: str, attributes: Attributes, at: tuple[float, float], **more: object) -> Span:
    """Return a span of the run; numbers other than the root's hang under it."""
    events = more.get("events", ())
    assert isinstance(events, tuple)
    return Span(
        trace_id=TRACE,
        span_id=f"{number:016x}",
        parent_span_id=None if number == ROOT else f"{ROOT:016x}",
        name=name,
        start_time_unix_nano=EPOCH + int(at[0] * SECOND),
        end_time_unix_nano=EPOCH + int(at[1] * SECOND),
        attributes={key: value for key, value in attributes.items() if value is not None},
        events=events,
        status_code=2 if more.get("failed") else 0,
        scope=Scope(scope),
        resource=Resource({"service.name": "speaker"}),
    )


Call = Callable[[tuple[Turn, ...], int, Turn], tuple[str, Attributes]]
Run = Callable[[int, Tool], tuple[str, Attributes]]


def spans(turns: tuple[Turn, ...], scope: str, root: tuple[str, Attributes], call: Call, run: Run) -> tuple[Span, ...]:
    """Return a run as a root, its calls and its tools one after the other."""
    found = [span(ROOT, scope, *root, at=(0, 10 * len(turns)))]
    for number, turn in enumerate(turns):
        at = 10 * number + 1
        found.append(span(100 + number, scope, *call(turns, number, turn), at=(at, at + 4)))
        if turn.tool is not None:
            told = run(number, turn.tool)
            found.append(span(500 + number, scope, *told, at=(at + 5, at + 6), failed=turn.tool.failed))
    return tuple(found)


def total(turns: tuple[Turn, ...], name: str) -> int:
    """Return the sum of a count."""
    return sum(int(getattr(turn, name)) for turn in turns)


def tools(turns: tuple[Turn, ...]) -> list[Tool]:
    """Return the tools of a run."""
    return [turn.tool for turn in turns if turn.tool is not None]
