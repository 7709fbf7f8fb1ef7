"""The page a person reads after `clawtrace distill`: the diff, each rule with its evidence, what was refused and why.

A `Distillation` comes in; out goes Markdown, and one page for each session that it points into, so that the evidence
can be read where the report is, without a collector.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from costcraft.case import Case
from costcraft.distill import Distillation
from costcraft.merge import Rule
from costcraft.skill import render
from costcraft.statistics import Interval, bootstrap
from costcraft.trajectory import excerpt, trajectory

PAGES: Final = "sessions"
"""The folder, beside the report, of the pages it links to."""
_SHOWN: Final = 8
"""Evidence lines per rule; the rest is counted."""
_LONGEST_NAME: Final = 60
_LONGEST_TEXT: Final = 4000
_PAGE_TOKENS: Final = 50_000
_LINK: Final = re.compile(rf"\({PAGES}/([^)#]*\.md)[)#]")
_MARKS: Final = re.compile(r"([\\`*_{}\[\]<>#|])")


def markdown(result: Distillation) -> str:
    """Return the report."""
    parts = [f"# What {len(result.cases.by_id)} sessions taught {result.base.name or 'the skill'}", _summary(result)]
    if result.problems:
        parts += ["## Not fit to ship", "\n".join(f"- {problem}" for problem in result.problems)]
    parts += ["## Rules", *([_rule(rule) for rule in result.admitted] or ["None was admitted."])]
    if result.retired:
        gone = [f"- {_plain(one.rule.text)} (`{one.rule.rule_id}`): {one.reason}" for one in result.retired]
        parts += ["## Retired", "\n".join(gone)]
    refused = [
        f"- {r.rule.leader.rule} ({r.rule.action}, {r.rule.support} session(s)): {r.reason}" for r in result.rejected
    ]
    refused += [
        f"- {_plain(r.what)} ({r.analyst}, session {_session(r.session_id)}): {r.reason}" for r in result.refused
    ]
    parts += ["## Refused", "\n".join(sorted(refused)) or "Nothing was refused."]
    parts += ["## Difference to the base", f"```diff\n{_difference(result)}```"]
    return "\n\n".join(parts) + "\n"


def pages(result: Distillation, report: str) -> Mapping[str, str]:
    """Return the pages that a report links to, by file name: the session's steps, each with its anchor."""
    linked = set(_LINK.findall(report))
    named = ((page_name(case.session_id), case) for case in result.cases.by_id.values())
    return {name: _page(case) for name, case in named if name in linked}


def page_name(session_id: str) -> str:
    """Return a file name that is safe anywhere and different for different sessions."""
    readable = re.sub(r"[^A-Za-z0-9._-]", "_", session_id).strip(".")[:_LONGEST_NAME]
    named = readable == session_id
    return f"{readable if named else f'{readable}-{hashlib.sha256(session_id.encode()).hexdigest()[:8]}'}.md"


def _summary(result: Distillation) -> str:
    saved = sum((sum(rule.savings, Decimal(0)) for rule in result.admitted), Decimal(0))
    priced = any(case.cost_usd is not None for case in result.cases.by_id.values())
    saving = (
        f" Re-priced without the steps that the prune rules name, the sessions would have cost ${saved:f} less."
        if priced
        else " What the rules would have saved is not known: no cost was read."
    )
    cost = "no model was asked" if result.spent_usd is None else f"the models' answers cost ${result.spent_usd:f}"
    return (
        f"{len(result.patches)} patches were proposed, {len(result.admitted)} rules admitted, "
        f"{len(result.rejected)} refused; {cost}.{saving}"
    )


def _rule(rule: Rule) -> str:
    leader = rule.leader
    where = f"task family {leader.scope}" if leader.scope else "everywhere"
    level = f", evidence level {rule.level.value} ({rule.level.name.lower()})" if rule.counterfactuals else ""
    kind = f"{rule.action} `{rule.rule_id}`, section {leader.section}, {where}"
    lines = [
        f"### {leader.rule}",
        f"{kind}, support {rule.support} session(s){level}, analysts {_analysts(rule)}",
        f"Cause: {leader.root_cause}.",
    ]
    interval = mean_saving(rule)
    if interval is not None:
        lines.append(f"Saving per session in USD, with its 95 % interval: {interval:.6f}")
    evidence = _evidence(rule)
    more = [f"- and {len(evidence) - _SHOWN} more"] if len(evidence) > _SHOWN else []
    return "\n\n".join([*lines, "\n".join(evidence[:_SHOWN] + more)])


def _evidence(rule: Rule) -> list[str]:
    said = [
        f"- session {_session(c.session_id)}, steps {_steps(c.session_id, c.step_ids)}: {_plain(c.argument)}"
        for c in rule.counterfactuals
    ]
    said += [
        f"- {_session(o.session_id)} failed {_plain(c.name)}: expected {_plain(c.expected)}, got {_plain(c.got)}"
        + (f", at step {_steps(o.session_id, (o.went_wrong_at,))}" if o.went_wrong_at else "")
        for o in rule.oracle
        for c in o.failed_checks
    ]
    if not said:
        preserved = [patch for patch in rule.patches if patch.sessions_with]
        said += [f"- session {_session(s)} did so and passed" for p in preserved for s in p.sessions_with]
        said += [f"- session {_session(s)} did not and failed" for p in preserved for s in p.sessions_without]
    return list(dict.fromkeys(said))


def _session(session_id: str) -> str:
    return f"[`{session_id}`]({PAGES}/{page_name(session_id)})"


def _steps(session_id: str, step_ids: Iterable[str]) -> str:
    return ", ".join(f"[`{step}`]({PAGES}/{page_name(session_id)}#{_anchor(step)})" for step in step_ids)


def _anchor(step_id: str) -> str:
    return "step-" + re.sub(r"[^A-Za-z0-9-]", "-", step_id)


def _page(case: Case) -> str:
    """Return a session as Markdown: what the analysts saw of it, step by step."""
    head, *lines = trajectory(case, _PAGE_TOKENS).split("\n")
    listed = []
    for line in lines:
        named = re.match(r"\d+\. \[(?P<id>[^\]]*)\] ", line)
        anchor = f'<a id="{_anchor(named["id"])}"></a>' if named else ""
        listed.append(f"{anchor}{_plain(line)}")
    return "\n\n".join([f"# Session {_plain(case.session_id)}", _plain(head), *listed]) + "\n"


def _plain(text: str | None) -> str:
    """Return foreign text so that Markdown shows it as it is, on one line, and nothing in it is markup."""
    if text is None:
        return "-"
    line = " ".join(excerpt(text, _LONGEST_TEXT).split())
    return _MARKS.sub(r"\\\1", line)


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
