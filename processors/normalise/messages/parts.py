"""Content blocks of messages as `Part`: text, reasoning, a tool's request or its response, other media."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from processors.model import Media, Part, Reasoning, Text, ToolRequest, ToolResponse
from processors.normalise.messages.fields import captured, field_text, identifier, is_redacted
from processors.normalise.messages.tool_values import TEXT_TYPES, arguments, result_text
from processors.normalise.values import Json, mapping, sequence, structured

REASONING_TYPES: Final = {"reasoning", "thinking", "redacted_thinking", "thought"}
REQUEST_TYPES: Final = {
    "tool_call",
    "tool_use",
    "tool-call",
    "function_call",
    "server_tool_call",
    "custom_tool_call",
    "function",
}
RESPONSE_TYPES: Final = {
    "tool_call_response", "tool_result", "tool-result", "function_call_output", "server_tool_call_response",
    "custom_tool_call_output",
}  # fmt: skip


def parts(content: Json) -> Iterable[Part]:
    """Return the parts in a message's content: text, one block, or a list of blocks."""
    if isinstance(content, str):
        if captured(content):
            yield Text(content)
        return
    for block in [content] if isinstance(content, Mapping) else sequence(content):
        if isinstance(block, str):
            if captured(block):
                yield Text(block)
            continue
        part = part_of(mapping(block))
        if part is not None:
            yield part


def part_of(block: Mapping[str, Json]) -> Part | None:
    """Return one content block as a part; None for an empty one."""
    kind = field_text(block, "type")
    if kind in RESPONSE_TYPES or block.keys() & {"toolResult", "functionResponse", "function_response"}:
        return _response(block)
    if kind in REQUEST_TYPES or block.keys() & {"toolUse", "functionCall", "function_call"}:
        return tool_request(block)
    if kind in REASONING_TYPES or block.get("thought") is True or "reasoningContent" in block:
        return Reasoning(_reasoning_text(block))
    content = block.get("text", block.get("content"))
    if kind in TEXT_TYPES and content is None:
        return None  # what was said was not captured, only that something was
    if isinstance(content, str) and (not kind or kind in TEXT_TYPES):
        return Text(content) if captured(content) else None
    if isinstance(content, Mapping) and isinstance(content.get("value"), str):
        return Text(str(content["value"]))
    return Media(str(block.get("modality") or kind or next(iter(block), "unknown"))) if block else None


def _reasoning_text(block: Mapping[str, Json]) -> str:
    inner = mapping(mapping(block.get("reasoningContent")).get("reasoningText"))
    for content in (block.get("content"), block.get("thinking"), block.get("text"), inner.get("text")):
        if isinstance(content, str):
            return content
    return " ".join(str(mapping(item).get("text", "")) for item in sequence(block.get("summary"))).strip()


def tool_request(block: Mapping[str, Json]) -> ToolRequest | None:
    """Return a model's request to call a tool, wherever the shape keeps its id, name and arguments.

    Only Gemini leaves out arguments that are empty; elsewhere what is absent was not captured.
    """
    called = block.get("toolUse") or block.get("functionCall") or block.get("function_call") or block.get("function")
    inner = mapping(called)
    name = inner.get("name") or block.get("name") or block.get("toolName")
    if not isinstance(name, str):
        return None
    call_id = (
        inner.get("toolUseId") or block.get("call_id") or block.get("toolCallId") or block.get("id") or inner.get("id")
    )
    for holder in (inner, block):
        for key in ("arguments", "input", "args", "custom_input"):
            if holder.get(key) is not None and not is_redacted(holder[key]):
                return ToolRequest(identifier(call_id), name, arguments(holder[key]))
    return ToolRequest(identifier(call_id), name, "{}" if "functionCall" in block else None)


def _response(block: Mapping[str, Json]) -> ToolResponse:
    inner = mapping(block.get("toolResult") or block.get("functionResponse") or block.get("function_response"))
    call_id = (
        inner.get("toolUseId") or inner.get("id") or block.get("tool_use_id") or block.get("call_id")
        or block.get("toolCallId") or block.get("tool_call_id") or block.get("id")
    )  # fmt: skip
    for holder in (inner, block):
        for key in ("response", "result", "output", "content"):
            if holder.get(key) is not None and not is_redacted(holder[key]):
                return ToolResponse(identifier(call_id), result_text(holder[key]))
    return ToolResponse(identifier(call_id), None)


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
