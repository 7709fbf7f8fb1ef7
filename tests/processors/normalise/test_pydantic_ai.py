"""Pydantic AI itself, run with each of its telemetry formats, with and without content."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.models.instrumented import InstrumentationSettings
from pydantic_ai.usage import RequestUsage

from processors.model import ToolResponse
from tests.processors.normalise.counting import KINDS, Counted, counted, spans_of
from tests.processors.support import spans_in

FORMATS = (2, 3, 4, 5, 6)


def answer(messages: list[ModelMessage], _: AgentInfo) -> ModelResponse:
    """Ask for a tool twice with different arguments, then answer."""
    turn = sum(isinstance(message, ModelResponse) for message in messages)
    used = RequestUsage(input_tokens=1000 * (turn + 1), output_tokens=10, cache_read_tokens=500)
    if turn == 2:
        return ModelResponse([TextPart("Both were read.")], usage=used)
    call = ToolCallPart("read_file", {"path": f"{turn}.csv"}, tool_call_id=f"call_{turn}_Yd81mKq07")
    return ModelResponse([TextPart("Let me look."), call], usage=used)


@contextmanager
def instrumented(version: int, *, content: bool) -> Iterator[InMemorySpanExporter]:
    """Let every agent in the block send its spans in one of the formats."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old formats are deprecated, and still sent by those who chose them
        settings = InstrumentationSettings(tracer_provider=provider, include_content=content, version=version)  # type: ignore[arg-type]
    Agent.instrument_all(settings)
    try:
        yield exporter
    finally:
        Agent.instrument_all(instrument=False)
        provider.shutdown()


def run(version: int, *, content: bool) -> Counted:
    """Return what a run of the agent comes to."""
    with instrumented(version, content=content) as exporter:
        agent = Agent(FunctionModel(answer, model_name="gpt-5"), name="reader")

        @agent.tool_plain
        def read_file(path: str) -> str:
            """Return a file."""
            return f"content of {path}"

        asyncio.run(agent.run("Read both files."))
        return counted(spans_in(encode_spans(exporter.get_finished_spans())))


@pytest.mark.parametrize("content", [True, False])
@pytest.mark.parametrize("version", FORMATS)
def test_every_format_tells_the_same_figures(version: int, content: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Three calls, two tools, one agent, and the tokens of the calls alone, whichever format is chosen."""
    found = run(version, content=content)
    assert [call.model for call in found.calls] == ["gpt-5"] * 3
    assert found.tokens("input_tokens") == 6000
    assert found.tokens("cache_read_input_tokens") == 1500
    assert [tool.tool_call_id for tool in found.tools] == ["call_0_Yd81mKq07", "call_1_Yd81mKq07"]
    assert [agent.name for agent in found.agents] == ["reader"]
    assert {step.dialect for step in found.steps} == {"pydantic_ai"}
    asked = [tool.requested_by for tool in found.tools]
    assert asked == [call.step_id for call in found.calls[:2]]


@pytest.mark.parametrize("version", FORMATS)
def test_without_content_arguments_and_results_are_unknown(version: int) -> None:
    """What was switched off is not an empty object or an empty answer: it is missing, and the session says so."""
    found = run(version, content=False)
    assert {(tool.arguments, tool.result) for tool in found.tools} == {(None, None)}
    assert {(call.input_messages, call.output_messages) for call in found.calls} == {(None, None)}
    (session,) = found.sessions
    assert {gap for gap in session.gaps if "captured" in gap} == {
        "answers of the model were not captured",
        "prompts were not captured",
        "tool arguments were not captured",
        "tool results were not captured",
    }


@pytest.mark.parametrize("version", FORMATS)
def test_with_content_arguments_and_results_are_known(version: int) -> None:
    """Where content was captured, tools and prompts hold it."""
    found = run(version, content=True)
    assert [tool.arguments for tool in found.tools] == ['{"path":"0.csv"}', '{"path":"1.csv"}']
    assert [tool.result for tool in found.tools] == ["content of 0.csv", "content of 1.csv"]
    shown = [
        part.result
        for message in found.calls[-1].input_messages or ()
        for part in message.parts
        if isinstance(part, ToolResponse)
    ]
    assert shown == ["content of 0.csv", "content of 1.csv"]


def test_logfire_tells_of_a_streams_end_in_a_record_of_its_own() -> None:
    """The span of a streamed call has no usage; the record that follows it is the same call, not another one."""
    make = spans_of("logfire.openai")
    asked = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-5"}
    raw = {"prompt_tokens_details": {"cached_tokens": 1024}, "completion_tokens_details": {"reasoning_tokens": 64}}
    record = {
        **asked, "logfire.span_type": "log", "duration": 7.5, "gen_ai.usage.input_tokens": 1500,
        "gen_ai.usage.output_tokens": 70, "gen_ai.usage.raw": json.dumps(raw),
    }  # fmt: skip
    spans = [make(1, "Chat Completion", {**asked, "logfire.span_type": "span"}, at=(0, 1))]
    spans.append(make(2, "streaming response took 7.50s", record, at=(9, 9)))
    found = counted(spans)
    assert [call.span_id for call in found.calls] == [spans[0].span_id]
    assert [found.tokens(kind) for kind in KINDS] == [1500, 1024, None, 70, 64]
