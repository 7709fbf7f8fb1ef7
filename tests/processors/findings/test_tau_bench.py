"""Findings on real airline trajectories, against what replaying them without a call showed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pytest

from processors.findings import flag
from processors.model import ToolCall
from tests.processors.findings import tau_bench
from tests.processors.findings.stories import view_of
from tests.support.figures import figure

pytestmark = pytest.mark.skipif(
    not tau_bench.DATA.is_dir(), reason="needs ../shared/data/tau_bench next to the repository, see its README"
)


@dataclass(frozen=True, slots=True)
class Judged:
    """The labelled calls, and those that each detector named."""

    labels: dict[str, tau_bench.Label]
    named: dict[str, set[str]]

    def report(self, detector: str, truth: set[str]) -> tuple[float, float]:
        """Print and return precision and recall."""
        named = self.named[detector]
        right = len(named & truth)
        precision, recall = right / max(1, len(named)), right / max(1, len(truth))
        figure(f"{detector}: {len(named)} named, {len(truth)} labelled, precision {precision:.3f}, recall {recall:.3f}")
        return precision, recall


@cache
def judged() -> Judged:
    """Flag all trajectories once."""
    by_place = tau_bench.labels()
    labels: dict[str, tau_bench.Label] = {}
    named: dict[str, set[str]] = {"unused_result": set(), "repeated_call": set()}
    for number, trajectory in enumerate(tau_bench.trajectories()):
        view = view_of(tau_bench.session(number, trajectory))
        for step in view.session.steps:
            if isinstance(step, ToolCall):
                labels[step.step_id] = by_place[number, int(step.step_id.split("-")[1])]
        for finding in flag(view.session, view.ledger, view=view):
            if finding.detector in named and not finding.soft:
                named[finding.detector].update(finding.step_ids)
    return Judged(labels, named)


def test_every_call_is_labelled() -> None:
    """All 1,164 replayed calls are steps of the sessions, although call ids repeat within trajectories."""
    assert len(judged().labels) == 1_164


def test_unused_results_have_no_flow() -> None:
    """Of the reads that are called unused, nearly all pass no value on to later arguments or text."""
    found = judged()
    truth = {step for step, label in found.labels.items() if label.access == "read" and not label.flows}
    precision, recall = found.report("unused_result", truth)
    assert precision >= 0.9
    assert recall >= 0.2


def test_unused_results_change_no_reward() -> None:
    """Leaving out what is called unused never changed a reward."""
    found = judged()
    assert not any(found.labels[step].removal_changes_reward for step in found.named["unused_result"])


def test_repeated_calls_are_duplicates() -> None:
    """Every labelled duplicate is found.

    The label knows no targets: any write in between excuses a repeat there, so what is named beyond it must have an
    equal answer and a write to something else in between.
    """
    found = judged()
    truth = {step for step, label in found.labels.items() if label.duplicate_of_call is not None}
    _, recall = found.report("repeated_call", truth)
    assert recall >= 0.95
    beyond = found.named["repeated_call"] - truth
    assert len(beyond) <= len(truth) / 2
    assert all(_write_before(found.labels, step) for step in beyond)


def _write_before(labels: dict[str, tau_bench.Label], step: str) -> bool:
    label = labels[step]
    earlier = (other for other in labels.values() if other.traj == label.traj and other.call < label.call)
    return any(other.access == "write" and not other.is_error for other in earlier)
