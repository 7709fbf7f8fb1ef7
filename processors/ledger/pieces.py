"""What became visible in a prompt between two calls: pieces with a producer, a kind and a size in bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from processors.ledger.model import INITIAL_CONTEXT
from processors.ledger.threads import extends
from processors.model import Message, ModelCall, Part, Reasoning, Text, ToolCall, ToolRequest, ToolResponse
from processors.structure import Structure

SAMPLE = 2_000
DENSE = 0.30
"""Above this share of digits and punctuation a text is dense: tables, logs, code."""
LETTERS_AND_SPACES = bytes(code for code in range(128) if chr(code).isalpha() or chr(code).isspace())
NOT_SIMPLE = re.compile(r"[^\x00-\x7f]")


class Kind(IntEnum):
    """Sorts of text that differ in bytes per token."""

    ANSWER = 0
    REQUEST = 1
    RESULT_PROSE = 2
    RESULT_JSON = 3
    RESULT_DENSE = 4
    USER = 5
    REASONING = 6


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of a message as it stands in a prompt."""

    producer: str
    kind: Kind
    size: int | None
    """UTF-8 bytes, for hidden reasoning its tokens; None where the content was not captured or is no text."""


def result_kind(text: str) -> Kind:
    """Tell JSON, dense text and prose apart by their first characters."""
    start = text[:SAMPLE].lstrip()
    if start.startswith(("{", "[")):
        return Kind.RESULT_JSON
    return Kind.RESULT_DENSE if _marks(start) > DENSE * len(start) else Kind.RESULT_PROSE


def _marks(text: str) -> int:
    """Count the characters that are neither letters nor spaces; as bytes where that can be, which is much faster."""
    simple = text.encode("ascii", "ignore")
    marks = len(simple.translate(None, LETTERS_AND_SPACES))
    if len(simple) < len(text):
        marks += sum(not (character.isalpha() or character.isspace()) for character in NOT_SIMPLE.findall(text))
    return marks


def size_of(text: str) -> int:
    """Count UTF-8 bytes, also of text with lone surrogates."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def message_size(message: Message) -> int:
    """Count the bytes of what a message says, as far as it is text."""
    return sum(_part_size(part) for part in message.parts)


def _part_size(part: Part) -> int:
    match part:
        case Text() | Reasoning():
            return size_of(part.content)
        case ToolRequest():
            return size_of(part.arguments or "")
        case ToolResponse():
            return size_of(part.result or "")
        case _:
            return 0


def written_by(call: ModelCall, structure: Structure) -> tuple[Piece, ...] | None:
    """List what a call wrote that a later prompt repeats; None where its output was not captured.

    Hidden reasoning is not resent.
    """
    if call.output_messages is None:
        return None
    requests = Requests(structure.asked.get(call.step_id, ()))
    parts = (part for message in call.output_messages for part in message.parts)
    return tuple(piece for part in parts if (piece := _written(part, call, requests)) is not None)


def _written(part: Part, call: ModelCall, requests: Requests) -> Piece | None:
    match part:
        case ToolRequest():
            tool = requests.take(part.tool_call_id, part.name)
            size = None if part.arguments is None else size_of(part.name) + size_of(part.arguments)
            return Piece(call.step_id if tool is None else tool.step_id, Kind.REQUEST, size)
        case Text():
            return Piece(call.step_id, Kind.ANSWER, size_of(part.content)) if part.content else None
        case Reasoning():
            return None
        case ToolResponse():
            return answer_piece(call.step_id, part)
        case _:
            return Piece(call.step_id, Kind.ANSWER, None)


def answer_piece(producer: str, part: ToolResponse) -> Piece:
    """Return what a tool's answer is in a prompt; its size is unknown where it was not captured."""
    if part.result is None:
        return Piece(producer, Kind.RESULT_PROSE, None)
    return Piece(producer, result_kind(part.result), size_of(part.result))


class Requests:
    """The tool calls that were asked for, to be matched with parts of messages one by one."""

    def __init__(self, tools: Iterable[ToolCall]) -> None:
        self._left = list(tools)

    def take(self, tool_call_id: str | None, name: str | None = None) -> ToolCall | None:
        """Match by id, else the next one of that name without an id of its own, else the next without an id."""
        found = next((tool for tool in self._left if tool_call_id and tool.tool_call_id == tool_call_id), None)
        if found is None:
            open_ids = [tool for tool in self._left if not (tool_call_id and tool.tool_call_id)]
            found = next((tool for tool in open_ids if tool.name == name), None if name else next(iter(open_ids), None))
        if found is not None:
            self._left.remove(found)
        return found


@dataclass(frozen=True, slots=True)
class Growth:
    """What should have joined a prompt between two calls."""

    pieces: tuple[Piece, ...]
    written: bool
    """Whether the pieces were read from the messages themselves: then the earlier prompt is still there."""


def growth(before: Sequence[ModelCall], call: ModelCall, structure: Structure) -> Growth:
    """List what joined the prompt of `call` since the first of the calls `before`, by messages where captured."""
    if extends(before[0], call):
        tail = (call.input_messages or ())[len(before[0].input_messages or ()) :]
        pieces = list(_from_messages(before, tail, structure))
        return Growth((*pieces, *(_reasoning(earlier) for earlier in before)) if pieces else (), written=True)
    return Growth(tuple(piece for earlier in before for piece in _from_steps(earlier, structure)), written=False)


def _reasoning(call: ModelCall) -> Piece:
    """Stand for the reasoning of a call, which some providers resend inside a tool loop."""
    return Piece(call.step_id, Kind.REASONING, (call.usage.reasoning_output_tokens or 0) if call.usage else 0)


def _from_messages(before: Sequence[ModelCall], tail: Sequence[Message], structure: Structure) -> Iterator[Piece]:
    tools = [tool for earlier in before for tool in structure.asked.get(earlier.step_id, ())]
    requests, results = Requests(tools), Requests(tools)
    answers = _answers(tools, structure)
    writer = 0
    for message in tail:
        if message.role in ("assistant", "model", "ai"):
            author = before[min(writer, len(before) - 1)]
            writer += 1
            yield from (piece for part in message.parts if (piece := _written(part, author, requests)) is not None)
            continue
        for part in message.parts:
            yield _received(part, before[-1], results, answers, structure)


def _answers(tools: Iterable[ToolCall], structure: Structure) -> dict[str, str]:
    """Map the answers of sub-agents that tools started to their steps."""
    agents = [structure.sub_agents[tool.step_id] for tool in tools if tool.step_id in structure.sub_agents]
    return {agent.answer: agent.step_id for agent in agents if agent.answer}


def _received(part: Part, author: ModelCall, results: Requests, answers: dict[str, str], structure: Structure) -> Piece:
    match part:
        case ToolResponse():
            tool = results.take(part.tool_call_id)
            producer = author.step_id if tool is None else structure.producer_of_result(tool)
            return answer_piece(producer, part)
        case Text():
            return Piece(answers.get(part.content, INITIAL_CONTEXT), Kind.USER, size_of(part.content))
        case ToolRequest() | Reasoning():
            return Piece(author.step_id, Kind.REQUEST, 0)
        case _:
            return Piece(INITIAL_CONTEXT, Kind.USER, None)


def _from_steps(call: ModelCall, structure: Structure) -> Iterator[Piece]:
    tools = structure.asked.get(call.step_id, ())
    written = written_by(call, structure)
    if written is not None:
        yield from written
    else:
        for tool in tools:
            yield Piece(tool.step_id, Kind.REQUEST, arguments_size(tool))
    for tool in tools:
        text = result_text(tool)
        kind = Kind.RESULT_PROSE if text is None else result_kind(text)
        yield Piece(structure.producer_of_result(tool), kind, None if text is None else size_of(text))


def arguments_size(tool: ToolCall) -> int | None:
    """Count the bytes of a tool call's name and arguments; None where the arguments were not captured."""
    return None if tool.arguments is None else size_of(tool.name) + size_of(tool.arguments)


def result_text(tool: ToolCall) -> str | None:
    """Return what a tool answered: its result, else the message of its error; None where neither was captured."""
    if tool.result is not None:
        return tool.result
    return tool.error.message if tool.error is not None and tool.error.message else None
