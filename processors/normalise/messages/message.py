"""Prompts and answers in the shapes that providers and frameworks give them, as `Message`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import msgspec

from processors.model import Message, Part, Reasoning, Text, ToolRequest, ToolResponse
from processors.normalise.messages.fields import field_text, identifier, is_redacted
from processors.normalise.messages.parts import (
    REASONING_TYPES,
    REQUEST_TYPES,
    RESPONSE_TYPES,
    part_of,
    parts,
    tool_request,
)
from processors.normalise.messages.tool_values import result_text
from processors.normalise.values import Json, mapping, sequence, structured

_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_SMALL_BYTES: Final = 16_384
_ROLES = {"human": "user", "ai": "assistant", "AIMessageChunk": "assistant", "model": "assistant", "function": "tool"}
_LANGCHAIN = {"HumanMessage": "user", "AIMessage": "assistant", "SystemMessage": "system", "ToolMessage": "tool"}


def messages(value: object, default_role: str) -> tuple[Message, ...] | None:
    """Return the messages in an attribute's value; None where it holds none or was cut off in the middle."""
    if isinstance(value, str) and (raw := _json_objects(value)) is not None:
        return tuple(message for item in raw if (message := _message_of_json(item, default_role))) or None
    plain = structured(value)
    if isinstance(plain, str):
        return _from_text(plain, default_role)
    if isinstance(plain, Mapping):
        for key in ("messages", "input", "output", "contents"):
            if isinstance(plain.get(key), (list, tuple)):
                return messages(plain[key], default_role)
        plain = [plain]
    items = sequence(plain)
    if len(items) == 1 and isinstance(items[0], (list, tuple)) and not _is_pair(items[0]):
        items = items[0]
    found = tuple(message for item in items if (message := message_of(item, default_role)) is not None)
    return found or None


def _json_objects(value: str) -> list[bytes] | None:
    """Return the items of a JSON array that begins with an object, each as it is written; None where it is not one."""
    if not value.startswith("[{"):
        return None
    try:
        return [bytes(item) for item in _ITEMS.decode(value)]
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None


def _message_of_json(item: bytes, default_role: str) -> Message | None:
    """Return one message. Every prompt repeats those before it, so small ones are read once."""
    read = _message_read_once if len(item) <= _SMALL_BYTES else _message_read
    return read(item, default_role)


def _message_read(item: bytes, default_role: str) -> Message | None:
    return message_of(msgspec.json.decode(item), default_role)


_message_read_once = lru_cache(maxsize=4096)(_message_read)


def _from_text(value: str, role: str) -> tuple[Message, ...] | None:
    """Return text as one message, unless it is a structure whose end was cut off."""
    if not value or value.lstrip()[:2] in {"[{", '{"', '["', "[]"}:
        return None
    return (Message(role, (Text(value),)),)


def _is_pair(value: Json) -> bool:
    items = sequence(value)
    return len(items) == 2 and all(isinstance(item, str) for item in items)  # noqa: PLR2004 - role and text


def message_of(value: Json, default_role: str) -> Message | None:
    """Return one message, or None when the value is not one."""
    if isinstance(value, str):
        return Message(default_role, (Text(value),)) if value else None
    if _is_pair(value):
        role, content = (str(item) for item in sequence(value))
        return Message(_role(role, default_role), (Text(content),))
    item = mapping(value)
    if not item:
        return None
    if "lc" in item:
        return _langchain(item, default_role)
    if isinstance(item.get("data"), Mapping) and isinstance(item.get("type"), str):
        return message_of({"role": item["type"], **mapping(item["data"])}, default_role)
    parts = _parts(item)
    role = _role(item.get("role"), _role_by_parts(parts, default_role))
    name = item.get("name")
    return Message(role, parts, name if isinstance(name, str) and "role" in item else None) if parts else None


def _langchain(item: Mapping[str, Json], default_role: str) -> Message | None:
    kwargs = mapping(item.get("kwargs"))
    kind = str(sequence(item.get("id"))[-1]) if sequence(item.get("id")) else ""
    role = next((role for name, role in _LANGCHAIN.items() if kind.startswith(name)), default_role)
    return message_of({**kwargs, "role": role}, role)


def _role(value: Json, default: str) -> str:
    return _ROLES.get(value, value) if isinstance(value, str) and value else default


def _role_by_parts(parts: tuple[Part, ...], default: str) -> str:
    """Responses items carry no role: what they hold tells it."""
    if any(isinstance(part, ToolResponse) for part in parts):
        return "tool"
    if any(isinstance(part, (ToolRequest, Reasoning)) for part in parts):
        return "assistant"
    return default


def _parts(item: Mapping[str, Json]) -> tuple[Part, ...]:
    """Return the parts of a message, or of an item that is itself a part."""
    if field_text(item, "type") in REQUEST_TYPES | RESPONSE_TYPES | REASONING_TYPES:
        part = part_of(item)
        return (part,) if part is not None else ()
    content = item.get("parts", item.get("content", item.get("text")))
    if "tool_call_id" in item and field_text(item, "role") in {"", "tool", "function"}:
        result = None if content is None or is_redacted(content) else result_text(content)
        return (ToolResponse(identifier(item.get("tool_call_id")), result),)
    found = list(parts(content))
    for key in ("reasoning_content", "reasoning"):
        if isinstance(item.get(key), str) and item[key]:
            found.insert(0, Reasoning(str(item[key])))
    known = {part.tool_call_id for part in found if isinstance(part, ToolRequest)}
    for call in sequence(item.get("tool_calls")):
        request = tool_request(mapping(call))
        if request is not None and (request.tool_call_id is None or request.tool_call_id not in known):
            found.append(request)
    if isinstance(item.get("function_call"), Mapping):
        request = tool_request(mapping(item["function_call"]))
        found += [request] if request is not None else []
    return tuple(found)
