"""One model call counted once: hand-built signals for every way in which it is seen twice."""

from __future__ import annotations

from dataclasses import replace

from collector.model import Attributes, AttributeValue, LogRecord, Span
from processors.normalise import calls, rollups
from tests.processors.normalise.counting import Counted, counted, spans_of

ours = spans_of("some.framework")
theirs = spans_of("some.sdk")


def call(
    given: int | None = 100, answered: int = 10, model: str = "gpt-5", more: Attributes | None = None
) -> Attributes:
    """Return a chat call's attributes."""
    sent: Attributes = {
        "gen_ai.operation.name": "chat", "gen_ai.request.model": model, "gen_ai.provider.name": "openai",
        **(more or {}),
    }  # fmt: skip
    usage = {"gen_ai.usage.input_tokens": given, "gen_ai.usage.output_tokens": answered} if given is not None else {}
    return {**sent, **usage}


def agent(given: int | None = None, answered: int = 10) -> Attributes:
    """Return an agent run's attributes, with what it repeats of its calls."""
    usage = {"gen_ai.usage.input_tokens": given, "gen_ai.usage.output_tokens": answered} if given is not None else {}
    return {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "main",
        "gen_ai.request.model": "gpt-5",
        **usage,
    }


def notes(found: Counted) -> list[str | None]:
    """Return why sightings do not count."""
    return [step.note for session in found.sessions for step in session.steps if step.counted_by is not None]


def test_an_sdks_span_inside_an_instrumentations() -> None:
    """Of two nested spans of one call the inner counts, with the outer's id and content in it (R3)."""
    outer = ours(1, "chat gpt-5", call(more={"gen_ai.response.id": "r1"}))
    inner = theirs(2, "chat gpt-5", call(), parent=1, at=(1, 9))
    found = counted([outer, inner])
    assert [(step.span_id, step.request_id) for step in found.calls] == [(inner.span_id, "r1")]
    assert notes(found) == [calls.INSIDE]


def test_siblings_with_one_response_id() -> None:
    """Two spans beside each other that name the same response are one call (R4)."""
    same = {"gen_ai.response.id": "r1"}
    found = counted([ours(1, "a", call(more=same)), theirs(2, "b", call(more=same), at=(0, 9))])
    assert len(found.calls) == 1
    assert notes(found) == [calls.SAME_ID]


def test_siblings_at_one_time_with_equal_tokens() -> None:
    """Without ids, containment in time, model and equal counts of another instrumentation decide."""
    found = counted([ours(1, "a", call()), theirs(2, "b", call(101), at=(0, 9))])
    assert notes(found) == [calls.SAME_TIME]
    apart = counted([ours(1, "a", call()), theirs(2, "b", call(150), at=(0, 9))])
    assert len(apart.calls) == 2


def test_parallel_calls_of_one_instrumentation_are_all_counted() -> None:
    """Equal calls that run at the same time are many when one instrumentation reports them."""
    found = counted([ours(number, "a", call()) for number in range(1, 9)])
    assert found.tokens("input_tokens") == 800


def test_each_parallel_call_has_one_twin() -> None:
    """Where two instrumentations both see equal parallel calls, each sighting is matched once."""
    spans = [ours(number, "a", call()) for number in range(1, 5)]
    spans += [theirs(number, "b", call()) for number in range(11, 15)]
    assert counted(spans).tokens("input_tokens") == 400


def test_a_server_that_repeats_its_response_id() -> None:
    """Some servers give every response the same id: calls one after another stay apart."""
    same = {"gen_ai.response.id": "chatcmpl-0"}
    spans = [ours(number, "a", call(more=same), at=(20 * number, 20 * number + 5)) for number in range(1, 6)]
    assert counted(spans).tokens("input_tokens") == 500


def test_attempts_inside_one_call() -> None:
    """Of a call with a failed and a good attempt inside, the good one counts and the failed one is listed."""
    failed = theirs(2, "chat", call(None, more={"error.type": "429"}), parent=1, at=(1, 2), status=2)
    good = theirs(3, "chat", call(), parent=1, at=(3, 9))
    found = counted([ours(1, "chat", call()), failed, good])
    assert found.tokens("input_tokens") == 100
    assert [step.error is not None for step in found.calls] == [True, False]


def test_a_router_around_calls_of_several_models() -> None:
    """A span that sums up inner calls of other models is not counted beside them."""
    inner = [
        theirs(2, "chat", call(60, 4, "gpt-4o"), parent=1, at=(1, 3)),
        theirs(3, "chat", call(40, 6), parent=1, at=(4, 9)),
    ]
    found = counted([ours(1, "chat", call(100, 10, "router")), *inner])
    assert found.tokens("input_tokens") == 100
    assert calls.SUM in notes(found)


def test_a_call_inside_a_tool_inside_a_call_is_its_own() -> None:
    """A tool or an agent between two calls makes them two."""
    tool = ours(
        2, "execute_tool t", {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t"}, parent=1, at=(1, 9)
    )
    assert (
        counted([ours(1, "chat", call()), tool, theirs(3, "chat", call(), parent=2, at=(2, 8))]).tokens("input_tokens")
        == 200
    )


def record_of(span: Span, attributes: Attributes) -> LogRecord:
    """Return the event in which an instrumentation repeats its span's call."""
    return LogRecord(
        time_unix_nano=span.end_time_unix_nano,
        event_name="gen_ai.client.inference.operation.details",
        trace_id=span.trace_id,
        span_id=span.span_id,
        attributes=attributes,
        scope=span.scope,
    )


def test_a_record_of_the_span_adds_content_not_tokens() -> None:
    """The event of a call fills in the messages that its span lacks, and nothing is added up (R4)."""
    span = ours(1, "chat", call())
    answer: AttributeValue = [{"role": "assistant", "parts": [{"type": "text", "content": "Hi"}]}]
    record = record_of(span, {**call(), "gen_ai.output.messages": answer})
    found = counted([span], [record])
    assert found.tokens("input_tokens") == 100
    assert found.calls[0].output_messages is not None
    assert found.calls[0].span_id == span.span_id


def test_a_record_without_its_span_keeps_its_trace() -> None:
    """A call that only a log record tells of belongs to the trace that the record names."""
    span = ours(1, "chat", call())
    record = record_of(span, call())
    (told,) = counted([], [record]).calls
    assert told.trace_id == span.trace_id


def test_records_that_differ_only_in_when_they_were_seen_have_ids_of_their_own() -> None:
    """Two calls that say the same are two steps, so that each bill has its step, in whatever order they came."""
    record = replace(record_of(ours(1, "chat", {}), call()), time_unix_nano=0)
    early, late = (replace(record, observed_time_unix_nano=at) for at in (10**18, 2 * 10**18))
    ids = [
        [(step.started_at, step.step_id) for step in counted([], records).calls]
        for records in ([early, late], [late, early])
    ]
    assert ids[0] == ids[1]
    assert [step_id.removeprefix(ids[0][0][1]) for _, step_id in ids[0]] == ["", ":2"]


def test_a_record_on_the_span_around_its_call() -> None:
    """A record that hangs on the caller's span is joined by its response id."""
    host = ours(1, "chat", call(500, more={"gen_ai.response.id": "r0"}), at=(0, 4))
    span = ours(2, "chat", call(more={"gen_ai.response.id": "r1"}), at=(5, 9))
    record = LogRecord(
        time_unix_nano=span.end_time_unix_nano,
        event_name="gen_ai.client.inference.operation.details",
        trace_id=host.trace_id,
        span_id=host.span_id,
        attributes={**call(more={"gen_ai.response.id": "r1"}), "gen_ai.output.messages": "Hi"},
        scope=span.scope,
    )
    found = counted([host, span], [record])
    assert found.tokens("input_tokens") == 600
    assert [step.output_messages is not None for step in found.calls] == [False, True]


def test_rollups_are_never_summed() -> None:
    """What an agent repeats of its calls stays on the agent (R1)."""
    found = counted([ours(1, "invoke_agent", agent(100)), ours(2, "chat", call(), parent=1, at=(1, 9))])
    assert found.tokens("input_tokens") == 100
    assert found.agents[0].rollup_usage is not None


def test_a_rollup_without_calls_is_counted() -> None:
    """An agent whose calls are not seen is billed by its own total (R2), said to be inferred."""
    found = counted([ours(1, "invoke_agent", agent(100))])
    assert found.tokens("input_tokens") == 100
    assert [(step.inferred, step.note) for step in found.calls] == [(True, rollups.PROMOTED)]


def test_the_innermost_rollup_counts() -> None:
    """Of nested agents that both repeat a total, only the inner is billed."""
    spans = [
        ours(1, "invoke_agent", agent(300)),
        ours(2, "invoke_agent", {**agent(100), "gen_ai.agent.name": "sub"}, parent=1, at=(1, 9)),
    ]
    assert counted(spans).tokens("input_tokens") == 100


def test_a_rollup_over_silent_calls_goes_to_one_of_them() -> None:
    """Where calls were seen without usage, the agent's total is theirs: no call is invented."""
    spans = [
        ours(1, "invoke_agent", agent(100)),
        ours(2, "chat", call(None), parent=1, at=(1, 3)),
        ours(3, "chat", call(None), parent=1, at=(4, 9)),
    ]
    found = counted(spans)
    assert len(found.calls) == 2
    assert found.tokens("input_tokens") == 100
    assert [step.usage_missing for step in found.calls] == [rollups.IN_TOTAL, None]


def test_a_rollup_whose_calls_lost_their_parents() -> None:
    """Where spans between an agent and its calls were lost, its total is not counted beside them."""
    orphan = ours(2, "chat", call(), parent=77, at=(1, 9))
    assert counted([ours(1, "invoke_agent", agent(100)), orphan]).tokens("input_tokens") == 100


def test_a_failed_call_has_no_usage_and_a_reason() -> None:
    """A refused request is a step with its error, without tokens."""
    found = counted([ours(1, "chat", call(None), status=2)])
    assert [(step.usage, step.usage_missing, step.error is not None) for step in found.calls] == [
        (None, "the request failed", True)
    ]


def test_span_ids_may_repeat_in_another_trace() -> None:
    """Two traces may use one span id: their steps stay two, with ids of their own."""
    spans = [
        ours(1, "chat", call(more={"session.id": "s"})),
        ours(1, "chat", call(more={"session.id": "s"}), trace="f" * 32, at=(20, 30)),
    ]
    found = counted(spans)
    assert found.tokens("input_tokens") == 200
    assert len({step.step_id for step in found.steps}) == len(found.steps)


def test_loops_of_parents_end() -> None:
    """Spans that are each other's parents, and spans that are their own, are still read."""
    spans = [
        ours(1, "chat", call(), parent=2),
        ours(2, "chat", call(50, 5, "gpt-4o"), parent=1),
        ours(3, "chat", call(7), parent=3),
    ]
    assert counted(spans).tokens("input_tokens") is not None


def test_times_that_run_backwards() -> None:
    """A span that ends before it begins has no duration, and comes after its parent."""
    child = ours(2, "chat", call(), parent=1, at=(9, 3))
    early = replace(child, start_time_unix_nano=1, end_time_unix_nano=0)
    found = counted([ours(1, "invoke_agent", agent()), early])
    assert next(step.span_id for step in found.steps) == f"{1:016x}"
    assert all(step.ended_at >= step.started_at for step in found.steps)
