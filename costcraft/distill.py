"""Cases and a base skill to a better skill: propose, merge, lint, write. Pure; the command line reads and saves.

`Distillation` says what was admitted and what was refused and why, so that nothing is decided out of sight.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from costcraft.ablation import FULL, Ablation
from costcraft.analysts.analyst import Analyst, Refused
from costcraft.case import Cases
from costcraft.evidence import replayed
from costcraft.lint import RULE_TOKENS, rule_problems, skill_problems
from costcraft.merge import Rejection, Rule, merge
from costcraft.patch import Action, EvidenceLevel, SkillPatch
from costcraft.progress import Progress, silent
from costcraft.replay import Replayer
from costcraft.skill import SECTIONS, ManagedRule, Section, Skill, estimate_tokens
from costcraft.standing import NOTHING, Memory, Retired, Standing, counted, refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Distillation:
    """What a run produced. `problems` is empty where `skill` may be shipped."""

    base: Skill
    skill: Skill
    patches: tuple[SkillPatch, ...]
    admitted: tuple[Rule, ...]
    rejected: tuple[Rejection, ...]
    refused: tuple[Refused, ...]
    """Proposals that failed validation."""
    retired: tuple[Retired, ...]
    """Rules of the base that are removed."""
    problems: tuple[str, ...]
    cases: Cases
    spent_usd: Decimal | None
    """What the answers of models behind the proposals cost, those kept from an interrupted run included; None where
    none was asked or its price is unknown."""


def distill(
    base: Skill,
    cases: Cases,
    analysts: Sequence[Analyst],
    *,
    memory: Memory = NOTHING,
    replayer: Replayer | None = None,
    ablation: Ablation = FULL,
    progress: Progress = silent,
) -> Distillation:
    """Distil a skill. The same cases in any order give the same skill, to the byte, where no model is asked.

    `memory` is what earlier runs left; `replayer` tries prunes out. Raises `EnvironmentFaultError` where the user's
    environment breaks.
    """
    least = EvidenceLevel.FLAGGED if ablation.counterfactual else EvidenceLevel.ARGUED
    proposals = [proposal for analyst in analysts for proposal in analyst.propose(cases)]
    proposed = [p for p in proposals if isinstance(p, SkillPatch) and (ablation.prune or p.action is not Action.PRUNE)]
    try_out = replayer if ablation.counterfactual else None
    patches = tuple(replayed(proposed, cases, try_out, progress) if try_out else proposed)
    merged = merge(patches, memory.refused, least=least)
    candidates, contradicted = refused(merged.rules, memory.standing)
    admitted, unfit = _lint(candidates, cases, base, least)
    skill, retired = _write(base, admitted, cases, memory.standing)
    return Distillation(
        base=base,
        skill=skill,
        patches=patches,
        admitted=tuple(admitted),
        rejected=(*merged.rejected, *contradicted, *unfit),
        refused=tuple(proposal for proposal in proposals if isinstance(proposal, Refused)),
        retired=retired,
        problems=tuple(skill_problems(skill, base)),
        cases=cases,
        spent_usd=_spent(analysts),
    )


def _spent(analysts: Sequence[Analyst]) -> Decimal | None:
    known = [usd for analyst in analysts if (usd := analyst.spent_usd) is not None]
    return sum(known, Decimal(0)) if known else None


def _lint(rules: Iterable[Rule], cases: Cases, base: Skill, least: EvidenceLevel) -> tuple[list[Rule], list[Rejection]]:
    admitted: list[Rule] = []
    refused: list[Rejection] = []
    left = RULE_TOKENS - sum(estimate_tokens(rule.text) for rule in base.rules)
    retained = {rule.rule_id for rule in base.rules}
    for rule in rules:
        problems = rule_problems(rule, cases, base, least)
        size = 0 if rule.rule_id in retained else estimate_tokens(rule.leader.rule)
        if not problems and size > left:
            problems = [f"over the budget of {RULE_TOKENS} tokens, and the rules before it weigh more"]
        if problems:
            refused.append(Rejection(rule, "; ".join(problems)))
        else:
            left -= size
            admitted.append(rule)
    return admitted, refused


def _write(
    base: Skill, admitted: Sequence[Rule], cases: Cases, standing: Mapping[str, Standing]
) -> tuple[Skill, tuple[Retired, ...]]:
    """Add the admitted rules to the base's remaining ones; return the retired rules too."""
    stay: list[tuple[str, ManagedRule]] = []
    retired: list[Retired] = []
    for section in base.sections:
        for rule in section.rules:
            judged = counted(rule, standing.get(rule.rule_id), admitted)
            if isinstance(judged, Retired):
                retired.append(judged)
            else:
                stay.append((section.title, judged))
    known = {rule.rule_id for rule in base.rules}
    new = [
        (rule.leader.section, ManagedRule(rule.rule_id, _scoped(rule), helpful=rule.support))
        for rule in admitted
        if rule.rule_id not in known
    ]
    whole = replace(base, sections=(*base.sections, *_missing_sections(base, cases)))
    return whole.with_rules([*stay, *new]), tuple(retired)


def _scoped(rule: Rule) -> str:
    scope = rule.leader.scope
    return f"For `{scope}` tasks: {rule.leader.rule}" if scope else rule.leader.rule


def _missing_sections(base: Skill, cases: Cases) -> list[Section]:
    defaults = {
        "Trigger": base.description,
        "Workflow": "Follow the instructions above.",
        "Stop rules": "Stop when every item of the artifact checklist holds.",
        "Artifact checklist": _checklist(cases),
        "Cost control": "Prefer the cheapest step that answers the question.",
    }
    return [Section(title, defaults[title].strip()) for title in SECTIONS if base.section(title) is None]


def _checklist(cases: Cases) -> str:
    """Name the checks that an oracle applied to at least half of the sessions it judged."""
    judged = [case for case in cases.by_id.values() if case.checks]
    counts = Counter(name for case in judged for name in {check.name for check in case.checks})
    common = sorted(name for name, count in counts.items() if 2 * count >= len(judged))
    return "\n".join(f"- {name}" for name in common) or "- The task's request is answered."
