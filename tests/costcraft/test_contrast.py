"""What explains a failure: found where it was planted, and nothing found where only chance was at work."""

from __future__ import annotations

import random
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costcraft.analysts import RulesAnalyst
from costcraft.case import Case, Cases, CaseStep
from costcraft.statistics import fewer_by_chance
from processors.model import Check

TOOLS = tuple(f"look_{letter}" for letter in "abcdefgh")
NEEDED = "confirm"


def case(number: int, tools: list[str], failed: str | None) -> Case:
    """Make a session that used some tools and passed, or failed a check; an empty name is a failure without one."""
    checks = (Check(name=failed, passed=False, expected="yes", got="no"),) if failed else ()
    steps = tuple(
        CaseStep(step_id=f"{number}-{place}", kind="tool", name=name, arguments="{}")
        for place, name in enumerate(tools)
    )
    return Case(session_id=f"s{number:03}", task_id=f"desk-{number}", passed=failed is None, checks=checks, steps=steps)


def usual(generator: random.Random) -> list[str]:
    """Draw the tools of a session: each of them nearly always, in any order."""
    drawn = [tool for tool in TOOLS if generator.random() < 0.9]
    return generator.sample(drawn, len(drawn))


def rules(cases: list[Case]) -> set[str]:
    """Name the rules that a family's contrast proposes."""
    return {patch.rule for patch in RulesAnalyst().propose(Cases.of(cases))}


@pytest.mark.parametrize("check", ["booked", ""])
def test_chance_explains_nothing(check: str) -> None:
    """Outcomes that have nothing to do with what was done bring forth hardly a rule, however many tools there are."""
    generator = random.Random(11)
    families = [
        [case(n, usual(generator), None if generator.random() < 0.6 else check) for n in range(size)]
        for size in (16, 24, 60)
        for _ in range(20)
    ]
    assert sum(bool(rules(family)) for family in families) / len(families) <= 0.1


def test_what_was_planted_is_found_beside_chance() -> None:
    """A tool that decided the outcome is named, and no other."""
    generator = random.Random(5)
    done = [generator.random() < 0.7 for _ in range(24)]
    family = [
        case(n, [*usual(generator), *([NEEDED] if needed else [])], None if needed else "confirmed")
        for n, needed in enumerate(done)
    ]
    (rule,) = rules(family)
    assert f"`{NEEDED}`" in rule


def test_each_kind_of_failure_has_its_own_cause() -> None:
    """Failures of different checks are explained apart: what one lacks, the other has."""
    both = [case(n, ["find", "confirm", "notify"], None) for n in range(12)]
    unconfirmed = [case(20 + n, ["find", "notify"], "confirmed") for n in range(4)]
    silent = [case(30 + n, ["find", "confirm"], "told") for n in range(4)]
    found = rules([*both, *unconfirmed, *silent])
    assert any("`confirm`" in rule.split("call")[-1].lower() for rule in found)
    assert any("`notify`" in rule.split("call")[-1].lower() for rule in found)


@pytest.mark.parametrize(("lacking", "count"), [(1, 1), (2, 0)])
def test_one_failure_is_explained_by_one_missing_tool_only(lacking: int, count: int) -> None:
    """Where sessions are too few to rule out chance, a failure that lacks two tools is not explained by either."""
    passed = [case(n, ["find", "confirm", "notify"], None) for n in range(3)]
    failed = case(9, ["find", "confirm", "notify"][: 3 - lacking], "done")
    assert len(rules([*passed, failed])) == count


@given(st.integers(1, 12), st.integers(1, 12))
def test_the_exact_test_at_its_ends(failed: int, passed: int) -> None:
    """A clean parting is as likely as one of all ways to pick the failures; all of all is certain."""
    assert fewer_by_chance(0, failed, passed, passed) == pytest.approx(1 / comb(failed + passed, failed))
    assert fewer_by_chance(failed, failed, passed, passed) == 1
