"""What was said to and by models and tools, told apart from what describes a call.

The names come from the configuration, as the collector knows none of its own. What is not known to be a description
counts as said: text with spaces in it, long text, JSON. Numbers and truth values are never content.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec
import re2

from collector.redaction.marks import Marks, is_mark
from collector.redaction.rules import Action
from collector.redaction.texts import Counts
from collector.values import BYTES, Json, write_json

CONTENT: Final = "content"
_IDENTIFIER: Final = re2.compile(r"[^\s{\[\"]\S{0,127}")
_read_json: Final = msgspec.json.Decoder().decode
_MAX_DEPTH: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentNames:
    """How content is known by the names of attributes; words are the last parts of a name, between dots."""

    content: frozenset[str] = frozenset()
    """Last words of the names of content."""
    descriptions: frozenset[str] = frozenset()
    """Last words of names that describe, whatever their text looks like."""
    messages: frozenset[str] = frozenset()
    """Last words of the names of lists of messages, whose structure is kept where content is hashed."""
    structure: frozenset[str] = frozenset()
    """Names in a message that say what its parts are."""


class Contents:
    """Applies what the configuration says about content."""

    def __init__(self, action: Action, names: ContentNames, marks: Marks) -> None:
        self._action = action
        self._names = names
        self._marks = marks

    @property
    def everything(self) -> bool:
        """Whether every record has to be looked at."""
        return self._action != "keep"

    def keeps(self, name: str, value: Json) -> bool:
        """Whether an attribute may stay as it is."""
        if self._action == "keep" or value is None or isinstance(value, bool | int | float):
            return True
        last = name.rpartition(".")[2].lower()
        if last in self._names.content or last in self._names.messages:
            return False
        if last in self._names.descriptions:
            return isinstance(value, str)
        items = value if isinstance(value, list) else [value]
        return all(not isinstance(item, list | dict) and _describes(item) for item in items)

    def put(self, made: dict[str, Json], name: str, value: Json, counts: Counts) -> None:
        """Put what may be stored of a content attribute: nothing, or its structure with hashes."""
        counts[CONTENT] += 1
        if self._action == "hash":
            known = self._names.structure if name.rpartition(".")[2].lower() in self._names.messages else frozenset()
            made[name] = self._hashed(value, known, 0)

    def text(self, text: str, counts: Counts) -> str:
        """Return what may be stored of a text that is content wherever it stands, as a status message is."""
        if self._action == "keep" or not text:
            return text
        counts[CONTENT] += 1
        return self._hashed_text(text) if self._action == "hash" else ""

    def body(self, value: Json, counts: Counts) -> Json:
        """Return what may be stored of a log record's body."""
        if self._action == "keep" or value is None or isinstance(value, bool | int | float):
            return value
        counts[CONTENT] += 1
        return self._hashed(value, self._names.structure, 0) if self._action == "hash" else None

    def _hashed(self, value: Json, known: frozenset[str], depth: int) -> Json:
        if isinstance(value, str):
            return self._hashed_text(value, known, depth)
        if isinstance(value, list):
            return [self._hashed(item, known, depth) for item in value]
        if isinstance(value, dict):
            if BYTES in value:
                return self._marks.mark(CONTENT, write_json(value).decode())
            return {name: self._hashed_item(name, item, known, depth) for name, item in value.items()}
        return value

    def _hashed_item(self, name: str, item: Json, known: frozenset[str], depth: int) -> Json:
        if name in known and isinstance(item, str) and _describes(item):
            return item
        # What a tool was given or gave back has names of its own in it, which say nothing about structure.
        inside = frozenset[str]() if name in self._names.content and name not in self._names.messages else known
        listed = known if isinstance(item, list) else inside
        return self._hashed(item, listed, depth)

    def _hashed_text(self, text: str, known: frozenset[str] = frozenset(), depth: int = 0) -> str:
        if not text or is_mark(text):
            return text
        if depth < _MAX_DEPTH and text.lstrip()[:1] in {"{", "["}:
            try:
                return write_json(self._hashed(_read_json(text), known, depth + 1)).decode()
            except (msgspec.MsgspecError, UnicodeError, RecursionError):
                return self._marks.mark(CONTENT, text)
        return self._marks.mark(CONTENT, text)


def _describes(item: Json) -> bool:
    return not isinstance(item, str) or not item or _IDENTIFIER.fullmatch(item) is not None
