"""A failing call made again unchanged, with the same error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from processors.findings.answers import error_of, failed
from processors.findings.detector import Draft
from processors.findings.view import View
from processors.model import ToolCall


class FailedRetry:
    """Needs tool arguments. Where a retry finally succeeds, none of the attempts before it was waste.

    Nor is a retry after something that may have removed the cause, although it did not: that could not be known.
    """

    name = "failed_retry"

    def gap(self, view: View) -> str | None:
        """Say so where calls failed and no arguments were captured."""
        failures = [tool for tool in view.tools if failed(tool)]
        if failures and all(tool.arguments is None for tool in failures):
            return "tool arguments not captured: failing calls cannot be told from changed ones"
        return None

    def find(self, view: View) -> Iterator[Draft]:
        """Look for retries with the same arguments and the same error, and nothing in between that may have helped."""
        for group in view.same_calls():
            repaired = _repaired(view, group)
            wasted = [
                again
                for before, again in pairwise(group)
                if again.step_id not in repaired and _same_failure(before, again) and not _changed(view, before, again)
            ]
            if wasted:
                yield _draft(wasted, group)


def _same_failure(before: ToolCall, again: ToolCall) -> bool:
    if not (failed(before) and failed(again)):
        return False
    return error_of(before) is not None and error_of(before) == error_of(again)


def _changed(view: View, before: ToolCall, again: ToolCall) -> bool:
    if not view.still_there(before, again) or view.asked_for_again(before, again):
        return True
    return view.changes.possible_write(before, again) is not None


def _repaired(view: View, tries: Sequence[ToolCall]) -> set[str]:
    """Name the calls that later succeeded although nothing was changed: their failures were transient."""
    found: set[str] = set()
    for before, again in reversed(list(pairwise(tries))):
        later = not failed(again) or again.step_id in found
        if later and view.changes.possible_write(before, again) is None:
            found.add(before.step_id)
    return found


def _draft(wasted: Sequence[ToolCall], group: Sequence[ToolCall]) -> Draft:
    first = next(tool for tool in group if failed(tool))
    return Draft(
        step_ids=tuple(tool.step_id for tool in wasted),
        related_step_ids=(first.step_id,),
        note="the same failing call again, unchanged, with the same error",
        evidence={"tool": first.name, "arguments": first.arguments or "", "error": (error_of(first) or "")[:200]},
    )
