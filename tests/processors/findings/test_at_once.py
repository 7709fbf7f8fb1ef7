"""Steps that ran side by side, or at one reading of a coarse clock, are not taken for waste."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from processors.findings.failed_retry import FailedRetry
from processors.findings.view import View
from processors.model import Session, Step, StepError
from tests.processors.findings.stories import REPORT, call, findings, flagged, told, view_of
from tests.processors.findings.test_detectors import cached_plan, recorded
from tests.processors.sessions import Script


def moved(session: Session, step_id: str, started_at: int, ended_at: int) -> Session:
    """Let a step have run at another time."""
    steps = tuple(
        replace(step, started_at=started_at, ended_at=ended_at) if step.step_id == step_id else step
        for step in session.steps
    )
    return replace(session, steps=steps)


def step_of(session: Session, step_id: str) -> Step:
    """Find a step."""
    return next(step for step in session.steps if step.step_id == step_id)


@pytest.mark.parametrize(("started", "wasted"), [(1_000, set()), (600_000_000, {"b"})], ids=["during", "after"])
def test_a_read_beside_a_write(started: int, wasted: set[str]) -> None:
    """A read that ran while its file was written may have seen the old text: reading again is work."""
    session = told(
        (
            call("w", "edit_file", "Edited.", path="report.csv", new="x"),
            call("a", "read_file", REPORT, path="report.csv"),
        ),
        call("b", "read_file", REPORT, path="report.csv"),
    )
    write = step_of(session, "w").started_at
    beside = moved(session, "a", write + started, write + started + 1_000)
    assert step_of(beside, "w").ended_at < write + 600_000_000 < step_of(beside, "b").started_at
    assert flagged(beside, "repeated_call") == wasted


def test_equal_prompts_sent_at_once_break_no_cache() -> None:
    """A prompt sent before an equal one was answered cannot read what that one is only now writing."""
    session = recorded(cached_plan())
    first = step_of(session, "c0")
    twin = replace(first, step_id="twin", started_at=first.started_at + 1_000, ended_at=first.ended_at + 1_000)
    at_once = replace(session, steps=(*session.steps, twin), contexts=())
    assert findings(at_once, "cache_break") == []
    wait = first.ended_at - first.started_at
    after = moved(at_once, "twin", first.started_at + wait, first.ended_at + wait)
    assert [finding.step_ids for finding in findings(after, "cache_break")] == [("twin",)]


@pytest.mark.parametrize("step_id", ["a", "z"])
def test_a_result_as_old_as_the_call_that_used_it(step_id: str) -> None:
    """A result that came at the very nanosecond of the call that used it was used, whatever the steps are called."""
    session = told(
        call(step_id, "find_customer", '{"id": "C-77120", "email": "ada@mail.example", "tier": "gold"}', name="Ada"),
        call("b", "cancel_order", "Cancelled.", customer="C-77120"),
        "It is cancelled.",
    )
    found, used = step_of(session, step_id), step_of(session, "main-turn1")
    assert flagged(moved(session, step_id, found.started_at, used.started_at), "unused_result") == set()


def test_many_failing_retries_are_judged_in_linear_time() -> None:
    """Eight times as many equal failures take about eight times as long, not sixty-four times."""
    assert _seconds(8_000) < 25 * _seconds(1_000)


def _seconds(count: int) -> float:
    script = Script()
    for number in range(count):
        script.call(asks=[f"read-{number}"])
        failure = StepError("ENOENT", "no such file")
        script.tool("read_file", call_id=f"read-{number}", arguments='{"path":"x"}', error=failure)
    view = view_of(script.session())
    return min(_seconds_once(view, count) for _ in range(3))


def _seconds_once(view: View, count: int) -> float:
    begun = time.process_time()
    (found,) = FailedRetry().find(view)
    assert len(found.step_ids) == count - 1
    return time.process_time() - begun
