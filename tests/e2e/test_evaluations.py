"""Verdicts that arrive as telemetry after the run: joined to a session that is compiled already."""

from __future__ import annotations

import json
from typing import Any

from tests.support.collector import JSON, RunningCollector

TRACE, LATER = "a1" * 16, "b2" * 16
ROOT, CALL, JUDGE = "c1" * 8, "c2" * 8, "c3" * 8
NOW = 1_790_000_000_000_000_000


def attributes(**named: str | int | float) -> list[dict[str, Any]]:
    """Return OTLP attributes; `__` in a name stands for a dot."""
    kinds = {str: "stringValue", int: "intValue", float: "doubleValue"}
    return [{"key": key.replace("__", "."), "value": {kinds[type(v)]: v}} for key, v in named.items()]


def span(span_id: str, trace_id: str = TRACE, **more: Any) -> dict[str, Any]:
    """Return an OTLP span."""
    times = {"startTimeUnixNano": str(NOW), "endTimeUnixNano": str(NOW + 10**9)}
    return {"traceId": trace_id, "spanId": span_id, "name": "x", **times, **more}


def send(collector: RunningCollector, signal: str, *records: dict[str, Any]) -> None:
    """Send an OTLP/JSON request and compile what it changes."""
    outer, inner, field = {
        "traces": ("resourceSpans", "scopeSpans", "spans"),
        "logs": ("resourceLogs", "scopeLogs", "logRecords"),
    }[signal]
    body = {outer: [{"resource": {}, inner: [{"scope": {"name": "t"}, field: list(records)}]}]}
    assert collector.request("POST", f"/v1/{signal}", json.dumps(body).encode(), Content_Type=JSON).status == 200
    collector.compile()


def test_verdicts_in_telemetry_reach_the_session(collector: RunningCollector) -> None:
    """A log record and an evaluator in another trace judge the session; a recorded verdict goes before both."""
    agent = attributes(gen_ai__operation__name="invoke_agent", session__id="run-7", clawtrace__task__id="t-7")
    chat = attributes(
        gen_ai__operation__name="chat", gen_ai__request__model="gpt-4o-mini", gen_ai__usage__input_tokens=9
    )
    send(collector, "traces", span(ROOT, attributes=agent), span(CALL, parentSpanId=ROOT, attributes=chat))
    assert collector.sql("SELECT * FROM outcomes") == []

    said = attributes(gen_ai__evaluation__name="task_success", gen_ai__evaluation__score__label="pass")
    record = {"eventName": "gen_ai.evaluation.result", "timeUnixNano": str(NOW + 1), "traceId": TRACE, "spanId": ROOT}
    send(collector, "logs", {**record, "attributes": said})
    shown = "SELECT session_id, task_id, name, passed, source FROM outcomes ORDER BY name"
    assert [tuple(row.values()) for row in collector.sql(shown)] == [
        ("run-7", "t-7", "task_success", True, "gen_ai.evaluation.result")
    ]

    found = {"evaluations.0.evaluation.name": "correctness", "evaluations.0.evaluation.label": "incorrect"}
    judged = attributes(openinference__span__kind="EVALUATOR", **found)
    send(collector, "traces", span(JUDGE, LATER, attributes=judged, links=[{"traceId": TRACE, "spanId": ROOT}]))
    rows = collector.sql(shown)
    assert [(row["name"], row["passed"], row["source"]) for row in rows] == [
        ("correctness", False, "openinference"),
        ("task_success", True, "gen_ai.evaluation.result"),
    ]
    assert collector.sql("SELECT outcome_passed FROM sessions WHERE session_id = 'run-7'") == [
        {"outcome_passed": False}
    ]

    path, verdict = "/api/sessions/run-7/outcome", b'{"passed": true, "source": "a person"}'
    assert collector.request("POST", path, verdict, Content_Type=JSON).status == 200
    collector.compile()
    assert [(row["passed"], row["source"]) for row in collector.sql(shown)] == [(True, "a person")]
    assert collector.sql("SELECT outcome_passed FROM sessions WHERE session_id = 'run-7'") == [{"outcome_passed": True}]
