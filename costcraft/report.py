"""The page a person reads after `clawtrace distill`: the diff, each rule with its evidence, what was refused and why.

A `Distillation` comes in, Markdown goes out.
"""

from __future__ import annotations

import difflib
from decimal import Decimal

from costcraft.distill import Distillation
from costcraft.merge import Rule
from costcraft.skill import render
from costcraft.statistics import Interval, bootstrap

_SHOWN = 8
"""Evidence lines per rule; the rest is counted."""


def markdown(result: Distillation) -> str:
    """Return the report."""
    parts = [f"# What {result.sessions} sessions taught {result.base.name or 'the skill'}", _summary(result)]
    if result.problems:
        parts += ["## Not fit to ship", "\n".join(f"- {problem}" for problem in result.problems)]
    parts += ["## Rules", *([_rule(rule) for rule in result.admitted] or ["None was admitted."])]
    refused = [
        f"- {r.rule.leader.rule} ({r.rule.action}, {r.rule.support} session(s)): {r.reason}" for r in result.rejected
    ]
    refused += [f"- {r.what} ({r.analyst}, session `{r.session_id}`): {r.reason}" for r in result.refused]
    parts += ["## Refused", "\n".join(sorted(refused)) or "Nothing was refused."]
    parts += ["## Difference to the base", f"```diff\n{_difference(result)}```"]
    return "\n\n".join(parts) + "\n"


def _summary(result: Distillation) -> str:
    saved = sum((sum(rule.savings, Decimal(0)) for rule in result.admitted), Decimal(0))
    return (
        f"{len(result.patches)} patches were proposed, {len(result.admitted)} rules admitted, "
        f"{len(result.rejected)} refused. Re-priced without the steps that the prune rules name, the sessions would "
        f"have cost ${saved:f} less."
    )


def _rule(rule: Rule) -> str:
    leader = rule.leader
    where = f"task family {leader.scope}" if leader.scope else "everywhere"
    level = f"evidence level {rule.level.value} ({rule.level.name.lower()})"
    kind = f"{rule.action} `{rule.rule_id}`, section {leader.section}, {where}"
    lines = [
        f"### {leader.rule}",
        f"{kind}, support {rule.support} session(s), {level}, analysts {_analysts(rule)}",
        f"Cause: {leader.root_cause}.",
    ]
    interval = mean_saving(rule)
    if interval is not None:
        lines.append(f"Saving per session in USD, with its 95 % interval: {interval:.6f}")
    evidence = [
        f"- session `{c.session_id}`, steps {', '.join(f'`{step}`' for step in c.step_ids)}: {c.argument}"
        for c in rule.counterfactuals
    ]
    evidence += [
        f"- session `{o.session_id}` failed {c.name} (expected {c.expected}, got {c.got})"
        for o in rule.oracle
        for c in o.failed_checks
    ]
    more = [f"- and {len(evidence) - _SHOWN} more"] if len(evidence) > _SHOWN else []
    return "\n\n".join([*lines, "\n".join(evidence[:_SHOWN] + more)])


def mean_saving(rule: Rule) -> Interval | None:
    """Return the mean saving per session in USD with a bootstrap interval; None with fewer than two known savings."""
    savings = [[float(saving)] for saving in rule.savings]
    if len(savings) < 2:  # noqa: PLR2004 - one value has no interval
        return None
    return bootstrap(savings, lambda values: sum(values) / len(values), resamples=1000, seed=1)


def _analysts(rule: Rule) -> str:
    return ", ".join(sorted({patch.analyst for patch in rule.patches}))


def _difference(result: Distillation) -> str:
    before, after = render(result.base).splitlines(keepends=True), render(result.skill).splitlines(keepends=True)
    return "".join(difflib.unified_diff(before, after, "base/SKILL.md", "SKILL.md"))
