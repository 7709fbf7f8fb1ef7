"""API responses of one agent in one Claude Code session, each gathered from the lines that hold its content blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count as numbers
from typing import Final

import msgspec

from processors.session_logs.claude_usage import vary
from processors.session_logs.lines import Record, record, text

_RAW: Final = msgspec.Raw(b"null")


class Line(msgspec.Struct, rename="camel", gc=False):
    """What is read of a line; what else stands in it is passed over without being built."""

    type: object = None
    session_id: object = None
    agent_id: object = None
    is_sidechain: object = None
    forked_from: object = None
    uuid: object = None
    parent_uuid: object = None
    timestamp: object = None
    request_id: object = None
    message: object = None
    content: msgspec.Raw = _RAW
    data: msgspec.Raw = _RAW
    tool_use_result: msgspec.Raw = _RAW
    parent_tool_use: object = msgspec.field(default=None, name="parentToolUseID")


@dataclass(slots=True)
class Response:
    """One API response, gathered from its lines."""

    started: int
    """Nanoseconds at which the model was last given something before the response's first line."""
    first: int
    """Nanoseconds of the response's first line."""
    ended: int
    """Nanoseconds of its last one."""
    request_id: str | None
    usage: Record
    model: str | None = None
    stop_reason: str | None = None
    lines: int = 0
    parts: list[dict[str, object]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    """What tells content blocks apart: their id, or their kind and text."""
    asked: dict[str, tuple[int, str, object]] = field(default_factory=dict)
    """By tool call id: when the tool was asked for, its name and its arguments."""

    def add(self, block: Mapping[str, object], at: int) -> None:
        """Add a content block, unless an earlier line of the response had it."""
        kind, call_id = block.get("type"), text(block.get("id"))
        said = block.get("thinking" if kind == "thinking" else "text", "")
        identity = call_id or f"{kind} {said}"
        if identity in self.seen:
            return
        self.seen.add(identity)
        if kind == "text":
            self.parts.append({"type": "text", "content": said})
        elif kind == "thinking":
            self.parts.append({"type": "reasoning", "content": said})
        elif kind == "tool_use" and call_id is not None:
            name = text(block.get("name")) or "tool"
            self.parts.append({"type": "tool_call", "id": call_id, "name": name, "arguments": block.get("input")})
            self.asked[call_id] = (at, name, block.get("input"))


@dataclass(slots=True)
class Thread:
    """The work of one agent in one session."""

    last: int = 0
    """Nanoseconds of the latest line."""
    prompts: int = 0
    """Lines that gave the model something: what a user wrote, and tools' results."""
    lines: int = 0
    responses: dict[str, Response] = field(default_factory=dict)
    current: dict[str, tuple[str, int]] = field(default_factory=dict)
    """By response id the key of its latest response, and how many prompts had been sent then."""

    def response(self, identifier: str, line: Line, message: Record, at: int) -> Response:
        """Return the response that a line tells of; a server may give every response the same id."""
        request_id, usage = text(line.request_id), record(message.get("usage"))
        key, prompts = self.current.get(identifier, (identifier, 0))
        known = self.responses.get(key)
        if known is not None:
            other_request = None not in (request_id, known.request_id) and request_id != known.request_id
            if other_request or (prompts != self.prompts and vary(known.usage, usage)):
                key = next(k for n in numbers(2) if (k := f"{identifier}#{n}") not in self.responses)
                known = None
        if known is None:
            known = self.responses[key] = Response(self.last or at, at, at, request_id, usage)
        self.current[identifier] = key, self.prompts
        return known
