"""GitHub Copilot in VS Code: spans and records built by hand from the vendor's monitoring documents.

Its command line is recorded: `tests/fixtures/captures/copilot-cli`.
"""

from __future__ import annotations

from dataclasses import replace

from collector.model import Attributes, AttributeValue, LogRecord, Scope
from processors.pricing.session import refused
from tests.processors.normalise.counting import TRACE, counted, spans_of

SOURCE = "copilot", "extension of 2026", "the vendor's monitoring documents"

_MAKE = spans_of("copilot-chat")
_ROOT = {
    "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "copilot", "gen_ai.conversation.id": "chat-1",
    "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 50, "copilot_chat.chat_session_id": "chat-1",
}  # fmt: skip
_CALL: Attributes = {
    "gen_ai.operation.name": "chat", "gen_ai.provider.name": "github", "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.response.id": "r-1", "gen_ai.conversation.id": "chat-1", "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 50, "gen_ai.usage.cache_read.input_tokens": 800,
    "gen_ai.usage.cache_creation.input_tokens": 100, "gen_ai.usage.reasoning.output_tokens": 20,
    "gen_ai.usage.reasoning_tokens": 20,
}  # fmt: skip
_TOOL = {
    "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "read_file", "gen_ai.tool.call.id": "c-1",
    "gen_ai.tool.call.arguments": '{"path": "a"}',
}  # fmt: skip
_SPANS = (
    _MAKE(1, "invoke_agent copilot", _ROOT, at=(0, 9)),
    _MAKE(2, "chat claude-sonnet-4-5", _CALL, parent=1, at=(1, 3)),
    _MAKE(3, "execute_tool read_file", _TOOL, parent=1, at=(4, 5), status=2),
    _MAKE(4, "execute_hook PreToolUse", {"gen_ai.operation.name": "execute_hook"}, parent=1, at=(3, 4)),
)


def _record(event: str, **attributes: AttributeValue) -> LogRecord:
    return LogRecord(
        time_unix_nano=1_790_000_003_000_000_000,
        event_name=event,
        attributes={key.replace("__", "."): value for key, value in attributes.items()},
        trace_id=TRACE,
        span_id=f"{2:016x}",
        scope=Scope("copilot-chat"),
    )


def test_usage_is_counted_on_the_call_alone() -> None:
    """The agent's span, the details event and the turn event repeat it."""
    repeats = [
        LogRecord(
            time_unix_nano=1_790_000_003_000_000_000, event_name="gen_ai.client.inference.operation.details",
            attributes=_CALL, trace_id=TRACE, span_id=f"{2:016x}", scope=Scope("copilot-chat"),
        ),
        _record("copilot_chat.agent.turn", gen_ai__usage__input_tokens=1000, gen_ai__usage__output_tokens=50),
        _record("copilot_chat.tool.call", gen_ai__tool__name="read_file", success=False),
    ]  # fmt: skip
    found = counted(_SPANS, repeats)
    assert len(found.calls) == len(found.tools) == 1
    assert found.tokens("input_tokens") == 1000
    assert found.tokens("cache_read_input_tokens") == 800
    assert found.tokens("cache_write_input_tokens") == 100
    assert found.tokens("output_tokens") == 50
    assert found.tokens("reasoning_output_tokens") == 20


def test_failed_tools_are_told_by_their_status() -> None:
    """A hook is no step, a tool with an error is a failed one."""
    found = counted(_SPANS)
    assert found.failed_tools == ["c-1"]
    assert {step.dialect for step in found.steps} == {"copilot"}
    assert all("hook" not in step.name for step in found.steps)


def test_a_sub_agents_chat_belongs_to_its_parents_session() -> None:
    """A chat that names a parent session is a part of it, in a trace of its own too."""
    sub = {
        **_CALL, "gen_ai.conversation.id": "chat-2", "gen_ai.response.id": "r-2", "copilot_chat.chat_session_id":
        "chat-2", "copilot_chat.parent_chat_session_id": "chat-1",
    }  # fmt: skip
    found = counted([*_SPANS, _MAKE(5, "chat", sub, trace="f" * 32, at=(5, 6))])
    assert [session.session_id for session in found.sessions] == ["chat-1"]
    assert len(found.calls) == 2


def test_a_request_that_ended_in_an_error_was_refused() -> None:
    """The finish reason `error` on a call without an answer or a response id says that nothing came back."""
    failed = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini", "error.type": "ModelCallError",
              "gen_ai.response.finish_reasons": ["error"]}  # fmt: skip
    (call,) = counted([_MAKE(6, "chat gpt-4o-mini", failed, status=2)]).calls
    assert refused(call)
    assert not refused(replace(call, request_id="chatcmpl-1"))
