"""A session as an analyst reads it: numbered steps with arguments, money and findings, within a budget of tokens."""

from __future__ import annotations

from typing import Final

from costcraft.case import Case, CaseStep
from costcraft.skill import estimate_tokens

BUDGET_TOKENS: Final = 3000
_LONGEST: Final = 400
_SHORTEST: Final = 40


def trajectory(case: Case, budget_tokens: int = BUDGET_TOKENS) -> str:
    """Return the session as text of at most about `budget_tokens`.

    Long arguments are cut first; then the cheapest steps without a finding are left out and counted.
    """
    flagged = {step_id for finding in case.findings for step_id in finding.step_ids}
    head = _head(case)
    for longest in (_LONGEST, _SHORTEST * 3, _SHORTEST):
        lines = {step.step_id: _line(step, case, longest) for step in case.steps}
        text = "\n".join([head, *lines.values()])
        if estimate_tokens(text) <= budget_tokens:
            return text
    kept = set(lines)
    left = estimate_tokens(text) - budget_tokens
    for step in sorted(case.steps, key=lambda s: (s.step_id in flagged, s.attributed_usd or 0, s.step_id)):
        if left <= 0:
            break
        kept.discard(step.step_id)
        left -= estimate_tokens(lines[step.step_id]) + 1
    shown = [line for step_id, line in lines.items() if step_id in kept]
    return "\n".join([head, *shown, f"({len(lines) - len(kept)} cheaper steps left out)"])


def _head(case: Case) -> str:
    checks = [
        f"check {'passed' if check.passed else 'FAILED'}: {check.name}"
        + ("" if check.passed else f" (expected {check.expected}, got {check.got})")
        for check in case.checks
    ]
    outcome = "unknown" if case.passed is None else "passed" if case.passed else "failed"
    return "\n".join([f"task family {case.family}, outcome {outcome}, cost USD {case.cost_usd}", *checks])


def _line(step: CaseStep, case: Case, longest: int) -> str:
    found = [finding.detector for finding in case.findings if step.step_id in finding.step_ids]
    arguments = step.arguments or ""
    cut = arguments if len(arguments) <= longest else f"{arguments[: longest // 2]}…{arguments[-longest // 2 :]}"
    parts = [f"[{step.step_id}] {step.kind} {step.name}", cut]
    parts += [f"error={step.error_type}"] if step.error_type else []
    parts += [f"usd={step.attributed_usd:.6f}"] if step.attributed_usd is not None else []
    parts += [f"findings={','.join(found)}"] if found else []
    return " ".join(part for part in parts if part)
