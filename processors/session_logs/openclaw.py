"""OpenClaw's session files: `~/.openclaw/agents/AGENT/sessions/*.jsonl`, and the same events in its database.

Each assistant message carries the usage of its own request; `input` excludes the cache. A forked session repeats
messages of the one before, with their ids, times and usage. Messages that OpenClaw wrote itself, such as copies of
what it delivered to a channel, stand among the model's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from processors.session_logs.lines import NO_CONTENT, Record, count, decoded, items, moment, part, plain, record, text
from processors.session_logs.trace import Claims, Imported, Times, Tokens, Trace

PROGRAM: Final = "openclaw"
_KNOWN: Final = frozenset(
    {"session", "message", "model_change", "thinking_level_change", "compaction", "custom", "custom_message"}
    | {"branch_summary", "label", "session_info", "leaf"}
)
_OWN_API: Final = "openclaw-transcript"
_OWN_MODELS: Final = frozenset({"delivery-mirror", "gateway-injected"})
_MIRROR: Final = "codex-app-server:"
"""Begins the key of a message that repeats the end of a turn which ran, and was recorded, in Codex."""
_FAILED: Final = frozenset({"error", "aborted"})


class _Line(msgspec.Struct, rename="camel", gc=False):
    type: object = None
    id: object = None
    timestamp: object = None
    message: object = None
    model_id: object = None
    provider: object = None
    custom_type: object = None
    data: msgspec.Raw = msgspec.Raw(b"null")


@dataclass(slots=True)
class Spawns:
    """Which sessions are sub-agents of which, for all files of one import; the index beside the files tells it."""

    key_of: dict[str, str] = field(default_factory=dict)
    """Session keys by session id."""
    spawned_by: dict[str, str] = field(default_factory=dict)
    """Session keys of those that started them, by the key of what was started."""
    call_of: dict[str, str] = field(default_factory=dict)
    """The tool calls that started them, by session key."""
    codex_threads: set[str] = field(default_factory=set)
    """Codex sessions that are imported themselves."""

    def root(self, session_id: str) -> str:
        """Return the session at the top of the sub-agents."""
        ids = {key: identifier for identifier, key in self.key_of.items()}
        key, seen = self.key_of.get(session_id, ""), set[str]()
        while (above := self.spawned_by.get(key)) in ids and key not in seen:
            seen.add(key)
            key = above or ""
        return ids.get(key, session_id)


def read_openclaw(
    lines: Iterable[bytes], fallback_id: str, spawns: Spawns | None = None, claims: Claims | None = None
) -> Imported:
    """Return a session's spans. Give the same `spawns` and `claims` for all files of an import."""
    reader = _Reader(fallback_id, spawns or Spawns(), claims or Claims())
    for line in decoded(lines, _Line, reader.skipped):
        reader.take(line)
    return reader.finish()


@dataclass(slots=True)
class _Reader:
    session_id: str
    spawns: Spawns
    claims: Claims
    skipped: Counter[str] = field(default_factory=Counter)
    understood: int = 0
    copied: int = 0
    last: int = 0
    model: str | None = None
    provider: str | None = None
    calls: list[tuple[str, Times, Record, list[dict[str, object]]]] = field(default_factory=list)
    asked: dict[str, tuple[int, str, object]] = field(default_factory=dict)
    answered: dict[str, tuple[int, Record]] = field(default_factory=dict)

    def take(self, line: _Line) -> None:
        """Take one line in; one that is not understood is counted."""
        kind = text(line.type)
        if kind not in _KNOWN:
            self.skipped[f"unknown type {kind[:40]}" if kind else "without a type"] += 1
            return
        if kind == "session":
            self.session_id, self.last = text(line.id) or self.session_id, moment(line.timestamp) or 0
        elif kind == "model_change":
            self._model(line.model_id, line.provider)
        elif kind == "custom" and line.custom_type == "model-snapshot":
            data = part(line.data)
            self._model(data.get("modelId"), data.get("provider"))
        elif kind == "message" and not self._message(line, record(line.message)):
            self.skipped[NO_CONTENT] += 1
            return
        self.understood += 1

    def _model(self, model: object, provider: object) -> None:
        self.model, self.provider = text(model) or self.model, text(provider) or self.provider

    def _message(self, line: _Line, message: Record) -> bool:
        at = moment(line.timestamp) or moment(message.get("timestamp"))
        if at is None or not message:
            return False
        if message.get("role") == "assistant":
            self._answer(line, message, at)
        elif message.get("role") == "toolResult" and (call_id := text(message.get("toolCallId"))) is not None:
            self.answered.setdefault(call_id, (at, message))
            self.asked.setdefault(call_id, (at, text(message.get("toolName")) or "tool", None))
            child = text(record(message.get("details")).get("childSessionKey"))
            if child is not None:
                self.spawns.call_of.setdefault(child, call_id)
        self.last = at
        return True

    def _answer(self, line: _Line, message: Record, at: int) -> None:
        if message.get("api") == _OWN_API or (
            message.get("provider") == PROGRAM and text(message.get("model")) in _OWN_MODELS
        ):
            return
        key = text(line.id) or f"message {self.understood}"
        if self._is_copy(key, message, at):
            self.copied += 1
            return
        parts: list[dict[str, object]] = []
        for block in items(message.get("content")):
            self._block(parts, block, at)
        known = {"model": self.model, "provider": self.provider}
        told = {name: message.get(name) or value for name, value in known.items()}
        self.calls.append((key, (min(self.last or at, at), at), {**message, **told}, parts))

    def _is_copy(self, key: str, message: Record, at: int) -> bool:
        thread = str(message.get("idempotencyKey") or "")
        if thread.startswith(_MIRROR) and thread.split(":")[1] in self.spawns.codex_threads:
            return True
        tokens = _tokens(record(message.get("usage")))
        return not self.claims.take(f"{key} {at} {tokens.input} {tokens.output}", self.session_id)

    def _block(self, parts: list[dict[str, object]], block: Record, at: int) -> None:
        kind, call_id = block.get("type"), text(block.get("id"))
        if kind == "text":
            parts.append({"type": "text", "content": block.get("text", "")})
        elif kind == "thinking":
            parts.append({"type": "reasoning", "content": block.get("thinking", "")})
        elif kind in ("toolCall", "toolUse") and call_id is not None:
            name, arguments = text(block.get("name")) or "tool", block.get("arguments", block.get("input"))
            parts.append({"type": "tool_call", "id": call_id, "name": name, "arguments": arguments})
            self.asked[call_id] = (at, name, arguments)

    def finish(self) -> Imported:
        """Return the spans; a sub-agent's belong to the session at the top."""
        root = self.spawns.root(self.session_id)
        is_sub_agent = root != self.session_id
        trace = Trace(
            session_id=root,
            program=PROGRAM,
            thread_id=self.session_id if is_sub_agent else None,
            agent=f"{PROGRAM} agent {self.session_id}" if is_sub_agent else None,
            is_session=is_sub_agent,
        )
        for key, times, message, parts in self.calls:
            trace.call(key, times, _tokens(record(message.get("usage"))), parts, _attributes(message))
        for call_id, (at, name, arguments) in self.asked.items():
            back = self.answered.get(call_id)
            done, answer = back or (at, {})
            result = plain(answer.get("content"))
            error = (result or "tool error")[:500] if _failed(answer) else None
            trace.tool(call_id, name, (at, done), arguments, result, error=error, lines=1 + (back is not None))
        started_by = self.spawns.call_of.get(self.spawns.key_of.get(self.session_id, ""))
        spans = trace.finish(self.understood, delegated_by=started_by if is_sub_agent else None)
        return Imported(spans, self.skipped, self.copied, self.understood)


def _failed(answer: Record) -> bool:
    """Tell whether a tool failed: a command that ended with an error is a success to OpenClaw, but for its code."""
    code = record(answer.get("details")).get("exitCode")
    return answer.get("isError") is True or (isinstance(code, int) and code != 0)


def _attributes(message: Record) -> dict[str, str | float | None]:
    usage = record(message.get("usage"))
    cost, stop = record(usage.get("cost")).get("total"), text(message.get("stopReason"))
    return {
        "gen_ai.provider.name": text(message.get("provider")) or PROGRAM,
        "gen_ai.request.model": text(message.get("model")),
        "gen_ai.response.id": text(message.get("responseId")),
        "gen_ai.response.finish_reason": stop,
        "operation.cost": float(cost) if isinstance(cost, int | float) and cost > 0 else None,
        "error.type": stop if stop in _FAILED else None,
    }


def _tokens(usage: Record) -> Tokens:
    fresh, read, written = (count(usage.get(name)) for name in ("input", "cacheRead", "cacheWrite"))
    whole = None if fresh is None else fresh + (read or 0) + (written or 0)
    return Tokens(input=whole, cache_read=read, cache_write=written, output=count(usage.get("output")))
