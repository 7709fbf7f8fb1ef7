"""What tools are given and what they answer, in the shapes that providers and frameworks give them, as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from processors.normalise.messages.fields import field_text
from processors.normalise.printed import printed_content
from processors.normalise.values import Json, canonical, mapping, sequence, structured

TEXT_TYPES: Final = frozenset({"text", "input_text", "output_text", "summary_text", "refusal"})
"""Types of content blocks that hold text."""

_FIELDS_OF_AN_ANSWER: Final = frozenset({"content", "id", "name", "role", "status", "tool_call_id"})
"""What a message has in which a tool's answer stands, where nothing says that it is one."""


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
        if "tool_call_id" in plain and (plain.get("type") == "tool" or plain.keys() <= _FIELDS_OF_AN_ANSWER):
            return plain.get("content")
        if isinstance(plain.get("data"), Mapping) and plain.get("type") == "tool":
            return mapping(plain["data"]).get("content")
        if field_text(plain, "type") in {"text", "json", "error-text"} and plain.keys() <= {"type", "value", "text"}:
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
    return content if isinstance(content, str) and field_text(item, "type") in {"", *TEXT_TYPES} else None
