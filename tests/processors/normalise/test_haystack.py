"""Haystack's own tracing, of versions 2 and 3, against recorded runs and spans built by hand from them."""

from __future__ import annotations

import json

import pytest

from collector.model import AttributeValue, Span
from tests.processors.normalise.counting import KINDS, Counted, counted, served_tools, spans_of
from tests.processors.support import load_recording, load_truth

_MAKE = spans_of("my-application")
_REQUEST = {"tool_name": "look", "arguments": {"at": "x"}, "id": "call_1"}
_USAGE = {"prompt_tokens": 40, "completion_tokens": 8, "total_tokens": 48}


def run(name: str) -> Counted:
    """Return a recording as normalised."""
    return counted(*load_recording(name))


def component(kind: str, given: object, answer: object) -> Span:
    """Return the run of a component with its content."""
    sent: dict[str, AttributeValue] = {
        "haystack.component.type": kind,
        "haystack.component.input": json.dumps(given),
        "haystack.component.output": json.dumps(answer),
    }
    return _MAKE(2, "haystack.component.run", sent, at=(1, 2))


@pytest.mark.parametrize("name", ["haystack", "haystack-2"])
def test_runs_are_as_they_were_served(name: str) -> None:
    """Calls, tokens, tools and the agent inside a tool are those that the model server knows of."""
    found, truth = run(name), load_truth(name)
    assert len(found.sessions) == 1
    assert len(found.answered) == truth["llm_calls"]
    assert found.requested() == served_tools(truth)
    assert [agent.is_sub_agent for agent in found.agents] == [False, True]
    for kind in (*KINDS[:2], *KINDS[3:]):
        assert found.tokens(kind) == truth[kind]


def test_without_content_calls_are_counted_and_tokens_unknown() -> None:
    """A call whose content is off has no attributes: it is one call of an unknown model and unknown usage."""
    (call,) = counted([_MAKE(1, "haystack.agent.run", {}), _MAKE(2, "haystack.agent.step.llm", {}, parent=1)]).calls
    assert (call.model, call.usage) == (None, None)


def test_the_tools_of_a_step_are_a_tool_where_there_is_one() -> None:
    """The span that runs all tools of a step is that of the one tool, which failed if its answer says so."""
    asked = {"role": "assistant", "content": [{"tool_call": _REQUEST}]}
    told = {"tool_call_result": {"result": "down", "origin": _REQUEST, "error": True}}
    answer = {"tool_messages": [{"role": "tool", "content": [told]}]}
    (tool,) = counted([component("ToolInvoker", {"messages": [asked]}, answer)]).tools
    assert (tool.name, tool.tool_call_id, tool.arguments) == ("look", "call_1", '{"at":"x"}')
    assert tool.error is not None
    assert tool.error.message == "down"


def test_the_tools_of_a_step_are_no_tool_where_they_are_more() -> None:
    """Which of several tools a failure or a result belongs to, the span around them all does not say."""
    asked = {"role": "assistant", "content": [{"tool_call": _REQUEST}, {"tool_call": {**_REQUEST, "id": "call_2"}}]}
    assert not counted([component("ToolInvoker", {"messages": [asked]}, {})]).tools


def test_generators_without_roles_are_calls() -> None:
    """A generator of plain text tells its model and usage beside the replies."""
    answer = {"replies": ["Paris"], "meta": [{"model": "gpt-5-2025-08-07", "usage": _USAGE}]}
    (call,) = counted([component("OpenAIGenerator", {"prompt": "which?"}, answer)]).calls
    assert (call.provider, call.model) == ("openai", "gpt-5-2025-08-07")
    assert call.usage is not None
    assert call.usage.input_tokens == 40


def test_messages_of_earlier_releases_are_read() -> None:
    """Fields of messages once began with an underscore."""
    meta = {"model": "gpt-5-2025-08-07", "usage": _USAGE}
    reply = {"_role": "assistant", "_content": [{"text": "Paris"}], "_meta": meta}
    (call,) = counted([component("AzureOpenAIChatGenerator", {"messages": []}, {"replies": [reply]})]).calls
    assert call.provider == "azure.ai.openai"
    assert call.usage is not None
    assert call.output_messages is not None
