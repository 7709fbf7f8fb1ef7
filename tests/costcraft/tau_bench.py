"""How right prunes are on real trajectories: `python -m tests.costcraft.tau_bench [FOLDER]`.

The folder, or an environment variable in its place, names airline trajectories with, per tool call, what replaying
the run without it did to the reward. What the `rules` analyst would prune is held against that.
"""

from __future__ import annotations

import argparse
import gzip
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from costcraft.analysts import RulesAnalyst
from costcraft.analysts.wording import PRUNES
from costcraft.case import Case, CaseFinding, Cases, CaseStep
from costcraft.merge import merge
from costcraft.patch import Action, EvidenceLevel, SkillPatch
from processors.model import ToolCall
from processors.pipeline import compile_session
from processors.pricing import price_book
from tests.processors.findings import tau_bench


class Label(tau_bench.Label):
    """A replayed call, with the run that it belongs to."""

    task_id: int
    recorded_reward: float


@dataclass(slots=True)
class Pruned:
    """The labelled calls that prunes of one kind name."""

    labels: list[Label] = field(default_factory=list)

    def count(self, *, access: str, harmful: bool | None = None, flows: bool | None = None) -> int:
        """Return how many there are of a kind."""
        return sum(
            label.access == access
            and (harmful is None or bool(label.removal_changes_reward) == harmful)
            and (flows is None or label.flows == flows)
            for label in self.labels
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What can be pruned by its evidence, what rules prune, and what could have been."""

    candidates: Mapping[EvidenceLevel, Pruned]
    """Calls of passing runs that a finding says can be left out, by the level of its evidence."""
    admitted: Pruned
    """The calls that rules name which the merge admits."""
    removable: int
    """Calls of passing runs whose removal changes no reward and whose result flows nowhere."""
    found: int
    """Those of them that are candidates at level 3 or more."""


def measure(data: Path) -> Report:
    """Let the analyst propose on all trajectories and look its counterfactuals up in the labels."""
    rows = gzip.decompress((data / tau_bench.LABELS).read_bytes()).splitlines()
    labels = {(row.traj, row.message_index): row for row in (msgspec.json.decode(line, type=Label) for line in rows)}
    cases, by_step = _cases(data, labels)
    candidates: dict[EvidenceLevel, Pruned] = {}
    for case in cases.by_id.values():
        for finding in case.findings if case.passed else ():
            if finding.detector in PRUNES and not finding.soft:
                level = candidates.setdefault(PRUNES[finding.detector].level, Pruned())
                level.labels += [by_step[step] for step in finding.step_ids]
    patches = [patch for patch in RulesAnalyst().propose(cases) if patch.action is Action.PRUNE]
    admitted = {step for rule in merge(patches).rules for patch in rule.patches for step in _steps(patch)}
    removable = [label for label in by_step.values() if _removable(label)]
    found = [
        label for level, pruned in candidates.items() if level >= EvidenceLevel.DATAFLOW for label in pruned.labels
    ]
    return Report(
        candidates, Pruned([by_step[step] for step in sorted(admitted)]), len(removable), sum(map(_removable, found))
    )


def _removable(label: Label) -> bool:
    return label.recorded_reward == 1 and not label.removal_changes_reward and not label.flows


def _steps(patch: SkillPatch) -> Iterator[str]:
    return (step for counterfactual in patch.counterfactuals for step in counterfactual.step_ids)


def _cases(data: Path, labels: Mapping[tuple[int, int], Label]) -> tuple[Cases, dict[str, Label]]:
    cases: list[Case] = []
    by_step: dict[str, Label] = {}
    book = price_book()
    for number, trajectory in enumerate(tau_bench.trajectories(data)):
        compiled = compile_session(tau_bench.session(number, trajectory), book)
        tools = [step for step in compiled.session.steps if isinstance(step, ToolCall)]
        own = {step.step_id: labels[number, int(step.step_id.split("-")[1])] for step in tools}
        by_step |= own
        cases.append(
            Case(
                session_id=compiled.session.session_id,
                task_id=f"airline-{next(iter(own.values())).task_id}" if own else None,
                passed=next((label.recorded_reward == 1 for label in own.values()), None),
                steps=tuple(
                    CaseStep(step_id=step.step_id, kind="tool", name=step.name, arguments=step.arguments)
                    for step in tools
                ),
                findings=tuple(
                    CaseFinding(
                        finding_id=finding.finding_id,
                        detector=finding.detector,
                        step_ids=finding.step_ids,
                        saving_usd=finding.saving_usd,
                        soft=finding.soft,
                    )
                    for finding in compiled.findings
                ),
            )
        )
    return Cases.of(cases), by_step


def words(report: Report) -> Iterator[str]:
    """Yield the report as lines."""
    for level, pruned in sorted(report.candidates.items()):
        yield f"candidates at level {level.value} ({level.name.lower()}): {_line(pruned)}"
    yield f"admitted rules: {_line(report.admitted)}"
    share = report.found / report.removable if report.removable else 0.0
    yield f"recall at level 3: {report.found} of {report.removable} truly removable calls of passing runs ({share:.1%})"


def _line(pruned: Pruned) -> str:
    parts = []
    for access, flows in (("read", False), ("read", True), ("write", None)):
        count = pruned.count(access=access, flows=flows)
        kind = {False: " without flow", True: " with flow", None: ""}[flows]
        harmful = pruned.count(access=access, harmful=True, flows=flows)
        parts.append(f"{count} {access}s{kind}, {harmful} change the reward")
    tools = Counter(label.tool for label in pruned.labels).most_common(3)
    return "; ".join(parts) + f" ({', '.join(f'{name} {count}' for name, count in tools)})"


def main() -> int:
    """Print the figures; exit code 2 where the data is not there."""
    parser = argparse.ArgumentParser(prog="python -m tests.costcraft.tau_bench", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=tau_bench.folder())
    data = parser.parse_args().folder
    if data is None or not all((data / name).is_file() for name in (tau_bench.TRAJECTORIES, tau_bench.LABELS)):
        print(tau_bench.MISSING, file=sys.stderr)  # noqa: T201
        return 2
    for line in words(measure(data)):
        print(line)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
