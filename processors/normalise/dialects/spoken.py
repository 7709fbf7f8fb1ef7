"""Messages sent one by one as events: `gen_ai.user.message`, `gen_ai.choice` and their like.

They are span events in some producers and log records in others. Source: GenAI conventions up to 1.36; since then one
event holds all messages of a call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

from collector.model import LogRecord, Span
from processors.model import Message
from processors.normalise.messages import message_of, parts
from processors.normalise.messages import messages as read_messages
from processors.normalise.sighting import Spoken
from processors.normalise.values import Json, mapping, structured

Direction: TypeAlias = Literal["input", "output", "system"]

_EVENTS: Mapping[str, tuple[Direction, str]] = {
    "gen_ai.system.message": ("system", "system"),
    "gen_ai.user.message": ("input", "user"),
    "gen_ai.assistant.message": ("input", "assistant"),
    "gen_ai.tool.message": ("input", "tool"),
    "gen_ai.choice": ("output", "assistant"),
    "gen_ai.content.prompt": ("input", "user"),
    "gen_ai.content.completion": ("output", "assistant"),
}


DETAILS_EVENT = "gen_ai.client.inference.operation.details"
_DETAILS: Mapping[Direction, tuple[str, str]] = {
    "input": ("gen_ai.input.messages", "user"),
    "output": ("gen_ai.output.messages", "assistant"),
}


def in_events(span: Span, direction: Direction) -> tuple[Message, ...] | None:
    """Return the messages of one direction in a span's events, in their order."""
    found: list[Message] = []
    for event in span.events:
        if event.name == DETAILS_EVENT and direction in _DETAILS:
            key, role = _DETAILS[direction]
            found += read_messages(event.attributes.get(key), role) or ()
        elif event.name in _EVENTS and _EVENTS[event.name][0] == direction:
            found += _messages(mapping(event.attributes), _EVENTS[event.name][1])
    return tuple(found) or None


def in_record(record: LogRecord, event: str) -> Iterable[Spoken]:
    """Return the message in a log record that belongs to a span."""
    if event not in _EVENTS or record.trace_id is None or record.span_id is None:
        return
    direction, role = _EVENTS[event]
    body = mapping(structured(record.body)) or mapping(record.attributes)
    reason = body.get("finish_reason")
    for message in _messages(body, role):
        yield Spoken(
            of_span=(record.trace_id, record.span_id),
            time=record.timestamp,
            direction=direction,
            message=message,
            finish_reason=reason if isinstance(reason, str) else None,
        )


def _messages(body: Mapping[str, Json], role: str) -> Iterable[Message]:
    for key in ("gen_ai.prompt", "gen_ai.completion"):
        if key in body:
            return read_messages(body[key], role) or ()
    held = structured(body.get("message", body.get("content")))
    if isinstance(held, Mapping):
        message = message_of(held, role)
    elif isinstance(held, str):
        message = message_of({**body, "role": body.get("role", role), "content": held}, role) if held else None
        if role == "tool" and message is not None:
            message = message_of({"role": "tool", "tool_call_id": body.get("id"), "content": held}, role)
    else:
        message = Message(role, tuple(parts(held))) if held else message_of({**body, "role": role}, role)
    return (message,) if message is not None and message.parts else ()
