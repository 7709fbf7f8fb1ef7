"""Merging does not depend on order or number, and refuses with a reason."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from costcraft.merge import Remembered, merge
from costcraft.patch import Action, EvidenceLevel, Polarity, SkillPatch
from tests.costcraft.support import prune, repair

PATCHES = [
    prune(sessions=("s1",)),
    prune(sessions=("s2", "s3")),
    prune("Call `read_file` once per path, and reuse its result.", sessions=("s4",)),
    prune("Skip `list_shipments` unless its result is needed.", sessions=("s5",), target="tool:list_shipments"),
    prune("Skip `x` always, whatever happens.", level=EvidenceLevel.ARGUED, target="tool:x"),
    repair(sessions=("f1",)),
    repair(sessions=("f2",)),
    repair("Always call `audit` at the end.", target="tool:audit", diagnosed=False),
]


@given(st.permutations(PATCHES), st.lists(st.sampled_from(PATCHES), max_size=4))
def test_the_same_patches_in_any_order_give_the_same_rules(order: list[SkillPatch], again: list[SkillPatch]) -> None:
    """Permuting and repeating patches changes nothing: the merge is commutative, associative and idempotent."""
    assert merge([*order, *again]) == merge(PATCHES)


def test_patches_that_say_the_same_become_one_rule() -> None:
    """Rules of nearly the same words on one target are one rule, supported by the union of their sessions."""
    rule = next(rule for rule in merge(PATCHES).rules if rule.leader.target == "tool:read_file")
    assert rule.sessions == {"s1", "s2", "s3", "s4"}


def test_what_is_refused_comes_back_with_its_reason() -> None:
    """An argued prune and a lone repair without a passed diagnosis are refused, and say so."""
    reasons = {rejection.rule.leader.target: rejection.reason for rejection in merge(PATCHES).rejected}
    assert reasons.keys() == {"tool:x", "tool:audit", "tool:list_shipments"}
    assert reasons["tool:x"].startswith("argued only")
    assert reasons["tool:audit"].startswith("seen in one session only")


def test_a_lone_prune_stands_on_dataflow() -> None:
    """A singleton prune is admitted from evidence level 3 on."""
    assert merge([prune(sessions=("s1",), level=EvidenceLevel.DATAFLOW)]).rules


def test_the_stronger_evidence_wins_a_conflict() -> None:
    """A repair that asks for a tool beats a prune that asks against it; the prune names the winner."""
    against = prune("Skip `confirm_order` unless its result is needed.", target="tool:confirm_order")
    merged = merge([against, repair()])
    assert [rule.action for rule in merged.rules] == [Action.REPAIR]
    assert merged.rejected[0].reason.startswith(f"conflicts with rule {merged.rules[0].rule_id}")
    assert merged.rejected[0].rule.leader.polarity is Polarity.AVOID


def test_a_rejected_rule_needs_new_evidence() -> None:
    """A rule refused before stays refused on the same evidence and is heard again on new evidence."""
    known = merge([prune(sessions=("s1", "s2"))]).rules[0]
    remembered = {known.rule_id: Remembered(known.evidence_hash, "it was refused")}
    again = merge([prune(sessions=("s1", "s2"))], remembered)
    assert [rejection.reason for rejection in again.rejected] == ["it was refused"]
    assert merge([prune(sessions=("s1", "s2", "s3"))], remembered).rules


def test_a_thousand_patches_in_two_orders_merge_to_the_same() -> None:
    """Many patches over many targets come to the same rules whichever way they are read."""
    generator = random.Random(5)
    words = ("reuse", "skip", "check", "order", "file", "result", "once", "before", "after", "never", "needed")
    patches = [
        prune(
            f"Use `tool_{number % 50}` " + " ".join(generator.choices(words, k=9)),
            sessions=(f"s{number}",),
            target=f"tool:tool_{number % 50}",
        )
        for number in range(1_000)
    ]
    assert merge(patches) == merge(patches[::-1])
