"""What was said, as attribute text: only when the user asked for it, and never by raising into the agent.

Accepts messages in the GenAI convention's own shape and in the shapes that agents have at hand: chat completions,
responses items and Anthropic blocks. Source: GenAI conventions, JSON schemas of the messages and of tool definitions.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
from collections.abc import Iterable, Mapping
from typing import Any, Final

CAPTURE_VARIABLE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
ON_SPANS: Final = frozenset({"true", "span_only", "span_and_event"})
TEXT_BLOCKS: Final = frozenset({"text", "input_text", "output_text"})

_logger = logging.getLogger("clawtrace_otel")


def content_captured() -> bool:
    """Tell whether the user asked for content on spans; the standard switch, `true` included, default no."""
    return os.environ.get(CAPTURE_VARIABLE, "").strip().lower() in ON_SPANS


def clean(text: str) -> str:
    """Replace lone surrogates, which no OTLP encoder can send."""
    return text.encode("utf-8", "replace").decode("utf-8")


def text_or_json(value: object) -> str | None:
    """Return text as it is and anything else as JSON; None where the value cannot be written at all."""
    if value is None or isinstance(value, str):
        return None if value is None else clean(value)
    try:
        return clean(json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain))
    except Exception as error:  # noqa: BLE001 the value is the agent's own object and may do anything when looked at
        _logger.warning("content of type %s was not recorded: %r", type(value).__name__, error)
        return None


def messages_json(messages: object, role: str) -> str | None:
    """Return messages as the convention's JSON; `role` is for text given alone. None where they cannot be written."""
    try:
        given = _items(messages)
        return text_or_json([_message(item, role) for item in given]) if given is not None else None
    except Exception as error:  # noqa: BLE001 see text_or_json
        _logger.warning("messages of type %s were not recorded: %r", type(messages).__name__, error)
        return None


def instructions_json(instructions: object) -> str | None:
    """Return a system prompt as the convention's JSON list of parts; None where it cannot be written."""
    try:
        given = _items(instructions)
        return text_or_json([_part(item) for item in given]) if given is not None else None
    except Exception as error:  # noqa: BLE001 see text_or_json
        _logger.warning("instructions of type %s were not recorded: %r", type(instructions).__name__, error)
        return None


def tool_definitions_json(definitions: object) -> str | None:
    """Return tool definitions as the convention's JSON; None where they cannot be written."""
    try:
        given = _items(definitions)
        return text_or_json([_definition(item) for item in given]) if given is not None else None
    except Exception as error:  # noqa: BLE001 see text_or_json
        _logger.warning("tool definitions of type %s were not recorded: %r", type(definitions).__name__, error)
        return None


def _items(value: object) -> list[Any] | None:
    """Read one thing or a list of things, with foreign objects as plain data."""
    if value is None:
        return None
    # A client's own message objects are iterable too, over their fields.
    if isinstance(value, (str, Mapping)) or hasattr(value, "model_dump") or not isinstance(value, Iterable):
        return [_plain_object(value)]
    return [_plain_object(item) for item in value]


def _plain_object(value: object) -> object:
    return value if isinstance(value, (str, Mapping)) else _plain(value)


def _plain(value: Any) -> object:  # noqa: ANN401 whatever the agent holds
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", exclude_none=True)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    return str(value)


def _message(item: Any, role: str) -> Mapping[str, Any]:  # noqa: ANN401 foreign JSON, read here once
    if not isinstance(item, Mapping):
        return {"role": role, "parts": [_part(item)]}
    if "parts" in item:
        return item
    if item.get("role") == "tool":
        response = {"type": "tool_call_response", "id": item.get("tool_call_id"), "response": item.get("content")}
        return {"role": "tool", "parts": [response]}
    if "role" not in item and item.get("type") not in (None, "message"):
        author = "tool" if item["type"] == "function_call_output" else "assistant"
        return {"role": author, "parts": [_part(item)]}
    parts = [_part(part) for part in _items(item.get("content")) or []]
    parts += [_part(call) for call in item.get("tool_calls") or []]
    return {"role": item.get("role", role), "parts": parts}


def _part(item: Any) -> Mapping[str, Any]:  # noqa: ANN401 foreign JSON, read here once
    if not isinstance(item, Mapping):
        return {"type": "text", "content": str(item)}
    match item.get("type"):
        case kind if kind in TEXT_BLOCKS and "text" in item:
            return {"type": "text", "content": item["text"]}
        case "function" if isinstance(item.get("function"), Mapping):
            function = item["function"]
            return _tool_call(item.get("id"), function.get("name"), function.get("arguments"))
        case "function_call":
            return _tool_call(item.get("call_id"), item.get("name"), item.get("arguments"))
        case "tool_use":
            return _tool_call(item.get("id"), item.get("name"), item.get("input"))
        case "function_call_output":
            return {"type": "tool_call_response", "id": item.get("call_id"), "response": item.get("output")}
        case "tool_result":
            return {"type": "tool_call_response", "id": item.get("tool_use_id"), "response": item.get("content")}
        case _:
            return item


def _tool_call(call_id: object, name: object, arguments: object) -> Mapping[str, Any]:
    if isinstance(arguments, str):
        # A model's malformed arguments are recorded as the text they are.
        with contextlib.suppress(ValueError):
            arguments = json.loads(arguments)
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}


def _definition(item: Any) -> Mapping[str, Any]:  # noqa: ANN401 foreign JSON, read here once
    if not isinstance(item, Mapping):
        return {"type": "function", "name": str(item)}
    function = item["function"] if isinstance(item.get("function"), Mapping) else item
    parameters = function.get("parameters", function.get("input_schema"))
    known = {"name": function.get("name"), "description": function.get("description"), "parameters": parameters}
    return {"type": item.get("type", "function"), **{key: value for key, value in known.items() if value is not None}}
