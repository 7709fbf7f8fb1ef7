"""Claude Code's session files: `~/.claude/projects/*/SESSION.jsonl`, and `agent-*.jsonl` of sub-agents.

One API response is written as several lines, one per content block, each repeating the usage; while it streams the
output count still grows. `input_tokens` excludes the cache. Lines of a resumed or forked session repeat the history
of the session before it, with its response ids, under the new session's id or the old one's. Up to 2.0 sub-agents'
lines stood between the others, marked `isSidechain`; since then each has a file of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count as numbers
from typing import Final, TypeAlias

import msgspec

from collector.model import Span
from processors.session_logs.claude_usage import advised, better, tokens_of, vary
from processors.session_logs.lines import (
    NO_CONTENT,
    Record,
    decoded,
    items,
    moment,
    part,
    plain,
    record,
    text,
)
from processors.session_logs.trace import Claims, Imported, Trace

PROGRAM: Final = "claude-code"
_KNOWN: Final = frozenset(
    """
    user assistant system attachment progress queue-operation summary result started
    agent-color agent-name agent-setting ai-title api-request api-request-blob api-request-resumed api-request-shape
    artifact-autoreact-ledger artifact-comment-monitor atis-latch attribution-snapshot bridge-session
    content-replacement continued-in cost-state custom-title data-flow-incomplete data-flow-records derived-from
    dev-mods ended-by-model file-history-delta file-history-snapshot fork-context-ref frame-link history-suppression
    host-row hybrid-organization isolation-latch last-prompt memory-mode mode observer-ref permission-mode pr-link
    relocated repl-mode resume-head-vouch session-owner tag tools-used worktree-state
    """.split()  # noqa: SIM905 - as a list it would fill a page
)
"""What releases up to 2.1.332 write; lines of most kinds serve the program's own memory."""
_SYNTHETIC: Final = "<synthetic>"
"""The model name of messages that the program wrote itself; no request was made for them."""
_AGENT_TOOLS: Final = frozenset({"Task", "Agent"})
_AGENT_IN_RESULT: Final = re.compile(r"^agentId: ([\w-]+)", re.MULTILINE)
_TAIL: Final = 2_000
"""Characters at the end of a sub-agent's answer in which the program names it."""
_TASK: Final = re.compile(r"<task-id>([^<]+)</task-id>")
_TOOL_USE: Final = re.compile(r"<tool-use-id>([^<]+)</tool-use-id>")
_UNIQUE_LENGTH: Final = 16
"""Characters; shorter response ids are numbers that come again."""
_RAW: Final = msgspec.Raw(b"null")

_ThreadKey: TypeAlias = "tuple[str, str | None]"
"""A session, and in it a sub-agent or None for the main one."""


class _Line(msgspec.Struct, rename="camel", gc=False):
    """What is read of a line; what else stands in it is passed over without being built."""

    type: object = None
    session_id: object = None
    agent_id: object = None
    is_sidechain: object = None
    forked_from: object = None
    uuid: object = None
    parent_uuid: object = None
    timestamp: object = None
    request_id: object = None
    message: object = None
    content: msgspec.Raw = _RAW
    data: msgspec.Raw = _RAW
    tool_use_result: msgspec.Raw = _RAW
    parent_tool_use: object = msgspec.field(default=None, name="parentToolUseID")


@dataclass(slots=True)
class Delegations:
    """Who started which sub-agent, for all files of one import: a parent's file tells it, or one beside the agent's."""

    tool_of: dict[str, str] = field(default_factory=dict)
    """Tool calls by the id of the sub-agent that they started."""
    kind_of: dict[str, str] = field(default_factory=dict)
    """Names of kinds of sub-agents, `Explore` for one, by sub-agent."""


@dataclass(slots=True)
class _Response:
    """One API response, gathered from its lines."""

    started: int
    first: int
    ended: int
    request_id: str | None
    usage: Record
    model: str | None = None
    stop_reason: str | None = None
    lines: int = 0
    parts: list[dict[str, object]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    asked: dict[str, tuple[int, str, object]] = field(default_factory=dict)


@dataclass(slots=True)
class _Thread:
    """The work of one agent in one session."""

    last: int = 0
    prompts: int = 0
    lines: int = 0
    responses: dict[str, _Response] = field(default_factory=dict)
    current: dict[str, tuple[str, int]] = field(default_factory=dict)
    """By response id the key of its latest response, and how many prompts had been sent then."""


def read_claude_code(
    lines: Iterable[bytes],
    fallback_id: str,
    delegations: Delegations | None = None,
    claims: Claims | None = None,
    parent_id: str | None = None,
) -> Imported:
    """Return a session file's spans.

    `fallback_id` is the file's name without its suffix. Give the same `delegations` and `claims` for all files of an
    import, parents' files before sub-agents'. `parent_id` is the session in whose folder a sub-agent's file lies.
    """
    agent_id = fallback_id.removeprefix("agent-") if fallback_id.startswith("agent-") else None
    reader = _Reader(parent_id or fallback_id, agent_id, delegations or Delegations())
    for line in decoded(lines, _Line, reader.skipped):
        reader.take(line)
    return reader.finish(claims or Claims())


@dataclass(slots=True)
class _Reader:
    session_id: str
    agent_id: str | None
    delegations: Delegations
    skipped: Counter[str] = field(default_factory=Counter)
    understood: int = 0
    threads: dict[_ThreadKey, _Thread] = field(default_factory=dict)
    roots: dict[str, str] = field(default_factory=dict)
    """Of an unnamed sub-agent's lines, the line that began it."""
    prompts: dict[str, str] = field(default_factory=dict)
    """What an unnamed sub-agent was asked."""
    answered: dict[str, tuple[int, str | None, bool]] = field(default_factory=dict)
    agent_calls: set[str] = field(default_factory=set)
    """Tool calls that start sub-agents."""

    def take(self, line: _Line) -> None:
        """Take one line in; one that should have held something and did not is counted."""
        kind = text(line.type)
        if kind not in _KNOWN:
            self.skipped[f"unknown type {kind[:40]}" if kind else "without a type"] += 1
            return
        if kind in ("user", "assistant"):
            at, message = moment(line.timestamp), record(line.message)
            if at is None or not message or not self._said(kind, line, message, at):
                self.skipped[NO_CONTENT] += 1
                return
        elif kind == "progress":
            self._progress(line)
        elif kind == "queue-operation":
            self._queued(line)
        self.understood += 1

    def _said(self, kind: str, line: _Line, message: Record, at: int) -> bool:
        thread = self.threads.setdefault(self._thread_key(line, message), _Thread())
        taken = self._answer(thread, line, message, at) if kind == "assistant" else self._results(line, message, at)
        thread.prompts += kind == "user"
        thread.lines += 1
        thread.last = at
        return taken

    def _thread_key(self, line: _Line, message: Record) -> _ThreadKey:
        session_id = text(record(line.forked_from).get("sessionId")) or text(line.session_id) or self.session_id
        if line.is_sidechain is not True and self.agent_id is None:
            self.session_id = session_id
            return session_id, None
        return session_id, text(line.agent_id) or self.agent_id or self._root_of(line, message)

    def _root_of(self, line: _Line, message: Record) -> str:
        uuid = text(line.uuid) or "sidechain"
        root = self.roots.get(text(line.parent_uuid) or "", uuid)
        self.roots[uuid] = root
        if root == uuid:
            self.prompts.setdefault(root, plain(message.get("content")) or "")
        return root

    def _answer(self, thread: _Thread, line: _Line, message: Record, at: int) -> bool:
        model = text(message.get("model"))
        if model == _SYNTHETIC:
            return True
        identifier = text(message.get("id")) or text(line.request_id) or text(line.uuid)
        if identifier is None:
            return False
        response = self._response(thread, identifier, line, message, at)
        response.ended, response.lines = max(response.ended, at), response.lines + 1
        response.model = model or response.model
        response.stop_reason = text(message.get("stop_reason")) or response.stop_reason
        response.request_id = response.request_id or text(line.request_id)
        response.usage = better(response.usage, record(message.get("usage")))
        for block in items(message.get("content")):
            _add(response, block, at)
            if text(block.get("name")) in _AGENT_TOOLS and (call_id := text(block.get("id"))) is not None:
                self.agent_calls.add(call_id)
        return True

    def _response(self, thread: _Thread, identifier: str, line: _Line, message: Record, at: int) -> _Response:
        """Return the response that a line tells of; a server may give every response the same id."""
        request_id, usage = text(line.request_id), record(message.get("usage"))
        key, prompts = thread.current.get(identifier, (identifier, 0))
        known = thread.responses.get(key)
        if known is not None:
            other_request = None not in (request_id, known.request_id) and request_id != known.request_id
            if other_request or (prompts != thread.prompts and vary(known.usage, usage)):
                key = next(k for n in numbers(2) if (k := f"{identifier}#{n}") not in thread.responses)
                known = None
        if known is None:
            known = thread.responses[key] = _Response(thread.last or at, at, at, request_id, usage)
        thread.current[identifier] = key, thread.prompts
        return known

    def _results(self, line: _Line, message: Record, at: int) -> bool:
        agent = part(line.tool_use_result) if b'"agentId"' in bytes(line.tool_use_result) else {}
        for block in items(message.get("content")):
            call_id = text(block.get("tool_use_id"))
            if block.get("type") != "tool_result" or call_id is None:
                continue
            said = plain(block.get("content"))
            self.answered.setdefault(call_id, (at, said, block.get("is_error") is True))
            agent_id = text(agent.get("agentId"))
            if agent_id is None and said is not None and call_id in self.agent_calls:
                tail = _AGENT_IN_RESULT.search(said[-_TAIL:])
                agent_id = tail[1] if tail is not None else None
            if agent_id is not None:
                self._delegated(agent_id, call_id, text(agent.get("agentType")))
        return True

    def _delegated(self, agent_id: str, call_id: str, kind: str | None = None) -> None:
        self.delegations.tool_of.setdefault(agent_id, call_id)
        if kind is not None:
            self.delegations.kind_of.setdefault(agent_id, kind)

    def _progress(self, line: _Line) -> None:
        call_id = text(line.parent_tool_use)
        if call_id is not None and b'"agent_progress"' in bytes(line.data):
            agent_id = text(part(line.data).get("agentId"))
            if agent_id is not None:
                self._delegated(agent_id, call_id)

    def _queued(self, line: _Line) -> None:
        said = bytes(line.content).decode("utf-8", "replace")
        task, call = _TASK.search(said), _TOOL_USE.search(said)
        if task is not None and call is not None:
            self._delegated(task[1], call[1])

    def finish(self, claims: Claims) -> Imported:
        """Return the spans; a response that another session has is not given again."""
        for thread in self.threads.values():
            self._note_agents(thread)
        spans: list[Span] = []
        copied = 0
        for (session_id, agent_id), thread in self.threads.items():
            trace = self._trace(session_id, agent_id)
            for key, response in thread.responses.items():
                if _claimed(claims, key, response, (session_id, agent_id)):
                    self._emit(trace, key, response)
                else:
                    copied += 1
            spans += trace.finish(thread.lines, delegated_by=self.delegations.tool_of.get(agent_id or ""))
        return Imported(tuple(spans), self.skipped, copied, self.understood)

    def _note_agents(self, thread: _Thread) -> None:
        """Find what an agent's tool calls say of sub-agents: their kinds, and by their prompts those without an id."""
        started = {call_id: agent_id for agent_id, call_id in self.delegations.tool_of.items()}
        for response in thread.responses.values():
            for call_id, (_, name, arguments) in response.asked.items():
                if name not in _AGENT_TOOLS:
                    continue
                given = record(arguments)
                prompt, kind = text(given.get("prompt")), text(given.get("subagent_type"))
                agent_id = started.get(call_id) or next(
                    (
                        root
                        for root, asked in self.prompts.items()
                        if asked == prompt and root not in self.delegations.tool_of
                    ),
                    None,
                )
                if agent_id is not None:
                    self._delegated(agent_id, call_id, kind)

    def _trace(self, session_id: str, agent_id: str | None) -> Trace:
        if agent_id is None:
            return Trace(session_id=session_id, program=PROGRAM)
        kind = self.delegations.kind_of.get(agent_id) if agent_id in self.delegations.tool_of else None
        return Trace(
            session_id=session_id, program=PROGRAM, thread_id=agent_id, agent=kind or f"{PROGRAM} agent {agent_id}"
        )

    def _emit(self, trace: Trace, key: str, response: _Response) -> None:
        usage = response.usage
        attributes = {
            "gen_ai.provider.name": "anthropic",
            "gen_ai.request.model": response.model,
            "gen_ai.response.id": key.partition("#")[0],
            "request_id": response.request_id,
            "gen_ai.response.finish_reason": response.stop_reason,
        }
        times = (response.started, response.ended)
        tier = {"anthropic.response.service_tier": _tier(usage)}
        trace.call(key, times, tokens_of(usage), response.parts, attributes | tier, lines=response.lines)
        for number, iteration in enumerate(advised(usage)):
            model = {"gen_ai.request.model": text(iteration.get("model")) or response.model}
            named = {"gen_ai.provider.name": "anthropic", **model}
            trace.call(f"{key}:iteration:{number}", times, tokens_of(iteration), (), named, lines=response.lines)
        for call_id, (at, name, arguments) in response.asked.items():
            back = self.answered.get(call_id)
            done, result, failed = back or (at, None, False)
            error = (result or "tool error")[:500] if failed else None
            trace.tool(call_id, name, (at, done), arguments, result, error=error, lines=1 + (back is not None))


def _add(response: _Response, block: Mapping[str, object], at: int) -> None:
    """Add a content block, unless an earlier line of the response had it."""
    kind, call_id = block.get("type"), text(block.get("id"))
    said = block.get("thinking" if kind == "thinking" else "text", "")
    identity = call_id or f"{kind} {said}"
    if identity in response.seen:
        return
    response.seen.add(identity)
    if kind == "text":
        response.parts.append({"type": "text", "content": said})
    elif kind == "thinking":
        response.parts.append({"type": "reasoning", "content": said})
    elif kind == "tool_use" and call_id is not None:
        name = text(block.get("name")) or "tool"
        response.parts.append({"type": "tool_call", "id": call_id, "name": name, "arguments": block.get("input")})
        response.asked[call_id] = (at, name, block.get("input"))


def _claimed(claims: Claims, key: str, response: _Response, owner: _ThreadKey) -> bool:
    """Claim a response; copies of one have its id and prompt, and a server's own short ids also its request or time."""
    unique = [name for name in (key, response.request_id) if name and len(name) >= _UNIQUE_LENGTH and "#" not in name]
    apart = "" if key in unique else response.request_id or response.first
    session_id, agent_id = owner
    return claims.take(f"{key} {tokens_of(response.usage).input} {apart}", session_id, agent_id or "", names=unique)


def _tier(usage: Record) -> str | None:
    """Return the speed or the tier that is priced otherwise than the list price."""
    named = (text(usage.get(key)) for key in ("speed", "service_tier"))
    return next((tier for tier in named if tier not in (None, "standard")), None)
