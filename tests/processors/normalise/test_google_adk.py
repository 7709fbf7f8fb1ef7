"""Google ADK: its second schema against the recording of release 2.13 (models through LiteLLM).

The first schema, native Gemini and older releases are spans built by hand from the attribute catalogue.
"""

from __future__ import annotations

import json

import pytest

from processors.normalise.usage import CACHED_NOT_SENT, NO_OUTPUT
from tests.processors.normalise.counting import KINDS, counted, recorded, served_tools, spans_of

_CALL = {
    "gen_ai.operation.name": "generate_content", "gen_ai.request.model": "gemini-2.5-pro",
    "gen_ai.provider.name": "gcp.vertex_ai", "gen_ai.usage.input_tokens": 300, "gen_ai.usage.output_tokens": 142,
    "gen_ai.usage.reasoning.output_tokens": 64,
}  # fmt: skip
_OLD = {
    "gen_ai.system": "gcp.vertex.agent", "gen_ai.request.model": "gemini-2.5-flash",
    "gen_ai.usage.input_tokens": 1500, "gen_ai.usage.output_tokens": 20,
}  # fmt: skip
_RESPONSE, _USAGE = "gcp.vertex.agent.llm_response", "usage_metadata"


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


def test_older_releases_put_the_rest_of_the_usage_into_the_raw_response() -> None:
    """Before 2.3 the span's output count leaves out the thoughts of a Gemini model, and cached tokens are not on it."""
    raw = {"candidates_token_count": 20, "thoughts_token_count": 16, "cached_content_token_count": 1024}
    found = counted([spans_of("gcp.vertex.agent")(1, "call_llm", _OLD | {_RESPONSE: json.dumps({_USAGE: raw})})])
    assert [found.tokens(kind) for kind in KINDS] == [1500, 1024, None, 36, 16]
    assert [call.usage_missing for call in found.calls] == [None]


@pytest.mark.parametrize(
    ("model", "missing"),
    [("gemini-2.5-flash", NO_OUTPUT), ("gemini-2.0-flash", CACHED_NOT_SENT), ("openai/gpt-4o-mini", CACHED_NOT_SENT)],
)
def test_older_releases_without_content_leave_parts_unknown(model: str, missing: str) -> None:
    """No price is right where nothing tells what was cached, or what a Gemini model thought beside its answer."""
    found = counted([spans_of("gcp.vertex.agent")(1, "call_llm", _OLD | {"gen_ai.request.model": model})])
    assert [call.usage_missing for call in found.calls] == [missing]


def test_the_first_releases_told_usage_in_the_response_alone() -> None:
    """Up to 1.1 a tool's run and its answer were spans of their own, named after the tool."""
    raw = {"prompt_token_count": 1500, "candidates_token_count": 20, "thoughts_token_count": 16}
    asked = {"parts": [{"function_call": {"name": "look", "args": {"at": 1}}}]}
    call = {"gen_ai.system": "gcp.vertex.agent", "gen_ai.request.model": "gemini-2.5-flash"}
    make = spans_of("gcp.vertex.agent")
    found = counted([
        make(1, "call_llm", call | {_RESPONSE: json.dumps({_USAGE: raw, "content": asked})}),
        make(2, "tool_call [look]", {"gcp.vertex.agent.tool_call_args": '{"at": 1}'}, parent=1, at=(5, 6)),
        make(3, "tool_response [look]", {"gcp.vertex.agent.tool_response": "{}"}, parent=1, at=(6, 7)),
    ])  # fmt: skip
    assert [found.tokens(kind) for kind in KINDS] == [1500, 0, None, 36, 16]
    assert found.requested() == [("look", {"at": 1})]


def test_an_answer_of_nothing_but_an_error_is_a_failure() -> None:
    """A plugin that survives a tool's exception answers so; what a tool itself returns stands in `result`."""
    sent = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look"}
    answers = ['{"error": "service unavailable"}', '{"result": "error: none"}']
    make = spans_of("gcp.vertex.agent")
    spans = [
        make(place, "execute_tool look", sent | {"gcp.vertex.agent.tool_response": answer}, at=(place, place + 1))
        for place, answer in enumerate(answers, 1)
    ]
    assert [tool.error is not None for tool in counted(spans).tools] == [True, False]
