"""The result of a run, in the form in which a store keeps it.

A `Distillation` comes in; `SkillReport`s go to whoever owns the store, small enough for one request each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from pydantic import JsonValue

from collector.skills import PatchRecord, SkillRecord, SkillReport
from costcraft.distill import Distillation
from costcraft.merge import Rule
from costcraft.skill import Skill, render

_AT_ONCE: Final = 1_000_000
"""Bytes of patches in one report, unless one patch has more."""
_CITED: Final = 2_000
"""Counterfactuals and failures of one rule that are kept; the number of all stands beside them."""


def skill_reports(result: Distillation) -> Iterator[SkillReport]:
    """Yield the run's patches with the decision on each, then the skill where one is fit to ship."""
    waiting: list[PatchRecord] = []
    size = 0
    for record in _patches(result):
        length = len(record.model_dump_json())
        if waiting and size + length > _AT_ONCE:
            yield SkillReport(patches=tuple(waiting))
            waiting, size = [], 0
        waiting.append(record)
        size += length
    yield SkillReport(patches=tuple(waiting), skill=None if result.problems else _skill(result))


def skill_id(skill: Skill) -> str:
    """Return 12 hex digits that name a skill's text."""
    return hashlib.sha256(render(skill).encode()).hexdigest()[:12]


def _patches(result: Distillation) -> Iterator[PatchRecord]:
    for rule in result.admitted:
        yield _patch(rule, result.base.name, None)
    for rejection in result.rejected:
        yield _patch(rejection.rule, result.base.name, rejection.reason)


def _patch(rule: Rule, skill_name: str, reason: str | None) -> PatchRecord:
    leader = rule.leader
    spans = {r.span_id for patch in rule.patches for r in patch.evidence if r.span_id}
    return PatchRecord(
        patch_id=rule.rule_id,
        skill_name=skill_name,
        action=leader.action,
        rule=leader.rule,
        root_cause=leader.root_cause,
        section=leader.section,
        target=leader.target,
        polarity=leader.polarity,
        scope=leader.scope,
        analyst=", ".join(sorted({patch.analyst for patch in rule.patches})),
        confidence=max(patch.confidence for patch in rule.patches),
        support=rule.support,
        evidence_level=rule.level,
        saving_usd=sum(rule.savings, Decimal(0)) if rule.savings else None,
        session_ids=tuple(sorted(rule.sessions)),
        span_ids=tuple(sorted(spans)),
        evidence=_evidence(rule),
        accepted=reason is None,
        reason=reason,
    )


def _evidence(rule: Rule) -> dict[str, JsonValue]:
    counterfactuals, oracle = rule.counterfactuals, rule.oracle
    return {
        "counterfactuals": [c.model_dump(mode="json") for c in counterfactuals[:_CITED]],
        "counterfactual_count": len(counterfactuals),
        "oracle": [o.model_dump(mode="json") for o in oracle[:_CITED]],
        "oracle_count": len(oracle),
        "sessions_with": [*sorted({s for patch in rule.patches for s in patch.sessions_with})[:_CITED]],
        "sessions_without": [*sorted({s for patch in rule.patches for s in patch.sessions_without})[:_CITED]],
    }


def _skill(result: Distillation) -> SkillRecord:
    return SkillRecord(
        skill_id=skill_id(result.skill),
        name=result.skill.name,
        description=result.skill.description,
        markdown=render(result.skill),
        base_skill_id=skill_id(result.base),
        patch_ids=tuple(rule.rule_id for rule in result.admitted),
        session_ids=tuple(sorted(result.cases.by_id)),
        report={
            "patches": len(result.patches),
            "admitted": len(result.admitted),
            "rejected": len(result.rejected),
            "refused": [{"what": r.what, "session_id": r.session_id, "reason": r.reason} for r in result.refused],
            "spent_usd": None if result.spent_usd is None else str(result.spent_usd),
        },
    )
