"""A session that came as telemetry and is imported from its file as well counts once.

The files are written from the recordings' own steps in the shape of the agents' lines: none of their own was kept.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from collector.model import Span
from processors.model import AgentRun, ModelCall, Session, Step, ToolCall
from processors.normalise import normalise
from processors.session_logs import Delegations, Threads, read_claude_code, read_codex
from tests.processors.support import load_recording
from tests.support.session_lines import item, lines, meta, turn, wrapped

SUB_AGENT = "a5ub"


def counted(session: Session) -> list[Step]:
    """Return the steps that count."""
    return [step for step in session.steps if step.counted_by is None]


def figures(session: Session) -> dict[str, Any]:
    """Return what must not change however often the session is told."""
    steps = counted(session)
    calls = [step for step in steps if isinstance(step, ModelCall)]
    names = ("input_tokens", "cache_read_input_tokens", "cache_write_input_tokens", "output_tokens")
    return {
        "session": session.session_id,
        "calls": len(calls),
        "tools": sorted(step.tool_call_id or "" for step in steps if isinstance(step, ToolCall)),
        "sub-agents": sum(isinstance(step, AgentRun) and step.is_sub_agent for step in steps),
        "contexts": sorted(len(context.call_step_ids) for context in session.contexts),
        **{name: sum(getattr(call.usage, name) or 0 for call in calls if call.usage) for name in names},
    }


class Writer:
    """Writes the session files that an agent would have left of a session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.steps = counted(session)
        self.above = {step.step_id: step for step in session.steps}
        self.calls = [step for step in self.steps if isinstance(step, ModelCall)]

    def spans(self) -> Iterator[Span]:
        """Yield the spans of the files, as an import would read them."""
        files: dict[str | None, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
        for number, step in enumerate(self.steps):
            if isinstance(step, ModelCall | ToolCall):
                files[self.agent(step)].append((step.ended_at, self.line(step, number)))
        shared = Delegations()
        for agent in sorted(files, key=lambda agent: agent is not None):
            content = [line for _, line in sorted(files[agent], key=lambda entry: entry[0])]
            name = self.session.session_id if agent is None else f"agent-{agent}"
            yield from read_claude_code(lines(*content), name, shared).spans

    def agent(self, step: Step | None) -> str | None:
        """Name the sub-agent that did something."""
        while step is not None:
            if isinstance(step, AgentRun) and step.is_sub_agent:
                return SUB_AGENT
            step = self.above.get(step.parent_step_id or "")
        return None

    def line(self, step: ModelCall | ToolCall, number: int) -> dict[str, Any]:
        """Return the line of a response with one block per tool, or of a tool's answer."""
        agent = self.agent(step)
        about: dict[str, Any] = {"sessionId": self.session.session_id, "timestamp": _stamp(step.ended_at)}
        about |= {} if agent is None else {"isSidechain": True, "agentId": agent}
        if isinstance(step, ModelCall):
            return {"type": "assistant", "message": self.message(step, number), **about}
        started = any(isinstance(other, AgentRun) and other.delegated_by == step.step_id for other in self.steps)
        told = {"toolUseResult": {"agentId": SUB_AGENT}} if started else {}
        block = {"type": "tool_result", "tool_use_id": step.tool_call_id, "content": step.result or "an answer"}
        return {"type": "user", "message": {"role": "user", "content": [block]}, **about, **told}

    def message(self, call: ModelCall, number: int) -> dict[str, Any]:
        """Return a response; it asked for the tools that ran until the agent's next one."""
        assert call.usage is not None
        read, written = call.usage.cache_read_input_tokens or 0, call.usage.cache_write_input_tokens or 0
        usage = {
            "input_tokens": (call.usage.input_tokens or 0) - read - written,
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": written,
            "output_tokens": call.usage.output_tokens,
        }
        asked = [tool for tool in self.steps if isinstance(tool, ToolCall) and self.asking(tool) is call]
        blocks = [
            {
                "type": "tool_use",
                "id": tool.tool_call_id,
                "name": tool.name,
                "input": json.loads(tool.arguments or "{}"),
            }
            for tool in asked
        ]
        return {"id": f"msg_{number:024}", "role": "assistant", "model": call.model, "content": blocks, "usage": usage}

    def asking(self, tool: ToolCall) -> ModelCall:
        """Return the call of the same agent that began last before the tool."""
        own = [call for call in self.calls if self.agent(call) == self.agent(tool)]
        return max((call for call in own if call.started_at <= tool.started_at), key=lambda call: call.started_at)


class CodexWriter(Writer):
    """Writes the rollouts that Codex would have left."""

    def spans(self) -> Iterator[Span]:
        """Yield the spans of the rollouts, as an import would read them."""
        threads = Threads()
        for agent in (None, SUB_AGENT):
            thread_id = self.session.session_id if agent is None else agent
            spawn = {} if agent is None else {"thread_spawn": {"parent_thread_id": self.session.session_id}}
            content = [meta(thread_id, source={"subagent": spawn}), turn(0, model="gpt-5"), *self.rollout(agent)]
            yield from read_codex(lines(*content), thread_id, threads).spans

    def rollout(self, agent: str | None) -> Iterator[dict[str, Any]]:
        """Yield each response of an agent: the tools it asked for, the count, and the tools' answers."""
        total: Counter[str] = Counter()
        for call in (call for call in self.calls if self.agent(call) == agent):
            assert call.usage is not None
            at = {"timestamp": _stamp(call.ended_at)}
            asked = [tool for tool in self.steps if isinstance(tool, ToolCall) and self.asking(tool) is call]
            for tool in asked:
                given = {"name": tool.name, "call_id": tool.tool_call_id, "arguments": tool.arguments or "{}"}
                yield item("function_call", 0, **given) | at
            last = {
                "input_tokens": call.usage.input_tokens or 0,
                "cached_input_tokens": call.usage.cache_read_input_tokens or 0,
                "output_tokens": call.usage.output_tokens or 0,
            }
            total.update(last)
            info = {"last_token_usage": last, "total_token_usage": dict(total)}
            yield wrapped("event_msg", 0, type="token_count", info=info) | at
            for tool in asked:
                started = any(isinstance(step, AgentRun) and step.delegated_by == tool.step_id for step in self.steps)
                output = json.dumps({"agent_id": SUB_AGENT}) if started else tool.result or "an answer"
                ended = _stamp(max(tool.ended_at, call.ended_at))
                yield item("function_call_output", 0, call_id=tool.tool_call_id, output=output) | {"timestamp": ended}


def _stamp(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("name", "writer"),
    [("claude-code-beta-traces", Writer), ("claude-code-default", Writer), ("codex-cli", CodexWriter)],
)
def test_a_session_told_twice_counts_once(name: str, writer: type[Writer]) -> None:
    """Telemetry (spans or only events), the file, and both at once give the same calls, tools, agents and tokens."""
    spans, logs = load_recording(name)
    (by_telemetry,) = normalise(spans, logs)
    told = list(writer(by_telemetry).spans())
    (by_file,) = normalise(told)
    (by_both,) = normalise([*told, *spans], logs)
    assert figures(by_file) == figures(by_telemetry)
    assert figures(by_both) == figures(by_telemetry)
    notes = {step.note for step in by_both.steps if step.counted_by is not None and isinstance(step, ModelCall)}
    assert "counted once: the same call in the agent's session file" in notes
