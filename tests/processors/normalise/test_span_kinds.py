"""SDKs that name the kind of a span themselves, built by hand from the attributes of recorded runs."""

from __future__ import annotations

import json

import pytest

from collector.model import AttributeValue
from processors.normalise.usage import CACHED_NOT_SENT
from tests.processors.normalise.counting import KINDS, counted, served_tools, spans_of
from tests.processors.support import load_recording, load_truth

_MAKE = spans_of("some.vendor")
_MODEL: dict[str, AttributeValue] = {"gen_ai.request.model": "openai/gpt-5", "gen_ai.usage.prompt_tokens": 40}


@pytest.mark.parametrize(
    ("name", "agent", "tool"),
    [
        ("langwatch.span.type", "agent", "tool"),
        ("lmnr.span.type", "AGENT", "TOOL"),
        ("agentops.span.kind", "agent", "tool"),
        ("gen_ai.span.kind", "AGENT", "TOOL"),
    ],
)
def test_the_vendors_kind_is_believed(name: str, agent: str, tool: str) -> None:
    """A decorated function is the agent or the tool that it is said to be, called like its span."""
    spans = [_MAKE(1, "analyst", {name: agent}), _MAKE(2, "look", {name: tool}, parent=1, at=(1, 2))]
    found = counted([*spans, _MAKE(3, "chain", {name: "chain"}, parent=1, at=(2, 3))])
    assert [run.name for run in found.agents] == ["analyst"]
    assert [run.name for run in found.tools] == ["look"]


def test_an_operation_of_the_conventions_goes_before_the_kind() -> None:
    """Where a span says both, the conventions' word counts."""
    sent = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look", "gen_ai.span.kind": "CHAIN"}
    assert len(counted([_MAKE(1, "x", sent)]).tools) == 1


def test_a_request_is_no_run_of_a_tool() -> None:
    """AgentOps has spans of the requests in an answer, which it calls tools as well."""
    call = _MAKE(1, "openai.chat.completion", {**_MODEL, "gen_ai.operation.name": "chat"})
    sent = {"agentops.span.kind": "AgentOpsSpanKindValues.TOOL", "tool.name": "look"}
    assert not counted([call, _MAKE(2, "tool_call.look", sent, parent=1)]).tools


@pytest.mark.parametrize(
    "sent",
    [
        {"langwatch.span.type": "tool", "langwatch.input": '{"type": "json", "value": {"path": "a"}}'},
        {"lmnr.span.type": "TOOL", "lmnr.span.input": '{"path": "a"}'},
        {"agentops.span.kind": "tool", "agentops.tool.input": '{"args": [], "kwargs": {"path": "a"}}'},
        {"gen_ai.span.kind": "TOOL", "input.value": '{"path": "a"}'},
    ],
    ids=["langwatch", "lmnr", "agentops", "gen_ai"],
)
def test_arguments_come_without_their_wrapper(sent: dict[str, AttributeValue]) -> None:
    """What a tool was called with is the same whoever wraps it."""
    (tool,) = counted([_MAKE(1, "look", sent)]).tools
    assert tool.arguments == '{"path":"a"}'


def test_a_tool_in_one_that_has_ended_is_another() -> None:
    """Where an exception leaves the context open, a second run hangs under the first, which it cannot be again."""
    first = _MAKE(1, "look", {"lmnr.span.type": "TOOL"}, at=(0, 1), status=2)
    again = _MAKE(2, "look", {"lmnr.span.type": "TOOL"}, parent=1, at=(2, 3))
    assert len(counted([first, again]).tools) == 2


def test_messages_may_be_flattened() -> None:
    """Names of the conventions may hold messages spelled out attribute by attribute."""
    sent = {
        **_MODEL,
        "gen_ai.span.kind": "LLM",
        "gen_ai.input.messages.0.message.role": "user",
        "gen_ai.input.messages.0.message.content": "which?",
    }
    (call,) = counted([_MAKE(1, "ChatCompletion", sent)]).calls
    assert call.input_messages is not None
    assert call.input_messages[0].role == "user"


def test_a_recorded_run_of_langwatch() -> None:
    """Calls, tools and agents are those that were served; a price there is not, as cached tokens were not sent."""
    found, truth = counted(*load_recording("langwatch")), load_truth("langwatch")
    assert len(found.answered) == truth["llm_calls"]
    assert found.requested() == served_tools(truth)
    assert [agent.is_sub_agent for agent in found.agents] == [False, True]
    assert [found.tokens(kind) for kind in (KINDS[0], *KINDS[3:])] == [truth[kind] for kind in (KINDS[0], *KINDS[3:])]
    assert {call.usage_missing for call in found.calls} == {CACHED_NOT_SENT}


def test_reasoning_stands_in_langwatchs_metrics() -> None:
    """The conventions' counts come without it."""
    sent: dict[str, AttributeValue] = {
        **_MODEL,
        "langwatch.span.type": "llm",
        "gen_ai.usage.completion_tokens": 72,
        "langwatch.metrics": json.dumps({"prompt_tokens": 40, "completion_tokens": 72, "reasoning_tokens": 64}),
    }
    assert counted([_MAKE(1, "llm", sent)]).tokens("reasoning_output_tokens") == 64
