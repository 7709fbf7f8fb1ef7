"""Session files become the steps that telemetry would have told.

The lines are built by hand from the formats that the agents' files have; real files are in `test_real_files`.
"""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from processors.model import AgentRun, ModelCall, Session, ToolCall
from processors.normalise import normalise
from processors.session_logs import Delegations, read_claude_code, read_codex, read_openclaw

USAGE = {
    "input_tokens": 12,
    "cache_read_input_tokens": 1000,
    "cache_creation_input_tokens": 200,
    "cache_creation": {"ephemeral_5m_input_tokens": 150, "ephemeral_1h_input_tokens": 50},
    "output_tokens": 1,
}


def lines(*objects: object) -> list[bytes]:
    """Return JSON lines."""
    return [json.dumps(value).encode() + b"\n" for value in objects]


def answer(key: str, second: int, block: dict[str, object], output: int, **more: object) -> dict[str, object]:
    """Return one line of a Claude Code response: one content block, the usage repeated."""
    return {
        "type": "assistant",
        "sessionId": "s1",
        "timestamp": f"2026-03-01T10:00:{second:02}.000Z",
        "requestId": f"req-{key}",
        "message": {
            "id": key,
            "role": "assistant",
            "model": "claude-sonnet-4-5-20250929",
            "content": [block],
            "usage": USAGE | {"output_tokens": output},
        },
        **more,
    }


def result(call_id: str, second: int, content: str, *, failed: bool = False, **more: object) -> dict[str, object]:
    """Return the line of a tool's result."""
    block = {"type": "tool_result", "tool_use_id": call_id, "content": content, "is_error": failed}
    return {
        "type": "user",
        "sessionId": "s1",
        "timestamp": f"2026-03-01T10:00:{second:02}.000Z",
        "message": {"role": "user", "content": [block]},
        **more,
    }


MAIN = lines(
    {"type": "summary", "summary": "x", "leafUuid": "y"},
    {"type": "user", "sessionId": "s1", "timestamp": "2026-03-01T10:00:00Z", "message": {"content": "hello"}},
    answer("m1", 1, {"type": "text", "text": "Reading."}, 1),
    answer("m1", 2, {"type": "tool_use", "id": "t1", "name": "Read", "input": {"file_path": "a.txt"}}, 40),
    result("t1", 3, "no such file", failed=True),
    answer("m2", 4, {"type": "tool_use", "id": "t2", "name": "Agent", "input": {"prompt": "count"}}, 30),
    result("t2", 9, "4 words", toolUseResult={"agentId": "a77"}),
    answer("m3", 10, {"type": "text", "text": "Done."}, 5),
    {"type": "a-type-of-next-year", "sessionId": "s1"},
)
SUB = lines(
    answer(
        "m9",
        6,
        {"type": "tool_use", "id": "t9", "name": "Bash", "input": {"command": "wc"}},
        7,
        isSidechain=True,
        agentId="a77",
    ),
    result("t9", 7, "4", isSidechain=True, agentId="a77"),
)


def claude_session() -> Session:
    """Return the session of a main file and its sub-agent's."""
    delegations = Delegations()
    main, sub = read_claude_code(MAIN, "x", delegations), read_claude_code(SUB, "y", delegations)
    (session,) = normalise([*main.spans, *sub.spans])
    return session


def test_a_streamed_response_counts_once_with_its_last_usage() -> None:
    """The lines of one message id are one call, with the final output count and the cache inside the input."""
    calls = [step for step in claude_session().steps if isinstance(step, ModelCall)]
    assert [call.usage.output_tokens for call in calls if call.usage] == [40, 30, 7, 5]
    usage = calls[0].usage
    assert usage is not None
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.cache_write_input_tokens) == (1212, 1000, 200)
    assert usage.cache_write_1h_input_tokens == 50


def test_tools_have_arguments_results_and_failures() -> None:
    """Every tool use is one tool run with what it was given, what came back, and whether it failed."""
    tools = {step.tool_call_id: step for step in claude_session().steps if isinstance(step, ToolCall)}
    assert tools["t1"].arguments == '{"file_path":"a.txt"}'
    assert tools["t1"].error is not None
    assert tools["t2"].result == "4 words"
    assert tools["t2"].error is None


def test_a_sub_agent_joins_its_parent() -> None:
    """A sub-agent's file belongs to the parent's session, under the tool call that started it."""
    agents = [step for step in claude_session().steps if isinstance(step, AgentRun) and step.is_sub_agent]
    assert [agent.delegated_by is not None for agent in agents] == [True]


def test_unknown_lines_are_counted() -> None:
    """A line of a type that is not known, or that is no JSON, is skipped and counted."""
    assert read_claude_code([*MAIN, b"{broken\n"], "x").skipped == 2


def codex_usage(total: int, output: int) -> dict[str, object]:
    """Return a token count event of a rollout file."""
    last = {"input_tokens": 1000, "cached_input_tokens": 640, "output_tokens": output, "reasoning_output_tokens": 3}
    info = {"total_token_usage": {"total_tokens": total}, "last_token_usage": last}
    return {"timestamp": "2026-03-01T10:00:05Z", "type": "event_msg", "payload": {"type": "token_count", "info": info}}


def codex_item(payload: dict[str, object]) -> dict[str, object]:
    """Return a response item of a rollout file."""
    return {"timestamp": "2026-03-01T10:00:04Z", "type": "response_item", "payload": payload}


def test_a_re_emitted_codex_count_is_no_call() -> None:
    """A token count whose cumulative total did not move is the same call again."""
    rollout = lines(
        {"timestamp": "2026-03-01T10:00:00Z", "type": "session_meta", "payload": {"id": "c1"}},
        {"timestamp": "2026-03-01T10:00:01Z", "type": "turn_context", "payload": {"model": "gpt-5"}},
        codex_item({"type": "function_call", "name": "shell", "arguments": '{"cmd":"ls"}', "call_id": "k1"}),
        codex_usage(1010, 10),
        codex_usage(1010, 10),
        codex_item({"type": "function_call_output", "call_id": "k1", "output": "a b"}),
        codex_usage(2030, 20),
    )
    imported = read_codex(rollout, "x")
    (session,) = normalise(imported.spans)
    calls = [step for step in session.steps if isinstance(step, ModelCall)]
    assert [(c.model, c.usage.input_tokens, c.usage.output_tokens) for c in calls if c.usage] == [
        ("gpt-5", 1000, 10),
        ("gpt-5", 1000, 20),
    ]
    assert [t.result for t in session.steps if isinstance(t, ToolCall)] == ["a b"]
    assert imported.skipped == 0


def test_openclaw_input_gains_its_cache() -> None:
    """OpenClaw's input excludes the cache; ours includes it, and its own cost is kept beside."""
    usage = {"input": 10, "output": 5, "cacheRead": 100, "cacheWrite": 20, "cost": {"total": 0.01}}
    call = {"type": "toolCall", "id": "q1", "name": "read", "arguments": {"path": "a"}}
    message = {
        "role": "assistant",
        "content": [call],
        "usage": usage,
        "model": "claude-sonnet-4-5",
        "provider": "anthropic",
    }
    back = {"role": "toolResult", "toolCallId": "q1", "toolName": "read", "content": [{"type": "text", "text": "ok"}]}
    file = lines(
        {"type": "session", "id": "o1", "timestamp": "2026-03-01T10:00:00Z"},
        {"type": "message", "id": "e1", "timestamp": "2026-03-01T10:00:01Z", "message": message},
        {"type": "message", "id": "e2", "timestamp": "2026-03-01T10:00:02Z", "message": back},
    )
    (session,) = normalise(read_openclaw(file, "x").spans)
    (found,) = [step for step in session.steps if isinstance(step, ModelCall)]
    assert session.session_id == "o1"
    assert found.usage is not None
    assert found.usage.input_tokens == 130
    assert str(found.reported_cost) == "0.01"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from([read_claude_code, read_codex, read_openclaw]), st.integers(0, 8), st.data())
def test_no_line_breaks_an_import(read: object, position: int, data: st.DataObject) -> None:
    """Whatever stands in a line, of whatever type, the rest of the file is read."""
    broken = [json.loads(line) for line in MAIN]
    broken[position][data.draw(st.sampled_from(sorted(broken[position])))] = data.draw(json_values)
    imported = read(lines(*broken), "x")  # type: ignore[operator] # one of three functions of one shape
    assert all(span.trace_id and span.span_id for span in imported.spans)
