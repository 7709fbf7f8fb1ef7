"""Frameworks of JavaScript, against recordings of a run each: six calls with tools, two of a second agent's."""

from __future__ import annotations

import json

import pytest

from processors.model import AgentRun, ToolResponse
from processors.normalise import normalise
from processors.normalise.usage import CACHED_NOT_SENT
from tests.processors.normalise.counting import KINDS, Counted, counted, served_tools, spans_of
from tests.processors.support import load_recording, load_truth

EXACT = ("agents-js", "genkit", "google-adk-js", "langchain-js", "strands-typescript", "traceloop-js-stream")
ALL = (*EXACT, "mastra-arize", "voltagent")


def run(name: str) -> Counted:
    """Return a recording as normalised."""
    return Counted(normalise(*load_recording(name)))


@pytest.mark.parametrize("name", ALL)
def test_one_session_with_the_tokens_that_were_served(name: str) -> None:
    """Totals of loops and agents are neither added to their calls nor lost; only reasoning may be unknown."""
    found, truth = run(name), load_truth(name)
    assert len(found.sessions) == 1
    for kind in KINDS[:4]:
        assert (found.tokens(kind) or 0) == truth[kind]
    assert found.tokens(KINDS[4]) in {None, truth[KINDS[4]]}


@pytest.mark.parametrize("name", ALL)
def test_the_second_agent_is_the_only_sub_agent(name: str) -> None:
    """The root of a trace is no agent that starts another, also where it is called one."""
    runs = [step for step in run(name).agents if isinstance(step, AgentRun)]
    assert sum(step.is_sub_agent for step in runs) == 1


@pytest.mark.parametrize("name", EXACT)
def test_every_call_and_tool_is_seen(name: str) -> None:
    """Calls as many as were served, each tool once with its arguments."""
    found, truth = run(name), load_truth(name)
    assert len(found.answered) == truth["llm_calls"]
    assert found.requested() == served_tools(truth)


def test_a_total_of_a_loop_that_leaves_out_the_sub_agents_counts_beside_it() -> None:
    """Mastra's loops around their own steps, one in the other, each give their total to the last of their steps."""
    found, truth = run("mastra-arize"), load_truth("mastra-arize")
    assert len(found.calls) == truth["llm_calls"]
    assert len(found.usages) == 2


@pytest.mark.parametrize("scope", ["@opentelemetry/instrumentation-openai", "@traceloop/instrumentation-openai"])
def test_instrumentations_that_drop_cached_tokens_give_no_price(scope: str) -> None:
    """Their counts stand, and say that cached ones were not sent."""
    sent = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-5-mini",
        "gen_ai.usage.input_tokens": 3000,
        "gen_ai.usage.output_tokens": 4,
    }
    (call,) = counted([spans_of(scope)(1, "chat", sent)]).calls
    assert call.usage is not None
    assert call.usage_missing == CACHED_NOT_SENT


def test_anthropics_users_answer_tools() -> None:
    """A message that names the tool call it answers is a tool's, whoever is said to give it."""
    sent = {
        "openinference.span.kind": "LLM",
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.tool_call_id": "toolu_0123456789",
        "llm.input_messages.0.message.content": "12",
    }
    (call,) = counted([spans_of("@arizeai/openinference-instrumentation-anthropic")(1, "Messages", sent)]).calls
    assert call.input_messages is not None
    assert call.input_messages[0].parts == (ToolResponse("toolu_0123456789", "12"),)


def test_langfuse_marks_a_failure_by_its_level() -> None:
    """The level of an observation tells a failure without any status on the span."""
    sent = {
        "langfuse.observation.type": "tool",
        "langfuse.observation.level": "ERROR",
        "langfuse.observation.status_message": "rates unavailable",
    }
    (tool,) = counted([spans_of("langfuse-sdk")(1, "fetch_rates", sent)]).tools
    assert tool.error is not None
    assert tool.error.message == "rates unavailable"


def test_responses_in_the_text_of_a_message_are_read() -> None:
    """Traceloop puts the items of a Responses call into one message's text: the calls and answers in it are found."""
    items = [
        {"role": "user", "content": "count"},
        {"type": "function_call", "call_id": "call_0123456789", "name": "word_count", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_0123456789", "output": "12"},
    ]
    prompt = [{"role": "user", "parts": [{"type": "text", "content": json.dumps(items)}]}]
    sent = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.input.messages": json.dumps(prompt),
    }
    first = {
        **sent,
        "gen_ai.input.messages": json.dumps(
            [{"role": "user", "parts": [{"type": "text", "content": json.dumps(items[:1])}]}]
        ),
    }
    make = spans_of("@traceloop/instrumentation-openai")
    found = counted([make(1, "chat", first), make(2, "chat", sent, at=(20, 30))])
    assert [(tool.name, tool.result) for tool in found.tools] == [("word_count", "12")]
