"""A sequence of different calls that repeats with the same results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from processors.findings.answers import informative
from processors.findings.arguments import plain
from processors.findings.detector import Draft
from processors.findings.polling import is_polling
from processors.findings.view import View
from processors.model import ToolCall

LONGEST_ROUND = 8
ROUNDS = 3
TWO = 2


class Cycle:
    """Needs tool arguments and results."""

    name = "cycle"

    def gap(self, view: View) -> str | None:
        """Say so where no results were captured."""
        if view.tools and all(view.answer(tool) is None for tool in view.tools):
            return "tool results not captured: cycles cannot be told from progress"
        return None

    def find(self, view: View) -> Iterator[Draft]:
        """Look for rounds in each loop's sequence of calls."""
        loops: dict[str, list[ToolCall]] = defaultdict(list)
        for tool in view.tools:
            loops[view.loop_of(tool)].append(tool)
        for tools in loops.values():
            marks = [_mark(view, tool) for tool in tools]
            for start, length, end in _rounds(marks):
                round_ = tools[start : start + length]
                if _shows_no_progress(view, round_):
                    yield _draft(round_, tools[start + length : end], rounds=(end - start) // length)


def _shows_no_progress(view: View, round_: Sequence[ToolCall]) -> bool:
    """Whether some call of the round reads state and got the same informative result each time."""
    looks = [tool for tool in round_ if not view.writes(tool) and informative(view.answer(tool) or "")]
    return bool(looks) and not any(is_polling(view, tool) for tool in round_)


def _mark(view: View, tool: ToolCall) -> tuple[str, str, str] | None:
    given = view.answer(tool)
    return None if tool.arguments is None or given is None else (tool.name, plain(tool.arguments), given)


def _rounds(marks: Sequence[tuple[str, str, str] | None]) -> Iterator[tuple[int, int, int]]:
    """List `(start, length, end)` of rounds of at least two different calls made at least three times, not overlapping.

    Shorter rounds first: a round made six times is not also a double round made three times.
    """
    taken = 0
    found: list[tuple[int, int, int]] = []
    for length in range(TWO, LONGEST_ROUND + 1):
        run = 0
        for index in range(length, len(marks) + 1):
            if index < len(marks) and marks[index] is not None and marks[index] == marks[index - length]:
                run += 1
                continue
            start, end = index - run - length, index - run % length
            if run >= (ROUNDS - 1) * length and len(set(marks[start : start + length])) > 1:
                found.append((start, length, end))
            run = 0
    for start, length, end in sorted(found):
        if start >= taken:
            taken = end
            yield start, length, end


def _draft(round_: Sequence[ToolCall], again: Sequence[ToolCall], rounds: int) -> Draft:
    return Draft(
        step_ids=tuple(tool.step_id for tool in again),
        related_step_ids=tuple(tool.step_id for tool in round_),
        note=f"the same {len(round_)} calls made {rounds} times in a row with the same results",
        evidence={"tools": tuple(tool.name for tool in round_), "rounds": rounds},
    )
