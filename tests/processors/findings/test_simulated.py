"""Findings against simulated sessions whose needless calls are known, and savings against running without them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import pytest

from processors.findings import Finding, flag
from tests.processors.findings.stories import view_of
from tests.simulator.agent import Run
from tests.simulator.plan import Plan, Turn
from tests.simulator.recording import FULL, HIDDEN_REASONING, NO_CONTENT, Capture, record
from tests.simulator.scenario import Scenario, draw
from tests.support.figures import figure

SEEDS = range(60)
BARE = Capture(agents=False, asked_by=False)
CONTENT = {"full": FULL, "hidden reasoning": HIDDEN_REASONING, "no agent spans": BARE}
BLIND = {"no content": NO_CONTENT, "no content, hidden reasoning": Capture(content=False, reasoning=False)}


@dataclass(slots=True)
class Judged:
    """How one detector's findings compare with what was planned."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        return self.right / max(1, self.right + self.wrong)

    @property
    def recall(self) -> float:
        return self.right / max(1, self.right + self.missed)


@cache
def simulated(seed: int) -> tuple[Scenario, Run]:
    """Draw and run a scenario."""
    scenario = draw(seed)
    return scenario, scenario.run()


@cache
def found_in(seed: int, capture: Capture) -> tuple[Finding, ...]:
    """Flag a simulated session."""
    scenario, done = simulated(seed)
    view = view_of(record(done, scenario.provider, capture, seed))
    return flag(view.session, view.ledger, view=view)


def planned(seed: int, waste: str) -> set[str]:
    """Name the calls that were made needlessly; one whose original was compacted away since was needed again."""
    _, done = simulated(seed)
    compactions = [call.started for call in done.calls if "compact" in call.key]
    needless: set[str] = set()
    latest: dict[tuple[str, str, str], float] = {}
    for tool in done.tools:
        question = tool.agent_key, tool.planned.tool, tool.planned.arguments.replace("./", "")
        seen = latest.get(question)
        if tool.planned.waste == waste and not any(seen is not None and seen < at < tool.started for at in compactions):
            needless.add(tool.key)
        latest[question] = tool.started
    return needless


def judge(detector: str, capture: Capture) -> Judged:
    """Compare hard and soft findings of one kind with the plans."""
    judged = Judged()
    for seed in SEEDS:
        named = {
            step for finding in found_in(seed, capture) if finding.detector == detector for step in finding.step_ids
        }
        truth = planned(seed, detector)
        judged.right += len(named & truth)
        judged.wrong += len(named - truth)
        judged.missed += len(truth - named)
        judged.examples += [f"{seed}:{step}" for step in sorted(named ^ truth)]
    return judged


@pytest.mark.parametrize("capture", [*CONTENT.values(), *BLIND.values()], ids=[*CONTENT, *BLIND])
def test_repeated_calls(capture: Capture) -> None:
    """Nearly every planted repeat is found, and nearly nothing else, with content or without."""
    judged = judge("repeated_call", capture)
    figure(f"repeated_call: precision {judged.precision:.3f}, recall {judged.recall:.3f}")
    assert judged.right > 50
    assert (judged.precision >= 0.98, judged.recall >= 0.95) == (True, True), judged.examples


@pytest.mark.parametrize("detector", ["failed_retry", "poll_loop", "rephrased_query"])
@pytest.mark.parametrize("capture", CONTENT.values(), ids=CONTENT)
def test_other_needless_calls(detector: str, capture: Capture) -> None:
    """Failed retries, polls and rephrased searches are found where results were captured."""
    judged = judge(detector, capture)
    assert judged.right > 10
    assert (judged.precision >= 0.98, judged.recall >= 0.9) == (True, True), judged.examples


@pytest.mark.parametrize("detector", ["poll_loop", "rephrased_query", "unused_result", "oversized_result", "cycle"])
def test_blind_detectors_are_silent(detector: str) -> None:
    """Detectors that need results say nothing where results were not captured."""
    assert not any(f.detector == detector for seed in range(20) for f in found_in(seed, NO_CONTENT))


def test_unused_results_were_never_spoken_of() -> None:
    """Nearly no result that a later text says something of is called unused."""
    counts: Counter[bool] = Counter()
    for seed in SEEDS:
        used = simulated(seed)[0].plan.every_used()
        steps = {step for f in found_in(seed, FULL) if f.detector == "unused_result" for step in f.step_ids}
        counts[True] += len(steps & used)
        counts[False] += len(steps - used)
    figure(f"unused_result: {counts[False]} right, {counts[True]} wrong")
    assert counts[False] > 50
    assert counts[True] <= 0.02 * counts[False]


def test_broken_caches_were_broken() -> None:
    """Every broken cache that is reported was the provider's miss, and most misses are reported."""
    broken: set[str] = set()
    missed: set[str] = set()
    for seed in SEEDS:
        scenario, _ = simulated(seed)
        named = {f"{seed} {step}" for f in found_in(seed, FULL) if f.detector == "cache_break" for step in f.step_ids}
        planted = {
            f"{seed} {turn.key}" for turn in turns(scenario.plan) if turn.missed and scenario.provider != "mistral_ai"
        }
        broken |= named
        missed |= planted
    assert broken <= missed
    assert len(broken) >= 0.7 * len(missed) > 5


def turns(plan: Plan) -> Iterator[Turn]:
    """List the turns of an agent and its sub-agents."""
    for turn in plan.turns:
        yield turn
        for call in turn.calls:
            if call.sub_agent is not None:
                yield from turns(call.sub_agent)


@pytest.mark.parametrize("capture", [*CONTENT.values(), *BLIND.values()], ids=[*CONTENT, *BLIND])
def test_saving_per_finding(capture: Capture) -> None:
    """What a repeat would have saved agrees with running the session without it."""
    errors: list[float] = []
    for seed in SEEDS:
        scenario, done = simulated(seed)
        for finding in found_in(seed, capture):
            if finding.detector == "repeated_call" and not finding.soft and finding.saving_usd is not None:
                truth = done.usd - scenario.run(frozenset(finding.step_ids)).usd
                errors.append(float(abs(finding.saving_usd - truth) / abs(truth)))
    errors.sort()
    at = {share: round(errors[int(share * len(errors))], 4) for share in (0.5, 0.75, 0.9, 0.95)}
    figure(f"saving per finding: {len(errors)} findings, error at {at}")
    assert at[0.5] <= 0.05
    assert at[0.9] <= 0.20
