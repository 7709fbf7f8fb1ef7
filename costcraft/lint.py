"""Checks that block a rule, or a whole skill, from being shipped.

Rules come from `merge` and the finished skill from `distill`; problems come back as sentences. A problem blocks.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from costcraft.case import Case, Cases
from costcraft.merge import Rule
from costcraft.patch import EvidenceLevel
from costcraft.skill import MAX_COMPATIBILITY, MAX_DESCRIPTION, MAX_NAME, SECTIONS, Skill, estimate_tokens

RULE_TOKENS: Final = 1200
"""The budget of all managed rules together."""
FEW: Final = 3
FEW_SHARE: Final = 0.2
"""A word in the arguments of fewer sessions than this is a fact of those tasks, not general knowledge."""

SECRETS: Final = (
    ("an API key", re.compile(r"\b(?:sk|pk|rk)[-_](?:[a-z]+[-_])*[A-Za-z0-9]{16,}")),
    ("a cloud access key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,})")),
    ("a JSON web token", re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("a password in a URL", re.compile(r"://[^/\s:@]+:[^/\s@]+@")),
)
_CAP = re.compile(
    r"\b(?:at most|no more than|never more than|maximum of|limit of)\s+(?:\d+|one|two|three|four|five)\b", re.I
)
_WORD = re.compile(r"[^\W_][\w@.:/-]*[^\W_]|[^\W_]")
_NUMBER = re.compile(r"\d{2,}")


def rule_problems(rule: Rule, cases: Cases, base: Skill, least: EvidenceLevel = EvidenceLevel.FLAGGED) -> list[str]:
    """Return why a rule may not be shipped, empty where it may; a prune needs evidence of level `least`."""
    text = rule.leader.rule
    problems = [f"contains {what}" for what, pattern in SECRETS if pattern.search(text)]
    problems += [f"leaks a fact of few tasks: {fact!r}" for fact in _leaked(text, cases, base)]
    if _CAP.search(text) and rule.support < FEW:
        problems.append(f"caps by number with a cause seen in {rule.support} session(s) only")
    if not rule.sessions <= cases.by_id.keys():
        problems.append("cites a session that does not exist")
    if rule.counterfactuals and rule.level < least:
        problems.append("rests on argument alone")
    return problems


def skill_problems(skill: Skill, base: Skill) -> list[str]:
    """Return what is wrong with a finished skill, empty where it may be shipped."""
    problems = front_matter_problems(skill)
    problems += [f"section missing: {title}" for title in SECTIONS if skill.section(title) is None]
    spent = sum(estimate_tokens(rule.text) for rule in skill.rules)
    if spent > RULE_TOKENS:
        problems.append(f"rules take about {spent} tokens, more than {RULE_TOKENS}")
    for section in base.sections:
        kept = skill.section(section.title)
        if kept is None or section.text not in kept.text:
            problems.append(f"a requirement of the base was changed in section {section.title}")
    if base.preamble not in skill.preamble:
        problems.append("the base's introduction was changed")
    return problems


def front_matter_problems(skill: Skill) -> list[str]:
    """Return what the Agent Skills format refuses in a skill's front matter. Source: agentskills.io, specification."""
    problems = []
    name = unicodedata.normalize("NFKC", skill.name.strip())
    letters = name.replace("-", "")
    hyphens = name.startswith("-") or name.endswith("-") or "--" in name
    if not letters or not letters.isalnum() or name != name.lower() or hyphens:
        problems.append("name: must be lower-case letters, digits and single hyphens")
    if len(name) > MAX_NAME:
        problems.append(f"name: longer than {MAX_NAME} characters")
    if not skill.description.strip():
        problems.append("description: missing")
    if len(skill.description) > MAX_DESCRIPTION:
        problems.append(f"description: longer than {MAX_DESCRIPTION} characters")
    if len(str(skill.front_matter.get("compatibility", ""))) > MAX_COMPATIBILITY:
        problems.append(f"compatibility: longer than {MAX_COMPATIBILITY} characters")
    return problems


def _leaked(text: str, cases: Cases, base: Skill) -> list[str]:
    known = {step.name for case in cases.by_id.values() for step in case.steps}
    said = base.preamble + base.description + "".join(section.text for section in base.sections)
    suspects = [word for word in _words(text) if word not in known and word not in said]
    sessions = list(cases.by_id.values())
    few = max(FEW, FEW_SHARE * len(sessions))
    return [word for word in suspects if _NUMBER.search(word) or 0 < _frequency(word, sessions) < few]


def _words(text: str) -> Iterable[str]:
    return dict.fromkeys(_WORD.findall(text))


def _frequency(word: str, cases: Sequence[Case]) -> int:
    whole = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
    return sum(any(step.arguments and whole.search(step.arguments) for step in case.steps) for case in cases)
