"""OpenLIT, against the recording of release 1.45."""

from __future__ import annotations

from dataclasses import replace

import pytest

from processors.normalise import normalise
from processors.normalise.dialects.openlit import MAYBE_ESTIMATED
from processors.normalise.usage import ESTIMATED
from tests.processors.normalise.counting import KINDS, Counted, counted, recorded, served_tools, spans_of
from tests.processors.support import load_recording


def test_calls_and_tools_are_those_that_were_served() -> None:
    """Every answered call and every tool in the messages is counted once, though logs repeat all of them."""
    found, truth = recorded("openlit")
    assert len(found.answered) == truth["llm_calls"]
    assert len(found.calls) - len(found.answered) == len(truth["llm_http_errors"])
    assert found.requested() == served_tools(truth)
    assert found.failed_tools == truth["failed_tool_calls"]
    assert len(found.sessions) == 1
    assert {step.dialect for step in found.steps} == {"openlit"}


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "gpt-5"])
@pytest.mark.parametrize("kind", KINDS)
def test_tokens_of_each_vendor_are_those_that_were_served(model: str, kind: str) -> None:
    """Anthropic's input count leaves cached tokens out, OpenAI's does not: both become the whole."""
    found, truth = recorded("openlit")
    names = {
        "input_tokens": "input_total", "cache_read_input_tokens": "cache_read", "cache_write_input_tokens":
        "cache_write", "output_tokens": "output_total", "reasoning_output_tokens": "reasoning",
    }  # fmt: skip
    calls = [call for call in found.calls if (call.model or "").startswith(model) and call.usage is not None]
    assert calls
    assert sum(getattr(call.usage, kind) or 0 for call in calls) == truth["tokens_by_model"][model][names[kind]]


def test_an_estimate_is_not_a_count() -> None:
    """The streamed call to which no usage was sent has none here: neither its span's nor its log record's estimate."""
    found, truth = recorded("openlit")
    unknown = [call for call in found.answered if call.usage is None]
    assert [call.usage_missing for call in unknown] == [ESTIMATED]
    assert len(unknown) == truth["streamed_without_usage"]


def test_a_streamed_call_with_usage_keeps_it() -> None:
    """Streaming alone is no reason to doubt the counts."""
    found, _ = recorded("openlit")
    streamed = {
        span.span_id
        for span in load_recording("openlit")[0]
        if span.attributes.get("gen_ai.request.stream") and "gen_ai.usage.cache_read.input_tokens" in span.attributes
    }
    usages = [call.usage for call in found.calls if call.span_id in streamed]
    assert len(usages) == len(streamed) > 0
    assert None not in usages


def test_spans_alone_give_the_same_counts() -> None:
    """Log records add nothing to what the spans say."""
    spans, _ = load_recording("openlit")
    both, _ = recorded("openlit")
    alone = Counted(normalise(spans))
    assert len(alone.calls) == len(both.calls)
    assert [alone.tokens(kind) for kind in KINDS] == [both.tokens(kind) for kind in KINDS]


def test_the_agent_sdk_counts_cached_tokens_in() -> None:
    """The Claude Agent SDK's instrumentation adds cached tokens up before it sends the input count."""
    sent = {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-sonnet-4-5",
        "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 5, "gen_ai.usage.cache_read.input_tokens": 900,
        "gen_ai.usage.cache_creation.input_tokens": 50,
    }  # fmt: skip
    span = spans_of("openlit.instrumentation.claude_agent_sdk")(1, "chat", sent)
    assert counted([span]).tokens("input_tokens") == 1000
    native = replace(span, scope=replace(span.scope, name="openlit.instrumentation.anthropic"))
    assert counted([native]).tokens("input_tokens") == 1950


def test_records_without_their_spans_say_that_they_may_be_estimates() -> None:
    """A record does not tell an estimate from a count; with its span, which does, nothing is noted."""
    _, logs = load_recording("openlit")
    assert {call.note for call in Counted(normalise((), logs)).calls} == {MAYBE_ESTIMATED}
    both, _ = recorded("openlit")
    assert {call.note for call in both.calls} == {None}


def test_another_instrumentations_count_replaces_an_estimate() -> None:
    """Where a second instrumentation saw the same call with the provider's counts, those are taken."""
    sent = {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.response.id": "r-1", "gen_ai.request.stream": True, "gen_ai.usage.input_tokens": 13,
        "gen_ai.usage.output_tokens": 6,
    }  # fmt: skip
    estimate = spans_of("openlit.instrumentation.openai")(1, "chat gpt-4o-mini", sent)
    served = {**sent, "gen_ai.usage.input_tokens": 1213, "gen_ai.usage.cache_read.input_tokens": 1152}
    second = spans_of("opentelemetry.instrumentation.other")(2, "chat gpt-4o-mini", served, parent=1, at=(1, 9))
    assert counted([estimate]).tokens("input_tokens") is None
    found = counted([estimate, second])
    assert len(found.calls) == 1
    assert found.tokens("input_tokens") == 1213


def test_a_graph_is_the_agent_and_its_nodes_are_none() -> None:
    """OpenLIT calls LangGraph's nodes agents; tools and requests belong to the graph around them."""
    graph, chain = spans_of("openlit.instrumentation.langgraph"), spans_of("openlit.instrumentation.langchain")
    asked = '[{"role": "assistant", "parts": [{"type": "tool_call", "id": "call_1", "name": "look", "arguments": {}}]}]'
    call = {
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5", "gen_ai.usage.input_tokens": 9,
        "gen_ai.usage.output_tokens": 1, "gen_ai.output.messages": asked,
    }  # fmt: skip
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look", "gen_ai.tool.call.id": "run-7"}
    spans = [
        graph(1, "g", {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": "analyst"}, at=(0, 20)),
        graph(2, "n", {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "model"}, parent=1, at=(1, 5)),
        chain(3, "chat gpt-5", call, parent=2, at=(2, 4)),
        chain(4, "execute_tool look", tool, parent=1, at=(6, 7), status=2),
    ]
    found = counted(spans)
    assert [(agent.name, agent.is_sub_agent) for agent in found.agents] == [("analyst", False)]
    assert [(tool.name, tool.requested_by is not None) for tool in found.tools] == [("look", True)]
