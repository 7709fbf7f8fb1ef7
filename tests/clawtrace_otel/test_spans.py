"""The context managers: what a user's agent sends when it runs inside them."""

from __future__ import annotations

import asyncio
import contextvars
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from clawtrace_otel import AgentSpan, agent_session, model_call, sub_agent, tool_call
from tests.clawtrace_otel.conftest import CAPTURE, FinishedSpans


def test_a_session_carries_its_id_to_everything_inside(spans: FinishedSpans) -> None:
    """Session, conversation and agent are on every span of the session, and the parents are as nested."""
    with agent_session("clerk", session_id="s-1", task_id="t-9", condition="skill-v2"):
        with model_call("gpt-5", provider="openai"), tool_call("look_up", call_id="c1"):
            pass
        with trace.get_tracer("some.http.client").start_as_current_span("POST"):
            pass
    root = spans.one("invoke_agent clerk")
    assert spans.attributes("invoke_agent clerk") == {
        "session.id": "s-1",
        "gen_ai.conversation.id": "s-1",
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "clerk",
        "clawtrace.task.id": "t-9",
        "clawtrace.condition": "skill-v2",
    }
    assert {span.name: (span.attributes or {}).get("session.id") for span in spans.all} == {
        "invoke_agent clerk": "s-1",
        "chat gpt-5": "s-1",
        "execute_tool look_up": "s-1",
        "POST": "s-1",
    }
    chat, tool = spans.one("chat gpt-5"), spans.one("execute_tool look_up")
    assert chat.parent is not None
    assert tool.parent is not None
    assert (chat.parent.span_id, tool.parent.span_id) == (root.context.span_id, chat.context.span_id)
    assert (root.kind, chat.kind, tool.kind) == (SpanKind.INTERNAL, SpanKind.CLIENT, SpanKind.INTERNAL)
    assert spans.attributes("execute_tool look_up")["gen_ai.agent.name"] == "clerk"
    assert spans.attributes("execute_tool look_up")["gen_ai.tool.call.id"] == "c1"


def test_without_an_id_a_session_gets_one_and_no_conversation_is_invented(spans: FinishedSpans) -> None:
    """A made-up session id is fresh each time; the convention forbids making up a conversation's."""
    for _ in range(2):
        with agent_session("clerk") as session:
            assert session.session_id
    first, second = spans.all
    assert (first.attributes or {})["session.id"] != (second.attributes or {})["session.id"]
    assert all("gen_ai.conversation.id" not in (span.attributes or {}) for span in spans.all)


def test_nothing_of_a_session_stays_behind(spans: FinishedSpans) -> None:
    """After a session, with or without an error, the context is as before."""
    before = otel_context.get_current()
    with pytest.raises(KeyError), agent_session("clerk", session_id="s-1"):
        raise KeyError("x")
    assert otel_context.get_current() == before
    assert len(spans.all) == 1


def test_a_verdict_is_the_conventions_event(spans: FinishedSpans) -> None:
    """What an evaluator found is an event on the session's span; what was not said is left out."""
    with agent_session("clerk", session_id="s-1") as session:
        session.add_evaluation("order confirmed", passed=False, expected="confirmed", got="open")
        session.add_evaluation("tone", score=0.5, explanation="curt")
    assert [(event.name, dict(event.attributes or {})) for event in spans.one("invoke_agent clerk").events] == [
        (
            "gen_ai.evaluation.result",
            {
                "gen_ai.evaluation.name": "order confirmed",
                "gen_ai.evaluation.score.label": "fail",
                "clawtrace.evaluation.expected": "confirmed",
                "clawtrace.evaluation.got": "open",
            },
        ),
        (
            "gen_ai.evaluation.result",
            {
                "gen_ai.evaluation.name": "tone",
                "gen_ai.evaluation.score.value": 0.5,
                "gen_ai.evaluation.explanation": "curt",
            },
        ),
    ]


def test_usage_and_response_have_the_latest_names(spans: FinishedSpans) -> None:
    """Token counts and the answer's facts are on the span under the convention's names of today."""
    with model_call("gpt-5", provider="openai") as call:
        call.set_usage(
            input_tokens=1200,
            cache_read_input_tokens=1024,
            cache_write_input_tokens=100,
            output_tokens=90,
            reasoning_output_tokens=64,
        )
        call.set_response(response_id="r1", model="gpt-5-2026", finish_reasons="stop", service_tier="flex")
    assert spans.attributes("chat gpt-5") == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.response.model": "gpt-5-2026",
        "gen_ai.response.id": "r1",
        "gen_ai.response.finish_reasons": ("stop",),
        "openai.response.service_tier": "flex",
        "gen_ai.usage.input_tokens": 1200,
        "gen_ai.usage.cache_read.input_tokens": 1024,
        "gen_ai.usage.cache_write.input_tokens": 100,
        "gen_ai.usage.output_tokens": 90,
        "gen_ai.usage.reasoning.output_tokens": 64,
    }


def test_contradicting_usage_is_left_out_with_its_reason(
    spans: FinishedSpans, caplog: pytest.LogCaptureFixture
) -> None:
    """Cached tokens beyond the input mean that the input excludes them: unknown, never a wrong number."""
    with model_call("claude") as call:
        call.set_usage(input_tokens=12, cache_read_input_tokens=5000, output_tokens=7)
    sent = spans.attributes("chat claude")
    assert "gen_ai.usage.input_tokens" not in sent
    assert sent["gen_ai.usage.output_tokens"] == 7
    assert "uncached_input_tokens" in str(sent["clawtrace.usage.rejected"])
    assert "uncached_input_tokens" in caplog.text


@pytest.mark.parametrize("switch", ["", "false", "NO_CONTENT", "EVENT_ONLY", "nonsense"])
def test_content_stays_home_unless_asked_for(
    spans: FinishedSpans, monkeypatch: pytest.MonkeyPatch, switch: str
) -> None:
    """No value of the switch but those for spans lets a message, an argument or a result out."""
    monkeypatch.setenv(CAPTURE, switch)
    _say_everything()
    assert not [value for span in spans.all for value in (span.attributes or {}).values() if "secret" in str(value)]


@pytest.mark.parametrize("switch", ["true", "SPAN_ONLY", "span_and_event"])
def test_content_is_sent_on_request(spans: FinishedSpans, monkeypatch: pytest.MonkeyPatch, switch: str) -> None:
    """The switch lets through what was said, in the convention's message shape."""
    monkeypatch.setenv(CAPTURE, switch)
    _say_everything()
    chat, tool = spans.attributes("chat m"), spans.attributes("execute_tool t")
    assert json.loads(str(chat["gen_ai.input.messages"])) == [
        {"role": "user", "parts": [{"type": "text", "content": "secret question"}]}
    ]
    assert json.loads(str(chat["gen_ai.system_instructions"])) == [{"type": "text", "content": "secret rules"}]
    assert json.loads(str(chat["gen_ai.output.messages"])) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "secret answer"}]}
    ]
    assert json.loads(str(tool["gen_ai.tool.call.arguments"])) == {"key": "secret"}
    assert tool["gen_ai.tool.call.result"] == "secret result"


def _say_everything() -> None:
    with agent_session("a") as session:
        with model_call("m", input_messages="secret question", system_instructions="secret rules") as call:
            call.set_response(output_messages="secret answer")
        with tool_call("t", arguments={"key": "secret"}) as tool:
            tool.set_result("secret result")
        session.set_output("secret answer")


def test_an_exception_fails_the_span_and_goes_on(spans: FinishedSpans) -> None:
    """The agent sees its own exception; the span has error status, the class and the event."""
    with pytest.raises(TimeoutError), tool_call("slow"):
        raise TimeoutError("took too long")
    span = spans.one("execute_tool slow")
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "TimeoutError"
    assert [event.name for event in span.events] == ["exception"]


def test_a_cancelled_call_has_failed(spans: FinishedSpans) -> None:
    """Cancellation is no Exception in Python, and still the call did not do what it was for."""

    async def cancelled() -> None:
        async with model_call("m"):
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    assert (spans.one("chat m").attributes or {})["error.type"] == "asyncio.exceptions.CancelledError"


def test_a_stream_closed_early_has_not_failed(spans: FinishedSpans) -> None:
    """A reader that stops reading closes the generator; that is no error of the model."""

    def stream() -> Iterator[int]:
        with model_call("m"):
            yield 1
            yield 2

    reading = stream()
    next(reading)
    reading.close()  # type: ignore[attr-defined]
    assert spans.one("chat m").status.status_code is StatusCode.UNSET


def test_a_tool_that_answers_with_an_error_is_marked(spans: FinishedSpans) -> None:
    """A tool may fail without raising; the message is the status, the type the convention's catch-all."""
    with tool_call("t") as tool:
        tool.fail("no such file")
    span = spans.one("execute_tool t")
    assert (span.attributes or {})["error.type"] == "_OTHER"
    assert span.status.description == "no such file"


def test_tasks_keep_their_sessions_apart(spans: FinishedSpans) -> None:
    """Sessions that run at once in asyncio tasks do not see each other."""

    async def run(number: int) -> None:
        async with agent_session("a", session_id=f"s-{number}"), sub_agent(f"helper-{number}"):
            await asyncio.sleep(0)
            async with asyncio.timeout(5), model_call(f"m-{number}"):
                await asyncio.to_thread(_call_tool, number)

    async def main() -> None:
        await asyncio.gather(*(run(number) for number in range(10)))

    asyncio.run(main())
    for number in range(10):
        for name in (f"chat m-{number}", f"execute_tool t-{number}", f"invoke_agent helper-{number}"):
            assert spans.attributes(name)["session.id"] == f"s-{number}"
            assert spans.attributes(name)["gen_ai.agent.name"] == f"helper-{number}"


def _call_tool(number: int) -> None:
    with tool_call(f"t-{number}"):
        pass


def test_threads_join_a_session_by_activate_or_by_context(spans: FinishedSpans) -> None:
    """A new thread knows nothing of its caller; `activate` or Python's own context copy takes it in."""

    def work(session: AgentSpan) -> None:
        with session.activate(), tool_call("activated"):
            pass

    with agent_session("a", session_id="s-1") as session:
        thread = threading.Thread(target=work, args=(session,))
        thread.start()
        thread.join()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(contextvars.copy_context().run, _call_tool, 7).result()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(_call_tool, 8).result()
    assert spans.attributes("execute_tool activated")["session.id"] == "s-1"
    assert spans.attributes("execute_tool t-7")["session.id"] == "s-1"
    assert "session.id" not in spans.attributes("execute_tool t-8")


class _Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no text for you")


def test_content_that_cannot_be_written_costs_only_itself(
    captured: FinishedSpans, caplog: pytest.LogCaptureFixture
) -> None:
    """Objects that raise, circles, NaN and lone surrogates never reach the agent as an exception."""
    circle: list[object] = []
    circle.append(circle)
    for number, value in enumerate((_Hostile(), circle, float("nan"), {"a": _Hostile()})):
        with tool_call(f"t{number}", arguments=value) as tool:
            tool.set_result(value)
        assert "gen_ai.tool.call.result" not in captured.attributes(f"execute_tool t{number}")
    with model_call("m", input_messages=_Hostile(), tool_definitions=7, system_instructions=[{"type": 3}]):
        pass
    with tool_call("\ud800", call_id="\ud800", arguments="\ud800"):
        pass
    assert captured.attributes("execute_tool ?")["gen_ai.tool.call.arguments"] == "?"
    assert "was not recorded" in caplog.text
