"""From cases to a skill: planted waste is named, planted failures repaired, nothing else touched."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from costcraft.analysts import RulesAnalyst
from costcraft.case import Case, CaseFinding, Cases, CaseStep, task_family
from costcraft.distill import Distillation, distill
from costcraft.errors import EnvironmentFaultError
from costcraft.evidence import replayed
from costcraft.patch import Action, EvidenceLevel, SkillPatch
from costcraft.records import skill_reports
from costcraft.replay import Replayer
from costcraft.report import markdown
from costcraft.skill import Skill, parse, render
from processors.model import Check

BASE = Skill({"name": "order-desk", "description": "Orders."}, "Work at the order desk.")


def case(
    number: int, *, confirm: bool = True, detector: str = "repeated_call", flagged: int = 1, soft: bool = False
) -> Case:
    """Return a session that repeats `get_order`, and confirms or fails."""
    names = ["get_order", "get_order", "update_address", *(["confirm_order"] if confirm else [])]
    return Case(
        session_id=f"s{number:02}",
        task_id=f"address-{number:03}",
        passed=confirm,
        checks=(Check("order confirmed", confirm, "confirmed", "confirmed" if confirm else "open"),),
        cost_usd=Decimal("0.002"),
        steps=tuple(
            CaseStep(step_id=f"{number}-{i}", kind="tool", name=name, arguments=f'{{"order_id":"ord-{number}"}}')
            for i, name in enumerate(names)
        ),
        findings=(
            CaseFinding(
                finding_id=f"f{number}",
                detector=detector,
                step_ids=(f"{number}-{flagged}",),
                saving_usd=Decimal("0.0003"),
                soft=soft,
                note="same arguments, same result",
            ),
        ),
    )


def run(*cases: Case) -> Distillation:
    """Distil with the rules analyst."""
    return distill(BASE, Cases.of(cases), (RulesAnalyst(),))


DESK = (case(1), case(2), case(3), case(4, confirm=False), case(5, confirm=False))


def test_the_waste_is_pruned_and_the_failure_repaired() -> None:
    """A repeat found in passing sessions becomes a prune, what failing sessions left out becomes a repair."""
    result = run(*DESK)
    assert [(rule.action, rule.leader.target) for rule in result.admitted] == [
        (Action.REPAIR, "tool:confirm_order"),
        (Action.PRUNE, "repeat:get_order"),
    ]
    assert not result.problems


def test_waste_in_failing_sessions_proves_nothing() -> None:
    """A session that failed gives no prune: its waste may be why it failed, or may not matter."""
    assert not run(case(1, confirm=False), case(2, confirm=False)).patches


def test_a_soft_finding_is_no_rule() -> None:
    """A finding that allows an innocent reading informs a person and changes no skill."""
    assert not run(case(1, soft=True), case(2, soft=True)).patches


@pytest.mark.parametrize("saving", [None, "0", "-0.0003"])
def test_a_finding_that_saves_nothing_is_no_rule(saving: str | None) -> None:
    """A step whose removal would save nothing, would cost more or has no known price is not advised against."""
    usd = None if saving is None else Decimal(saving)
    cases = (case(1), case(2), case(3))
    kept = (replace(one, findings=(replace(one.findings[0], saving_usd=usd),)) for one in cases)
    assert run(*cases).admitted
    assert not run(*kept).patches


def test_a_tool_whose_results_are_used_elsewhere_is_not_advised_against() -> None:
    """One unused result of a tool that other calls needed makes no rule to skip the tool."""
    assert not run(case(1, detector="unused_result"), case(2, detector="unused_result")).patches


def test_an_unscoped_preserve_cannot_come_about() -> None:
    """Where nobody said which check failed, the shared behaviour is preserved for its task family only."""
    silent = [replace(c, checks=()) for c in DESK]
    preserved = [rule for rule in run(*silent).admitted if rule.action is Action.PRESERVE]
    assert [rule.leader.scope for rule in preserved] == ["address"]


def test_the_order_of_sessions_does_not_matter() -> None:
    """The same sessions in any order give the same bytes."""
    shuffled = random.Random(2).sample(DESK, len(DESK))
    assert render(run(*shuffled).skill) == render(run(*DESK).skill)


def test_rules_keep_their_ids_and_count_up() -> None:
    """Distilling onto the result keeps the rules, their ids, and adds to their counters."""
    first = run(*DESK).skill
    second = distill(parse(render(first)), Cases.of(DESK), (RulesAnalyst(),)).skill
    assert [rule.rule_id for rule in second.rules] == [rule.rule_id for rule in first.rules]
    assert [rule.helpful for rule in second.rules] == [2 * rule.helpful for rule in first.rules]


def test_the_report_says_what_and_why() -> None:
    """The report shows each rule, its evidence, what was refused and the difference to the base."""
    text = markdown(run(*DESK))
    for said in (
        "Do not call `get_order` again",
        "[`s01`](sessions/s01.md)",
        "order confirmed",
        "## Refused",
        "```diff",
    ):
        assert said in text


def test_the_stored_patches_say_what_was_saved() -> None:
    """A prune's record sums up the savings of its sessions; what saves no money has none."""
    (report,) = skill_reports(run(*DESK))
    assert [(patch.action, patch.support, patch.saving_usd) for patch in report.patches] == [
        (Action.REPAIR, 2, None),
        (Action.PRUNE, 3, Decimal("0.0009")),
    ]
    assert all(patch.accepted for patch in report.patches)
    assert report.skill is not None


def test_a_report_without_rules_says_so() -> None:
    """Where nothing was admitted, the report says that instead of showing an empty list."""
    assert "## Rules\n\nNone was admitted." in markdown(run(case(1, soft=True)))
    assert "None was admitted." not in markdown(run(*DESK))


class Desk:
    """A replay environment in which only `confirm_order` matters."""

    def __init__(self, task_id: str | None) -> None:
        self.task_id = task_id
        self.called: list[str] = []

    def reset(self) -> None:
        """Forget every call."""
        self.called = []

    def call(self, tool: str, arguments: object) -> object:
        """Remember the call."""
        self.called.append(tool)
        return arguments

    def check(self) -> bool:
        """Return whether it was confirmed."""
        return "confirm_order" in self.called


class Elsewhere(Desk):
    """An environment in which no session passes: it is not the one that the sessions ran in."""

    def check(self) -> bool:
        """Refuse everything."""
        return False


class Hanging(Desk):
    """An environment that never answers."""

    def reset(self) -> None:
        """Wait for ever."""
        while True:
            pass


def test_a_replay_raises_dataflow_evidence_only() -> None:
    """A removable step known by dataflow becomes replayed; a flagged one stays so, since a read changes nothing."""
    replayer = Replayer("tests.costcraft.test_distill:Desk")
    expected = (("unused_result", 2, EvidenceLevel.REPLAYED), ("repeated_call", 1, EvidenceLevel.FLAGGED))
    for detector, flagged, level in expected:
        cases = Cases.of(case(number, detector=detector, flagged=flagged) for number in (1, 2))
        result = distill(BASE, cases, (RulesAnalyst(),), replayer=replayer)
        assert [patch.level for patch in result.patches] == [level, level]


def test_an_environment_in_which_the_whole_run_fails_proves_nothing() -> None:
    """Where replaying every step does not pass either, evidence is neither raised nor lowered."""
    cases = Cases.of(case(number, detector="unused_result", flagged=2) for number in (1, 2))
    before = distill(BASE, cases, (RulesAnalyst(),)).patches
    replayer = Replayer(f"{__name__}:Elsewhere")
    assert distill(BASE, cases, (RulesAnalyst(),), replayer=replayer).patches == before
    replayer.close()


def test_replays_tell_how_far_they_are() -> None:
    """Progress counts the patches looked at, from the first to the last."""
    told: list[tuple[str, int, int]] = []
    cases = Cases.of(DESK)
    patches = [patch for patch in RulesAnalyst().propose(cases) if isinstance(patch, SkillPatch)]
    replayer = Replayer(f"{__name__}:Desk")
    assert len(list(replayed(patches, cases, replayer, lambda *said: told.append(said)))) == len(patches)
    replayer.close()
    assert told == [("replays", done, len(patches)) for done in range(1, len(patches) + 1)]


def test_a_step_that_the_oracle_needs_is_not_pruned() -> None:
    """A prune whose removal fails the oracle is refused with that reason."""
    needed = case(1, detector="unused_result")
    finding = CaseFinding(finding_id="f", detector="unused_result", step_ids=("1-3",), saving_usd=Decimal("0.1"))
    wrong = replace(needed, findings=(finding,))
    result = distill(BASE, Cases.of([wrong]), (RulesAnalyst(),), replayer=Replayer("tests.costcraft.test_distill:Desk"))
    assert not result.admitted
    assert result.rejected[0].reason.startswith("argued only")


@pytest.mark.parametrize(
    ("named", "says"),
    [("no.such:thing", "give package.module:name"), ("tests.costcraft.test_distill:Hanging", "longer")],
)
def test_a_broken_environment_is_a_clear_error(named: str, says: str) -> None:
    """An environment that cannot be loaded or never answers ends with one sentence, in bounded time."""
    with pytest.raises(EnvironmentFaultError, match=says):
        Replayer(named, time_limit_s=2.0).verdict(case(1), ("1-1",))


def test_verdicts_are_kept(tmp_path: Path) -> None:
    """A replay that was done is not done again by a later run: one without time to replay gives the same verdict."""
    first = Replayer("tests.costcraft.test_distill:Desk", cache=tmp_path).verdict(case(1), ("1-1",))
    again = Replayer("tests.costcraft.test_distill:Desk", time_limit_s=0.0, cache=tmp_path)
    assert again.verdict(case(1), ("1-1",)) == first


@pytest.mark.parametrize(
    ("task", "family"),
    [("report-047", "report"), ("airline/12", "airline"), ("7", "7"), (None, None), ("plain", "plain")],
)
def test_a_family_is_the_task_without_its_number(task: str | None, family: str | None) -> None:
    """Tasks that differ in their trailing number are of one family."""
    assert task_family(task) == family
