"""When a user wanted something looked at, or tried, another time."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from processors.model import Message, ModelCall, Text

_AGAIN: Final = re.compile(
    r"\b(?:again|refresh|reload|re-?check|re-?fetch|re-?read|re-?run|retry|once more|double[- ]check|the latest)\b",
    re.IGNORECASE,
)


class AnotherLook:
    """Knows at which call of a loop such a wish stood in the prompt for the first time."""

    def __init__(self, calls: Sequence[ModelCall], loops: Mapping[str, str]) -> None:
        self._order = {call.step_id: place for place, call in enumerate(calls)}
        self._wished: dict[str, list[int]] = defaultdict(list)
        before: dict[str, Sequence[Message]] = {}
        for place, call in enumerate(calls):
            loop, messages = loops[call.step_id], call.input_messages or ()
            if any(map(_wishes, _new(before.get(loop, ()), messages))):
                self._wished[loop].append(place)
            before[loop] = messages

    def wished_between(self, loop: str, earlier: str | None, later: str | None) -> bool:
        """Whether a wish came after an earlier call of the model, and before or with a later one of the same loop."""
        first, last = self._order.get(earlier or ""), self._order.get(later or "")
        if first is None or last is None:
            return False
        wished = self._wished.get(loop, [])
        return bisect_right(wished, last) > bisect_right(wished, first)


def _new(before: Sequence[Message], messages: Sequence[Message]) -> Sequence[Message]:
    """Return the messages that a prompt has beyond the one before; all of one that begins otherwise."""
    grown = before and len(messages) > len(before) and messages[0] == before[0]
    return messages[len(before) :] if grown else messages


def _wishes(message: Message) -> bool:
    return message.role == "user" and any(
        isinstance(part, Text) and _AGAIN.search(part.content) is not None for part in message.parts
    )
