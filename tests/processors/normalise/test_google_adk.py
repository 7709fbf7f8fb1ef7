"""Google ADK: its second schema against the recording of release 2.13 (models through LiteLLM).

The first schema and native Gemini are spans built by hand from the attribute catalogue; no recording of them exists.
"""

from __future__ import annotations

import pytest

from tests.processors.normalise.counting import KINDS, counted, recorded, served_tools, spans_of

_CALL = {
    "gen_ai.operation.name": "generate_content", "gen_ai.request.model": "gemini-2.5-pro",
    "gen_ai.provider.name": "gcp.vertex_ai", "gen_ai.usage.input_tokens": 300, "gen_ai.usage.output_tokens": 142,
    "gen_ai.usage.reasoning.output_tokens": 64,
}  # fmt: skip


def test_calls_tools_and_session_are_those_that_were_served() -> None:
    """Log records of the calls and the calls are one; the conversation names the session."""
    found, truth = recorded("google-adk-content")
    assert len(found.calls) == truth["llm_calls"]
    assert found.requested() == served_tools(truth)
    assert {tool.tool_call_id for tool in found.tools} == {tool["id"] for tool in truth["tools"]}
    assert found.failed_tools == truth["failed_tool_calls"]
    assert [session.session_id for session in found.sessions] == ["sess-1"]
    assert {step.dialect for step in found.steps} == {"google_adk"}


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_are_those_that_were_served(kind: str) -> None:
    """Reasoning that ADK adds to an output which holds it already is taken off; nothing not sent is invented."""
    found, truth = recorded("google-adk-content")
    assert (found.tokens(kind) or 0) == truth[kind]


def test_native_gemini_keeps_its_output() -> None:
    """For Google's own models ADK's sum of answer and thoughts is right."""
    found = counted([spans_of("gcp.vertex.agent")(1, "generate_content gemini-2.5-pro", _CALL)])
    assert found.tokens("output_tokens") == 142


def test_the_first_schemas_outer_call_is_not_a_second_one() -> None:
    """`call_llm` repeats what `generate_content` inside it reports."""
    make = spans_of("gcp.vertex.agent")
    outer = {"gen_ai.system": "gcp.vertex.agent", **_CALL, "gcp.vertex.agent.session_id": "s-1"}
    del outer["gen_ai.operation.name"]
    spans = [
        make(1, "invocation", {}),
        make(2, "agent_run [root]", {}, parent=1),
        make(3, "call_llm", outer, parent=2, at=(1, 9)),
        make(4, "generate_content gemini-2.5-pro", _CALL, parent=3, at=(2, 8)),
    ]
    found = counted(spans)
    assert len(found.calls) == 1
    assert found.tokens("input_tokens") == 300
    assert [session.session_id for session in found.sessions] == ["s-1"]


def test_the_first_schemas_tools_keep_arguments_and_result() -> None:
    """They stand under ADK's own names."""
    sent = {
        "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look", "gen_ai.tool.call.id": "c1",
        "gcp.vertex.agent.tool_call_args": '{"at": "sea"}', "gcp.vertex.agent.tool_response": '{"seen": "waves"}',
    }  # fmt: skip
    found = counted([spans_of("gcp.vertex.agent")(1, "execute_tool look", sent)])
    assert found.requested() == [("look", {"at": "sea"})]
    assert [tool.result for tool in found.tools] == ['{"seen":"waves"}']
