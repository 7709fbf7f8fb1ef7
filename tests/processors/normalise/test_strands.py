"""AWS Strands, against the recording of release 1.62."""

from __future__ import annotations

from dataclasses import replace

import pytest

from collector.model import AttributeValue, Event
from processors.normalise.usage import CACHED_NOT_SENT
from tests.processors.normalise.counting import KINDS, counted, recorded, served_tools, spans_of


def test_calls_tools_and_session_are_those_that_were_served() -> None:
    """One session, though the sub-agent's spans do not carry its key; the failed tool is the one that failed."""
    found, truth = recorded("strands-openai")
    assert len(found.calls) == truth["llm_calls"]
    assert found.requested() == served_tools(truth)
    assert {tool.tool_call_id for tool in found.tools} == {tool["id"] for tool in truth["tools"]}
    assert found.failed_tools == truth["failed_tool_calls"]
    assert [session.session_id for session in found.sessions] == ["sess-1"]
    assert {step.dialect for step in found.steps} == {"strands"}


@pytest.mark.parametrize("kind", ["input_tokens", "cache_read_input_tokens", "output_tokens"])
def test_tokens_are_those_that_were_served(kind: str) -> None:
    """An agent's own counts under the same names are not added."""
    found, truth = recorded("strands-openai")
    assert found.tokens(kind) == truth[kind]


def test_reasoning_is_unknown() -> None:
    """The producer does not tell reasoning from other output: None, and the session says so."""
    found, truth = recorded("strands-openai")
    assert truth["reasoning_output_tokens"] > 0
    assert found.tokens("reasoning_output_tokens") is None
    assert any("reasoning" in gap for gap in found.sessions[0].gaps)


def test_the_framework_is_not_the_vendor() -> None:
    """The provider is the one that the model's name speaks of."""
    found, _ = recorded("strands-openai")
    assert {call.provider for call in found.calls} == {"openai"}


def test_the_sub_agent_stands_under_the_tool_that_called_it() -> None:
    """The delegating tool and the agent in it are told apart by the span tree."""
    found, truth = recorded("strands-openai")
    subs = [agent for agent in found.agents if agent.is_sub_agent]
    assert len(found.agents) == 2
    tools = {tool.step_id: tool.tool_call_id for tool in found.tools}
    assert [tools.get(agent.parent_step_id or "") for agent in subs] == [each["id"] for each in truth["delegations"]]


def test_every_result_is_read() -> None:
    """Results stand in span events, as content blocks."""
    found, _ = recorded("strands-openai")
    assert None not in {tool.result for tool in found.tools}


def test_an_agent_without_calls_counts_its_own_usage() -> None:
    """Where the calls beneath were not sent, the agent's counts are all there is, and are counted once."""
    sent = {
        "gen_ai.operation.name": "invoke_agent", "gen_ai.system": "strands-agents", "gen_ai.agent.name": "a",
        "gen_ai.request.model": "gpt-4o-mini", "gen_ai.usage.input_tokens": 70, "gen_ai.usage.output_tokens": 7,
    }  # fmt: skip
    found = counted([spans_of("strands.telemetry.tracer")(1, "invoke_agent a", sent)])
    assert [found.tokens(kind) for kind in KINDS][::3] == [70, 7]


def details(**messages: str) -> Event:
    """Return the event that holds a span's messages since the conventions of 2025."""
    return Event(
        "gen_ai.client.inference.operation.details",
        attributes={f"gen_ai.{key}.messages": value for key, value in messages.items()},
    )


def test_content_in_the_event_of_the_latest_conventions() -> None:
    """With the opt-in, prompts, answers, arguments and results stand in one span event per direction."""
    make = spans_of("strands.telemetry.tracer")
    asked = (
        '[{"role": "tool", "parts": [{"type": "tool_call", "name": "look", "id": "t1", "arguments": {"path": "a"}}]}]'
    )
    given = (
        '[{"role": "tool", "parts": [{"type": "tool_call_response", "id": "t1", "response": [{"text": "7 rows"}]}]}]'
    )
    tool = make(1, "execute_tool look", {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look"})
    chat = make(2, "chat", {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5"}, at=(20, 30))
    said = '[{"role": "assistant", "parts": [{"type": "text", "content": "Done."}]}]'
    user = '[{"role": "user", "parts": [{"type": "text", "content": "Go."}]}]'
    found = counted(
        [
            replace(tool, events=(details(input=asked), details(output=given))),
            replace(chat, events=(details(input=user), details(output=said))),
        ]
    )
    assert [(run.arguments, run.result) for run in found.tools] == [('{"path":"a"}', "7 rows")]
    assert [(call.input_messages is None, call.output_messages is None) for call in found.calls] == [(False, False)]


@pytest.mark.parametrize(("given", "total"), [(100, 1150), (1100, 1150)])
def test_older_releases_passed_on_bedrocks_counts(given: int, total: int) -> None:
    """Whether the input count includes 1000 cached tokens is told by the total: it is 1100 either way."""
    sent: dict[str, AttributeValue] = {
        "gen_ai.operation.name": "chat", "gen_ai.system": "strands-agents",
        "gen_ai.request.model": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "gen_ai.usage.input_tokens": given, "gen_ai.usage.prompt_tokens": given, "gen_ai.usage.output_tokens": 50,
        "gen_ai.usage.total_tokens": total, "gen_ai.usage.cache_read_input_tokens": 900,
        "gen_ai.usage.cache_write_input_tokens": 100,
    }  # fmt: skip
    found = counted([spans_of("strands.telemetry.tracer")(1, "chat", sent)])
    assert [found.tokens(kind) for kind in KINDS[:4]] == [1100, 900, 100, 50]


OLD: dict[str, AttributeValue] = {
    "gen_ai.operation.name": "chat", "gen_ai.system": "strands-agents", "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.usage.input_tokens": 2000, "gen_ai.usage.output_tokens": 50, "gen_ai.usage.total_tokens": 2050,
}  # fmt: skip


@pytest.mark.parametrize("zeros", [{}, {"gen_ai.usage.cache_read_input_tokens": 0}])
def test_older_releases_did_not_read_what_was_cached(zeros: dict[str, AttributeValue]) -> None:
    """Releases that send no cached tokens, or a zero under the old name alone, leave them unknown."""
    span = spans_of("strands.telemetry.tracer")(1, "chat", OLD | zeros)
    found = counted([replace(span, kind=3)])
    assert [(call.usage_missing, found.tokens(KINDS[1])) for call in found.calls] == [(CACHED_NOT_SENT, None)]


def test_releases_that_read_what_was_cached_tell_the_system_prompt() -> None:
    """Without it a call's cached tokens are unknown, unless another call of the session tells some."""
    spans = spans_of("strands.telemetry.tracer")
    silent, other = spans(1, "chat", OLD), spans(3, "chat", OLD | {"gen_ai.usage.cache_read_input_tokens": 900})
    told = replace(silent, events=(Event("gen_ai.system.message", attributes={"content": "Be brief."}),))
    assert [call.usage_missing for call in counted([silent]).calls] == [CACHED_NOT_SENT]
    assert [call.usage_missing for call in counted([told]).calls] == [None]
    assert [call.usage_missing for call in counted([silent, other]).calls] == [None, None]


def test_older_releases_tell_a_failure_under_the_status_of_the_tool() -> None:
    """`tool.status` is what is `gen_ai.tool.status` today."""
    sent = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look", "tool.status": "error"}
    found = counted([spans_of("strands.telemetry.tracer")(1, "Tool: look", sent)])
    assert [tool.error is not None for tool in found.tools] == [True]
