"""What a session's source sent, aspect by aspect, and what is missing for want of the rest.

Comes from a stored session's `gaps`, in the words of its card, and from counts over its steps; goes to people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

CALLS: Final = "model calls"
TOOLS: Final = "tool calls"

_OF_ALL = re.compile(r": (\d+) of (\d+) (?:model|tool) calls$")


@dataclass(frozen=True, slots=True)
class Aspect:
    """Something that a source may send, what counts of it, and the gaps that its absence leaves."""

    name: str
    unit: str | None
    absent: re.Pattern[str] | None
    """What the gap that says that none or few were sent begins with, where steps do not tell the number."""
    gaps: re.Pattern[str]
    """Gaps that are about this aspect."""


@dataclass(frozen=True, slots=True)
class Covered:
    """How much of an aspect was sent, and what cannot be said for want of the rest, in the words of the card."""

    aspect: str
    sent: int | None
    of: int | None
    """None where the session has nothing that could carry the aspect."""
    unit: str | None
    missing: tuple[str, ...]


def _aspect(name: str, unit: str | None, gaps: str, absent: str | None = None) -> Aspect:
    return Aspect(name, unit, re.compile(absent) if absent else None, re.compile(gaps))


ASPECTS: Final = (
    _aspect("session id", None, r"^no session id"),
    _aspect("model names", CALLS, r"^models were|^model calls without a price: no_model"),
    _aspect(
        "token usage",
        CALLS,
        r"^token (counts|usage)|^model calls (were|without a price: usage)|^(input|output) tokens were|token counts",
    ),
    _aspect("cached tokens", CALLS, r"^cached input|^cache reads|cached tokens"),
    _aspect("reasoning tokens", CALLS, r"reasoning"),
    _aspect("prompts", CALLS, r"^prompts|^messages", absent=r"^prompts were not captured"),
    _aspect(
        "answers",
        CALLS,
        r"^answers|^messages|^model outputs|^sub-agents' answers|^how prompts split",
        absent=r"^answers of the model were not captured",
    ),
    _aspect("tool arguments", TOOLS, r"^tool (arguments|calls were)"),
    _aspect("tool results", TOOLS, r"^tool (results|calls were)", absent=r"^tool results were not captured"),
    _aspect("prices", CALLS, r"^model calls without a price|^\d+ of \d+ model calls: "),
)
"""Every gap of a card is about at least one of these."""


def coverage(
    gaps: Sequence[str], unpriced: Sequence[str], counts: Mapping[str, tuple[int, int]]
) -> tuple[Covered, ...]:
    """Return what was sent of each aspect.

    `gaps` are the session's, `unpriced` the reasons why calls have no price, `counts` how many steps of how many have
    an aspect, by its name, for those that steps tell.
    """
    said = (*gaps, *(f"model calls without a price: {reason}" for reason in unpriced))
    return tuple(_covered(aspect, said, counts) for aspect in ASPECTS)


def _covered(aspect: Aspect, said: Sequence[str], counts: Mapping[str, tuple[int, int]]) -> Covered:
    missing = tuple(gap for gap in said if aspect.gaps.search(gap))
    if aspect.unit is None:
        return Covered(aspect.name, int(not missing), 1, None, missing)
    sent, of = counts.get(aspect.name, counts.get(aspect.unit, (0, 0)))
    for absent in _absences(aspect, said):
        sent = of - absent if absent is not None else 0
    return Covered(aspect.name, sent if of else None, of or None, aspect.unit, missing)


def _absences(aspect: Aspect, said: Sequence[str]) -> Iterator[int | None]:
    """Yield how many steps the gaps say came without the aspect; None for all."""
    for gap in said:
        if aspect.absent is not None and aspect.absent.search(gap):
            some = _OF_ALL.search(gap)
            yield int(some[1]) if some is not None else None
