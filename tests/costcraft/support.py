"""Builders of patches and runs for the tests of CostCraft."""

from __future__ import annotations

from decimal import Decimal

from costcraft.evaluate import Run
from costcraft.patch import (
    Action,
    Counterfactual,
    EvidenceLevel,
    FailedCheck,
    OracleEvidence,
    Polarity,
    SkillPatch,
    StepReference,
)


def prune(
    rule: str = "Call `read_file` once per path and reuse its result.",
    *,
    sessions: tuple[str, ...] = ("s1", "s2"),
    level: EvidenceLevel = EvidenceLevel.FLAGGED,
    target: str = "tool:read_file",
    saving: str = "0.002",
    scope: str | None = None,
) -> SkillPatch:
    """Return a prune of a repeated call, with one counterfactual per session."""
    return SkillPatch(
        action=Action.PRUNE,
        rule=rule,
        root_cause="the same call was made again",
        section="Cost control",
        target=target,
        polarity=Polarity.AVOID,
        scope=scope,
        evidence=tuple(StepReference(session_id=session, step_id="step-2") for session in sessions),
        counterfactuals=tuple(
            Counterfactual(
                session_id=session,
                step_ids=("step-2",),
                level=level,
                argument="the result was the same as before",
                saving_usd=Decimal(saving),
            )
            for session in sessions
        ),
        analyst="rules",
        confidence=0.8,
    )


def repair(
    rule: str = "After `update_address`, call `confirm_order`.",
    *,
    sessions: tuple[str, ...] = ("f1",),
    target: str = "tool:confirm_order",
    diagnosed: bool = True,
) -> SkillPatch:
    """Return a repair of a step that failing sessions left out."""
    return SkillPatch(
        action=Action.REPAIR,
        rule=rule,
        root_cause="the order was never confirmed",
        section="Workflow",
        target=target,
        polarity=Polarity.DO,
        evidence=tuple(StepReference(session_id=session) for session in sessions),
        oracle=tuple(
            OracleEvidence(
                session_id=session,
                failed_checks=(FailedCheck(name="order confirmed", expected="yes", got="no"),),
                diagnosis_passed=diagnosed,
            )
            for session in sessions
        ),
        analyst="rules",
        confidence=0.7,
    )


def run(task: str, condition: str, cost: str | None, *, passed: bool | None = True, number: int = 0) -> Run:
    """Return one session of a task under a condition."""
    return Run(
        session_id=f"{condition}-{task}-{number}",
        task_id=task,
        condition=condition,
        passed=passed,
        score=None if passed is None else float(passed),
        cost_usd=None if cost is None else Decimal(cost),
        started_at=number,
    )
