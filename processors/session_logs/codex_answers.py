"""What Codex's tools answered: the text inside the wrappers that releases put around it, and whether it failed."""

from __future__ import annotations

from typing import Final

import msgspec

from processors.normalise.failing import failure_in
from processors.session_logs.lines import Record, part, plain, record

_LONGEST_ERROR: Final = 500
"""Characters of an answer that are kept as a span's error message."""


def answer_of(output: object) -> tuple[str | None, str | None]:
    """Return a tool's answer as text, None where there is none, and its error message, None where it succeeded."""
    result = _text(output)
    failure = failure_in(result)
    if failure is None and not _failed(output):
        return result, None
    message = failure.message if failure is not None else ""
    return result, (message or result or "tool error")[:_LONGEST_ERROR]


def _text(output: object) -> str | None:
    """Return the text of a tool's answer: text, text in an object, or the texts of a list."""
    inside = record(output).get("content", record(output).get("output"))
    if inside is not None:
        return _text(inside)
    wrapped = object_in(output).get("output")
    if isinstance(wrapped, str):
        return wrapped
    return plain(output) if output is not None else None


def _failed(output: object) -> bool:
    """Tell whether the wrapper around a tool's answer names a failure."""
    if record(output).get("success") is False:
        return True
    code = record(object_in(output).get("metadata")).get("exit_code")
    return isinstance(code, int) and code != 0


def object_in(output: object) -> Record:
    """Return the JSON object in a tool's answer, or an empty one."""
    if not isinstance(output, str) or not output.startswith("{"):
        return record(output)
    return part(msgspec.Raw(output.encode("utf-8", "replace")))
