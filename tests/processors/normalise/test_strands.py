"""AWS Strands, against the recording of release 1.62."""

from __future__ import annotations

import pytest

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
