"""Claude Code's session files: `~/.claude/projects/*/SESSION.jsonl`, and `agent-*.jsonl` of sub-agents.

One API response is written as several lines, one per content block, each repeating the usage; the last line of a
message id has the final output count. `input_tokens` excludes the cache.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from processors.session_logs.lines import Record, count, items, moment, plain, record, records, text
from processors.session_logs.trace import Imported, Tokens, Trace

_KNOWN = frozenset(
    {"user", "assistant", "system", "summary", "attachment", "progress", "file-history-snapshot"}
    | {"queue-operation", "custom-title", "ai-title", "last-prompt", "permission-mode", "mode"}
)
_SYNTHETIC = "<synthetic>"
"""The model name of messages that the program wrote itself; no request was made for them."""


@dataclass(slots=True)
class _Response:
    """One API response, gathered from its lines."""

    started: int
    ended: int
    message: Record
    parts: list[dict[str, object]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)


def read_claude_code(lines: Iterable[bytes], fallback_id: str, delegations: dict[str, str] | None = None) -> Imported:
    """Return a session file's spans. `delegations` maps sub-agents' ids to the tool calls that started them.

    The map is filled from a parent's file and read for a sub-agent's; give the same one for all files of a session.
    """
    reader = _Reader(fallback_id, delegations if delegations is not None else {})
    skipped = 0
    for line in records(lines):
        if line is None or text(line.get("type")) not in _KNOWN or not reader.take(line):
            skipped += 1
    return reader.finish(skipped)


@dataclass(slots=True)
class _Reader:
    session_id: str
    delegations: dict[str, str]
    agent_id: str | None = None
    last: int = 0
    responses: dict[str, _Response] = field(default_factory=dict)
    asked: dict[str, tuple[int, str, object]] = field(default_factory=dict)
    answered: dict[str, tuple[int, str | None, bool]] = field(default_factory=dict)

    def take(self, line: Record) -> bool:
        """Take one line in; False where it should have held something and did not."""
        self.session_id = text(line.get("sessionId")) or self.session_id
        if line.get("isSidechain") is True:
            self.agent_id = text(line.get("agentId")) or self.agent_id
        kind = line.get("type")
        if kind not in ("user", "assistant"):
            return True
        at = moment(line.get("timestamp"))
        message = record(line.get("message"))
        if at is None or not message:
            return False
        taken = self._answer(line, message, at) if kind == "assistant" else self._results(line, message, at)
        self.last = at
        return taken

    def _answer(self, line: Record, message: Record, at: int) -> bool:
        if message.get("model") == _SYNTHETIC:
            return True
        key = text(message.get("id")) or text(line.get("requestId")) or text(line.get("uuid"))
        if key is None:
            return False
        response = self.responses.setdefault(key, _Response(self.last or at, at, message))
        response.ended, response.message = max(response.ended, at), {**response.message, **message}
        for block in items(message.get("content")):
            self._block(response, block, at)
        return True

    def _block(self, response: _Response, block: Record, at: int) -> None:
        identity = text(block.get("id")) or repr(sorted(block.items(), key=lambda item: item[0]))
        if identity in response.seen:
            return
        response.seen.add(identity)
        kind, call_id = block.get("type"), text(block.get("id"))
        if kind == "text":
            response.parts.append({"type": "text", "content": block.get("text", "")})
        elif kind == "thinking":
            response.parts.append({"type": "reasoning", "content": block.get("thinking", "")})
        elif kind == "tool_use" and call_id is not None:
            name = text(block.get("name")) or "tool"
            response.parts.append({"type": "tool_call", "id": call_id, "name": name, "arguments": block.get("input")})
            self.asked.setdefault(call_id, (at, name, block.get("input")))

    def _results(self, line: Record, message: Record, at: int) -> bool:
        agent_id = text(record(line.get("toolUseResult")).get("agentId"))
        for block in items(message.get("content")):
            call_id = text(block.get("tool_use_id"))
            if block.get("type") == "tool_result" and call_id is not None:
                self.answered.setdefault(call_id, (at, plain(block.get("content")), block.get("is_error") is True))
                if agent_id is not None:
                    self.delegations[agent_id] = call_id
        return True

    def finish(self, skipped: int) -> Imported:
        """Return the spans."""
        agent = "claude-code" if self.agent_id is None else f"claude-code agent {self.agent_id}"
        trace = Trace(self.session_id, agent, self.agent_id)
        for key, response in self.responses.items():
            message = response.message
            trace.call(
                key,
                (response.started, response.ended),
                model=text(message.get("model")),
                provider="anthropic",
                tokens=_tokens(record(message.get("usage"))),
                said=response.parts,
                extra={"gen_ai.response.id": key},
            )
        for call_id, (at, name, arguments) in self.asked.items():
            done, result, failed = self.answered.get(call_id, (at, None, False))
            error = (result or "tool error")[:500] if failed else None
            trace.tool(call_id, name, (at, done), arguments, result, error=error)
        return trace.finish(skipped, delegated_by=self.delegations.get(self.agent_id or ""))


def _tokens(usage: Record) -> Tokens:
    fresh, read = count(usage.get("input_tokens")), count(usage.get("cache_read_input_tokens"))
    written = count(usage.get("cache_creation_input_tokens"))
    lifetimes = record(usage.get("cache_creation"))
    return Tokens(
        input=None if fresh is None else fresh + (read or 0) + (written or 0),
        cache_read=read,
        cache_write=written,
        cache_write_1h=count(lifetimes.get("ephemeral_1h_input_tokens")),
        output=count(usage.get("output_tokens")),
    )
