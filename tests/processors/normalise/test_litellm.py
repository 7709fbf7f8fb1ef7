"""LiteLLM's own telemetry, against the recording of release 1.106."""

from __future__ import annotations

import pytest

from processors.normalise import normalise
from processors.normalise.usage import ESTIMATED
from tests.processors.normalise.counting import KINDS, Counted, recorded, served_tools, spans_of
from tests.processors.support import load_recording

_REQUEST = {
    "gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o-mini",
    "llm.request.type": "completion", "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 10,
    "gen_ai.cost.input_cost": 0.1, "gen_ai.cost.total_cost": 0.3, "gen_ai.cost.original_cost": 0.2,
}  # fmt: skip


def test_calls_and_tools_are_those_that_were_served() -> None:
    """The request as asked and the request as sent are one call; every tool asked for is there with its arguments."""
    found, truth = recorded("litellm-otel")
    assert len(found.answered) == truth["llm_calls"]
    assert len(found.calls) - len(found.answered) == len(truth["llm_http_errors"])
    assert found.requested() == served_tools(truth)
    assert {step.dialect for step in found.steps} == {"litellm"}


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_are_those_that_were_served(kind: str) -> None:
    """Cached tokens, which no attribute of their own carries, are read from the usage object."""
    found, truth = recorded("litellm-otel")
    assert found.tokens(kind) == truth[kind]


def test_requests_are_one_session_by_the_tool_calls_in_their_prompts() -> None:
    """Each request has a trace and none a key: the loops of main and sub-agent are whole, results and failure known."""
    found, truth = recorded("litellm-otel")
    by_agent = truth["llm_calls_by_agent"]
    whole = [session for session in found.sessions if len(session.trace_ids) > 1]
    assert sorted(len(session.trace_ids) for session in whole) == sorted((by_agent["main"], by_agent["sub"]))
    assert {session.session_source for session in found.sessions} == {"trace"}
    assert all(tool.result is not None for tool in found.tools)
    assert found.failed_tools == truth["failed_tool_calls"]


def test_tool_calls_have_the_ids_that_the_raw_request_holds() -> None:
    """Ids are read from the provider's own answer, and where a stream left none from the prompt that goes on."""
    found, truth = recorded("litellm-otel")
    known = {tool.tool_call_id for tool in found.tools} - {None}
    raw = [
        span
        for span in load_recording("litellm-otel")[0]
        if any("choices" in k or k.endswith(".content") for k in span.attributes)
    ]
    assert known <= {tool["id"] for tool in truth["tools"]}
    assert 0 < len(known) <= len(raw)


def test_only_the_total_is_a_cost() -> None:
    """Parts of the cost are not added to the whole."""
    found = Counted(normalise([spans_of("litellm")(1, "litellm_request", _REQUEST)]))
    assert [str(call.reported_cost) for call in found.calls] == ["0.3"]


def test_without_the_usage_object_cached_tokens_are_unknown() -> None:
    """What was not sent is None, not zero."""
    found = Counted(normalise([spans_of("litellm")(1, "litellm_request", _REQUEST)]))
    assert found.tokens("input_tokens") == 100
    assert found.tokens("cache_read_input_tokens") is None


def test_a_broken_usage_object_costs_only_itself() -> None:
    """Foreign text in its place is ignored."""
    spoiled = {**_REQUEST, "metadata.usage_object": "{'prompt_tokens_details': [1, {"}
    found = Counted(normalise([spans_of("litellm")(1, "litellm_request", spoiled)]))
    assert found.tokens("input_tokens") == 100


def test_the_proxys_own_spans_are_no_steps() -> None:
    """Authentication, caches and data bases of the proxy are not an agent's work."""
    make = spans_of("litellm")
    spans = [make(1, "Received Proxy Server Request", {}), make(2, "auth", {"call_type": "auth"}, parent=1)]
    found = Counted(normalise([*spans, make(3, "litellm_request", _REQUEST, parent=1)]))
    assert len(found.steps) == 1


def test_litellms_own_keys_name_no_provider() -> None:
    """Older releases sent `llm.usage.total_tokens`: what the vendor is called is then read from the model."""
    older = {key: value for key, value in _REQUEST.items() if key != "gen_ai.system"} | {"llm.usage.total_tokens": 110}
    found = Counted(normalise([spans_of("litellm")(1, "litellm_request", older)]))
    assert [call.provider for call in found.calls] == ["openai"]


@pytest.mark.parametrize(("details", "told"), [("None", False), ("{'cached_tokens': 0}", True)])
def test_a_stream_counted_by_litellm_itself_is_not_believed(details: str, told: bool) -> None:  # noqa: FBT001
    """Where a stream ends without usage LiteLLM counts words; only a vendor tells the parts of a count."""
    usage = f"{{'prompt_tokens': 100, 'completion_tokens': 10, 'prompt_tokens_details': {details}}}"
    sent = {**_REQUEST, "llm.is_streaming": "True", "metadata.usage_object": usage}
    found = Counted(normalise([spans_of("litellm")(1, "litellm_request", sent)]))
    assert [call.usage_missing for call in found.calls] == [None if told else ESTIMATED]
