"""A session as CostCraft sees it: what was done, what it cost, what was found, and how it ended.

Cases are built from the stable views (`sessions`, `steps`, `findings`, `outcomes`), so CostCraft knows neither spans
nor dialects nor where they are stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from processors.model import Check


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseStep:
    """One counted step. `arguments` is canonical JSON, None where not captured."""

    step_id: str
    span_id: str | None = None
    kind: str
    name: str
    arguments: str | None = None
    result: str | None = None
    """The beginning of what a tool returned; None where not captured or not asked for."""
    error_type: str | None = None
    attributed_usd: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFinding:
    """One finding of the session."""

    finding_id: str
    detector: str
    step_ids: tuple[str, ...]
    saving_usd: Decimal | None = None
    soft: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One session. `passed` is None where no oracle said."""

    session_id: str
    task_id: str | None = None
    condition: str | None = None
    passed: bool | None = None
    score: float | None = None
    checks: tuple[Check, ...] = ()
    cost_usd: Decimal | None = None
    steps: tuple[CaseStep, ...] = ()
    findings: tuple[CaseFinding, ...] = ()
    _by_id: dict[str, CaseStep] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_id", {step.step_id: step for step in self.steps})

    @property
    def family(self) -> str | None:
        """The task family: the task id without the number that ends it; None without a task id."""
        return task_family(self.task_id)

    @property
    def tools(self) -> tuple[CaseStep, ...]:
        """The tool calls, in causal order."""
        return tuple(step for step in self.steps if step.kind == "tool")

    def step(self, step_id: str) -> CaseStep | None:
        """Return the step of that id."""
        return self._by_id.get(step_id)


@dataclass(frozen=True, slots=True)
class Cases:
    """The sessions of one run, by id; resolves the evidence that patches cite."""

    by_id: Mapping[str, Case]

    @classmethod
    def of(cls, cases: Iterable[Case]) -> Cases:
        """Index cases, ordered by id so that nothing depends on how they were read."""
        return cls({case.session_id: case for case in sorted(cases, key=lambda case: case.session_id)})

    def resolves(self, session_id: str, step_id: str | None) -> bool:
        """Return whether the session exists and, where one is named, has the step."""
        case = self.by_id.get(session_id)
        return case is not None and (step_id is None or case.step(step_id) is not None)

    def families(self) -> Mapping[str, tuple[Case, ...]]:
        """Return the cases of each task family; sessions without a task are in none."""
        found: dict[str, list[Case]] = {}
        for case in self.by_id.values():
            if case.family is not None:
                found.setdefault(case.family, []).append(case)
        return {family: tuple(found[family]) for family in sorted(found)}


def task_family(task_id: str | None) -> str | None:
    """Return `report` for `report-047`: what remains when trailing numbers and their separators are taken off."""
    if not task_id:
        return None
    return re.sub(r"[-_:/.#]*\d+$", "", task_id) or task_id
