"""A session as an analyst reads it: numbered steps with arguments, results, money and findings, within a token budget.

Long texts are trimmed by value: of a result that part stays which later steps repeat in their arguments, before its
beginning and its end. Nothing here depends on money where the case holds none.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from costcraft.case import Case, CaseStep
from costcraft.skill import BYTES_PER_TOKEN, estimate_tokens

BUDGET_TOKENS: Final = 3000
_LENGTHS: Final = (600, 200, 60)
"""Characters of an argument or a result, tried from the longest."""
_AROUND: Final = 24
"""Characters kept on each side of a value that is used later."""
_VALUE: Final = re.compile(r"\w[\w@.:/-]*\w")
_SHORTEST: Final = 4
"""Characters of a value that can be told from chance."""
_GAP: Final = "…"


def trajectory(case: Case, budget_tokens: int = BUDGET_TOKENS) -> str:
    """Return the session as text of at most about `budget_tokens`.

    Long texts are cut first; then the steps that matter least are left out and counted: never one with a finding
    before one without, the cheapest first where prices are known, else from the middle.
    """
    used = _used_later(case.steps)
    found = _detectors(case)
    head = _head(case)
    for longest in _LENGTHS:
        lines = [
            _line(number, step, longest, used.get(number, ()), found.get(step.step_id, ()))
            for number, step in enumerate(case.steps)
        ]
        text = "\n".join([head, *lines])
        if estimate_tokens(text) <= budget_tokens:
            return text
    end = "({} steps that matter less left out)"
    left_out = _left_out(case, lines, len(f"{text}\n{end}00".encode()) - budget_tokens * BYTES_PER_TOKEN)
    shown = [line for number, line in enumerate(lines) if number not in left_out]
    return "\n".join([head, *shown, end.format(len(left_out))])


def excerpt(text: str, longest: int, wanted: Sequence[str] = ()) -> str:
    """Return at most about `longest` characters: the places of `wanted` values first, then beginning and end."""
    if len(text) <= longest:
        return text
    kept: list[tuple[int, int]] = []
    left = longest
    for place in (place for value in wanted if (place := text.find(value)) >= 0):
        length = len(text[max(0, place - _AROUND) : place + _AROUND])
        if left < length + 2 * _AROUND:
            break
        kept.append((max(0, place - _AROUND), place + _AROUND))
        left -= length
    kept += [(0, left // 2), (len(text) - left // 2, len(text))]
    return _GAP.join(text[start:end] for start, end in _joined(sorted(kept)))


def _joined(ranges: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    begun, ended = ranges[0]
    for start, end in ranges[1:]:
        if start > ended:
            yield begun, ended
            begun = start
        ended = max(ended, end)
    yield begun, ended


def _used_later(steps: Sequence[CaseStep]) -> Mapping[int, list[str]]:
    """Return the values of each result that first appear there and stand in a later step's arguments; linear."""
    first: dict[str, int] = {}
    used: dict[int, dict[str, None]] = defaultdict(dict)
    for number, step in enumerate(steps):
        for value in _values(step.arguments):
            if value in first:
                used[first[value]][value] = None
        for value in (*_values(step.arguments), *_values(step.result)):
            first.setdefault(value, number)
    return {number: list(values) for number, values in used.items()}


def _values(text: str | None) -> Iterator[str]:
    return (value for value in _VALUE.findall(text or "") if len(value) >= _SHORTEST)


def _left_out(case: Case, lines: Sequence[str], excess: int) -> set[int]:
    """Return the steps to leave out so that `excess` bytes fewer remain."""
    flagged = {step_id for finding in case.findings for step_id in finding.step_ids}
    priced = any(step.attributed_usd is not None for step in case.steps)
    last = len(case.steps) - 1

    def weight(number: int) -> tuple[object, ...]:
        step = case.steps[number]
        matters = (step.attributed_usd or 0) if priced else max(number, last - number)
        failed = step.error_type is not None
        return step.step_id in flagged or failed, matters, number

    dropped: set[int] = set()
    for number in sorted(range(len(case.steps)), key=weight):
        if excess <= 0:
            break
        dropped.add(number)
        excess -= len(f"{lines[number]}\n".encode())
    return dropped


def _head(case: Case) -> str:
    checks = [
        f"check {'passed' if check.passed else 'FAILED'}: {check.name}"
        + ("" if check.passed else f" (expected {check.expected}, got {check.got})")
        for check in case.checks
    ]
    outcome = "unknown" if case.passed is None else "passed" if case.passed else "failed"
    cost = "" if case.cost_usd is None else f", cost USD {case.cost_usd}"
    return "\n".join([f"task family {case.family}, outcome {outcome}{cost}", *checks])


def _detectors(case: Case) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for finding in case.findings:
        for step_id in finding.step_ids:
            found[step_id].append(finding.detector)
    return found


def _line(number: int, step: CaseStep, longest: int, used: Sequence[str], found: Sequence[str]) -> str:
    parts = [f"{number + 1}. [{step.step_id}] {step.kind} {step.name}", _line_of(step.arguments, longest)]
    parts += [f"-> {_line_of(step.result, longest, used)}"] if step.result else []
    parts += [f"error={step.error_type}"] if step.error_type else []
    parts += [f"usd={step.attributed_usd:.6f}"] if step.attributed_usd is not None else []
    parts += [f"findings={','.join(found)}"] if found else []
    return " ".join(part for part in parts if part)


def _line_of(text: str | None, longest: int, used: Sequence[str] = ()) -> str:
    """Return an excerpt on one line, so that nothing in it can pose as another step."""
    return " ".join(excerpt(text or "", longest, used).split())
