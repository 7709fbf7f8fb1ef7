"""Claude Code's session files: `~/.claude/projects/*/SESSION.jsonl`, and `agent-*.jsonl` of sub-agents.

One API response is written as several lines, one per content block, each repeating the usage; while it streams the
output count still grows. `input_tokens` excludes the cache. Lines of a resumed or forked session repeat the history
of the session before it, with its response ids, under the new session's id or the old one's. Up to 2.0 sub-agents'
lines stood between the others, marked `isSidechain`; since then each has a file of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from collector.model import Span
from processors.session_logs.claude_agents import AGENT_TOOLS, Delegations, agent_named_in, agent_of_result
from processors.session_logs.claude_responses import Line, Response, Thread
from processors.session_logs.claude_usage import advised, better, tokens_of
from processors.session_logs.lines import (
    NO_CONTENT,
    Record,
    decoded,
    items,
    moment,
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
_UNIQUE_LENGTH: Final = 16
"""Characters; shorter response ids are numbers that come again."""

_ThreadKey: TypeAlias = "tuple[str, str | None]"
"""A session, and in it a sub-agent or None for the main one."""


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
    for line in decoded(lines, Line, reader.skipped):
        reader.take(line)
    return reader.finish(claims or Claims())


@dataclass(slots=True)
class _Reader:
    session_id: str
    agent_id: str | None
    delegations: Delegations
    skipped: Counter[str] = field(default_factory=Counter)
    understood: int = 0
    threads: dict[_ThreadKey, Thread] = field(default_factory=dict)
    roots: dict[str, str] = field(default_factory=dict)
    """Of an unnamed sub-agent's lines, the line that began it."""
    prompts: dict[str, str] = field(default_factory=dict)
    """What an unnamed sub-agent was asked."""
    answered: dict[str, tuple[int, str | None, bool]] = field(default_factory=dict)
    """By tool call id: when the tool answered, its text, and whether it failed."""
    agent_calls: set[str] = field(default_factory=set)
    """Tool calls that start sub-agents."""

    def take(self, line: Line) -> None:
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
            self.delegations.note_progress(line)
        elif kind == "queue-operation":
            self.delegations.note_queued(line)
        self.understood += 1

    def _said(self, kind: str, line: Line, message: Record, at: int) -> bool:
        thread = self.threads.setdefault(self._thread_key(line, message), Thread())
        taken = self._answer(thread, line, message, at) if kind == "assistant" else self._results(line, message, at)
        thread.prompts += kind == "user"
        thread.lines += 1
        thread.last = at
        return taken

    def _thread_key(self, line: Line, message: Record) -> _ThreadKey:
        session_id = text(record(line.forked_from).get("sessionId")) or text(line.session_id) or self.session_id
        if line.is_sidechain is not True and self.agent_id is None:
            self.session_id = session_id
            return session_id, None
        return session_id, text(line.agent_id) or self.agent_id or self._root_of(line, message)

    def _root_of(self, line: Line, message: Record) -> str:
        uuid = text(line.uuid) or "sidechain"
        root = self.roots.get(text(line.parent_uuid) or "", uuid)
        self.roots[uuid] = root
        if root == uuid:
            self.prompts.setdefault(root, plain(message.get("content")) or "")
        return root

    def _answer(self, thread: Thread, line: Line, message: Record, at: int) -> bool:
        model = text(message.get("model"))
        if model == _SYNTHETIC:
            return True
        identifier = text(message.get("id")) or text(line.request_id) or text(line.uuid)
        if identifier is None:
            return False
        response = thread.response(identifier, line, message, at)
        response.ended, response.lines = max(response.ended, at), response.lines + 1
        response.model = model or response.model
        response.stop_reason = text(message.get("stop_reason")) or response.stop_reason
        response.request_id = response.request_id or text(line.request_id)
        response.usage = better(response.usage, record(message.get("usage")))
        for block in items(message.get("content")):
            response.add(block, at)
            if text(block.get("name")) in AGENT_TOOLS and (call_id := text(block.get("id"))) is not None:
                self.agent_calls.add(call_id)
        return True

    def _results(self, line: Line, message: Record, at: int) -> bool:
        agent = agent_of_result(line)
        for block in items(message.get("content")):
            call_id = text(block.get("tool_use_id"))
            if block.get("type") != "tool_result" or call_id is None:
                continue
            said = plain(block.get("content"))
            self.answered.setdefault(call_id, (at, said, block.get("is_error") is True))
            agent_id = text(agent.get("agentId"))
            if agent_id is None and said is not None and call_id in self.agent_calls:
                agent_id = agent_named_in(said)
            if agent_id is not None:
                self.delegations.note(agent_id, call_id, text(agent.get("agentType")))
        return True

    def finish(self, claims: Claims) -> Imported:
        """Return the spans; a response that another session has is not given again."""
        for thread in self.threads.values():
            self.delegations.note_requests(thread.responses.values(), self.prompts)
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

    def _trace(self, session_id: str, agent_id: str | None) -> Trace:
        if agent_id is None:
            return Trace(session_id=session_id, program=PROGRAM)
        kind = self.delegations.kind_of.get(agent_id) if agent_id in self.delegations.tool_of else None
        return Trace(
            session_id=session_id, program=PROGRAM, thread_id=agent_id, agent=kind or f"{PROGRAM} agent {agent_id}"
        )

    def _emit(self, trace: Trace, key: str, response: Response) -> None:
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


def _claimed(claims: Claims, key: str, response: Response, owner: _ThreadKey) -> bool:
    """Claim a response; copies of one have its id and prompt, and a server's own short ids also its request or time."""
    unique = [name for name in (key, response.request_id) if name and len(name) >= _UNIQUE_LENGTH and "#" not in name]
    apart = "" if key in unique else response.request_id or response.first
    session_id, agent_id = owner
    return claims.take(f"{key} {tokens_of(response.usage).input} {apart}", session_id, agent_id or "", names=unique)


def _tier(usage: Record) -> str | None:
    """Return the speed or the tier that is priced otherwise than the list price."""
    named = (text(usage.get(key)) for key in ("speed", "service_tier"))
    return next((tier for tier in named if tier not in (None, "standard")), None)
