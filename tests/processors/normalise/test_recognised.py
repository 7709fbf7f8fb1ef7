"""Which dialect reads each framework's spans, and what one instrumentation of two tells by itself."""

from __future__ import annotations

import pytest

from collector.model import Span
from tests.processors.normalise.counting import KINDS, counted, recorded
from tests.processors.support import load_recording, load_truth

FRAMEWORKS = {
    "agents-openinference-responses": {"openinference"},
    "anthropic-openinference": {"anthropic_sdk", "openinference"},
    "autogen-plus-openinference-openai": {"autogen", "openinference"},
    "claude-code-beta-traces": {"claude_code"},
    "claude-code-default": {"claude_code"},
    "codex-cli": {"codex"},
    "gemini-cli": {"gemini_cli"},
    "google-adk-content": {"google_adk"},
    "langgraph-traceloop": {"openllmetry"},
    "litellm-otel": {"litellm"},
    "maf-responses": {"agent_framework"},
    "oai-v2-latest-content": {"gen_ai"},
    "openlit": {"openlit"},
    "pydantic-ai": {"pydantic_ai"},
    "smolagents": {"openinference"},
    "strands-openai": {"strands"},
    "vercel-ai6-chat": {"vercel_ai"},
    "vercel-ai7-chat": {"vercel_ai"},
}


@pytest.mark.parametrize(("name", "dialects"), FRAMEWORKS.items())
def test_every_framework_is_known(name: str, dialects: set[str]) -> None:
    """No framework's work is read by the conventions' general reader where it has one of its own."""
    found, _ = recorded(name)
    assert {step.dialect for session in found.sessions for step in session.steps} - {""} == dialects


def of_scope(name: str, scope: str) -> list[Span]:
    """Return the spans of one instrumentation, as if no other had been there."""
    return [span for span in load_recording(name)[0] if span.scope.name.startswith(scope)]


@pytest.mark.parametrize("scope", ["com.anthropic.sdk", "openinference"])
def test_each_of_two_instrumentations_tells_the_whole(scope: str) -> None:
    """Anthropic's own spans and an instrumentation's, each by itself, give the tokens that were served."""
    found, truth = counted(of_scope("anthropic-openinference", scope)), load_truth("anthropic-openinference")
    assert len([call for call in found.calls if call.usage is not None]) == truth["llm_calls"]
    for kind in KINDS[:4]:
        assert found.tokens(kind) == truth[kind]


def test_anthropics_own_spans_name_call_and_vendor() -> None:
    """The SDK's spans carry the response's id, by which other signals of the call are known."""
    found = counted(of_scope("anthropic-openinference", "com.anthropic.sdk"))
    answered = [call for call in found.calls if call.usage is not None]
    assert {call.provider for call in answered} == {"anthropic"}
    assert all((call.request_id or "").startswith("msg_") for call in answered)


def test_autogens_own_spans_tell_tools_and_agents_but_no_tokens() -> None:
    """Without an instrumentation of the model's SDK, AutoGen's tokens are unknown, not zero."""
    found = counted(of_scope("autogen-plus-openinference-openai", "autogen"))
    truth = load_truth("autogen-plus-openinference-openai")
    assert len(found.tools) == truth["tool_calls"]
    assert found.agents
    assert found.tokens("input_tokens") is None


def test_an_sdks_instrumentation_alone_reads_tools_from_the_messages() -> None:
    """Where only the model's SDK is instrumented, the tools that a framework ran stand in the prompts."""
    found = counted(of_scope("crewai-openinference-plus-openai", "openinference.instrumentation.openai"))
    truth = load_truth("crewai-openinference-plus-openai")
    assert found.tokens("input_tokens") == truth["input_tokens"]
    assert len(found.tools) == truth["tool_calls"]
    assert all(tool.inferred for tool in found.tools)


def test_a_framework_without_model_spans_counts_its_own_total() -> None:
    """CrewAI's instrumentation alone reports tokens only in the crew's result, and its tools are all there."""
    found = counted(of_scope("crewai-openinference-plus-openai", "openinference.instrumentation.crewai"))
    truth = load_truth("crewai-openinference-plus-openai")
    assert len(found.tools) == truth["tool_calls"]
    assert [found.tokens(kind) for kind in KINDS] == [truth[kind] for kind in KINDS]
    assert all(call.inferred for call in found.calls)


def test_smolagents_sums_on_agents_are_not_added() -> None:
    """An agent's total stands beside its calls' usage under the same names; the calls alone count."""
    found, truth = recorded("smolagents")
    assert found.tokens("input_tokens") == truth["input_tokens"]
    rollups = [agent.rollup_usage for agent in found.agents if agent.rollup_usage is not None]
    assert rollups
