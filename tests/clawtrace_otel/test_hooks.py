"""The session hooks: the same spans as the context managers, whatever order, thread or nonsense they come in."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from clawtrace_otel import SessionHooks
from clawtrace_otel.hook_session import REMEMBERED, WAITING
from tests.clawtrace_otel.conftest import FinishedSpans

GAP = "clawtrace.hook.gap"


@pytest.fixture
def hooks() -> SessionHooks:
    """Return hooks whose clock counts nanoseconds from 1,000 on, one per hook."""
    return SessionHooks(clock=itertools.count(1_000).__next__)


def _parent(spans: FinishedSpans, child: ReadableSpan) -> str:
    assert child.parent is not None
    (name,) = (span.name for span in spans.all if span.context.span_id == child.parent.span_id)
    return name


def test_the_eight_hooks_make_the_spans_of_a_session(captured: FinishedSpans, hooks: SessionHooks) -> None:
    """In order, the hooks give one span per pair with everything both halves said, nested as the ids say."""
    hooks.session_start("s", agent_name="clerk", task_id="t-1")
    hooks.llm_input("s", "l1", "gpt-5", provider="openai", input_messages="ask")
    hooks.llm_output("s", "l1", usage={"input_tokens": 10, "output_tokens": 2}, response_id="r", output_messages="say")
    hooks.subagent_spawning("s", "sub", "scout")
    hooks.before_tool_call("s", "c1", "look_up", arguments={"id": 7}, parent_id="sub")
    hooks.after_tool_call("s", "c1", result="found")
    hooks.subagent_ended("s", "sub", output_messages="done")
    hooks.session_end("s")
    assert captured.names == ["chat gpt-5", "execute_tool look_up", "invoke_agent scout", "invoke_agent clerk"]
    chat, tool = captured.attributes("chat gpt-5"), captured.attributes("execute_tool look_up")
    assert (chat["gen_ai.usage.input_tokens"], chat["gen_ai.response.id"], chat["gen_ai.agent.name"]) == (
        10,
        "r",
        "clerk",
    )
    assert "ask" in str(chat["gen_ai.input.messages"])
    assert "say" in str(chat["gen_ai.output.messages"])
    assert tool["gen_ai.tool.call.arguments"] == '{"id": 7}'
    assert (tool["gen_ai.tool.call.result"], tool["gen_ai.agent.name"]) == ("found", "scout")
    assert _parent(captured, captured.one("execute_tool look_up")) == "invoke_agent scout"
    assert _parent(captured, captured.one("invoke_agent scout")) == "invoke_agent clerk"
    assert {(span.attributes or {})["session.id"] for span in captured.all} == {"s"}
    assert not any(GAP in (span.attributes or {}) for span in captured.all)
    assert [(span.start_time, span.end_time) for span in captured.all] == [
        (1001, 1002),
        (1004, 1005),
        (1003, 1006),
        (1000, 1007),
    ]


def test_an_end_before_its_start_is_still_one_span(captured: FinishedSpans, hooks: SessionHooks) -> None:
    """Hooks that overtake each other lose nothing: arguments and result meet on one span, marked."""
    hooks.session_start("s")
    hooks.after_tool_call("s", "c1", result="found")
    assert captured.names == []
    hooks.before_tool_call("s", "c1", "look_up", arguments="{}")
    sent = captured.attributes("execute_tool look_up")
    assert (sent["gen_ai.tool.call.arguments"], sent["gen_ai.tool.call.result"]) == ("{}", "found")
    assert sent[GAP] == "out_of_order"
    span = captured.one("execute_tool look_up")
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.start_time <= span.end_time


def test_what_never_ended_ends_with_its_session(spans: FinishedSpans, hooks: SessionHooks) -> None:
    """Open calls and sub-agents end at session end, marked and not as failures: nobody knows how they went."""
    hooks.session_start("s", agent_name="clerk")
    hooks.subagent_spawning("s", "sub", "scout")
    hooks.llm_input("s", "l1", "gpt-5", parent_id="sub")
    hooks.session_end("s")
    for name in ("chat gpt-5", "invoke_agent scout"):
        assert spans.attributes(name)[GAP] == "missing_end"
        assert spans.one(name).status.status_code is StatusCode.UNSET
    assert GAP not in spans.attributes("invoke_agent clerk")


def test_what_never_started_is_recorded_all_the_same(spans: FinishedSpans, hooks: SessionHooks) -> None:
    """A runtime that only tells of ends still gets its calls, usage included, marked at session end."""
    hooks.llm_output("s", "l1", model="gpt-5", usage={"input_tokens": 5, "output_tokens": 1})
    hooks.after_tool_call("s", "c1", name="look_up")
    hooks.session_end("s")
    sent = spans.attributes("chat")
    assert (sent["gen_ai.usage.input_tokens"], sent["gen_ai.response.model"]) == (5, "gpt-5")
    assert "gen_ai.request.model" not in sent
    for name in ("chat", "execute_tool look_up", "invoke_agent"):
        assert spans.attributes(name)[GAP] == "missing_start"


def test_a_session_start_that_was_overtaken_still_names_the_session(spans: FinishedSpans, hooks: SessionHooks) -> None:
    """Labels that come after the first call are on the session's span, and later calls have its agent."""
    hooks.llm_input("s", "l1", "gpt-5")
    hooks.session_start("s", agent_name="clerk", task_id="t-1")
    hooks.llm_input("s", "l2", "gpt-6")
    hooks.session_end("s")
    root = spans.attributes("invoke_agent clerk")
    assert (root["clawtrace.task.id"], root[GAP]) == ("t-1", "out_of_order")
    assert spans.attributes("chat gpt-6")["gen_ai.agent.name"] == "clerk"


def test_duplicates_count_once(spans: FinishedSpans, hooks: SessionHooks) -> None:
    """A hook that comes twice makes no second span, and the first end stays."""
    for _ in range(2):
        hooks.session_start("s", agent_name="clerk")
    for _ in range(2):
        hooks.before_tool_call("s", "c1", "look_up")
    for error in (None, "late"):
        hooks.after_tool_call("s", "c1", error=error)
    for _ in range(2):
        hooks.session_end("s")
    assert spans.names == ["execute_tool look_up", "invoke_agent clerk"]
    assert spans.one("execute_tool look_up").status.status_code is StatusCode.UNSET


def test_an_id_may_be_used_again(spans: FinishedSpans, hooks: SessionHooks) -> None:
    """Runtimes that number calls per turn reuse ids; after an end the same id is a new call."""
    hooks.session_start("s")
    for _ in range(3):
        hooks.before_tool_call("s", "call_0", "look_up")
        hooks.after_tool_call("s", "call_0")
    hooks.session_end("s")
    assert spans.names.count("execute_tool look_up") == 3


def test_a_hook_after_the_end_opens_nothing(
    spans: FinishedSpans, hooks: SessionHooks, caplog: pytest.LogCaptureFixture
) -> None:
    """A late hook is logged and dropped; a new start of the session is a resumption in a trace of its own."""
    hooks.session_start("s")
    hooks.session_end("s")
    hooks.llm_output("s", "l1", usage={"input_tokens": 5})
    assert "came after the end of session s" in caplog.text
    hooks.session_start("s")
    hooks.session_end("s")
    hooks.close()
    first, second = spans.all
    assert first.context.trace_id != second.context.trace_id
    assert spans.names == ["invoke_agent", "invoke_agent"]


def test_errors_are_on_the_span(spans: FinishedSpans, hooks: SessionHooks) -> None:
    """An exception gives its class, a message the convention's catch-all."""
    hooks.session_start("s")
    hooks.before_tool_call("s", "c1", "a")
    hooks.after_tool_call("s", "c1", error=ValueError("bad"))
    hooks.before_tool_call("s", "c2", "b")
    hooks.after_tool_call("s", "c2", error="exit 7")
    hooks.session_end("s", error="gave up")
    kinds = [(span.attributes or {})["error.type"] for span in spans.all]
    assert kinds == ["ValueError", "_OTHER", "_OTHER"]
    assert all(span.status.status_code is StatusCode.ERROR for span in spans.all)


def test_a_parent_that_has_ended_is_still_the_parent(spans: FinishedSpans, hooks: SessionHooks) -> None:
    """A call that a finished tool or sub-agent left behind stays below it."""
    hooks.session_start("s")
    hooks.before_tool_call("s", "c1", "delegate")
    hooks.after_tool_call("s", "c1")
    hooks.llm_input("s", "l1", "m", parent_id="c1")
    hooks.session_end("s")
    assert _parent(spans, spans.one("chat m")) == "execute_tool delegate"


def test_memory_is_bounded(spans: FinishedSpans, hooks: SessionHooks) -> None:
    """Ends that wait for a start in vain are recorded before they pile up, and each of them once."""
    for number in range(WAITING + 10):
        hooks.after_tool_call("s", str(number), name="t")
    assert len(spans.all) == 10
    hooks.session_end("s")
    assert spans.names.count("execute_tool t") == WAITING + 10
    assert REMEMBERED > WAITING


@pytest.mark.parametrize(
    "call",
    [
        lambda hooks: hooks.session_start(),
        lambda hooks: hooks.session_start("s", nonsense=1, attributes=3),
        lambda hooks: hooks.llm_input(None, None, object(), provider=3),
        lambda hooks: hooks.llm_output("s", "l1", usage=7),
        lambda hooks: hooks.llm_output("s", [], usage={"input_tokens": "many"}, finish_reasons=object()),
        lambda hooks: hooks.before_tool_call("s", "c1", "t", attributes={"x": object()}),
        lambda hooks: hooks.before_tool_call("s", "c1", "t", arguments=object(), parent_id={}),
        lambda hooks: hooks.session_start("\ud800", agent_name="\ud800"),
        lambda hooks: hooks.session_end(object()),
        lambda hooks: hooks.subagent_ended("s", "x", error=object()),
    ],
)
def test_nonsense_never_reaches_the_agent(
    spans: FinishedSpans, hooks: SessionHooks, call: Callable[[Any], None]
) -> None:
    """Wrong arguments are logged; the agent goes on and what was open still ends."""
    hooks.session_start("s", agent_name="clerk")
    call(hooks)
    hooks.session_end("s")
    hooks.close()
    assert "invoke_agent clerk" in spans.names


STEPS = st.sampled_from(
    [
        "session_start",
        "session_end",
        "llm_input",
        "llm_output",
        "before_tool_call",
        "after_tool_call",
        "subagent_spawning",
        "subagent_ended",
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(st.tuples(STEPS, st.sampled_from("ab"), st.sampled_from("12")), max_size=40))
def test_any_sequence_leaks_nothing(spans: FinishedSpans, steps: list[tuple[str, str, str]]) -> None:
    """After close, everything that was started has ended, and every span of a session ended by its session's end."""
    spans.clear()
    started: list[str] = []
    hooks = SessionHooks(clock=itertools.count(1).__next__)
    for name, session_id, call_id in steps:
        arguments = [session_id] if name.startswith("session") else [session_id, call_id]
        getattr(hooks, name)(*arguments)
        started.append(name)
    hooks.close()
    roots = {span.context.span_id: span for span in spans.all if span.parent is None}
    for span in spans.all:
        assert span.end_time is not None
        root = next(root for root in roots.values() if root.context.trace_id == span.context.trace_id)
        assert root.end_time is not None
        assert span.end_time <= root.end_time
    ids = [span.context.span_id for span in spans.all]
    assert len(ids) == len(set(ids))


def test_threads_and_tasks_record_every_call_once(spans: FinishedSpans) -> None:
    """Hooks of many sessions from many threads, and from tasks, each give their one span in the right session."""
    hooks = SessionHooks()
    steps: list[Callable[[], None]] = []
    for session, call in itertools.product(range(8), range(25)):
        steps.append(partial(hooks.before_tool_call, f"s{session}", f"c{call}", f"t-{session}-{call}"))
        steps.append(partial(hooks.after_tool_call, f"s{session}", f"c{call}"))
    random.Random(7).shuffle(steps)
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(step) for step in steps]:
            done.result()

    async def in_tasks() -> None:
        await asyncio.gather(*(asyncio.to_thread(hooks.session_end, f"s{session}") for session in range(8)))

    asyncio.run(in_tasks())
    tools = [span for span in spans.all if span.name.startswith("execute_tool")]
    assert len(tools) == 200
    assert len({span.name for span in tools}) == 200
    for span in tools:
        assert (span.attributes or {})["session.id"] == f"s{span.name.split('-')[1]}"
        assert (span.attributes or {}).get(GAP) in (None, "out_of_order")
