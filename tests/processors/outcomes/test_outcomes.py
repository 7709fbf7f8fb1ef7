"""Verdicts that telemetry carries: read in every shape, joined to the session they judge, and folded into one."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from collector.model import AttributeValue, Event, Link, LogRecord, Span
from collector.store import Signals
from processors.model import Check, Session
from processors.normalise import normalise
from processors.outcomes import judged
from processors.outcomes.words import about_success, verdict_of_label
from processors.pipeline import compile_group
from processors.pricing import price_book

TRACE, OTHER = "a" * 32, "b" * 32
NOW = 1_790_000_000_000_000_000
Attributes = Mapping[str, AttributeValue]
CALL: Attributes = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.response.id": "resp-1",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 5,
}


def span(
    number: int, attributes: Attributes, *, parent: int | None = None, trace: str = TRACE, events: Sequence[Event] = ()
) -> Span:
    """Return a span; its number is its id and its time."""
    return Span(
        trace_id=trace,
        span_id=f"{number:016x}",
        parent_span_id=None if parent is None else f"{parent:016x}",
        name=f"span {number}",
        start_time_unix_nano=NOW + number,
        end_time_unix_nano=NOW + number + 1,
        attributes=attributes,
        events=tuple(events),
    )


ROOT = span(1, {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "desk", "session.id": "run-1"})
CHAT = span(2, CALL, parent=1)


def event(name: str, *, at: int = 5, **fields: AttributeValue) -> Event:
    """Return an evaluation event by the GenAI conventions; `value` and `label` are its score's."""
    spelled = {"value": "score.value", "label": "score.label"}
    attributes = {f"gen_ai.evaluation.{spelled.get(key, key)}": value for key, value in fields.items()}
    return Event("gen_ai.evaluation.result", NOW + at, {"gen_ai.evaluation.name": name, **attributes})


def only(spans: Sequence[Span], logs: Sequence[LogRecord] = ()) -> Session:
    """Return the one session of a group, judged."""
    (session,) = judged(normalise(spans, logs), spans, logs)
    return session


def verdict(*spans: Span, logs: Sequence[LogRecord] = ()) -> tuple[bool | None, float | None, str]:
    """Return what the session's evaluations come to."""
    outcome = only(spans, logs).outcome
    assert outcome is not None
    return outcome.passed, outcome.score, outcome.source


def with_attributes(one: Span, **attributes: AttributeValue) -> Span:
    """Return a span that says more; `__` stands for a dot."""
    return replace(one, attributes={**one.attributes, **{k.replace("__", "."): v for k, v in attributes.items()}})


def test_no_evaluation_is_no_outcome() -> None:
    """Where nobody judged, the outcome is unknown."""
    assert only([ROOT, CHAT]).outcome is None


def test_a_span_event_judges_its_session() -> None:
    """The convention's event on the root gives verdict, score, source and a check with its explanation."""
    root = replace(ROOT, events=(event("task_success", value=0.75, label="fail", explanation="no confirmation"),))
    session = only([root, CHAT])
    assert session.outcome is not None
    assert (session.outcome.passed, session.outcome.score) == (False, 0.75)
    assert session.outcome.source == "gen_ai.evaluation.result"
    assert session.outcome.checks == (Check("task_success", passed=False, got="no confirmation"),)


@pytest.mark.parametrize(
    "placed",
    [
        {"trace_id": TRACE, "span_id": f"{1:016x}"},
        {"trace_id": TRACE},
        {"attributes": {"session.id": "run-1"}},
        {"attributes": {"gen_ai.response.id": "resp-1"}},
    ],
)
def test_a_log_record_finds_its_session(placed: dict[str, object]) -> None:
    """A record is joined by its span, its trace, a session id or the id of the response that it judges."""
    said = {**event("task_success", label="pass").attributes, **placed.pop("attributes", {})}  # type: ignore[dict-item]
    record = LogRecord(time_unix_nano=NOW + 9, event_name="gen_ai.evaluation.result", attributes=said, **placed)  # type: ignore[arg-type]
    assert verdict(ROOT, CHAT, logs=[record])[0] is True


def test_an_evaluator_in_another_trace_judges_what_it_links_to() -> None:
    """An OpenInference evaluator span is joined by its link, its kind of judge is part of the source."""
    evaluator = replace(
        span(
            7,
            {
                "openinference.span.kind": "EVALUATOR",
                "evaluations.0.evaluation.name": "correctness",
                "evaluations.0.evaluation.score": 0,
                "evaluations.0.evaluation.annotator_kind": "CODE",
                "evaluations.0.evaluation.metadata": '{"expected": "confirmed", "got": "open"}',
            },
            trace=OTHER,
        ),
        links=(Link(TRACE, ROOT.span_id),),
    )
    session = next(s for s in judged(normalise([ROOT, CHAT, evaluator]), [ROOT, CHAT, evaluator], []) if s.evaluations)
    assert session.session_id == "run-1"
    assert session.outcome is not None
    assert session.outcome.source == "openinference CODE"
    assert session.outcome.checks == (Check("correctness", passed=False, expected="confirmed", got="open"),)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (
            {"annotations.0.annotation.name": "correctness", "annotations.0.annotation.label": "correct"},
            (True, None, "openinference"),
        ),
        ({"session.annotations": '[{"name": "done", "score": 1}]'}, (True, 1.0, "openinference")),
        ({"eval.Hallucination.label": "hallucinated", "eval.Hallucination.score": 1}, (False, 1.0, "eval")),
        ({"session_eval.goal.label": "complete"}, (True, None, "eval")),
        ({"langfuse.score.order_confirmed": True}, (True, 1.0, "langfuse")),
        (
            {
                "langfuse.trace.score.name": "ok",
                "langfuse.trace.score.value": 0,
                "langfuse.trace.score.data_type": "BOOLEAN",
            },
            (False, 0.0, "langfuse"),
        ),
        ({"langfuse.score.tone.value": 0.4, "langfuse.score.tone.comment": "curt"}, (None, 0.4, "langfuse")),
        ({"langfuse.scores": '[{"name": "verdict", "stringValue": "failed"}]'}, (False, None, "langfuse")),
        (
            {"gen_ai.evaluation.name": "reward", "gen_ai.evaluation.score.value": "1.0"},
            (True, 1.0, "gen_ai.evaluation.result"),
        ),
    ],
)
def test_every_dialect_is_read(attributes: Attributes, expected: tuple[bool | None, float | None, str]) -> None:
    """OpenInference, Arize and Langfuse spell the same thing in their own ways."""
    root = replace(ROOT, attributes={**ROOT.attributes, **attributes})
    assert verdict(root, CHAT) == expected


@pytest.mark.parametrize(
    ("attributes", "whole"),
    [
        ({"eval.goal.label": "complete"}, False),
        ({"trace_eval.goal.label": "complete"}, True),
        ({"annotations.0.annotation.name": "goal", "annotations.0.annotation.label": "pass"}, False),
        ({"trace.annotations.0.annotation.name": "goal", "trace.annotations.0.annotation.label": "pass"}, True),
        ({"annotations": '[{"name": "goal", "label": "pass"}]'}, False),
        ({"langfuse.observation.score.goal": "pass"}, False),
        ({"langfuse.trace.score.goal": "pass"}, True),
    ],
)
def test_a_scope_says_how_much_is_judged(attributes: Attributes, *, whole: bool) -> None:
    """A verdict on a call is about that call, unless its key says that it is about the trace or session."""
    (found,) = only([ROOT, replace(CHAT, attributes={**CHAT.attributes, **attributes})]).evaluations
    assert (found.name, found.span_id) == ("goal", None if whole else CHAT.span_id)


@pytest.mark.parametrize("key", ["identifier", "id"])
def test_two_evaluations_of_one_name_are_told_apart_by_their_ids(key: str) -> None:
    """Results of one name under two ids are two; under one id the later replaces the earlier."""
    said = [{"name": "goal", "label": label, key: which} for label, which in (("pass", "a"), ("fail", "b"))]
    root = replace(ROOT, attributes={**ROOT.attributes, "annotations": json.dumps(said)})
    assert len(only([root, CHAT]).evaluations) == 2
    same = [{**one, key: "a"} for one in said]
    root = replace(ROOT, attributes={**ROOT.attributes, "annotations": json.dumps(same)})
    assert len(only([root, CHAT]).evaluations) == 1


def test_a_score_without_direction_is_no_verdict() -> None:
    """Whether 0.8 is good is the evaluator's secret: the score is kept, the verdict unknown."""
    assert verdict(replace(ROOT, events=(event("style", value=0.8),)), CHAT)[:2] == (None, 0.8)


def test_a_failed_evaluation_says_nothing() -> None:
    """An evaluator that broke judged nothing, whatever else its event carries."""
    broken = event("task_success", value=0.0)
    broken = replace(broken, attributes={**broken.attributes, "error.type": "timeout"})
    assert only([replace(ROOT, events=(broken,)), CHAT]).outcome is None


def test_who_judged_more_counts() -> None:
    """A verdict on the root goes before those on single calls, which count where nobody judged the whole."""
    called = replace(CHAT, events=(event("relevance", label="irrelevant"),))
    assert verdict(ROOT, called)[0] is False
    session = only([replace(ROOT, events=(event("task_success", label="pass"),)), called])
    assert session.outcome is not None
    assert session.outcome.passed is True
    assert {(r.name, r.decides) for r in session.evaluations} == {("task_success", True), ("relevance", False)}


@pytest.mark.parametrize("trace", [TRACE, OTHER])
def test_spans_that_are_each_others_parents(trace: str) -> None:
    """A judged span in a circle of parents is judged all the same, and the search for its root ends."""
    judge, above = span(11, {"eval.goal.label": "pass"}, parent=12, trace=trace), span(12, {}, parent=11, trace=trace)
    spans = [ROOT, CHAT, judge, above]
    (judged_session,) = (session for session in judged(normalise(spans), spans, []) if session.evaluations)
    assert [(result.name, result.span_id) for result in judged_session.evaluations] == [("goal", judge.span_id)]


def test_one_failed_check_fails_the_session() -> None:
    """Of several checks on the whole, one that failed decides; a score of several different things is none."""
    events = (event("address", label="pass", value=0.9), event("confirmed", label="fail", value=0.1))
    assert verdict(replace(ROOT, events=events), CHAT)[:2] == (False, None)


def test_the_last_word_counts() -> None:
    """The same evaluation said twice is one, and the later word stands, in whatever order they came."""
    events = [event("task_success", label="fail", at=3), event("task_success", label="pass", at=8)]
    for order in (events, events[::-1]):
        assert verdict(replace(ROOT, events=tuple(order)), CHAT)[0] is True


def test_order_changes_nothing() -> None:
    """Signals in any order and sent twice give the same evaluations."""
    spans = [
        with_attributes(ROOT, eval__a__label="pass", eval__b__score=0.5),
        replace(CHAT, events=(event("x", label="fail"), event("y", value=2))),
        span(3, {"gen_ai.evaluation.name": "z", "gen_ai.evaluation.score.label": "pass"}, parent=1),
    ]
    expected = only(spans)
    generator = random.Random(1)
    for _ in range(5):
        assert only(generator.sample(spans * 2, 6)) == expected


@pytest.mark.parametrize("score", [float("nan"), float("inf"), "many", 10**400, [1], None, b"1"])
def test_nonsense_scores_are_refused(score: AttributeValue) -> None:
    """A score that is no finite number, without any label, is no evaluation."""
    assert only([replace(ROOT, events=(event("task_success", value=score),)), CHAT]).outcome is None


def test_an_oracle_goes_before_telemetry() -> None:
    """A recorded verdict replaces what the telemetry says; the evaluations stay on record."""
    root = replace(ROOT, events=(event("task_success", label="fail"),))
    (compiled,) = compile_group(
        Signals((root, CHAT), ()), price_book(), {"run-1": {"session_id": "run-1", "passed": True}}
    )
    assert compiled.session.outcome is not None
    assert compiled.session.outcome.passed is True
    assert len(compiled.session.evaluations) == 1


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("pass", True),
        ("FAILED", False),
        ("not_relevant", False),
        ("notHelpful", False),
        ("non-toxic", True),
        ("incorrect", False),
        ("partially correct", None),
        ("5 stars", None),
        ("", None),
    ],
)
def test_labels_say_pass_or_fail_or_neither(label: str, *, said: bool | None) -> None:
    """Only a label that says so is a verdict, and a negation turns it round."""
    assert verdict_of_label(label) is said


@pytest.mark.parametrize(
    ("name", "direction"), [("TaskSuccess", True), ("exact_match", True), ("toxicity", False), ("success_error", None)]
)
def test_names_say_what_a_high_score_means(name: str, *, direction: bool | None) -> None:
    """A name of success or of failure gives a 0 or 1 its meaning; a name of both gives none."""
    assert about_success(name) is direction
