"""Prompts and answers in the shapes that providers and frameworks give them, as `Message`.

Shapes read: GenAI parts (with `response` or `result`), OpenAI chat and Responses items, Anthropic and Bedrock blocks,
Gemini parts, Vercel AI SDK parts, LangChain messages (serialised by `lc`, `type`/`data`, or as a role and text pair).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

import msgspec

from processors.model import Media, Message, Part, Reasoning, Text, ToolDefinition, ToolRequest, ToolResponse
from processors.normalise.printed import printed_content
from processors.normalise.values import REDACTED, Json, canonical, mapping, sequence, structured

_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_SMALL_BYTES: Final = 16_384
_ROLES = {"human": "user", "ai": "assistant", "AIMessageChunk": "assistant", "model": "assistant", "function": "tool"}
_LANGCHAIN = {"HumanMessage": "user", "AIMessage": "assistant", "SystemMessage": "system", "ToolMessage": "tool"}
_TEXT_TYPES = {"text", "input_text", "output_text", "summary_text", "refusal"}
_REASONING_TYPES = {"reasoning", "thinking", "redacted_thinking", "thought"}
_REQUEST_TYPES = {
    "tool_call",
    "tool_use",
    "tool-call",
    "function_call",
    "server_tool_call",
    "custom_tool_call",
    "function",
}
_RESPONSE_TYPES = {
    "tool_call_response", "tool_result", "tool-result", "function_call_output", "server_tool_call_response",
    "custom_tool_call_output",
}  # fmt: skip


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
    if _word(item, "type") in _REQUEST_TYPES | _RESPONSE_TYPES | _REASONING_TYPES:
        part = part_of(item)
        return (part,) if part is not None else ()
    content = item.get("parts", item.get("content", item.get("text")))
    if "tool_call_id" in item and _word(item, "role") in {"", "tool", "function"}:
        result = None if content is None or _is_redacted(content) else result_text(content)
        return (ToolResponse(_identifier(item.get("tool_call_id")), result),)
    found = list(parts(content))
    for key in ("reasoning_content", "reasoning"):
        if isinstance(item.get(key), str) and item[key]:
            found.insert(0, Reasoning(str(item[key])))
    known = {part.tool_call_id for part in found if isinstance(part, ToolRequest)}
    for call in sequence(item.get("tool_calls")):
        request = _request(mapping(call))
        if request is not None and (request.tool_call_id is None or request.tool_call_id not in known):
            found.append(request)
    if isinstance(item.get("function_call"), Mapping):
        request = _request(mapping(item["function_call"]))
        found += [request] if request is not None else []
    return tuple(found)


def parts(content: Json) -> Iterable[Part]:
    """Return the parts in a message's content: text, one block, or a list of blocks."""
    if isinstance(content, str):
        if _captured(content):
            yield Text(content)
        return
    for block in [content] if isinstance(content, Mapping) else sequence(content):
        if isinstance(block, str):
            if _captured(block):
                yield Text(block)
            continue
        part = part_of(mapping(block))
        if part is not None:
            yield part


def _captured(content: Json) -> bool:
    """Tell text from none, and from what stands in the place of text that is switched off."""
    return bool(content) and not _is_redacted(content)


def _is_redacted(content: Json) -> bool:
    return isinstance(content, str) and content in REDACTED


def _word(item: Mapping[str, Json], key: str) -> str:
    """Return a field that should be a word, empty where it is missing or something else."""
    value = item.get(key)
    return value if isinstance(value, str) else ""


def part_of(block: Mapping[str, Json]) -> Part | None:
    """Return one content block as a part; None for an empty one."""
    kind = _word(block, "type")
    if kind in _RESPONSE_TYPES or block.keys() & {"toolResult", "functionResponse", "function_response"}:
        return _response(block)
    if kind in _REQUEST_TYPES or block.keys() & {"toolUse", "functionCall", "function_call"}:
        return _request(block)
    if kind in _REASONING_TYPES or block.get("thought") is True or "reasoningContent" in block:
        return Reasoning(_reasoning_text(block))
    content = block.get("text", block.get("content"))
    if kind in _TEXT_TYPES and content is None:
        return None  # what was said was not captured, only that something was
    if isinstance(content, str) and (not kind or kind in _TEXT_TYPES):
        return Text(content) if _captured(content) else None
    if isinstance(content, Mapping) and isinstance(content.get("value"), str):
        return Text(str(content["value"]))
    return Media(str(block.get("modality") or kind or next(iter(block), "unknown"))) if block else None


def _reasoning_text(block: Mapping[str, Json]) -> str:
    inner = mapping(mapping(block.get("reasoningContent")).get("reasoningText"))
    for content in (block.get("content"), block.get("thinking"), block.get("text"), inner.get("text")):
        if isinstance(content, str):
            return content
    return " ".join(str(mapping(item).get("text", "")) for item in sequence(block.get("summary"))).strip()


def _request(block: Mapping[str, Json]) -> ToolRequest | None:
    """Return a model's wish to call a tool, wherever the shape keeps its id, name and arguments.

    Only Gemini leaves out arguments that are empty; elsewhere what is absent was not captured.
    """
    called = block.get("toolUse") or block.get("functionCall") or block.get("function_call") or block.get("function")
    inner = mapping(called)
    name = inner.get("name") or block.get("name") or block.get("toolName")
    if not isinstance(name, str):
        return None
    identifier = (
        inner.get("toolUseId") or block.get("call_id") or block.get("toolCallId") or block.get("id") or inner.get("id")
    )
    for holder in (inner, block):
        for key in ("arguments", "input", "args", "custom_input"):
            if holder.get(key) is not None and not _is_redacted(holder[key]):
                return ToolRequest(_identifier(identifier), name, arguments(holder[key]))
    return ToolRequest(_identifier(identifier), name, "{}" if "functionCall" in block else None)


def _response(block: Mapping[str, Json]) -> ToolResponse:
    inner = mapping(block.get("toolResult") or block.get("functionResponse") or block.get("function_response"))
    identifier = (
        inner.get("toolUseId") or inner.get("id") or block.get("tool_use_id") or block.get("call_id")
        or block.get("toolCallId") or block.get("tool_call_id") or block.get("id")
    )  # fmt: skip
    for holder in (inner, block):
        for key in ("response", "result", "output", "content"):
            if holder.get(key) is not None and not _is_redacted(holder[key]):
                return ToolResponse(_identifier(identifier), result_text(holder[key]))
    return ToolResponse(_identifier(identifier), None)


def _identifier(value: Json) -> str | None:
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) and value != "" else None


def arguments(value: object) -> str:
    """Return a tool's arguments as canonical JSON; an empty text is an empty object."""
    plain = structured(value)
    return "{}" if plain is None or plain == "" else canonical(plain)


def result_text(value: object) -> str:
    """Return a tool's answer: its text where it answered text, else canonical JSON.

    Wrappers are taken off: content blocks, a JSON string, LangChain's message, also as Python prints it,
    `{"output": …}` and the Vercel pair.
    """
    plain = structured(value)
    if isinstance(plain, str):
        return printed_content(plain)
    if isinstance(plain, (bool, int, float)) or plain is None:
        return value if isinstance(value, str) else canonical(plain) if plain is not None else ""
    unwrapped = _unwrapped(plain)
    return canonical(plain) if unwrapped is None else result_text(unwrapped)


def _unwrapped(plain: Json) -> Json:
    """Return what a known wrapper holds, or None when the value is the answer itself."""
    if isinstance(plain, Mapping):
        if "lc" in plain:
            return mapping(plain.get("kwargs")).get("content")
        if plain.get("type") == "tool" and "tool_call_id" in plain:
            return plain.get("content")
        if isinstance(plain.get("data"), Mapping) and plain.get("type") == "tool":
            return mapping(plain["data"]).get("content")
        if _word(plain, "type") in {"text", "json", "error-text"} and plain.keys() <= {"type", "value", "text"}:
            return plain.get("value", plain.get("text"))
        if plain.keys() <= {"output", "kwargs"} and plain.get("output") is not None:
            return plain["output"]
        if plain.keys() <= {"content", "isError", "is_error", "structuredContent", "_meta"} and "content" in plain:
            return plain["content"]
        return plain["text"] if plain.keys() == {"text"} else None
    blocks = sequence(plain)
    texts = [_block_text(block) for block in blocks]
    return (
        "".join(text for text in texts if text is not None)
        if blocks and all(text is not None for text in texts)
        else None
    )


def _block_text(block: Json) -> str | None:
    item = mapping(block)
    content = item.get("text", item.get("content") if item.get("type") == "text" else None)
    return content if isinstance(content, str) and _word(item, "type") in {"", *_TEXT_TYPES} else None


def system_parts(value: object) -> tuple[Part, ...] | None:
    """Return system instructions from a list of parts, from messages, or from text."""
    plain = structured(value)
    if isinstance(plain, str):
        return (Text(plain),) if plain else None
    found: list[Part] = []
    for item in [plain] if isinstance(plain, Mapping) else sequence(plain):
        inner = mapping(item)
        found += parts([item]) if "role" not in inner else parts(inner.get("parts", inner.get("content")))
    return tuple(found) or None


def tool_definitions(value: object) -> tuple[ToolDefinition, ...] | None:
    """Return the tools a model was told of, from a list of definitions or of their JSON texts."""
    plain = structured(value)
    found = []
    for entry in [plain] if isinstance(plain, Mapping) else sequence(plain):
        item = mapping(structured(entry))
        function = mapping(item.get("function")) or item
        name = function.get("name")
        if isinstance(name, str):
            schema = next(
                (function[key] for key in ("parameters", "inputSchema", "input_schema") if function.get(key)), None
            )
            hints = mapping(item.get("annotations"))
            found.append(
                ToolDefinition(
                    name=name,
                    description=str(function.get("description") or ""),
                    parameters=canonical(structured(schema)) if schema is not None else "",
                    read_only_hint=_hint(hints.get("readOnlyHint")),
                    destructive_hint=_hint(hints.get("destructiveHint")),
                )
            )
    return tuple(found) or None


def _hint(value: Json) -> bool | None:
    return value if isinstance(value, bool) else None
