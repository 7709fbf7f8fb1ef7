"""OpenLLMetry, as its instrumentations really sent it for runs against a scripted model server, without a root span.

The runs are three calls of which two ask for a tool; what the server served stands beside the tests.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from collector.model import Span
from processors.model import Usage
from processors.normalise.dialects.openllmetry import ONE_TOO_MANY
from processors.normalise.usage import CACHED_NOT_SENT
from tests.processors.normalise.counting import counted, spans_of
from tests.processors.support import load_export

STREAMED = "opentelemetry-instrumentation-anthropic-0.62.4"
"""Anthropic streams, beside the SDK's own spans: every span is the root of a trace of its own."""
AGENTS = "opentelemetry-instrumentation-openai-agents-0.62.4"
"""OpenAI's agents SDK with its own instrumentation, which sees no usage, around that of the OpenAI SDK."""
SERVED_TO_STREAMS = [(35, 15), (83, 15), (131, 2)]
SERVED_TO_AGENTS = [(77, 15), (136, 15), (195, 2)]


def pairs(usages: list[Usage]) -> list[tuple[int | None, int | None]]:
    """Return input and output counts, call by call."""
    return [(usage.input_tokens, usage.output_tokens) for usage in usages]


def test_two_instrumentations_in_traces_of_their_own_are_one_session() -> None:
    """Spans of one call in two traces name one response and share its time: it counts once, in one session."""
    found = counted(load_export(STREAMED))
    assert len(found.sessions) == 1
    assert pairs(found.usages) == SERVED_TO_STREAMS
    assert [tool.result for tool in found.tools] == ["seen a.csv", "seen a.csv"]


@pytest.mark.parametrize("scope", ["com.anthropic.sdk", "opentelemetry.instrumentation"])
def test_streams_count_the_tokens_that_were_served(scope: str) -> None:
    """Each of the two tells them by itself; the one that counts one too many says that it was taken off."""
    found = counted(span for span in load_export(STREAMED) if span.scope.name.startswith(scope))
    assert pairs(found.usages) == SERVED_TO_STREAMS
    expected = {None} if scope.startswith("com") else {ONE_TOO_MANY}
    assert {call.note for call in found.calls} == expected


def test_an_answer_that_was_not_streamed_is_counted_as_sent() -> None:
    """Where the model was known before the counts, nothing is taken off."""
    span = next(span for span in load_export(STREAMED) if span.scope.name.startswith("opentelemetry"))
    plain = replace(span, attributes=dict(sorted(span.attributes.items())))
    assert pairs(counted([plain]).usages) == [(35, 16)]


def test_the_agents_sdk_around_the_openai_sdk() -> None:
    """Model spans of the agents SDK have no usage, those inside them have: three calls, one agent, two tools."""
    found = counted(load_export(AGENTS))
    assert pairs(found.usages) == SERVED_TO_AGENTS
    assert len(found.calls) == 3
    assert [agent.name for agent in found.agents] == ["reader"]
    assert [(tool.name, tool.arguments, tool.result) for tool in found.tools] == [
        ("look", '{"path":"a.csv"}', "seen a.csv")
    ] * 2


def test_the_agents_sdk_alone_has_no_tokens() -> None:
    """Without the inner instrumentation, tokens are unknown, and every call says so."""
    spans = [span for span in load_export(AGENTS) if span.scope.name.endswith("openai_agents")]
    found = counted(spans)
    assert len(found.calls) == 3
    assert found.usages == []
    assert all(call.usage_missing for call in found.calls)


_AGNO = spans_of("opentelemetry.instrumentation.agno")


def _agno_agent(number: int, given: int, parent: int | None = None) -> Span:
    sent = {
        "traceloop.span.kind": "agent",
        "gen_ai.agent.name": f"agent {number}",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.usage.input_tokens": given,
        "gen_ai.usage.output_tokens": 5,
    }
    return _AGNO(number, f"{number}.agent", sent, parent=parent, at=(number, 20 - number))


def test_agnos_agents_have_totals_of_their_own() -> None:
    """An agent's total leaves out its sub-agent's: both count, without a price, as cached tokens are dropped."""
    tool = _AGNO(2, "ask.tool", {"traceloop.span.kind": "tool", "gen_ai.tool.name": "ask"}, parent=1, at=(2, 18))
    found = counted([_agno_agent(1, 9000), tool, _agno_agent(3, 2000, parent=2)])
    assert found.tokens("input_tokens") == 11000
    assert {call.usage_missing for call in found.calls} == {CACHED_NOT_SENT}


def test_agnos_tools_print_their_failure() -> None:
    """The span of a tool that failed is in order, only its printed result is not."""
    printed = "status='failure' result=None error='rates unavailable' updated_session_state=None"
    sent = {"traceloop.span.kind": "tool", "gen_ai.tool.name": "fetch", "traceloop.entity.output": printed}
    (tool,) = counted([_AGNO(1, "fetch.tool", sent)]).tools
    assert tool.error is not None
    assert tool.error.message == "rates unavailable"


def test_llama_index_steps_that_run_a_tool_are_tools() -> None:
    """They are called tasks like all others, and name the tool."""
    sent = {"traceloop.span.kind": "task", "tool.name": "look", "tool.arguments": '{"path": "a"}'}
    (tool,) = counted([spans_of("opentelemetry.instrumentation.llamaindex")(1, "BaseWorkflowAgent.task", sent)]).tools
    assert (tool.name, tool.arguments) == ("look", '{"path":"a"}')


@pytest.mark.parametrize(
    "scope", ["opentelemetry.instrumentation.bedrock", "opentelemetry.instrumentation.botocore.bedrock-runtime"]
)
def test_bedrocks_input_leaves_out_what_is_cached(scope: str) -> None:
    """Traceloop's instrumentation and that of AWS' client pass its counts on, whatever share was cached."""
    sent = {
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "gen_ai.usage.input_tokens": 1800, "gen_ai.usage.output_tokens": 50,
        "gen_ai.usage.cache_read.input_tokens": 1500, "gen_ai.usage.cache_creation.input_tokens": 100,
    }  # fmt: skip
    [call] = counted([spans_of(scope)(1, "chat", sent)]).calls
    assert call.usage is not None
    assert (call.usage.input_tokens, call.usage.cache_read_input_tokens) == (3400, 1500)
