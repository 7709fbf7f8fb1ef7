"""OpenInference, as its instrumentation of OpenAI's agents SDK really sent a run over the chat API.

Three calls of which two ask for a tool; what the server served stands below.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest

from processors.normalise.usage import CACHED_NOT_SENT
from processors.pricing import Unpriced, price_book
from processors.pricing.session import price
from tests.processors.normalise.counting import KINDS, counted, recorded, spans_of
from tests.processors.support import load_export

CHAT = "openinference-instrumentation-openai-agents-2.6.0"
SERVED = [(77, 15), (136, 15), (195, 2)]


def test_chat_completions_come_without_their_cached_tokens() -> None:
    """Two counts are passed on of four: what was cached is unknown, which is said, and no upper bound is a price."""
    found = counted(load_export(CHAT))
    assert [(usage.input_tokens, usage.output_tokens) for usage in found.usages] == SERVED
    assert {call.usage_missing for call in found.calls} == {CACHED_NOT_SENT}
    assert found.tokens("cache_read_input_tokens") is None


def test_long_prompts_without_their_cached_tokens_have_no_price() -> None:
    """A prompt that could have been read from the cache has no price while it is not known whether it was."""
    book = price_book()
    longer = {"llm.token_count.prompt": 5000}
    spans = [
        replace(span, attributes={**span.attributes, **longer}) if longer.keys() <= span.attributes.keys() else span
        for span in load_export(CHAT)
    ]
    (session,) = counted(spans).sessions
    assert list(price(session, book).values()) == [Unpriced("usage_incomplete cached tokens")] * len(SERVED)


def test_responses_come_with_them() -> None:
    """Over the Responses API cached tokens are sent, zeros too: nothing is missing."""
    found, _ = recorded("agents-openinference-responses")
    assert Counter(call.usage_missing for call in found.calls) == {None: len(found.calls)}


def test_tools_and_agent_are_those_that_ran() -> None:
    """One agent and two tools, by their real names, arguments and results."""
    found = counted(load_export(CHAT))
    assert [agent.name for agent in found.agents] == ["reader"]
    assert [(tool.name, tool.arguments, tool.result) for tool in found.tools] == [
        ("look", '{"path":"a.csv"}', "seen a.csv")
    ] * 2


def test_what_llama_index_does_before_a_call_is_no_call() -> None:
    """Its private methods are traced as calls because of their class; a tool's arguments stand in its keywords."""
    make = spans_of("openinference.instrumentation.llama_index")
    call = {"openinference.span.kind": "LLM", "llm.model_name": "gpt-5"}
    tool = {"openinference.span.kind": "TOOL", "tool.name": "look", "input.value": '{"kwargs": {"path": "a"}}'}
    spans = [
        make(1, "OpenAI._prepare_chat_with_tools", call),
        make(2, "OpenAI.achat", {**call, "llm.token_count.prompt": 9, "llm.token_count.completion": 1}, at=(11, 12)),
        make(3, "FunctionTool.acall", tool, at=(13, 14)),
    ]
    found = counted(spans)
    assert [call.span_id for call in found.calls] == [spans[1].span_id]
    assert [tool.arguments for tool in found.tools] == ['{"path":"a"}']


def test_a_hook_of_langchains_middleware_is_no_agent() -> None:
    """Its name holds `agent`, for which the instrumentation calls it one."""
    make = spans_of("openinference.instrumentation.langchain")
    spans = [
        make(1, "analyst", {"openinference.span.kind": "AGENT"}),
        make(2, "retry.before_agent", {"openinference.span.kind": "AGENT"}, parent=1, at=(1, 2)),
    ]
    assert [agent.name for agent in counted(spans).agents] == ["analyst"]


@pytest.mark.parametrize("scope", ["autogen_agentchat", "smolagents"])
def test_instrumentations_of_agents_that_drop_cached_tokens(scope: str) -> None:
    """Two counts of a call that may have been cached leave its price unknown."""
    sent = {
        "openinference.span.kind": "LLM", "llm.model_name": "gpt-5",
        "llm.token_count.prompt": 2000, "llm.token_count.completion": 10,
    }  # fmt: skip
    found = counted([spans_of(f"openinference.instrumentation.{scope}")(1, "call", sent)])
    assert [call.usage_missing for call in found.calls] == [CACHED_NOT_SENT]


def test_a_crews_total_stands_in_its_result() -> None:
    """Where no instrumentation of a vendor saw the calls, what the crew says it used is all there is."""
    usage = {
        "prompt_tokens": 900, "cached_prompt_tokens": 500, "completion_tokens": 80, "reasoning_tokens": 64,
        "total_tokens": 980,
    }  # fmt: skip
    make = spans_of("openinference.instrumentation.crewai")
    result = json.dumps({"raw": "done", "token_usage": usage})
    spans = [
        make(1, "Crew_1.kickoff", {"openinference.span.kind": "CHAIN", "output.value": result}),
        make(2, "analyst._execute_core", {"openinference.span.kind": "AGENT"}, parent=1, at=(1, 2)),
    ]
    found = counted(spans)
    assert [found.tokens(kind) for kind in KINDS] == [900, 500, None, 80, 64]


def test_haystacks_printed_usage_tells_the_cached_tokens() -> None:
    """The instrumentation drops cached and reasoning tokens, which stand in the printed reply in its output."""
    reply = (
        "ChatMessage(_meta={'usage': {'completion_tokens': 72, 'completion_tokens_details': {'reasoning_tokens': 64},"
    )
    reply += " 'prompt_tokens': 2000, 'prompt_tokens_details': {'cached_tokens': 1920}}})"
    sent = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt-5",
        "llm.token_count.prompt": 2000,
        "llm.token_count.completion": 72,
        "output.value": json.dumps({"replies": [reply]}),
    }
    (call,) = counted([spans_of("openinference.instrumentation.haystack")(1, "run", sent)]).calls
    assert call.usage is not None
    assert (call.usage.cache_read_input_tokens, call.usage.reasoning_output_tokens) == (1920, 64)


def test_haystacks_agents_are_agents() -> None:
    """An agent's run is called a chain, like every other component."""
    run = spans_of("openinference.instrumentation.haystack")(1, "Agent.run", {"openinference.span.kind": "CHAIN"})
    assert len(counted([run]).agents) == 1


def test_translated_spans_keep_parts_of_the_usage_under_their_old_names() -> None:
    """A processor that translates the conventions' spans takes over two counts and leaves the parts where they were."""
    sent = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt-5",
        "llm.token_count.prompt": 2000,
        "llm.token_count.completion": 72,
        "gen_ai.usage.cache_read.input_tokens": 1920,
        "gen_ai.usage.reasoning.output_tokens": 64,
    }
    (call,) = counted([spans_of("agent_framework")(1, "chat gpt-5", sent)]).calls
    assert call.usage is not None
    assert (call.usage.cache_read_input_tokens, call.usage.reasoning_output_tokens) == (1920, 64)


def test_translated_agents_keep_the_name_they_had() -> None:
    """Where only the conventions' name was sent it is the agent's, and a call's node is no agent."""
    make = spans_of("strands.telemetry.tracer")
    agent = make(1, "invoke_agent a", {"openinference.span.kind": "AGENT", "gen_ai.agent.name": "a"})
    node = {"openinference.span.kind": "LLM", "llm.model_name": "gpt-5", "graph.node.id": "llm_123"}
    found = counted([agent, make(2, "Model invoke", node, parent=1)])
    assert [run.name for run in found.agents] == ["a"]
    assert found.calls[0].agent_name == "a"


def test_a_tools_status_tells_its_failure() -> None:
    """Strands says so in an attribute of a span that is in order."""
    sent = {"openinference.span.kind": "TOOL", "tool.name": "fetch", "tool.status": "error", "output.value": "down"}
    (tool,) = counted([spans_of("strands.telemetry.tracer")(1, "Tool: fetch", sent)]).tools
    assert tool.error is not None


def test_the_claude_agent_sdk_tells_no_output() -> None:
    """Its instrumentation sums up what each answer's first event says, long before the answer is complete."""
    sent = {
        "openinference.span.kind": "AGENT",
        "llm.model_name": "claude-sonnet-4-5",
        "llm.token_count.prompt": 26059,
        "llm.token_count.completion": 5,
    }
    found = counted([spans_of("openinference.instrumentation.claude_agent_sdk")(1, "ClaudeAgentSDK.query", sent)])
    assert [(usage.input_tokens, usage.output_tokens) for usage in found.usages] == [(26059, None)]
