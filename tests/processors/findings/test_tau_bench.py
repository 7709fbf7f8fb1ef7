"""Findings on real airline trajectories, against what replaying them without a call showed."""

from __future__ import annotations

import pytest

from tests.processors.findings import tau_bench
from tests.support.figures import figure

pytestmark = pytest.mark.skipif(tau_bench.folder() is None, reason=tau_bench.MISSING)


@pytest.fixture(name="judged")
def judged_() -> tau_bench.Judged:
    """Flag the trajectories, once for all tests."""
    data = tau_bench.folder()
    assert data is not None
    return tau_bench.judged(data)


def test_every_call_is_labelled(judged: tau_bench.Judged) -> None:
    """All 1,164 replayed calls are steps of the sessions, although call ids repeat within trajectories."""
    assert len(judged.labels) == 1_164


def test_unused_results_have_no_flow(judged: tau_bench.Judged) -> None:
    """Of the reads that are called unused, nearly all pass no value on to later arguments or text."""
    figure(judged.report("unused_result", judged.without_flow()))
    precision, recall = judged.precision_recall("unused_result", judged.without_flow())
    assert precision >= 0.9
    assert recall >= 0.2


def test_unused_results_change_no_reward(judged: tau_bench.Judged) -> None:
    """Leaving out what is called unused never changed a reward."""
    assert not any(judged.labels[step].removal_changes_reward for step in judged.named["unused_result"])


def test_repeated_calls_are_duplicates(judged: tau_bench.Judged) -> None:
    """Every labelled duplicate is found.

    The label knows no targets: any write in between excuses a repeat there, so what is named beyond it must have an
    equal answer and a write to something else in between.
    """
    truth = judged.duplicates()
    figure(judged.report("repeated_call", truth))
    _, recall = judged.precision_recall("repeated_call", truth)
    assert recall >= 0.95
    beyond = judged.named["repeated_call"] - truth
    assert len(beyond) <= len(truth) / 2
    assert all(_write_before(judged.labels, step) for step in beyond)


def _write_before(labels: dict[str, tau_bench.Label], step: str) -> bool:
    label = labels[step]
    earlier = (other for other in labels.values() if other.traj == label.traj and other.call < label.call)
    return any(other.access == "write" and not other.is_error for other in earlier)
