"""What may not be shipped is refused by name, and what is shipped passes the public validator of the format."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import skills_ref
from hypothesis import example, given
from hypothesis import strategies as st

from costcraft.analysts import RulesAnalyst
from costcraft.case import Cases
from costcraft.distill import distill
from costcraft.lint import front_matter_problems, rule_problems, skill_problems
from costcraft.merge import merge
from costcraft.patch import EvidenceLevel, SkillPatch
from costcraft.skill import MAX_DESCRIPTION, MAX_NAME, ManagedRule, Section, Skill, parse, render
from tests.costcraft.support import prune
from tests.costcraft.test_distill import DESK

CASES = Cases.of(DESK)
BASE = parse(
    "---\nname: order-desk\ndescription: Orders.\nlicense: Apache-2.0\nmetadata: {author: a team, version: '1.0'}\n"
    "allowed-tools: get_order confirm_order\n---\n\nWork at the order desk.\n\n## House rules\n\n- Be brief.\n"
)


def distilled() -> Skill:
    """Return what the rules analyst makes of the desk's sessions."""
    return distill(BASE, CASES, (RulesAnalyst(),)).skill


def found(patch: SkillPatch, cases: Cases = CASES) -> list[str]:
    """Return what is wrong with the rule of one patch."""
    return rule_problems(merge([patch], least=EvidenceLevel.ARGUED).rules[0], cases, BASE)


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("Look up ord-1 first.", "leaks a fact of few tasks: 'ord-1'"),
        ("Wait 4711 seconds between calls.", "leaks a fact of few tasks: '4711'"),
        ("Use sk-live-abcdefghijklmnop1234 to log in.", "contains an API key"),
        ("Send AKIAABCDEFGHIJKLMNOP with it.", "contains a cloud access key"),
        ("Use ghp_abcdefghijklmnopqrstuvwxyz0123456789.", "contains a GitHub token"),
        ("Send eyJhbGciOiJI.eyJzdWIiOiIx.c2ln with it.", "contains a JSON web token"),
        ("Begin with -----BEGIN RSA PRIVATE KEY----- always.", "contains a private key"),
        ("Write to https://user:hunter2@example.org first.", "contains a password in a URL"),
        ("Call `get_order` at most two times.", "caps by number with a cause seen in 2 session(s) only"),
        ("Never make more than 5 calls: no more than 5.", "caps by number"),
    ],
)
def test_a_rule_that_must_not_be_shipped_is_refused_by_name(rule: str, problem: str) -> None:
    """Facts of single tasks, numbers, secrets of every kind and blanket caps are named."""
    said = found(prune(rule, sessions=("s01", "s02")))
    assert any(problem in one for one in said), said


@pytest.mark.parametrize("rule", ["Call `get_order` once and reuse its result.", "Confirm before you finish."])
def test_a_rule_of_the_trade_may_be_shipped(rule: str) -> None:
    """Names of tools and ordinary words leak nothing."""
    assert not found(prune(rule, sessions=("s01", "s02")))


def test_a_cap_with_repeated_cause_may_be_shipped() -> None:
    """The same cap is fine where enough sessions show its cause."""
    assert not found(prune("Call `get_order` at most two times.", sessions=("s01", "s02", "s03")))


def test_a_rule_needs_evidence_that_exists() -> None:
    """A session that is not there, and an argument alone, are no evidence."""
    assert found(prune(sessions=("s01", "s99"))) == ["cites a session that does not exist"]
    assert found(prune(sessions=("s01", "s02"), level=EvidenceLevel.ARGUED)) == ["rests on argument alone"]


def test_a_skill_keeps_sections_budget_and_base() -> None:
    """A missing section, too many rules and a changed requirement or introduction block the skill."""
    skill = distilled()
    assert not skill_problems(skill, BASE)
    without = replace(skill, sections=tuple(s for s in skill.sections if s.title != "Stop rules"))
    assert skill_problems(without, BASE) == ["section missing: Stop rules"]
    many = tuple(ManagedRule(f"{number:012x}", "Do the one thing that is right. " * 10) for number in range(40))
    heavy = replace(skill, sections=(*skill.sections, Section("More", "", many)))
    assert any("tokens, more than 1200" in problem for problem in skill_problems(heavy, BASE))
    changed = replace(skill, sections=tuple(replace(s, text="- Be long.") for s in skill.sections), preamble="Hello.")
    problems = skill_problems(changed, BASE)
    assert "a requirement of the base was changed in section House rules" in problems
    assert "the base's introduction was changed" in problems


def test_a_distilled_skill_passes_the_public_validator(tmp_path: Path) -> None:
    """What is written is a skill by the reference implementation of the format, unknown keys of the base included."""
    folder = tmp_path / BASE.name
    folder.mkdir()
    (folder / "SKILL.md").write_text(render(distilled()), encoding="utf-8")
    assert skills_ref.validate(folder) == []
    read = skills_ref.read_properties(folder)
    assert (read.name, read.license, read.metadata) == (
        "order-desk",
        "Apache-2.0",
        {"author": "a team", "version": "1.0"},
    )


@given(
    name=st.one_of(
        st.from_regex(r"[a-zA-Z0-9é_ -]{0,70}", fullmatch=True), st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True)
    ),
    length=st.sampled_from([0, 1, 1024, 1025]),
)
@example(name="a" * MAX_NAME, length=1)
@example(name="a" * (MAX_NAME + 1), length=1)
@example(name="a", length=MAX_DESCRIPTION)
@example(name="a", length=MAX_DESCRIPTION + 1)
def test_front_matter_is_judged_as_the_public_validator_does(name: str, length: int) -> None:
    """A name or description is refused here exactly where the reference implementation refuses it."""
    front_matter: dict[str, object] = {"name": name, "description": "d" * length}
    theirs = skills_ref.validator.validate_metadata(front_matter)
    assert bool(front_matter_problems(Skill(front_matter))) == bool(theirs)
