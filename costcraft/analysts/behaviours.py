"""What a session did, as a set one can compare: which tools it used, and which came after the last call of another."""

from __future__ import annotations

from dataclasses import dataclass

from costcraft.case import Case


@dataclass(frozen=True, slots=True, order=True)
class Behaviour:
    """A tool that was used successfully; with `after`, used at some point after the last call of that tool."""

    tool: str
    after: str | None = None

    def __str__(self) -> str:
        return f"{self.tool} after {self.after}" if self.after else self.tool


def behaviours_of(case: Case) -> frozenset[Behaviour]:
    """Return every behaviour of a session's successful tool calls; quadratic in distinct tools, linear in calls."""
    last: dict[str, int] = {}
    for position, step in enumerate(case.tools):
        if step.error_type is None:
            last[step.name] = position
    used = {Behaviour(name) for name in last}
    after = {
        Behaviour(later, earlier) for earlier, first in last.items() for later, second in last.items() if second > first
    }
    return frozenset(used | after)
