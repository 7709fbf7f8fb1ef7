"""Patches to rules: those that say the same become one, conflicts are decided by evidence, weak ones are refused.

The reduction is a tree over a commutative, associative and idempotent `combine`, after clustering by connected
components, so the same patches in any order and any number give the same rules. Nothing is dropped in silence: what
is not admitted comes back as a `Rejection` with its reason.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from costcraft.patch import Action, Counterfactual, EvidenceLevel, OracleEvidence, Polarity, SkillPatch

SAME_RULE = 0.85
"""Rules on one target whose texts are at least this similar (normalised Levenshtein) say the same."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a group of agreeing patches comes to. `patches` are distinct and ordered by id."""

    patches: tuple[SkillPatch, ...]

    @property
    def leader(self) -> SkillPatch:
        """The patch whose wording stands: strongest evidence, widest support, then shortest text."""
        return min(self.patches, key=lambda p: (-p.level, -p.support, len(p.rule), p.rule, p.patch_id))

    @property
    def rule_id(self) -> str:
        """The leader's id, stable over runs as long as it says the same."""
        return self.leader.patch_id

    @property
    def action(self) -> Action:
        """What the rule does to the skill."""
        return self.leader.action

    @property
    def level(self) -> EvidenceLevel:
        """The strongest counterfactual of any member."""
        return max(patch.level for patch in self.patches)

    @property
    def sessions(self) -> frozenset[str]:
        """Every session that the rule's evidence stands in."""
        return frozenset(reference.session_id for patch in self.patches for reference in patch.evidence)

    @property
    def support(self) -> int:
        """In how many sessions the evidence stands."""
        return len(self.sessions)

    @property
    def counterfactuals(self) -> tuple[Counterfactual, ...]:
        """Every distinct counterfactual, strongest first."""
        distinct = {(c.session_id, c.step_ids, c.level): c for patch in self.patches for c in patch.counterfactuals}
        return tuple(distinct[key] for key in sorted(distinct, key=lambda key: (-key[2], key)))

    @property
    def oracle(self) -> tuple[OracleEvidence, ...]:
        """The oracle's evidence, one per session."""
        by_session = {evidence.session_id: evidence for patch in self.patches for evidence in patch.oracle}
        return tuple(by_session[session_id] for session_id in sorted(by_session))

    @property
    def savings(self) -> tuple[Decimal, ...]:
        """USD saved per session with a known saving, ordered by session; the best counterfactual of each counts."""
        best: dict[str, Decimal] = {}
        for counterfactual in self.counterfactuals:
            if counterfactual.saving_usd is not None:
                known = best.get(counterfactual.session_id, counterfactual.saving_usd)
                best[counterfactual.session_id] = max(known, counterfactual.saving_usd)
        return tuple(best[session_id] for session_id in sorted(best))

    @property
    def evidence_hash(self) -> str:
        """Changes when, and only when, the sessions or levels behind the rule change."""
        said = [
            f"{patch.patch_id}:{patch.level}:{sorted(r.session_id for r in patch.evidence)}" for patch in self.patches
        ]
        return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Remembered:
    """A rule that an earlier run refused: its evidence then, and why."""

    evidence_hash: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """A rule that was not admitted."""

    rule: Rule
    reason: str


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge decides: `rules` in the order of their weight, and everything refused."""

    rules: tuple[Rule, ...]
    rejected: tuple[Rejection, ...]


def merge(
    patches: Iterable[SkillPatch],
    remembered: Mapping[str, Remembered] | None = None,
    *,
    least: EvidenceLevel = EvidenceLevel.FLAGGED,
) -> Merged:
    """Merge patches. `remembered` are the rules refused earlier, by id; prunes below `least` are refused."""
    rules = sorted((_reduce(group) for group in _groups(patches)), key=_weight)
    kept: dict[str, list[Rule]] = defaultdict(list)
    admitted, rejected = [], []
    for rule in rules:
        reason = _refusal(rule, kept[rule.leader.target], remembered or {}, least)
        if reason:
            rejected.append(Rejection(rule, reason))
        else:
            kept[rule.leader.target].append(rule)
            admitted.append(rule)
    return Merged(tuple(admitted), tuple(rejected))


def combine(one: Rule, other: Rule) -> Rule:
    """Join two rules that say the same."""
    distinct = {_identity(patch): patch for patch in (*one.patches, *other.patches)}
    return Rule(tuple(distinct[key] for key in sorted(distinct)))


def _identity(patch: SkillPatch) -> tuple[str, str]:
    return patch.patch_id, patch.model_dump_json()


def _groups(patches: Iterable[SkillPatch]) -> Iterable[Sequence[SkillPatch]]:
    by_target: dict[tuple[str, Action, Polarity, str], dict[str, list[SkillPatch]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for patch in patches:
        key = (patch.target, patch.action, patch.polarity, patch.scope or "")
        by_target[key][" ".join(patch.rule.casefold().split())].append(patch)
    for key in sorted(by_target):
        texts = sorted(by_target[key])
        for cluster in _components(len(texts), _alike(texts)):
            yield [patch for index in cluster for patch in by_target[key][texts[index]]]


def _alike(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the pairs that say the same; a text longer than its partner by more than the difference allowed is none."""
    order = sorted(range(len(texts)), key=lambda position: len(texts[position]))
    ordered = [texts[position] for position in order]
    lengths = [len(text) for text in ordered]
    for place, text in enumerate(ordered):
        reach = ordered[place + 1 : bisect_right(lengths, lengths[place] / SAME_RULE)]
        same = process.extract_iter(text, reach, scorer=Levenshtein.normalized_similarity, score_cutoff=SAME_RULE)
        yield from ((order[place], order[place + 1 + ahead]) for _, _, ahead in same)


def _components(size: int, pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Group positions that pairs connect, directly or through others, so that the order of pairs does not matter."""
    above = list(range(size))

    def top(position: int) -> int:
        while above[position] != position:
            above[position] = above[above[position]]
            position = above[position]
        return position

    for one, other in pairs:
        first, second = sorted((top(one), top(other)))
        above[second] = first
    groups: dict[int, list[int]] = defaultdict(list)
    for position in range(size):
        groups[top(position)].append(position)
    return list(groups.values())


def _reduce(patches: Sequence[SkillPatch]) -> Rule:
    level = [Rule((patch,)) for patch in patches]
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [combine(one, other) for one, other in pairs] + (level[-1:] if len(level) % 2 else [])
    return level[0]


def _weight(rule: Rule) -> tuple[int, int, int, Decimal, str]:
    """Order rules: repair, prune with at least a flag, preserve, weaker prune; then by evidence, support, saving."""
    rank = {Action.REPAIR: 0, Action.PRUNE: 1, Action.PRESERVE: 2}[rule.action]
    if rule.action is Action.PRUNE and rule.level < EvidenceLevel.FLAGGED:
        rank = 3
    return rank, -rule.level, -rule.support, -sum(rule.savings, Decimal(0)), rule.rule_id


def _refusal(
    rule: Rule, stronger: Sequence[Rule], remembered: Mapping[str, Remembered], least: EvidenceLevel
) -> str | None:
    if rule.action is Action.PRUNE and rule.level < least:
        return "argued only: no finding, dataflow or replay stands behind the counterfactual"
    before = remembered.get(rule.rule_id)
    if before is not None and before.evidence_hash == rule.evidence_hash:
        return before.reason
    if rule.support == 1 and not _singleton_may_stand(rule):
        return "seen in one session only, without a passed diagnosis or a counterfactual of level 3"
    for other in stronger:
        if other.leader.polarity is not rule.leader.polarity and _scopes_meet(rule, other):
            return f"conflicts with rule {other.rule_id}, which has the stronger evidence"
    return None


def _singleton_may_stand(rule: Rule) -> bool:
    if rule.action is Action.REPAIR:
        return any(evidence.diagnosis_passed for evidence in rule.oracle)
    return rule.action is Action.PRUNE and rule.level >= EvidenceLevel.DATAFLOW


def _scopes_meet(one: Rule, other: Rule) -> bool:
    return one.leader.scope is None or other.leader.scope is None or one.leader.scope == other.leader.scope
