"""OpenClaw's sessions become the steps that telemetry would have told."""

from __future__ import annotations

from typing import Any

from processors.model import AgentRun, ModelCall, Session, ToolCall
from processors.normalise import normalise
from processors.session_logs import Claims, Imported, Spawns, read_openclaw
from tests.support.session_lines import Fields, lines, stamp

MODEL = {"api": "anthropic-messages", "provider": "anthropic", "model": "claude-sonnet-4-5"}


def header(session_id: str) -> Fields:
    """Return the line that names the session."""
    return {"type": "session", "version": 3, "id": session_id, "timestamp": stamp(0), "cwd": "/work"}


def message(key: str, second: float, role: str = "assistant", **fields: Any) -> Fields:
    """Return a message's line."""
    return {"type": "message", "id": key, "timestamp": stamp(second), "message": {"role": role, **fields}}


def used(size: int, output: int = 5) -> Fields:
    """Return the usage of a request with so many fresh input tokens."""
    return {"input": size, "output": output, "cacheRead": 100, "cacheWrite": 20, "cost": {"total": 0.01}}


def session_of(*imported: Imported) -> Session:
    """Return the one session that some files came to."""
    (session,) = normalise([span for each in imported for span in each.spans])
    return session


def inputs(session: Session) -> list[int | None]:
    """Return the input tokens of each call."""
    return [step.usage.input_tokens for step in session.steps if isinstance(step, ModelCall) and step.usage]


def test_messages_of_the_programs_own_are_no_calls() -> None:
    """Copies of what was delivered, and notices put in, carry OpenClaw's name and no request."""
    written = [
        header("o1"),
        message("e1", 1, **MODEL, usage=used(10)),
        message("e2", 2, api="openclaw-transcript", provider="openclaw", model="delivery-mirror", usage=used(0, 0)),
        message("e3", 3, provider="openclaw", model="gateway-injected", usage=used(0, 0)),
    ]
    assert inputs(session_of(read_openclaw(lines(*written), "x"))) == [130]


def test_the_model_may_stand_in_an_earlier_line() -> None:
    """A message without a model has that of the last change or snapshot."""
    change = {"type": "model_change", "timestamp": stamp(0), "provider": "openai", "modelId": "gpt-5"}
    snapshot = {"type": "custom", "customType": "model-snapshot", "data": {"provider": "openai", "modelId": "gpt-5.1"}}
    written = [header("o1"), change, message("e1", 1, usage=used(1)), snapshot, message("e2", 2, usage=used(2))]
    session = session_of(read_openclaw(lines(*written), "x"))
    found = [(step.provider, step.model) for step in session.steps if isinstance(step, ModelCall)]
    assert found == [("openai", "gpt-5"), ("openai", "gpt-5.1")]


def test_a_forks_copies_count_once() -> None:
    """A fork repeats messages with their ids, times and usage under a session id of its own."""
    history = [message("e1", 1, **MODEL, usage=used(10))]
    claims = Claims()
    first = read_openclaw(lines(header("o1"), *history), "x", claims=claims)
    fork = read_openclaw(lines(header("o2"), *history, message("e2", 9, **MODEL, usage=used(30))), "y", claims=claims)
    assert {session.session_id: inputs(session) for session in normalise([*first.spans, *fork.spans])} == {
        "o1": [130],
        "o2": [150],
    }
    assert fork.copied == 1


def test_a_turn_that_ran_in_codex_counts_there() -> None:
    """A message that repeats the end of a Codex turn is no call where that session is imported itself."""
    mirror = message("e1", 1, **MODEL, usage=used(10), idempotencyKey="codex-app-server:t-1:turn-1:assistant")
    content = lines(header("o1"), mirror)
    assert read_openclaw(content, "x", Spawns(codex_threads={"t-1"})).spans == ()
    assert inputs(session_of(read_openclaw(content, "x"))) == [130]


def test_failed_requests_have_no_usage() -> None:
    """An aborted request with all counts at zero has failed, and its tokens are unknown."""
    zero = {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0}
    written = lines(header("o1"), message("e1", 1, **MODEL, usage=zero, stopReason="error"))
    (call,) = [step for step in session_of(read_openclaw(written, "x")).steps if isinstance(step, ModelCall)]
    assert call.error is not None
    assert call.usage is None or call.usage.input_tokens == 0


def test_a_sub_agents_session_joins_its_parents() -> None:
    """The index names who spawned whom; the tool's answer names the key of what it started."""
    spawns = Spawns(
        key_of={"o1": "agent:main:main", "o2": "agent:main:subagent:u"},
        spawned_by={"agent:main:subagent:u": "agent:main:main"},
    )
    call = {"type": "toolCall", "id": "q1", "name": "sessions_spawn", "arguments": {"task": "count"}}
    answer = {
        "content": [{"type": "text", "text": "accepted"}],
        "details": {"childSessionKey": "agent:main:subagent:u"},
    }
    parent = lines(
        header("o1"),
        message("e1", 1, **MODEL, usage=used(10), content=[call]),
        message("e2", 2, "toolResult", toolCallId="q1", toolName="sessions_spawn", **answer),
    )
    child = lines(header("o2"), message("e3", 3, **MODEL, usage=used(30)))
    session = session_of(read_openclaw(parent, "x", spawns), read_openclaw(child, "y", spawns))
    (agent,) = [step for step in session.steps if isinstance(step, AgentRun) and step.is_sub_agent]
    (tool,) = [step for step in session.steps if isinstance(step, ToolCall)]
    assert (session.session_id, agent.delegated_by, inputs(session)) == ("o1", tool.step_id, [130, 150])
