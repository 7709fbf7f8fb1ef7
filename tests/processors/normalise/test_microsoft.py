"""Semantic Kernel and AutoGen: single spans built by hand, beside recorded runs of both.

Their attributes are those of semantic-kernel 1.45 and autogen-core 0.7.
"""

from __future__ import annotations

from dataclasses import replace

from collector.model import LogRecord, Scope
from processors.normalise.usage import CACHED_NOT_SENT
from tests.processors.normalise.counting import KINDS, TRACE, counted, spans_of

_KERNEL = spans_of("semantic_kernel.utils.telemetry.model_diagnostics.decorators")
_CALL = {
    "gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.response.id": "r-1", "gen_ai.response.finish_reason": "FinishReason.TOOL_CALLS",
    "gen_ai.usage.input_tokens": 90, "gen_ai.usage.output_tokens": 9,
}  # fmt: skip
_TOOL = {
    "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "rates-fetch", "gen_ai.tool.call.id": "c-1",
    "error.type": "RuntimeError",
}  # fmt: skip


def _message(event: str, body: str) -> LogRecord:
    return LogRecord(
        time_unix_nano=1_790_000_001_000_000_000,
        body=body,
        attributes={"event.name": event, "gen_ai.system": "openai"},
        trace_id=TRACE,
        span_id=f"{2:016x}",
        scope=Scope("semantic_kernel.utils.telemetry.model_diagnostics.decorators"),
    )


def test_semantic_kernel_sends_counts_in_spans_and_content_in_records() -> None:
    """The records give the call its messages and add no call."""
    spans = [
        _KERNEL(1, "invoke_agent Analyst", {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "Analyst"}),
        _KERNEL(2, "chat gpt-4o-mini", _CALL, parent=1, at=(1, 2)),
        _KERNEL(3, "execute_tool rates-fetch", _TOOL, parent=1, at=(3, 4), status=2),
    ]
    logs = [
        _message("gen_ai.user.message", '{"role": "user", "content": "rates?"}'),
        _message(
            "gen_ai.choice",
            '{"index": 0, "message": {"role": "assistant", "content": "", "tool_calls": [{"id": "c-1", "type": '
            '"function", "function": {"name": "rates-fetch", "arguments": "{\\"currency\\": \\"EUR\\"}"}}]},'
            ' "finish_reason": "tool_calls"}',
        ),
    ]
    found = counted(spans, logs)
    assert len(found.calls) == 1
    assert found.tokens("input_tokens") == 90
    assert found.tokens("cache_read_input_tokens") is None
    assert found.calls[0].input_messages is not None
    assert found.requested() == [("rates-fetch", {"currency": "EUR"})]
    assert found.failed_tools == ["c-1"]
    assert {step.dialect for step in found.steps} == {"semantic_kernel"}


def test_autogen_sends_no_usage() -> None:
    """Agents and tools are steps, no tokens are invented, messages between agents are none."""
    make = spans_of("autogen-core")
    spans = [
        make(1, "autogen process worker", {"messaging.operation": "process"}),
        make(2, "invoke_agent worker", {
            "gen_ai.operation.name": "invoke_agent", "gen_ai.system": "autogen", "gen_ai.agent.name": "worker",
        }, parent=1, at=(1, 8)),
        make(3, "execute_tool look", {
            "gen_ai.operation.name": "execute_tool", "gen_ai.system": "autogen", "gen_ai.tool.name": "look",
            "gen_ai.tool.call.id": "c-1",
        }, parent=2, at=(2, 3)),
    ]  # fmt: skip
    found = counted(spans)
    assert found.calls == []
    assert [agent.name for agent in found.agents] == ["worker"]
    assert [(tool.name, tool.tool_call_id, tool.arguments) for tool in found.tools] == [("look", "c-1", None)]


def test_semantic_kernel_logs_what_was_cached() -> None:
    """The spans leave cached and reasoning tokens out; the connector's log line gives a call both, and adds none."""
    logged = (
        "OpenAI usage: CompletionUsage(completion_tokens=90, prompt_tokens=2000, total_tokens=2090, "
        "completion_tokens_details=CompletionTokensDetails(audio_tokens=0, reasoning_tokens=64), "
        "prompt_tokens_details=PromptTokensDetails(audio_tokens=0, cached_tokens=1024))"
    )
    sent = _CALL | {"gen_ai.usage.input_tokens": 2000, "gen_ai.usage.output_tokens": 90}
    span = _KERNEL(2, "chat gpt-4o-mini", sent, at=(1, 2))
    assert [call.usage_missing for call in counted([span]).calls] == [CACHED_NOT_SENT]
    found = counted([span], [replace(_message("", logged), attributes={})])
    assert [found.tokens(kind) for kind in KINDS] == [2000, 1024, None, 90, 64]
    assert [call.usage_missing for call in found.calls] == [None]
