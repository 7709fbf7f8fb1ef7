"""Releases of the last two years: what each left out of its counts, which is unknown then, and where it stands instead.

Built by hand after exports of the packages' real releases, whose versions the tests name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from collector.model import AttributeValue, Scope, Span
from processors.model import ModelCall, ToolResponse, Usage
from processors.normalise.usage import CACHED_NOT_SENT, ESTIMATED, NO_INPUT, NO_OUTPUT
from tests.processors.normalise.counting import Counted, counted, spans_of

COUNTS: dict[str, AttributeValue] = {"gen_ai.usage.input_tokens": 2000, "gen_ai.usage.output_tokens": 50}
CHAT: dict[str, AttributeValue] = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini", **COUNTS}
CLAUDE: dict[str, AttributeValue] = {**CHAT, "gen_ai.request.model": "claude-sonnet-4-5"}
GEMINI: dict[str, AttributeValue] = {
    "gen_ai.operation.name": "generate_content", "gen_ai.request.model": "gemini-2.5-flash", **COUNTS,
}  # fmt: skip


def span(
    scope: str,
    version: str,
    sent: Mapping[str, AttributeValue],
    number: int = 1,
    *,
    parent: int | None = None,
    at: tuple[int, int] = (0, 10),
) -> Span:
    """Return one span of a release."""
    made = spans_of(scope)(number, "a call", sent, parent=parent, at=at)
    return replace(made, scope=Scope(scope, version))


def read(scope: str, version: str, sent: Mapping[str, AttributeValue]) -> ModelCall:
    """Return the one call of a span."""
    [call] = counted([span(scope, version, sent)]).calls
    return call


def inputs(usage: Usage | None) -> tuple[int | None, int | None, int | None]:
    """Return the whole input and its cached parts."""
    assert usage is not None
    return usage.input_tokens, usage.cache_read_input_tokens, usage.cache_write_input_tokens


def test_traceloops_anthropic_drops_cached_tokens_beside_older_names() -> None:
    """0.49 failed to write them where the package that names them was older; others write zeros too."""
    scope = "opentelemetry.instrumentation.anthropic"
    zeros = {"gen_ai.usage.cache_read_input_tokens": 0, "gen_ai.usage.cache_creation_input_tokens": 0}
    assert read(scope, "0.49.5", CLAUDE).usage_missing == CACHED_NOT_SENT
    assert read(scope, "0.62.4", CLAUDE | zeros).usage_missing is None


def openinference(
    usage: Mapping[str, AttributeValue], *, stream: bool = False, raw: object = None
) -> dict[str, AttributeValue]:
    """Return the attributes of a call."""
    sent: dict[str, AttributeValue] = {
        "openinference.span.kind": "LLM", "llm.model_name": "claude-sonnet-4-5", "llm.token_count.completion": 8,
        "llm.invocation_parameters": json.dumps({"stream": True} if stream else {}), **usage,
    }  # fmt: skip
    return sent if raw is None else sent | {"output.value": json.dumps(raw)}


def test_openinferences_streams_of_anthropic_once_counted_fresh_input_alone() -> None:
    """Before 1.0 that is no input count; before 2.0 the cached part is unknown, unless the raw answer tells it."""
    scope, sent = "openinference.instrumentation.anthropic", {"llm.token_count.prompt": 2025}
    assert read(scope, "0.1.20", openinference(sent, stream=True)).usage_missing == NO_INPUT
    assert read(scope, "1.0.5", openinference(sent, stream=True)).usage_missing == CACHED_NOT_SENT
    assert read(scope, "3.1.0", openinference(sent, stream=True)).usage_missing is None
    raw = {"usage": {"cache_read_input_tokens": 0, "cache_creation_input_tokens": 0, "input_tokens": 2025}}
    assert inputs(read(scope, "0.1.20", openinference(sent, raw=raw)).usage) == (2025, 0, 0)


def test_openinferences_google_client_once_left_thoughts_in_the_answer() -> None:
    """The first releases' output leaves them out, which the total tells."""
    sent = {"llm.token_count.prompt": 2000, "llm.token_count.total": 2024}
    raw = {"usage_metadata": {"thoughts_token_count": 16, "prompt_token_count": 2000}}
    usage = read("openinference.instrumentation.google_genai", "0.1.0", openinference(sent, raw=raw)).usage
    assert usage is not None
    assert (usage.output_tokens, usage.reasoning_output_tokens) == (24, 16)


def test_openinferences_google_client_once_left_cached_tokens_in_the_answer() -> None:
    """Before 0.1.12 they stand nowhere else."""
    scope, sent = "openinference.instrumentation.google_genai", {"llm.token_count.prompt": 2000}
    raw = {"usage_metadata": {"cached_content_token_count": 1536, "prompt_token_count": 2000}}
    assert inputs(read(scope, "0.1.8", openinference(sent, raw=raw)).usage)[:2] == (2000, 1536)
    assert read(scope, "0.1.8", openinference(sent)).usage_missing == CACHED_NOT_SENT
    assert read(scope, "1.4.14", openinference(sent)).usage_missing is None


@pytest.mark.parametrize(("model", "missing"), [("gemini-2.5-flash", NO_OUTPUT), ("gemini-2.0-flash", CACHED_NOT_SENT)])
def test_the_google_clients_instrumentation_once_dropped_thoughts(model: str, missing: str) -> None:
    """Before 1.0 the output of a model that thinks is unknown; cached tokens are so of every model."""
    scope = "opentelemetry.instrumentation.google_genai"
    assert read(scope, "0.7b1", GEMINI | {"gen_ai.request.model": model}).usage_missing == missing
    assert read(scope, "1.3b0", GEMINI | {"gen_ai.request.model": model}).usage_missing is None


def test_what_it_dropped_is_taken_from_the_frameworks_span_around_it() -> None:
    """ADK 1.19 around it tells the raw usage: thoughts, and what was cached."""
    raw = {"usage_metadata": {"cached_content_token_count": 1536, "thoughts_token_count": 16}}
    around = {"gen_ai.request.model": "gemini-2.5-flash", "gcp.vertex.agent.llm_response": json.dumps(raw), **COUNTS}
    outer = replace(span("gcp.vertex.agent", "1.19.0", around), name="call_llm")
    inner = span("opentelemetry.instrumentation.google_genai", "0.4b0", GEMINI, 2, parent=1)
    [call] = counted([outer, inner]).calls
    assert call.usage == Usage(
        input_tokens=2000, cache_read_input_tokens=1536, output_tokens=66, reasoning_output_tokens=16
    )
    assert call.usage_missing is None


def test_adk_named_google_as_the_vendor_of_every_model() -> None:
    """In 2.1 the name that LiteLLM needs before the model's says who it is."""
    sent = GEMINI | {"gen_ai.system": "gemini", "gen_ai.request.model": "openai/gpt-4o-mini"}
    call = read("gcp.vertex.agent", "2.1.0", sent)
    assert (call.provider, call.model) == ("openai", "gpt-4o-mini")


def logfire(scope: str, name: str, usage: Mapping[str, object], **answer: object) -> Counted:
    """Return what a wrapper's span of 4.15 adds up to, beside the tool that it asked for."""
    sent: dict[str, AttributeValue] = {
        "request_data": json.dumps({"model": "claude-sonnet-4-5" if "anthropic" in scope else "gpt-4o-mini"}),
        "response_data": json.dumps({"usage": usage, "message": answer}),
    }
    tool: dict[str, AttributeValue] = {
        "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look", "gen_ai.tool.call.arguments": '{"at": 1}',
    }  # fmt: skip
    called = replace(span(scope, "4.15.1", sent), name=name)
    return counted([called, span("my-app", "", tool, 2, at=(11, 12))])


def test_logfire_once_left_usage_and_model_in_the_vendors_words() -> None:
    """Up to 4.15 Anthropic's input leaves out what is cached, and arguments stand within a block."""
    asked = {"tool_calls": [{"function": {"name": "look", "arguments": '{"input": {"at": 1}}'}}]}
    usage = {"input_tokens": 25, "cache_read_input_tokens": 1238, "cache_creation_input_tokens": 0, "output_tokens": 8}
    found = logfire("logfire.anthropic", "Message with {request_data[model]!r}", usage, role="assistant", **asked)
    assert [inputs(call.usage) for call in found.calls] == [(1263, 1238, 0)]
    assert [(call.provider, call.model) for call in found.calls] == [("anthropic", "claude-sonnet-4-5")]
    assert found.requested() == [("look", {"at": 1})]


def test_logfire_once_left_openais_cached_tokens_in_the_answer() -> None:
    """An embedding is told from a chat by the span's name alone; a call without the vendor's usage lacks its parts."""
    details = {"prompt_tokens_details": {"cached_tokens": 1280}, "completion_tokens_details": {"reasoning_tokens": 4}}
    found = logfire(
        "logfire.openai", "Chat Completion with x", {"prompt_tokens": 1434, "completion_tokens": 8, **details}
    )
    assert [inputs(call.usage)[:2] for call in found.calls] == [(1434, 1280)]
    found = logfire("logfire.openai", "Embedding Creation with x", {"prompt_tokens": 3})
    assert [call.operation for call in found.calls] == ["embeddings"]
    sent = {"request_data": '{"model": "gpt-4o-mini"}', **COUNTS}
    [call] = counted([replace(span("logfire.openai", "4.15.1", sent), name="Responses API with x")]).calls
    assert call.usage_missing == CACHED_NOT_SENT


def openlit(sent: Mapping[str, AttributeValue]) -> Counted:
    """Return what a span of release 1.36 adds up to."""
    return counted([span("openlit.otel.tracing", "", {"telemetry.sdk.name": "openlit", **sent})])


@pytest.mark.parametrize(
    ("sent", "missing"),
    [
        (CHAT | {"gen_ai.system": "openai"}, CACHED_NOT_SENT),
        (CHAT | {"gen_ai.system": "openai", "gen_ai.request.is_stream": True}, ESTIMATED),
        (CLAUDE | {"gen_ai.system": "anthropic"}, NO_INPUT),
    ],
)
def test_openlit_once_sent_no_cached_tokens(sent: dict[str, AttributeValue], missing: str) -> None:
    """Anthropic's input without them is no whole; a stream's counts were always its own estimate."""
    assert [call.usage_missing for call in openlit(sent).calls] == [missing]


def test_openlit_once_named_the_request_for_a_tool_beside_the_answer() -> None:
    """One tool's name, id and arguments stood on the call."""
    asked = {"gen_ai.tool.name": "look", "gen_ai.tool.call.id": "call_1", "gen_ai.tool.args": '{"at": 1}'}
    found = openlit(CHAT | asked)
    assert [(tool.name, tool.tool_call_id) for tool in found.tools] == [("look", "call_1")]


def test_openlit_once_named_langchains_steps_in_the_operation() -> None:
    """A tool is `tool NAME` there."""
    found = openlit({"gen_ai.operation.name": "tool look", "gen_ai.request.model": "unknown"})
    assert [tool.name for tool in found.tools] == ["look"]


def test_openinferences_langchain_once_left_parts_of_a_stream_in_the_message() -> None:
    """Before 0.1.52 a call that tells none there lacks them."""
    scope, sent = "openinference.instrumentation.langchain", {"llm.token_count.prompt": 2000}
    usage = {"input_token_details": {"cache_read": 1280}, "output_token_details": {"reasoning": 4}}
    raw = {"generations": [[{"message": {"kwargs": {"usage_metadata": usage}}}]]}
    call = read(scope, "0.1.43", openinference(sent, raw=raw))
    assert call.usage is not None
    assert (call.usage.cache_read_input_tokens, call.usage.reasoning_output_tokens) == (1280, 4)
    assert read(scope, "0.1.43", openinference(sent)).usage_missing == CACHED_NOT_SENT
    assert read(scope, "0.1.80", openinference(sent)).usage_missing is None


def test_the_node_that_asks_the_model_is_no_agent() -> None:
    """LangGraph's own agent called it so, and the instrumentation takes every such name for an agent's."""
    scope = "openinference.instrumentation.langchain"
    node = {"openinference.span.kind": "AGENT", "metadata": '{"langgraph_node": "agent"}'}
    spans = [
        replace(span(scope, "0.1.43", node), name="agent"),
        span(scope, "0.1.43", openinference({"llm.token_count.prompt": 1}), 2, parent=1),
    ]
    assert counted(spans).agents == []


def test_pydantic_ai_once_sent_the_vendors_details() -> None:
    """In 0.2 OpenAI's cached tokens were a detail of the usage, and a tool's answer named its call by `id`."""
    said = [
        {"event.name": "gen_ai.tool.message", "role": "tool", "id": "call_123456789", "content": "12"},
        {"event.name": "gen_ai.choice", "message": {"role": "assistant", "content": "done"}},
    ]
    call = read(
        "pydantic-ai", "0.2.11", CHAT | {"gen_ai.usage.details.cached_tokens": 1280, "events": json.dumps(said)}
    )
    assert inputs(call.usage)[:2] == (2000, 1280)
    [message] = call.input_messages or ()
    assert [part.tool_call_id for part in message.parts if isinstance(part, ToolResponse)] == ["call_123456789"]


def test_traceloops_crewai_prints_the_crews_total() -> None:
    """It is all that older releases told."""
    printed = "total_tokens=110 prompt_tokens=100 cached_prompt_tokens=40 completion_tokens=10 successful_requests=2"
    made = span("opentelemetry.instrumentation.crewai.instrumentation", "0.36.0", {"crewai.crew.token_usage": printed})
    agent = span("opentelemetry.instrumentation.crewai", "0.36.0", {"traceloop.span.kind": "agent"}, 2, parent=1)
    found = counted([replace(made, name="crewai.workflow"), agent])
    assert (found.tokens("input_tokens"), found.tokens("cache_read_input_tokens")) == (100, 40)


@pytest.mark.parametrize(
    ("scope", "version", "own"),
    [
        ("opentelemetry.instrumentation.openai", "1.2.0", {}),
        ("openai", "3.57.0", {"gen_ai.request.type": "chat"}),
        ("opentelemetry.instrumentation.ag2", "0.14.0", {}),
    ],
)
def test_instrumentations_that_drop_cached_tokens(scope: str, version: str, own: dict[str, AttributeValue]) -> None:
    """Elastic's, AgentOps' and AG2's own before 1.0 have no price for a long prompt."""
    assert read(scope, version, CHAT | own).usage_missing == CACHED_NOT_SENT
    assert read("opentelemetry.instrumentation.openai.v1", version, CHAT).usage_missing is None
