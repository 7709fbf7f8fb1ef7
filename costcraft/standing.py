"""Rules from earlier runs: what new evidence says for and against them, and which new rules they exclude.

Conflicts with new rules are decided in the order of the merge: a repair goes before a prune, a prune before a preserve.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from costcraft.merge import Rejection, Remembered, Rule
from costcraft.patch import Action, Polarity
from costcraft.skill import ManagedRule

_ORDER = {Action.REPAIR: 0, Action.PRUNE: 1, Action.PRESERVE: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of a rule that the base skill has."""

    action: Action
    target: str
    polarity: Polarity
    scope: str | None = None
    sessions: frozenset[str] = frozenset()
    """Sessions that were counted for it already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What earlier runs left: rules they refused, and what is known of those that the base has; both by id."""

    refused: Mapping[str, Remembered] = field(default_factory=dict)
    standing: Mapping[str, Standing] = field(default_factory=dict)


NOTHING = Memory()


@dataclass(frozen=True, slots=True)
class Retired:
    """A rule that is removed from the skill, and why."""

    rule: ManagedRule
    reason: str


def refused(rules: Iterable[Rule], standing: Mapping[str, Standing]) -> tuple[list[Rule], list[Rejection]]:
    """Return the rules that may join the standing ones, and those that contradict a stronger standing rule."""
    kept: list[Rule] = []
    rejected: list[Rejection] = []
    for rule in rules:
        stronger = [
            rule_id
            for rule_id, known in sorted(standing.items())
            if _contradict(rule, known) and _ORDER[known.action] < _ORDER[rule.action]
        ]
        if stronger:
            rejected.append(Rejection(rule, f"conflicts with rule {stronger[0]}, which the skill has"))
        else:
            kept.append(rule)
    return kept, rejected


def counted(rule: ManagedRule, known: Standing | None, admitted: Sequence[Rule]) -> ManagedRule | Retired:
    """Return a standing rule with updated counters, or as retired.

    Every session behind a contradicting rule counts as harmful.
    """
    against = [new for new in admitted if known is not None and _contradict(new, known)]
    harmful = rule.harmful + len({session for new in against for session in new.sessions})
    helpful = rule.helpful + sum(
        len(new.sessions - (known.sessions if known is not None else frozenset()))
        for new in admitted
        if new.rule_id == rule.rule_id
    )
    now = ManagedRule(rule.rule_id, rule.text, helpful, harmful)
    if against:
        return Retired(now, f"conflicts with rule {against[0].rule_id}, which has the stronger evidence")
    if harmful > helpful:
        return Retired(now, f"{harmful} sessions spoke against it and {helpful} for it")
    return now


def _contradict(rule: Rule, known: Standing) -> bool:
    if rule.leader.target != known.target or rule.leader.polarity is known.polarity:
        return False
    return rule.leader.scope is None or known.scope is None or rule.leader.scope == known.scope
