"""The analyst that needs no model: findings become prunes, differences between passes and failures become repairs.

Deterministic. Prunes come only from sessions that an oracle passed, repairs only from failed checks, and a preserve
only where sessions without the behaviour failed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from costcraft.ablation import FULL, Ablation
from costcraft.analysts.behaviours import Behaviour, behaviours_of
from costcraft.analysts.contrast import Contrast
from costcraft.analysts.wording import PRUNES, after_do, use
from costcraft.case import Case, CaseFinding, Cases
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

_DATAFLOW = frozenset(name for name, wording in PRUNES.items() if wording.level is EvidenceLevel.DATAFLOW)
ENOUGH = 2
"""Passing sessions that must share a behaviour: one could be chance."""


TOGETHER = 200
"""Passing sessions per share."""


@dataclass(frozen=True, slots=True)
class Passed:
    """Some passing sessions, and the tools whose results are unused in most calls over all passing sessions."""

    cases: tuple[Case, ...]
    unused: frozenset[str]


@dataclass(frozen=True, slots=True)
class Family:
    """The sessions of one task family."""

    name: str
    members: tuple[Case, ...]


Share: TypeAlias = Passed | Family


@dataclass(frozen=True, slots=True)
class RulesAnalyst:
    """Works from findings, the ledger's savings and outcome checks."""

    ablation: Ablation = FULL
    name: str = "rules"

    @property
    def spent_usd(self) -> None:
        """Nothing is asked."""
        return

    def propose(self, cases: Cases) -> Iterator[SkillPatch]:
        """Yield prunes of every passing case, then repairs and preserves of every task family."""
        for share in self.shares(cases):
            yield from self.of_share(share)

    def shares(self, cases: Cases) -> Iterator[Share]:
        """Yield independent units of work: `propose` is `of_share` of each, in this order."""
        passed = tuple(case for case in cases.by_id.values() if case.passed)
        unused = _mostly_unused(passed)
        for first in range(0, len(passed) if self.ablation.prune else 0, TOGETHER):
            yield Passed(passed[first : first + TOGETHER], unused)
        for family, members in cases.families().items():
            yield Family(family, members)

    def of_share(self, share: Share) -> Iterator[SkillPatch]:
        """Yield the patches that follow from one share."""
        if isinstance(share, Family):
            yield from self._contrast(share.name, share.members)
            return
        for case in share.cases:
            yield from self._prunes(case, share.unused) if self.ablation.counterfactual else self._dearest(case)

    def _prunes(self, case: Case, unused: frozenset[str]) -> Iterator[SkillPatch]:
        for finding in case.findings:
            wording = PRUNES.get(finding.detector)
            tools = sorted({step.name for step_id in finding.step_ids if (step := case.step(step_id))})
            if wording is None or finding.soft or len(tools) != 1:
                continue
            if self.ablation.cost and (finding.saving_usd or 0) <= 0:
                continue
            if wording.level is EvidenceLevel.DATAFLOW and tools[0] not in unused:
                continue
            yield SkillPatch(
                action=Action.PRUNE,
                rule=wording.rule.format(name=tools[0]),
                root_cause=wording.root_cause,
                section=wording.section,
                target=f"{wording.behaviour}:{tools[0]}",
                polarity=Polarity.AVOID,
                scope=case.family if wording.level is EvidenceLevel.DATAFLOW else None,
                evidence=_references(case, finding),
                counterfactuals=(
                    Counterfactual(
                        session_id=case.session_id,
                        step_ids=finding.step_ids,
                        level=wording.level,
                        argument=finding.note or wording.root_cause,
                        saving_usd=finding.saving_usd,
                    ),
                ),
                analyst=self.name,
                confidence=0.9 if wording.level is EvidenceLevel.FLAGGED else 0.8,
            )

    def _dearest(self, case: Case) -> Iterator[SkillPatch]:
        """Advise against the costliest tool call, as an analyst without counterfactuals would."""
        priced = [step for step in case.tools if step.attributed_usd]
        if not priced:
            return
        dearest = max(priced, key=lambda step: (step.attributed_usd or 0, step.step_id))
        wording = PRUNES["unused_result"]
        yield SkillPatch(
            action=Action.PRUNE,
            rule=wording.rule.format(name=dearest.name),
            root_cause="it was the costliest step of the session",
            section=wording.section,
            target=f"{wording.behaviour}:{dearest.name}",
            polarity=Polarity.AVOID,
            evidence=(StepReference(session_id=case.session_id, step_id=dearest.step_id, span_id=dearest.span_id),),
            counterfactuals=(
                Counterfactual(
                    session_id=case.session_id,
                    step_ids=(dearest.step_id,),
                    level=EvidenceLevel.ARGUED,
                    argument="only its price was looked at",
                ),
            ),
            analyst=self.name,
            confidence=0.3,
        )

    def _contrast(self, family: str, members: tuple[Case, ...]) -> Iterator[SkillPatch]:
        passed = [case for case in members if case.passed]
        failed = [case for case in members if case.passed is False]
        if len(passed) < ENOUGH or not failed:
            return
        shown = {case.session_id: behaviours_of(case) for case in members}
        passes = [shown[case.session_id] for case in passed]
        contrasts = {
            why: Contrast.of(passes, [shown[case.session_id] for case in alike])
            for why, alike in _by_failure(failed).items()
        }
        did: dict[Behaviour, list[Case]] = {}
        for case in failed:
            missing = contrasts[_failed_checks(case)].explains(shown[case.session_id])
            if missing is None:
                continue
            if missing not in did:
                did[missing] = [c for c in passed if missing in shown[c.session_id]]
            yield self._repair(family, case, missing, did[missing])

    def _repair(self, family: str, case: Case, missing: Behaviour, did: list[Case]) -> SkillPatch:
        rule = after_do(missing.after, missing.tool) if missing.after else use(missing.tool)
        failed_checks = tuple(
            FailedCheck(name=check.name, expected=check.expected, got=check.got)
            for check in case.checks
            if not check.passed
        )
        anchor = next((step for step in reversed(case.tools) if step.name == missing.after), None)
        common = {
            "rule": rule,
            "root_cause": f"sessions that passed called `{missing.tool}` there, this one did not",
            "section": "Workflow",
            "target": f"tool:{missing.tool}",
            "polarity": Polarity.DO,
            "scope": family,
            "evidence": (StepReference(session_id=case.session_id, step_id=anchor.step_id if anchor else None),),
            "analyst": self.name,
            "confidence": 0.8,
        }
        if not failed_checks:
            with_it = tuple(sorted(c.session_id for c in did))
            return SkillPatch.model_validate(
                common | {"action": Action.PRESERVE, "sessions_with": with_it, "sessions_without": (case.session_id,)}
            )
        oracle = OracleEvidence(
            session_id=case.session_id,
            failed_checks=failed_checks,
            went_wrong_at=anchor.step_id if anchor else None,
            diagnosis_passed=len(did) >= ENOUGH,
        )
        return SkillPatch.model_validate(common | {"action": Action.REPAIR, "oracle": (oracle,)})


def _failed_checks(case: Case) -> frozenset[str]:
    return frozenset(check.name for check in case.checks if not check.passed)


def _by_failure(failed: Sequence[Case]) -> dict[frozenset[str], list[Case]]:
    """Group failures by the checks that failed: what explains one kind need not explain another."""
    groups: dict[frozenset[str], list[Case]] = {}
    for case in failed:
        groups.setdefault(_failed_checks(case), []).append(case)
    return groups


def _mostly_unused(passed: Sequence[Case]) -> frozenset[str]:
    """Return the tools whose results passing sessions left unused in most calls; only these may be advised against."""
    calls = Counter(step.name for case in passed for step in case.tools)
    left = Counter(
        step.name
        for case in passed
        for step_id in {i for f in case.findings if f.detector in _DATAFLOW and not f.soft for i in f.step_ids}
        if (step := case.step(step_id))
    )
    return frozenset(name for name, count in left.items() if 2 * count > calls[name])


def _references(case: Case, finding: CaseFinding) -> tuple[StepReference, ...]:
    found = ((step_id, case.step(step_id)) for step_id in finding.step_ids)
    return tuple(
        StepReference(session_id=case.session_id, step_id=step_id, span_id=step.span_id if step else None)
        for step_id, step in found
    )
