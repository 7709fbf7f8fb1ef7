"""Findings against simulated sessions whose needless calls are known, and savings against running without them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from tests.simulator.judging import BLIND, CONTENT, Simulated, judge
from tests.simulator.recording import FULL, NO_CONTENT, Capture
from tests.simulator.scenario import Scenario, draw, draw_unusual
from tests.simulator.truth import saved
from tests.support.figures import figure

SORTS: dict[str, Callable[[int], Scenario]] = {"usual": draw, "unusual": draw_unusual}
SEEDS = 50
CAPTURES = CONTENT | BLIND
sorts = pytest.mark.parametrize("sort", SORTS)


@cache
def sessions(sort: str) -> tuple[Simulated, ...]:
    """Run simulated sessions of one sort."""
    return tuple(Simulated.of(seed, SORTS[sort]) for seed in range(SEEDS))


@sorts
@pytest.mark.parametrize("capture", CAPTURES.values(), ids=CAPTURES)
def test_repeated_calls(sort: str, capture: Capture) -> None:
    """Nearly every planted repeat is found, and nearly nothing else; some more are missed without content.

    There, resent reasoning makes equal answers look unequal, and what a compaction left in a prompt is not known.
    """
    judged = judge(sessions(sort), "repeated_call", capture)
    figure(f"repeated_call: precision {judged.precision:.3f}, recall {judged.recall:.3f}")
    assert judged.right > 50
    least = 0.95 if capture.content else 0.9
    assert (judged.precision >= 0.98, judged.recall >= least) == (True, True), judged.examples


@sorts
@pytest.mark.parametrize("detector", ["failed_retry", "poll_loop", "rephrased_query"])
@pytest.mark.parametrize("capture", CONTENT.values(), ids=CONTENT)
def test_other_needless_calls(sort: str, detector: str, capture: Capture) -> None:
    """Failed retries, polls and rephrased searches are found where results were captured."""
    judged = judge(sessions(sort), detector, capture)
    assert judged.right > 10
    assert (judged.precision >= 0.98, judged.recall >= 0.9) == (True, True), judged.examples


@pytest.mark.parametrize("detector", ["poll_loop", "rephrased_query", "unused_result", "oversized_result", "cycle"])
def test_blind_detectors_are_silent(detector: str) -> None:
    """Detectors that need results say nothing where results were not captured."""
    assert not any(one.findings(NO_CONTENT, detector) for one in sessions("usual")[:20])


@sorts
@pytest.mark.parametrize("detector", ["unused_result", "unused_sub_agent"])
def test_what_is_called_unused_was_never_spoken_of(sort: str, detector: str) -> None:
    """Nearly no result that a later text says something of is called unused."""
    judged = judge(sessions(sort), detector, FULL)
    figure(f"{detector}: precision {judged.precision:.3f}, recall {judged.recall:.3f}")
    assert judged.right >= (50 if detector == "unused_result" else 1)
    assert judged.precision >= 0.98, judged.examples


@sorts
def test_broken_caches_were_broken(sort: str) -> None:
    """Every broken cache that is reported was the provider's miss, and most misses are reported."""
    judged = judge(sessions(sort), "cache_break", FULL)
    assert judged.wrong == 0
    assert judged.right > 5
    assert judged.recall >= 0.6, judged.examples


@sorts
@pytest.mark.parametrize("capture", CAPTURES.values(), ids=CAPTURES)
def test_saving_per_finding(sort: str, capture: Capture) -> None:
    """What a repeat would have saved agrees with running the session without it.

    Where leaving it out moves a compaction, nothing that was observed tells what the agent would have kept instead.
    """
    errors = [
        float(abs(finding.saving_usd - usd) / abs(usd))
        for one in sessions(sort)
        for finding in one.findings(capture, "repeated_call")
        if not finding.soft and finding.saving_usd is not None and not one.run.cuts
        for usd in (saved(one.scenario, one.run, finding.step_ids),)
    ]
    errors.sort()
    at = {share: round(errors[int(share * len(errors))], 4) for share in (0.5, 0.75, 0.9, 0.95)}
    figure(f"saving per finding: {len(errors)} findings, error at {at}")
    assert at[0.5] <= 0.05
    assert at[0.9] <= 0.20


@sorts
@pytest.mark.parametrize("capture", CAPTURES.values(), ids=CAPTURES)
def test_saving_per_step(sort: str, capture: Capture) -> None:
    """What any single step would have saved agrees with running the session without it."""
    errors = [
        float(abs(saving.usd - usd) / abs(usd))
        for one in sessions(sort)[:20]
        for tool in one.run.tools[:12]
        for what_if in (one.view(capture).what_if,)
        for saving in (what_if.saving([tool.key]) if what_if is not None else None,)
        for usd in (saved(one.scenario, one.run, [tool.key]),)
        if saving is not None and usd
    ]
    assert len(errors) > 100
    assert sorted(errors)[len(errors) // 2] <= 0.10
