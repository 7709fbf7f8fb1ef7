"""A failing call made again unchanged, with the same error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from processors.findings.answers import error_of, failed
from processors.findings.detector import Draft
from processors.findings.view import View
from processors.model import ToolCall


class FailedRetry:
    """Needs tool arguments. A retry that at last succeeds was a repair, and so were the tries before it."""

    name = "failed_retry"

    def gap(self, view: View) -> str | None:
        """Say so where calls failed and no arguments were captured."""
        failures = [tool for tool in view.tools if failed(tool)]
        if failures and all(tool.arguments is None for tool in failures):
            return "tool arguments not captured: failing calls cannot be told from changed ones"
        return None

    def find(self, view: View) -> Iterator[Draft]:
        """Look for tries after the first that changed nothing and learned nothing."""
        for group in view.same_calls():
            wasted: list[ToolCall] = []
            for index in range(1, len(group)):
                before, again = group[index - 1], group[index]
                unchanged = _same_failure(before, again) and not _changed(view, before, again)
                if unchanged and not _repaired(view, group[index:]):
                    wasted.append(again)
            if wasted:
                yield _draft(wasted, group)


def _same_failure(before: ToolCall, again: ToolCall) -> bool:
    if not (failed(before) and failed(again)):
        return False
    return error_of(before) is not None and error_of(before) == error_of(again)


def _changed(view: View, before: ToolCall, again: ToolCall) -> bool:
    return not view.still_there(before, again) or view.changed_between(before, again) is not None


def _repaired(view: View, tries: Sequence[ToolCall]) -> bool:
    """Whether the call succeeds later although nothing was changed: the failure was a passing one."""
    for before, again in pairwise(tries):
        if view.changes.possible_write(before, again) is not None:
            return False
        if not failed(again):
            return True
    return False


def _draft(wasted: Sequence[ToolCall], group: Sequence[ToolCall]) -> Draft:
    first = next(tool for tool in group if failed(tool))
    return Draft(
        step_ids=tuple(tool.step_id for tool in wasted),
        related_step_ids=(first.step_id,),
        note="the same failing call again, unchanged, with the same error",
        evidence={"tool": first.name, "arguments": first.arguments or "", "error": (error_of(first) or "")[:200]},
    )
