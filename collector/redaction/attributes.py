"""Redaction of a set of attributes: the rules about names first, then what is said, then the patterns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from collector.redaction.contents import Contents
from collector.redaction.marks import Marks, is_mark
from collector.redaction.rules import Action, Redaction
from collector.redaction.texts import Counts, Texts
from collector.values import Json, write_json

REDACTED: Final = "clawtrace.redacted"
"""The attribute of a record that says how many values of each kind were redacted in it."""
HASHED: Final = "attribute"
_CACHED_NAMES: Final = 10_000


class Attributes:
    """Redacts attributes by name and by what they hold."""

    def __init__(self, redaction: Redaction, texts: Texts, contents: Contents, marks: Marks) -> None:
        self._rules = redaction.attributes
        self._texts = texts
        self._contents = contents
        self._marks = marks
        self._actions: dict[str, Action | None] = {}

    def redacted(
        self, attributes: dict[str, Json], counts: Counts, note: Callable[[str, Json, Json], None] | None = None
    ) -> dict[str, Json]:
        """Return the attributes as they may be stored; `note` is told of values that a rule replaced."""
        made: dict[str, Json] = {}
        for name, value in attributes.items():
            action = self._action(name)
            if action == "keep":
                made[name] = value
            elif action is not None:
                counts[HASHED] += 1
                new = self._hashed(value)
                if note is not None:
                    note(name, value, new)
                if action == "hash":
                    made[name] = new
            elif self._contents.keeps(name, value):
                made[self._texts.name(name, counts)] = self._texts.named(name, value, counts, 0)
            else:
                self._contents.put(made, name, value, counts)
                if name in made:
                    made[name] = self._texts.value(made[name], counts)
        return made

    def _action(self, name: str) -> Action | None:
        if not self._rules:
            return None
        if name not in self._actions:
            if len(self._actions) >= _CACHED_NAMES:
                self._actions.clear()
            self._actions[name] = next((rule.action for rule in self._rules if rule.fits(name)), None)
        return self._actions[name]

    def _hashed(self, value: Json) -> str:
        text = value if isinstance(value, str) else write_json(value).decode()
        return text if is_mark(text) else self._marks.mark(HASHED, text)


def noted(attributes: dict[str, Json], counts: Counts) -> dict[str, Json]:
    """Return attributes with what was redacted in their record, added to what an earlier collector noted."""
    if not counts:
        return attributes
    before = attributes.get(REDACTED)
    total: dict[str, Json] = {kind: counts[kind] for kind in sorted(counts)}
    if isinstance(before, dict):
        for kind, count in before.items():
            if isinstance(count, int) and not isinstance(count, bool):
                total[kind] = count + counts.get(kind, 0)
    return {**attributes, REDACTED: total}
