"""OpenClaw's diagnostics. No recording exists: spans are built by hand from the attribute catalogue of its plugin."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from collector.model import Attributes, AttributeValue
from processors.model import AgentRun, Usage
from tests.processors.normalise.counting import counted, spans_of

SOURCE = "openclaw", "openclaw 2026.9", "the documentation of diagnostics-otel"

_MAKE = spans_of("openclaw.diagnostics-otel")
_MODEL: Mapping[str, AttributeValue] = {"openclaw.provider": "anthropic", "openclaw.model": "claude-sonnet-4-5"}
_CALL_USAGE: Mapping[str, AttributeValue] = {
    "openclaw.model_call.usage.input_tokens": 10,
    "openclaw.model_call.usage.prompt_tokens": 1110,
    "openclaw.model_call.usage.cache_read_input_tokens": 1000,
    "openclaw.model_call.usage.cache_creation_input_tokens": 100,
    "openclaw.model_call.usage.output_tokens": 50,
    "openclaw.model_call.usage.total_tokens": 1160,
    "gen_ai.usage.input_tokens": 1110,
    "gen_ai.usage.output_tokens": 50,
    "gen_ai.usage.cache_read.input_tokens": 1000,
    "gen_ai.usage.cache_creation.input_tokens": 100,
}
_TURN_USAGE: Mapping[str, AttributeValue] = {
    "openclaw.tokens.input": 10,
    "openclaw.tokens.output": 50,
    "openclaw.tokens.cache_read": 1000,
    "openclaw.tokens.cache_write": 100,
    "openclaw.tokens.total": 1160,
    "gen_ai.usage.input_tokens": 1110,
    "gen_ai.usage.output_tokens": 50,
}
_USED = Usage(input_tokens=1110, cache_read_input_tokens=1000, cache_write_input_tokens=100, output_tokens=50)
_TOOL: Attributes = {
    "openclaw.toolName": "read_file",
    "openclaw.outcome": "error",
    "openclaw.errorCategory": "not_found",
    "openclaw.content.tool_input": '{"path": "a"}',
    "openclaw.content.tool_output": "no such file",
}


@pytest.mark.parametrize("parent", [1, 2, None])
@pytest.mark.parametrize("name", ["openclaw.model.call", "chat claude-sonnet-4-5"])
def test_a_turns_sum_is_not_added_to_its_requests(name: str, parent: int | None) -> None:
    """Requests count, with cached tokens inside the input; the sum beside, inside or outside of them does not."""
    operation: Mapping[str, AttributeValue] = {} if "." in name else {"gen_ai.operation.name": "chat"}
    found = counted(
        [
            _MAKE(1, "openclaw.run", {"openclaw.agent": "main"}, at=(0, 20)),
            _MAKE(2, name, {**_MODEL, **_CALL_USAGE, **operation}, parent=1, at=(1, 4)),
            _MAKE(3, "openclaw.tool.execution", _TOOL, parent=1, at=(5, 6)),
            _MAKE(4, "openclaw.exec", {"openclaw.exec.command": "cat a"}, parent=3, at=(5, 6)),
            _MAKE(5, "openclaw.model.usage", {**_MODEL, **_TURN_USAGE}, parent=parent, at=(1, 4)),
        ]
    )
    (call,) = found.calls
    assert (call.usage, call.model, call.provider) == (_USED, "claude-sonnet-4-5", "anthropic")
    (tool,) = found.tools
    assert (tool.name, tool.arguments, tool.result) == ("read_file", '{"path":"a"}', "no such file")
    assert tool.error is not None
    assert tool.error.type == "not_found"


def test_a_turns_sum_counts_where_no_request_was_seen() -> None:
    """Without requests, the turn's sum is what was used."""
    found = counted(
        [
            _MAKE(1, "openclaw.run", {}, at=(0, 20)),
            _MAKE(2, "openclaw.model.usage", {**_MODEL, **_TURN_USAGE}, parent=1, at=(1, 4)),
        ]
    )
    assert found.usages == [_USED]


def test_an_opaque_turn_is_an_agent_whose_sum_counts() -> None:
    """A foreign runtime's turn (Claude CLI, Codex) is an agent; its sum counts once, also with a second span of it."""
    unit: Attributes = {
        **_MODEL, **_CALL_USAGE, "openclaw.model_call.observation_unit": "turn", "gen_ai.operation.name": "invoke_agent"
    }  # fmt: skip
    found = counted(
        [
            _MAKE(1, "openclaw.run", {}, at=(0, 20)),
            _MAKE(2, "openclaw.model.call", unit, parent=1, at=(1, 4)),
            _MAKE(3, "openclaw.model.usage", {**_MODEL, **_TURN_USAGE}, parent=1, at=(1, 4)),
        ]
    )
    assert found.usages == [_USED]
    assert sum(isinstance(step, AgentRun) for step in found.steps) >= 1


def test_old_builds_name_the_session() -> None:
    """Builds of early 2026 sent the session's key on every span; traces that share it are one session."""
    keyed: Attributes = {**_MODEL, **_CALL_USAGE, "openclaw.sessionKey": "agent:main:main"}
    found = counted([_MAKE(number, "openclaw.model.call", keyed, trace=f"{number:032x}") for number in (1, 2)])
    assert [session.session_id for session in found.sessions] == ["agent:main:main"]
    assert len(found.usages) == 2
