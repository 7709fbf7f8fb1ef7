"""The analyst that asks a model. It proposes; the findings and the oracle decide what a proposal is worth.

Everything a model says is foreign input: a step that does not exist, a repair of a session that passed, a rule with
markup in it or one that borrows the evidence of another tool is refused with its reason. A prune that no finding
stands behind stays `ARGUED`, which `merge` does not admit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from costcraft.ablation import FULL, Ablation
from costcraft.analysts.analyst import Refused
from costcraft.analysts.wording import PRUNES
from costcraft.case import Case, CaseFinding, Cases
from costcraft.llm import Models, Question
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
from costcraft.skill import SECTIONS
from costcraft.trajectory import trajectory


class Proposal(BaseModel):
    """One rule as a model words it."""

    action: Literal["prune", "repair", "preserve"]
    rule: str = Field(description="One imperative sentence without names, ids or numbers of this task.")
    root_cause: str
    section: Literal["Trigger", "Workflow", "Stop rules", "Artifact checklist", "Cost control"]
    tool: str = Field(description="The tool that the rule is about.")
    step_ids: list[str] = Field(description="The steps, by the ids in brackets, that show it.")
    argument: str = Field(description="Why the outcome would have held, or been reached, under the rule.")


class Proposals(BaseModel):
    """What a model proposes for one session; empty where there is nothing to learn."""

    proposals: list[Proposal] = Field(max_length=6)


@dataclass(frozen=True, slots=True)
class LlmAnalyst:
    """Asks about every session that an oracle judged, with one prompt for passes and one for failures."""

    models: Models
    ablation: Ablation = FULL
    name: str = "llm"

    @property
    def spent_usd(self) -> Decimal | None:
        """What its answers cost, those kept from an interrupted run included."""
        return self.models.worth_usd

    def questions(self, cases: Cases) -> list[tuple[Case, Question]]:
        """Return the questions that would be asked, also for a dry run."""
        judged = [case for case in cases.by_id.values() if case.passed is not None]
        return [(case, Question(self._instructions(case), trajectory(case))) for case in judged]

    def _instructions(self, case: Case) -> str:
        parts = ["success" if case.passed else "failure"]
        if case.passed:
            parts += ["cost" if self.ablation.cost else "no_cost"]
            parts += ["prune" if self.ablation.prune else "no_prune"]
            if self.ablation.prune:
                parts += ["counterfactual" if self.ablation.counterfactual else "no_counterfactual"]
        return "".join(_prompt(part) for part in (*parts, "always"))

    def propose(self, cases: Cases) -> Iterator[SkillPatch | Refused]:
        """Ask, then yield what stands and what was refused."""
        asked, seen = self.questions(cases), _Seen.of(cases)
        answers = self.models.ask([question for _, question in asked], Proposals)
        for (case, _), answer in zip(asked, answers, strict=True):
            if answer.output is None:
                yield Refused(self.name, case.session_id, "the whole analysis", answer.reason)
                continue
            for proposal in answer.output.proposals:
                yield self._patch(case, proposal, seen)

    def _patch(self, case: Case, proposal: Proposal, seen: _Seen) -> SkillPatch | Refused:
        try:
            patch = SkillPatch.model_validate(self._fields(case, proposal), context={"resolver": seen.cases})
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
            return Refused(self.name, case.session_id, proposal.rule[:200], problem)
        borrowed = seen.borrows(case, proposal)
        return Refused(self.name, case.session_id, proposal.rule[:200], borrowed) if borrowed else patch

    def _fields(self, case: Case, proposal: Proposal) -> dict[str, object]:
        action = Action(proposal.action)
        behind = _behind(case, proposal) if action is Action.PRUNE else None
        references = tuple(_reference(case, step_id) for step_id in dict.fromkeys(proposal.step_ids))
        fields: dict[str, object] = {
            "action": action,
            "rule": " ".join(proposal.rule.split()),
            "root_cause": " ".join(proposal.root_cause.split()),
            "section": proposal.section if proposal.section in SECTIONS else "Workflow",
            "target": f"{PRUNES[behind.detector].behaviour if behind else 'tool'}:{proposal.tool}",
            "polarity": Polarity.AVOID if action is Action.PRUNE else Polarity.DO,
            "scope": case.family,
            "evidence": references or (StepReference(session_id=case.session_id),),
            "analyst": self.name,
            "confidence": 0.5,
        }
        if action is Action.PRUNE and case.passed and references:
            fields["counterfactuals"] = (_counterfactual(case, proposal, behind),)
        failed = tuple(
            FailedCheck(name=check.name, expected=check.expected, got=check.got)
            for check in case.checks
            if not check.passed
        )
        if action is Action.REPAIR and not case.passed and failed:
            fields["oracle"] = (OracleEvidence(session_id=case.session_id, failed_checks=failed),)
        if action is Action.PRESERVE and case.passed:
            fields["sessions_with"] = (case.session_id,)
        return fields


@dataclass(frozen=True, slots=True)
class _Seen:
    """The tools of all sessions: what a rule may speak of."""

    cases: Cases
    tools: Mapping[str, re.Pattern[str]]
    of_passes: Mapping[str | None, frozenset[str]]
    """By task family, what sessions that passed used."""

    @classmethod
    def of(cls, cases: Cases) -> _Seen:
        used: dict[str | None, set[str]] = {}
        for case in cases.by_id.values():
            if case.passed:
                used.setdefault(case.family, set()).update(step.name for step in case.tools)
        names = {step.name for case in cases.by_id.values() for step in case.tools}
        words = {name: re.compile(rf"(?<!\w){re.escape(name)}(?!\w)") for name in names}
        return cls(cases, words, {family: frozenset(tools) for family, tools in used.items()})

    def borrows(self, case: Case, proposal: Proposal) -> str | None:
        """Return why a rule is not about the subject of its evidence; None where it is."""
        named = {name for name, word in self.tools.items() if word.search(proposal.rule)}
        if not re.search(rf"(?<!\w){re.escape(proposal.tool)}(?!\w)", proposal.rule):
            return f"the rule does not name {proposal.tool!r}, which its evidence is about"
        if proposal.action == "prune" and named - {proposal.tool}:
            return f"the rule is about {', '.join(sorted(named - {proposal.tool}))} too, its evidence is not"
        passes = self.of_passes.get(case.family)
        if proposal.action != "prune" and passes is not None and proposal.tool not in passes:
            return f"no session of the family that passed used {proposal.tool!r}"
        return None


def _reference(case: Case, step_id: str) -> StepReference:
    step = case.step(step_id)
    return StepReference(session_id=case.session_id, step_id=step_id, span_id=step.span_id if step else None)


def _behind(case: Case, proposal: Proposal) -> CaseFinding | None:
    """Return the finding, if any, that covers all steps of a claim about the tool that took them."""
    steps = set(proposal.step_ids)
    tools = {step.name for step_id in steps if (step := case.step(step_id)) is not None}
    if tools != {proposal.tool}:
        return None
    covering = [
        finding
        for finding in case.findings
        if not finding.soft
        and finding.detector in PRUNES
        and steps <= set(finding.step_ids)
        and (finding.saving_usd is None or finding.saving_usd > 0)
    ]
    return max(covering, key=lambda finding: PRUNES[finding.detector].level, default=None)


def _counterfactual(case: Case, proposal: Proposal, best: CaseFinding | None) -> Counterfactual:
    """Rank the claim by the finding behind it."""
    steps = set(proposal.step_ids)
    return Counterfactual(
        session_id=case.session_id,
        step_ids=tuple(dict.fromkeys(proposal.step_ids)),
        level=PRUNES[best.detector].level if best else EvidenceLevel.ARGUED,
        argument=proposal.argument or "no argument given",
        saving_usd=best.saving_usd if best and steps == set(best.step_ids) else None,
    )


def _prompt(name: str) -> str:
    return (files("costcraft.analysts") / "prompts" / f"{name}.md").read_text(encoding="utf-8")
