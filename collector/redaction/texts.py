"""Redaction of one value: text, JSON in text, lists and maps, however they are nested."""

from __future__ import annotations

import re
from base64 import b64decode
from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec
import re2

from collector.redaction.marks import Marks, is_mark
from collector.redaction.patterns import AMBIGUOUS_NAME, SENSITIVE_NAME, Pattern, mixed, written_out
from collector.values import BYTES, Json, json_bytes, write_json

Counts = Counter[str]
_read_json: Final = msgspec.json.Decoder().decode
_MAX_DEPTH: Final = 24
"""Of JSON in text in JSON and so on; what is deeper is looked at as plain text."""
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_KNOWN_NAMES: Final = 10_000
_LONGEST_NAME: Final = 200
_SHORTEST: Final = 4
_SHORTEST_TOKEN: Final = 16
_JSON_BEGINS: Final = ("{", "[", '"')


class Texts:
    """Looks for the patterns in values; `counts` says how often each kind was found."""

    def __init__(self, patterns: Sequence[Pattern], marks: Marks, *, names: bool) -> None:
        self._patterns = tuple(patterns)
        self._marks = marks
        self._harmless: set[str] = set()
        self._sensitive: dict[str, bool] = {}
        self._names = re2.compile(SENSITIVE_NAME) if names else None
        self._search = re2.compile("|".join(pattern.pattern for pattern in patterns)) if patterns else None

    def value(self, value: Json, counts: Counts, depth: int = 0) -> Json:
        """Return a value with marks in the place of secrets; the same object where there are none."""
        if isinstance(value, str):
            return self.text(value, counts, depth)
        if isinstance(value, list):
            items = [self.value(item, counts, depth) for item in value]
            return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        if isinstance(value, dict):
            return self._map(value, counts, depth)
        return value

    def text(self, text: str, counts: Counts, depth: int = 0) -> str:
        """Return text with marks in the place of secrets, also inside JSON that it holds."""
        if depth < _MAX_DEPTH and text.lstrip()[:1] in _JSON_BEGINS:
            try:
                parsed = _read_json(text)
                redacted = self.value(parsed, counts, depth + 1)
                return text if redacted is parsed else write_json(redacted).decode()
            except (msgspec.MsgspecError, UnicodeError, RecursionError):
                return self.plain(text, counts)
        return self.plain(text, counts)

    def plain(self, text: str, counts: Counts) -> str:
        """Return text that is no JSON with marks in the place of secrets."""
        if self._search is None:
            return text
        pieces: list[str] = []
        end = 0
        for match in self._search.finditer(text):
            group = match.lastindex
            pattern, secret = self._patterns[group - 1], match.group(group)
            if is_mark(secret) or (pattern.check is not None and not pattern.check(secret)):
                continue
            start, stop = match.span(group)
            pieces += (text[end:start], self._marked(pattern.kind, secret, counts))
            end = stop
        return "".join((*pieces, text[end:])) if pieces else text

    def named(self, name: str, value: Json, counts: Counts, depth: int) -> Json:
        """Return the value of a name that may say that it is a secret."""
        if self._names is None or not isinstance(value, str) or len(value) < _SHORTEST or not written_out(value):
            return self.value(value, counts, depth)
        is_token = name.lower() == AMBIGUOUS_NAME and len(value) >= _SHORTEST_TOKEN and mixed(value)
        if is_token or self._is_sensitive(name):
            return value if is_mark(value) else self._marked("password", value, counts)
        return self.value(value, counts, depth)

    def name(self, name: str, counts: Counts) -> str:
        """Return a name with marks in the place of secrets; the names that have none are remembered."""
        if name in self._harmless:
            return name
        redacted = self.plain(name, counts)
        if redacted is name and len(name) <= _LONGEST_NAME:
            if len(self._harmless) >= _KNOWN_NAMES:
                self._harmless.clear()
            self._harmless.add(name)
        return redacted

    def _is_sensitive(self, name: str) -> bool:
        if name not in self._sensitive:
            if len(self._sensitive) >= _KNOWN_NAMES:
                self._sensitive.clear()
            self._sensitive[name] = self._names is not None and self._names.fullmatch(_CAMEL.sub("_", name)) is not None
        return self._sensitive[name]

    def _map(self, value: dict[str, Json], counts: Counts, depth: int) -> Json:
        if len(value) == 1 and isinstance(value.get(BYTES), str):
            return self._bytes(value, counts, depth)
        made: dict[str, Json] = {}
        changed = False
        for name, item in value.items():
            new_name, new = self.name(name, counts), self.named(name, item, counts, depth)
            changed = changed or new is not item or new_name is not name
            made[new_name] = new
        return made if changed else value

    def _bytes(self, value: dict[str, Json], counts: Counts, depth: int) -> Json:
        """Look into bytes that are text."""
        try:
            text = b64decode(str(value[BYTES]), validate=True).decode()
        except ValueError:
            return value
        redacted = self.text(text, counts, depth)
        return value if redacted is text else json_bytes(redacted.encode())

    def _marked(self, kind: str, secret: str, counts: Counts) -> str:
        counts[kind] += 1
        return self._marks.mark(kind, secret)
