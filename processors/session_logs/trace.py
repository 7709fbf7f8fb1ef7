"""Spans of an imported session, by the GenAI conventions, with ids that depend on what was imported only."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

import msgspec

from collector.model import STATUS_ERROR, AttributeValue, Resource, Scope, Span
from processors.normalise.from_files import IMPORTED

INTERNAL, CLIENT = 1, 3
SCOPE: Final = Scope(IMPORTED)
_MOST_LINES: Final = 999_999

Times: TypeAlias = tuple[int, int]
"""When something began and ended, in nanoseconds to the millisecond."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file came to: its spans, its lines that were not understood by reason, and its copies of other files."""

    spans: tuple[Span, ...] = ()
    reasons: Mapping[str, int] = field(default_factory=dict)
    copied: int = 0
    """Responses that belong to another session, whose history the file repeats; they have no span here."""
    understood: int = 0
    """Lines of a known kind, whether anything is made of them or not."""

    @property
    def skipped(self) -> int:
        """How many lines were not understood."""
        return sum(self.reasons.values())


@dataclass(slots=True)
class Claims:
    """Which session every response belongs to, for all files of one import: the first that has it keeps it."""

    stored: Callable[[str], str | None] = lambda _: None
    """Tells the session under which an earlier import, or telemetry, brought a response."""
    _owners: dict[str, str] = field(default_factory=dict)

    def take(self, key: str, session_id: str, thread: str = "", *, names: Sequence[str] = ()) -> bool:
        """Return whether a response is this session's and thread's. `names` are its ids as telemetry has them."""
        owner = f"{session_id}\x1f{thread}"
        known = self._owners.get(key)
        if known is None:
            elsewhere = next((found for name in names if (found := self.stored(name)) is not None), session_id)
            known = self._owners[key] = owner if elsewhere == session_id else elsewhere
        return known == owner


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """One call's usage. `input` includes cache reads and writes, `output` includes reasoning."""

    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None
    output: int | None = None
    reasoning: int | None = None


@dataclass(slots=True, kw_only=True)
class Trace:
    """Collects the spans of one agent's work in a session.

    The digits of a time below the millisecond count the lines that told of the span. A file that was imported while
    its session still ran and is imported again thus brings what has changed as newer versions of the same spans.
    """

    session_id: str
    program: str
    thread_id: str | None = None
    """Names a sub-agent's own work: the session is then its parent's."""
    agent: str | None = None
    """The agent's name; the program's where it has none."""
    is_session: bool = False
    """Whether the sub-agent's work is a session of its own to the program, and so in its telemetry."""
    spans: list[Span] = field(default_factory=list)

    def call(
        self,
        key: str,
        times: Times,
        tokens: Tokens,
        said: Sequence[Mapping[str, object]],
        attributes: Mapping[str, AttributeValue],
        *,
        lines: int = 1,
    ) -> None:
        """Add a model call; `said` are the parts of its answer, `attributes` what else is known."""
        model = attributes.get("gen_ai.request.model")
        error = attributes.get("error.type")
        self._add(
            key,
            f"chat {model}" if model else "chat",
            CLIENT,
            times,
            {
                "gen_ai.operation.name": "chat",
                **attributes,
                "gen_ai.usage.input_tokens": tokens.input,
                "gen_ai.usage.cache_read.input_tokens": tokens.cache_read,
                "gen_ai.usage.cache_write.input_tokens": tokens.cache_write,
                "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": tokens.cache_write_1h,
                "gen_ai.usage.output_tokens": tokens.output,
                "gen_ai.usage.reasoning.output_tokens": tokens.reasoning,
                "gen_ai.output.messages": _json([{"role": "assistant", "parts": said}]) if said else None,
            },
            lines=lines,
            error=str(error) if error else None,
        )

    def tool(
        self,
        call_id: str,
        name: str,
        times: Times,
        arguments: object,
        result: str | None,
        *,
        error: str | None = None,
        lines: int = 1,
    ) -> None:
        """Add a tool run; `lines` is 2 where an answer came, also an empty one."""
        sent = arguments if isinstance(arguments, str) or arguments is None else _json(arguments)
        self._add(
            f"tool:{call_id}",
            f"execute_tool {name}",
            INTERNAL,
            times,
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": name,
                "gen_ai.tool.call.id": call_id,
                "gen_ai.tool.call.arguments": sent,
                "gen_ai.tool.call.result": result,
                "error.type": "tool_error" if error is not None else None,
            },
            lines=lines,
            error=error,
        )

    def finish(self, lines: int, *, delegated_by: str | None = None) -> tuple[Span, ...]:
        """Return everything under one agent span; `delegated_by` is the tool call that started a sub-agent.

        A sub-agent of whose start nothing is known hangs under the session's main agent.
        """
        parts, self.spans = self.spans, []
        if not parts:
            return ()
        start = min(span.start_time_unix_nano for span in parts) // 1_000_000 * 1_000_000
        end = max(span.end_time_unix_nano for span in parts) // 1_000_000 * 1_000_000
        named = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.id": self.thread_id}
        name = self.agent or self.program
        self._add(_agent_key(self.thread_id), f"invoke_agent {name}", INTERNAL, (start, end), named, lines=lines)
        above = None
        if delegated_by is not None:
            above = self._span_id(f"tool:{delegated_by}")
        elif self.thread_id is not None:
            above = _digest(self.session_id, "", _agent_key(None))[:16]
        agent = replace(self.spans.pop(), parent_span_id=above)
        if self.is_session and self.thread_id is not None:
            part_of = {"session.id": self.thread_id, "parent.conversation.id": self.session_id}
            agent = replace(agent, attributes={**agent.attributes, **part_of})
        return (agent, *(replace(span, parent_span_id=agent.span_id) for span in parts))

    def _add(
        self,
        key: str,
        name: str,
        kind: int,
        times: Times,
        attributes: Mapping[str, AttributeValue],
        *,
        lines: int,
        error: str | None = None,
    ) -> None:
        told = min(lines, _MOST_LINES)
        known = {name: value for name, value in attributes.items() if value is not None}
        known["session.id"] = self.session_id
        known["gen_ai.agent.name"] = self.agent or self.program
        self.spans.append(
            Span(
                trace_id=_digest(self.session_id)[:32],
                span_id=self._span_id(key),
                name=name,
                kind=kind,
                start_time_unix_nano=times[0] + told,
                end_time_unix_nano=max(times) + told,
                attributes=known,
                status_code=STATUS_ERROR if error is not None else 0,
                status_message=error or "",
                resource=Resource({"service.name": self.program}),
                scope=SCOPE,
            )
        )

    def _span_id(self, key: str) -> str:
        """Name a span by what it is; a tool's id is the same whoever's file speaks of it."""
        owner = "" if key.startswith("tool:") else self.thread_id or ""
        return _digest(self.session_id, owner, key)[:16]


def _agent_key(thread_id: str | None) -> str:
    return f"agent:{thread_id or 'main'}"


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()
