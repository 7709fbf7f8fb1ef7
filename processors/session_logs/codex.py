"""Codex's session files: `~/.codex/sessions/YYYY/MM/DD/rollout-*.jsonl`.

Since September 2025 each line is `{timestamp, type, payload}`, with usage as `token_count` events after the responses;
input includes the cache, output includes reasoning. Before, lines were bare response items without time or usage.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from processors.normalise.provider import billed_by
from processors.session_logs.codex_answers import answer_of, object_in
from processors.session_logs.codex_forks import Origin
from processors.session_logs.codex_lines import BARE_ITEMS, CALLS, OUTPUTS, PASSED_OVER, WRAPPED, Line
from processors.session_logs.codex_threads import Threads
from processors.session_logs.codex_usage import Meter
from processors.session_logs.lines import NO_CONTENT, Record, decoded, moment, part, plain, record, text
from processors.session_logs.trace import Imported, Tokens, Trace

PROGRAM: Final = "codex"
_SPAWN: Final = "spawn_agent"
_MILLISECOND: Final = 1_000_000


@dataclass(slots=True)
class _Call:
    """A response as a `token_count` tells of it."""

    position: int
    started: int
    ended: int
    model: str | None
    tier: str | None
    tokens: Tokens
    said: list[dict[str, object]]
    own: bool


def read_codex(lines: Iterable[bytes], fallback_id: str, threads: Threads | None = None) -> Imported:
    """Return a rollout file's spans. Give the same `threads` for all files of an import, parents' files first."""
    reader = _Reader(fallback_id, threads or Threads())
    for line in decoded(lines, Line, reader.skipped):
        reader.take(line)
    return reader.finish()


@dataclass(slots=True)
class _Reader:
    fallback_id: str
    threads: Threads
    skipped: Counter[str] = field(default_factory=Counter)
    understood: int = 0
    origin: Origin | None = None
    copying: bool = False
    """Whether the lines are, or may be, another session's history."""
    foreign: bool = False
    provider: str | None = None
    model: str | None = None
    tier: str | None = None
    last: int = 0
    """When the model was last given something."""
    clock: int = 0
    events: int = 0
    meter: Meter = field(default_factory=Meter)
    parts: list[dict[str, object]] = field(default_factory=list)
    asked: dict[str, tuple[int, str, object, bool]] = field(default_factory=dict)
    answered: dict[str, tuple[int, object]] = field(default_factory=dict)
    made: list[_Call] = field(default_factory=list)
    unmetered: list[tuple[int, int, int, int]] = field(default_factory=list)
    """Answers by their first and last parts and their times; calls only where the file has no usage at all."""
    old_turns: set[str] = field(default_factory=set)

    def take(self, line: Line) -> None:
        """Take one line in; one that is not understood is counted."""
        kind, at = text(line.type), moment(line.timestamp)
        if kind in WRAPPED:
            payload = part(line.payload)
            if not payload or at is None:
                self.skipped[NO_CONTENT] += 1
                return
            self._take(kind, payload, at)
        elif kind in BARE_ITEMS:
            self.clock = max(self.clock, self.last) + _MILLISECOND  # bare items have an order and no time
            self._item(kind, line.item(), self.clock)
        elif kind is None and (line.record_type == "state" or text(line.id) is not None):
            if self.origin is None and text(line.id) is not None:
                self._begin({"id": line.id}, at)
        elif kind not in PASSED_OVER:
            self.skipped[f"unknown type {kind[:40]}" if kind else "without a type"] += 1
            return
        self.understood += 1

    def _take(self, kind: str, payload: Record, at: int) -> None:
        if kind == "session_meta":
            self._meta(payload, at)
        elif kind == "turn_context":
            self._turn(payload)
            self.model = text(payload.get("model")) or self.model
        elif kind == "response_item":
            self._item(text(payload.get("type")), payload, at)
        else:
            self._event(payload, at)
        self.last = self.last or at

    def _begin(self, meta: Record, at: int | None) -> None:
        self.origin = Origin.of(meta, self.fallback_id, at)
        self.copying = self.origin.forked_from is not None
        for thread_id in (self.origin.forked_from, self.origin.parent_id):
            self.meter.inherited |= self.threads.totals_of.get(thread_id or "", set())
        self.last = self.last or at or 0
        if self.origin.parent_id is not None:
            self.threads.parent_of.setdefault(self.origin.thread_id, self.origin.parent_id)
        if self.origin.spawn_call_id is not None:
            self.threads.call_of.setdefault(self.origin.thread_id, self.origin.spawn_call_id)

    def _meta(self, payload: Record, at: int) -> None:
        """Take the file's own description in; a later one of another session begins a copy of that one's history."""
        if self.origin is None:
            self._begin(payload, at)
            self.provider = text(payload.get("model_provider"))
        elif text(payload.get("id")) not in (None, self.origin.thread_id) and not any(call.own for call in self.made):
            self.copying = self.foreign = True

    def _turn(self, payload: Record) -> None:
        if not self.copying or self.origin is None:
            return
        owned, turn_id = self.origin.owns_turn(payload), text(payload.get("turn_id"))
        if owned is False and turn_id is not None:
            self.old_turns.add(turn_id)
        if owned or (owned is None and turn_id is not None and turn_id not in self.old_turns):
            self.copying = False
            self.parts = []

    def _event(self, payload: Record, at: int) -> None:
        kind = payload.get("type")
        if kind in ("task_started", "turn_started"):
            self._turn(payload)
            self.last = max(self.last, at)
        elif kind == "user_message":
            self.last = max(self.last, at)
        elif kind == "thread_settings_applied":
            self.tier = text(record(payload.get("thread_settings")).get("service_tier"))
        elif kind == "collab_agent_spawn_end":
            child, call_id = text(payload.get("new_thread_id")), text(payload.get("call_id"))
            if child is not None and call_id is not None:
                self.threads.call_of.setdefault(child, call_id)
        elif kind == "token_count":
            self._count(record(payload.get("info")), payload, at)

    def _count(self, info: Record, payload: Record, at: int) -> None:
        self.events += 1
        if self.copying:
            copy = Meter(self.meter.total)
            tokens = copy.response(info)
            self.meter.inherit(info)
        else:
            tokens = self.meter.response(info)
        if tokens is None:
            return
        model = text(payload.get("model")) or text(info.get("model")) or text(info.get("model_name")) or self.model
        times = min(self.last or at, at), at
        self.made.append(_Call(self.events, *times, model, self.tier, tokens, self.parts, own=not self.copying))
        self.parts, self.last = [], at

    def _item(self, kind: str | None, payload: Record, at: int) -> None:
        call_id = text(payload.get("call_id")) or text(payload.get("id"))
        if kind == "message" and payload.get("role") == "assistant":
            self.parts.append({"type": "text", "content": plain(payload.get("content")) or ""})
        elif kind == "message":
            self._close(at)
            self.last = max(self.last, at)
        elif kind == "reasoning":
            self.parts.append({"type": "reasoning", "content": plain(payload.get("summary")) or ""})
        elif kind in CALLS and call_id is not None:
            name = text(payload.get("name")) or str(kind).removesuffix("_call")
            arguments = payload.get("arguments", payload.get("input", payload.get("action")))
            self.parts.append({"type": "tool_call", "id": call_id, "name": name, "arguments": arguments})
            self.asked.setdefault(call_id, (at, name, arguments, not self.copying))
        elif kind in OUTPUTS and call_id is not None:
            self._close(at)
            self._output(call_id, payload.get("output", payload.get("tools")), at)

    def _close(self, at: int) -> None:
        """Note that what was said so far is an answer, to be followed by input for the next."""
        begin = self.unmetered[-1][1] if self.unmetered else 0
        if len(self.parts) > begin:
            self.unmetered.append((begin, len(self.parts), min(self.last, at), at))

    def _output(self, call_id: str, output: object, at: int) -> None:
        """Take a tool's answer in; where the call was written after its response's usage, it belongs to that one."""
        self.answered.setdefault(call_id, (at, output))
        self.last = max(self.last, at)
        if self.made and not self.made[-1].said and any(said.get("id") == call_id for said in self.parts):
            self.made[-1].said, self.parts = self.parts, []
        _, name, _, _ = self.asked.get(call_id, (0, "", None, True))
        if name == _SPAWN and (child := text(object_in(output).get("agent_id"))) is not None:
            self.threads.call_of.setdefault(child, call_id)

    def finish(self) -> Imported:
        """Return the spans; a sub-agent's belong to the session at the top."""
        origin = self.origin or Origin(self.fallback_id, None)
        if self.copying and self.foreign and origin.forked_from is None:
            self._keep_all()
        if not self.made:
            self._infer()
        self.threads.totals_of[origin.thread_id] = self.meter.seen
        trace = self._trace(origin)
        own = [call for call in self.made if call.own]
        for call in own:
            attributes = {
                "gen_ai.provider.name": billed_by(self.provider, call.model),
                "gen_ai.request.model": call.model,
                "openai.response.service_tier": call.tier,
            }
            key = f"{origin.thread_id}:{call.position}"
            trace.call(key, (call.started, call.ended), call.tokens, call.said, attributes)
        for call_id, (at, name, arguments, is_own) in self.asked.items():
            if is_own:
                self._tool(trace, call_id, (at, name, arguments))
        spans = trace.finish(self.understood, delegated_by=self.threads.call_of.get(origin.thread_id))
        return Imported(spans, self.skipped, len(self.made) - len(own), self.understood)

    def _infer(self) -> None:
        """Make calls of the answers of a file without any usage: that they were made is known, not what they cost."""
        self._close(max(self.clock, self.last))
        for position, (begin, end, started, ended) in enumerate(self.unmetered):
            said = self.parts[begin:end]
            self.made.append(
                _Call(position, started, ended, self.model, self.tier, Tokens(), said, own=not self.copying)
            )

    def _keep_all(self) -> None:
        """Take everything for the session's own: its parent was named, but nothing says that it is copied."""
        for call in self.made:
            call.own = True
        self.asked = {call_id: (*asked[:3], True) for call_id, asked in self.asked.items()}

    def _trace(self, origin: Origin) -> Trace:
        if origin.parent_id is None:
            return Trace(session_id=origin.thread_id, program=PROGRAM)
        above = self.threads.root(origin.parent_id)
        named = origin.nickname if origin.thread_id in self.threads.call_of else None
        return Trace(
            session_id=origin.root_id or above,
            program=PROGRAM,
            thread_id=origin.thread_id,
            agent=named or f"{PROGRAM} agent {origin.thread_id}",
            is_session=True,
        )

    def _tool(self, trace: Trace, call_id: str, asked: tuple[int, str, object]) -> None:
        at, name, arguments = asked
        back = self.answered.get(call_id)
        done, output = back or (at, None)
        result, error = answer_of(output)
        trace.tool(call_id, name, (at, done), arguments, result, error=error, lines=1 + (back is not None))
