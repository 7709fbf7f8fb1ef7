"""Codex's session files: `~/.codex/sessions/YYYY/MM/DD/rollout-*.jsonl`.

Usage comes as `token_count` events after each response, cumulative and of the last call; an event that repeats the
cumulative total is a re-emission and no call (ccusage#1288). Input includes the cache, output includes reasoning.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from processors.session_logs.lines import Record, count, moment, plain, record, records, text
from processors.session_logs.trace import Imported, Tokens, Trace

_KNOWN = frozenset({"session_meta", "turn_context", "response_item", "event_msg", "compacted"})
_CALLS = frozenset({"function_call", "custom_tool_call", "local_shell_call"})
_OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output"})


def read_codex(lines: Iterable[bytes], fallback_id: str) -> Imported:
    """Return a rollout file's spans."""
    reader = _Reader(fallback_id)
    skipped = 0
    for line in records(lines):
        if line is None or text(line.get("type")) not in _KNOWN or not reader.take(line):
            skipped += 1
    return reader.finish(skipped)


@dataclass(slots=True)
class _Reader:
    session_id: str
    parent_id: str | None = None
    model: str | None = None
    last: int = 0
    total: int = -1
    calls: int = 0
    parts: list[dict[str, object]] = field(default_factory=list)
    asked: dict[str, tuple[int, str, object]] = field(default_factory=dict)
    answered: dict[str, tuple[int, str | None]] = field(default_factory=dict)
    made: list[tuple[int, int, str | None, Tokens, list[dict[str, object]]]] = field(default_factory=list)

    def take(self, line: Record) -> bool:
        """Take one line in; False where it should have held something and did not."""
        payload, at = record(line.get("payload")), moment(line.get("timestamp"))
        if not payload or at is None:
            return line.get("type") == "compacted"
        kind = line.get("type")
        if kind == "session_meta":
            self._meta(payload)
        elif kind == "turn_context":
            self.model = text(payload.get("model")) or self.model
        elif kind == "response_item":
            self._item(payload, at)
        elif payload.get("type") == "token_count":
            self._usage(record(payload.get("info")), at)
        if not self.last:
            self.last = at
        return True

    def _meta(self, payload: Record) -> None:
        self.session_id = text(payload.get("id")) or self.session_id
        spawn = record(record(record(payload.get("source")).get("subagent")).get("thread_spawn"))
        self.parent_id = text(spawn.get("parent_thread_id")) or self.parent_id

    def _item(self, payload: Record, at: int) -> None:
        kind, call_id = text(payload.get("type")), text(payload.get("call_id"))
        if kind == "message" and payload.get("role") == "assistant":
            self.parts.append({"type": "text", "content": plain(payload.get("content")) or ""})
        elif kind == "message":
            self.last = max(self.last, at)
        elif kind == "reasoning":
            self.parts.append({"type": "reasoning", "content": plain(payload.get("summary")) or ""})
        elif kind in _CALLS and call_id is not None:
            name = text(payload.get("name")) or "local_shell"
            arguments = payload.get("arguments", payload.get("input", payload.get("action")))
            self.parts.append({"type": "tool_call", "id": call_id, "name": name, "arguments": arguments})
            self.asked.setdefault(call_id, (at, name, arguments))
        elif kind in _OUTPUTS and call_id is not None:
            output = payload.get("output")
            said = text(output) or text(record(output).get("content")) or plain(output)
            self.answered.setdefault(call_id, (at, said))

    def _usage(self, info: Record, at: int) -> None:
        used, total = (
            record(info.get("last_token_usage")),
            count(record(info.get("total_token_usage")).get("total_tokens")),
        )
        if not used or (total is not None and total == self.total):
            return
        self.total = total if total is not None else self.total
        tokens = Tokens(
            input=count(used.get("input_tokens")),
            cache_read=count(used.get("cached_input_tokens")),
            output=count(used.get("output_tokens")),
            reasoning=count(used.get("reasoning_output_tokens")),
        )
        self.made.append((self.last or at, at, self.model, tokens, self.parts))
        self.parts, self.last = [], at

    def finish(self, skipped: int) -> Imported:
        """Return the spans; a sub-agent's belong to its parent's session."""
        trace = Trace(self.parent_id or self.session_id, "codex", self.session_id if self.parent_id else None)
        for number, (started, ended, model, tokens, said) in enumerate(self.made):
            key = f"{self.session_id}:{number}"
            trace.call(key, (started, ended), model=model, provider="openai", tokens=tokens, said=said)
        for call_id, (at, name, arguments) in self.asked.items():
            done, result = self.answered.get(call_id, (at, None))
            trace.tool(call_id, name, (at, done), arguments, result)
        return trace.finish(skipped)
