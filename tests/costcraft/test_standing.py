"""Rules of earlier runs: counted, contradicted, retired; no session is counted twice."""

from __future__ import annotations

from dataclasses import replace

from costcraft.analysts import RulesAnalyst
from costcraft.case import Cases
from costcraft.distill import Distillation, distill
from costcraft.patch import Action, Polarity
from costcraft.report import markdown
from costcraft.skill import ManagedRule, Section, Skill
from costcraft.standing import Memory, Standing
from tests.costcraft.test_distill import BASE, DESK, case

AVOID = ManagedRule("0123456789ab", "Skip `confirm_order` unless its result is needed.", helpful=9)
ASKS = ManagedRule("ba9876543210", "Call `get_order` before you finish.", helpful=1)


def run(base: Skill, standing: dict[str, Standing], *cases: object) -> Distillation:
    """Distil onto a base whose rules are known."""
    return distill(base, Cases.of(cases or DESK), (RulesAnalyst(),), memory=Memory(standing=standing))  # type: ignore[arg-type]


def with_rule(rule: ManagedRule) -> Skill:
    """Return the base with one managed rule."""
    return replace(BASE, sections=(Section("Cost control", "", (rule,)),))


def test_a_repair_retires_the_rule_that_caused_the_failure() -> None:
    """A standing rule against a tool leaves the skill when failures show the need of the tool; the report says so."""
    known = {AVOID.rule_id: Standing(action=Action.PRUNE, target="tool:confirm_order", polarity=Polarity.AVOID)}
    result = run(with_rule(AVOID), known)
    (retired,) = result.retired
    assert (retired.rule.helpful, retired.rule.harmful) == (9, 2)
    assert AVOID.text not in [rule.text for rule in result.skill.rules]
    assert any("call `confirm_order`" in rule.text for rule in result.skill.rules)
    assert "## Retired" in markdown(result)


def test_a_standing_repair_goes_before_a_new_prune() -> None:
    """A prune against what a standing repair asks for is refused with that reason, and the repair stays."""
    known = {ASKS.rule_id: Standing(action=Action.REPAIR, target="tool:get_order", polarity=Polarity.DO)}
    unused = [case(number, detector="unused_result", flagged=0) for number in (1, 2, 3)]
    both = [replace(c, findings=(*c.findings, replace(c.findings[0], step_ids=(c.steps[1].step_id,)))) for c in unused]
    assert run(BASE, {}, *both).admitted
    result = run(with_rule(ASKS), known, *both)
    assert not result.admitted
    assert result.rejected[0].reason == f"conflicts with rule {ASKS.rule_id}, which the skill has"
    assert result.skill.rules == (ASKS,)


def test_of_two_equal_kinds_of_rule_the_new_one_stands() -> None:
    """A standing repair that new failures contradict does not refuse the new repair: it leaves the skill."""
    known = {AVOID.rule_id: Standing(action=Action.REPAIR, target="tool:confirm_order", polarity=Polarity.AVOID)}
    result = run(with_rule(AVOID), known)
    assert Action.REPAIR in [rule.action for rule in result.admitted]
    assert [retired.rule.rule_id for retired in result.retired] == [AVOID.rule_id]


def test_another_family_is_no_contradiction() -> None:
    """Rules of different task families do not meet."""
    elsewhere = Standing(action=Action.PRUNE, target="tool:confirm_order", polarity=Polarity.AVOID, scope="refund")
    assert not run(with_rule(AVOID), {AVOID.rule_id: elsewhere}).retired


def test_no_session_is_counted_twice() -> None:
    """Distilling the result again on the same sessions leaves every counter as it is; a new session adds one."""
    first = run(BASE, {})
    known = {
        rule.rule_id: Standing(
            action=rule.action, target=rule.leader.target, polarity=rule.leader.polarity, sessions=rule.sessions
        )
        for rule in first.admitted
    }
    assert run(first.skill, known).skill.rules == first.skill.rules
    more = run(first.skill, known, *DESK, case(6))
    assert sum(rule.helpful for rule in more.skill.rules) == sum(rule.helpful for rule in first.skill.rules) + 1


def test_a_rule_that_harmed_more_than_it_helped_is_retired() -> None:
    """The counters alone retire a rule."""
    bad = replace(AVOID, helpful=1, harmful=2)
    result = run(with_rule(bad), {})
    assert [retired.reason for retired in result.retired] == ["2 sessions spoke against it and 1 for it"]
