"""Single fields of messages, which may hold anything."""

from __future__ import annotations

from collections.abc import Mapping

from processors.normalise.values import REDACTED, Json


def field_text(item: Mapping[str, Json], key: str) -> str:
    """Return a field that should be a word, empty where it is missing or something else."""
    value = item.get(key)
    return value if isinstance(value, str) else ""


def identifier(value: Json) -> str | None:
    """Return the id of a tool call, which may be a number; None where there is none."""
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) and value != "" else None


def captured(content: Json) -> bool:
    """Tell text from none, and from what stands in the place of text that is switched off."""
    return bool(content) and not is_redacted(content)


def is_redacted(content: Json) -> bool:
    """Tell what producers write in the place of content that is switched off."""
    return isinstance(content, str) and content in REDACTED
