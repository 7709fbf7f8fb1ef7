"""Simulated sessions flagged by our detectors, beside what is true of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from processors.findings import Finding, View, flag
from tests.processors.findings.stories import view_of
from tests.simulator.agent import Run
from tests.simulator.recording import FULL, HIDDEN_REASONING, Capture, record
from tests.simulator.scenario import Scenario
from tests.simulator.truth import missed, needless

BARE = Capture(agents=False, asked_by=False)
CONTENT = {"full": FULL, "hidden reasoning": HIDDEN_REASONING, "no agent spans": BARE}
BLIND = {
    "no content": Capture(content=False),
    "no content, hidden reasoning": Capture(content=False, reasoning=False),
}


@dataclass(slots=True)
class Judged:
    """How one detector's findings compare with what was planned."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        """The share of what was named that is true."""
        return self.right / max(1, self.right + self.wrong)

    @property
    def recall(self) -> float:
        """The share of what is true that was named."""
        return self.right / max(1, self.right + self.missed)

    def add(self, seed: int, named: set[str], truth: set[str]) -> None:
        """Count one session."""
        self.right += len(named & truth)
        self.wrong += len(named - truth)
        self.missed += len(truth - named)
        self.examples += [f"{seed}:{step}" for step in sorted(named ^ truth)]


@dataclass(slots=True)
class Simulated:
    """One scenario that was run, and its sessions as sources would tell them."""

    seed: int
    scenario: Scenario
    run: Run
    _views: dict[Capture, View] = field(default_factory=dict)
    _findings: dict[Capture, tuple[Finding, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, seed: int, draw: Callable[[int], Scenario]) -> Simulated:
        """Draw a scenario and run it."""
        scenario = draw(seed)
        return cls(seed, scenario, scenario.run())

    def view(self, capture: Capture) -> View:
        """Price and attribute the session."""
        if capture not in self._views:
            self._views[capture] = view_of(record(self.run, self.scenario.provider, capture, self.seed))
        return self._views[capture]

    def findings(self, capture: Capture, detector: str | None = None) -> list[Finding]:
        """Flag the session; all findings or those of one detector."""
        if capture not in self._findings:
            view = self.view(capture)
            self._findings[capture] = flag(view.session, view.ledger, view=view)
        return [finding for finding in self._findings[capture] if detector in (None, finding.detector)]

    def named(self, capture: Capture, detector: str) -> set[str]:
        """Name the steps that a detector names, hard or soft."""
        return {step for finding in self.findings(capture, detector) for step in finding.step_ids}

    def truth(self, detector: str) -> set[str]:
        """Name the steps that a detector should name."""
        match detector:
            case "cache_break":
                return missed(self.scenario, self.run)
            case "unused_result":
                return {tool.key for tool in self.run.tools if tool.planned.sub_agent is None} - self._used()
            case "unused_sub_agent":
                return {agent.key for agent in self.run.agents if agent.started_by} - {
                    agent.key for agent in self.run.agents if agent.started_by in self._used()
                }
            case _:
                return needless(self.run, detector)

    def _used(self) -> frozenset[str]:
        return self.scenario.plan.every_used()


def judge(sessions: Iterable[Simulated], detector: str, capture: Capture) -> Judged:
    """Compare hard and soft findings of one kind with what is true."""
    judged = Judged()
    for one in sessions:
        judged.add(one.seed, one.named(capture, detector), one.truth(detector))
    return judged
