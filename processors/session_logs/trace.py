"""Spans of an imported session, by the GenAI conventions, with ids that depend on what was imported only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from collector.model import STATUS_ERROR, AttributeValue, Resource, Scope, Span

INTERNAL, CLIENT = 1, 3


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file came to: its spans, and how many of its lines were not understood."""

    spans: tuple[Span, ...]
    skipped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """One call's usage. `input` includes cache reads and writes, `output` includes reasoning."""

    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None
    output: int | None = None
    reasoning: int | None = None


@dataclass(slots=True)
class Trace:
    """Collects the spans of one session file."""

    session_id: str
    agent: str
    conversation_id: str | None = None
    """Set where the file is a sub-agent's: the session is then its parent's."""
    spans: list[Span] = field(default_factory=list)

    def call(
        self,
        key: str,
        times: tuple[int, int],
        *,
        model: str | None,
        provider: str,
        tokens: Tokens,
        said: Sequence[Mapping[str, object]],
        extra: Mapping[str, AttributeValue] | None = None,
    ) -> None:
        """Add a model call; `said` are the parts of its answer."""
        answer = [{"role": "assistant", "parts": list(said)}] if said else None
        self._add(
            key,
            f"chat {model or ''}".strip(),
            CLIENT,
            times,
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": provider,
                "gen_ai.request.model": model,
                "gen_ai.usage.input_tokens": tokens.input,
                "gen_ai.usage.cache_read.input_tokens": tokens.cache_read,
                "gen_ai.usage.cache_write.input_tokens": tokens.cache_write,
                "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": tokens.cache_write_1h,
                "gen_ai.usage.output_tokens": tokens.output,
                "gen_ai.usage.reasoning.output_tokens": tokens.reasoning,
                "gen_ai.output.messages": json.dumps(answer, ensure_ascii=False) if answer else None,
                **(extra or {}),
            },
        )

    def tool(
        self,
        call_id: str,
        name: str,
        times: tuple[int, int],
        arguments: object,
        result: str | None,
        *,
        error: str | None = None,
    ) -> None:
        """Add a tool run."""
        sent = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
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
            error,
        )

    def finish(self, skipped: int, *, delegated_by: str | None = None) -> Imported:
        """Return everything under one agent span; `delegated_by` is the tool call that started a sub-agent."""
        if not self.spans:
            return Imported((), skipped)
        start = min(span.start_time_unix_nano for span in self.spans)
        end = max(span.end_time_unix_nano for span in self.spans)
        parts = tuple(self.spans)
        key = f"agent:{self.conversation_id or 'main'}"
        above = self._span_id(f"tool:{delegated_by}") if delegated_by else None
        self.spans = []
        named = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": self.agent}
        self._add(key, f"invoke_agent {self.agent}", INTERNAL, (start, end), named)
        agent = replace(self.spans[0], parent_span_id=above)
        return Imported((agent, *(replace(span, parent_span_id=agent.span_id) for span in parts)), skipped)

    def _add(
        self,
        key: str,
        name: str,
        kind: int,
        times: tuple[int, int],
        attributes: Mapping[str, AttributeValue],
        error: str | None = None,
    ) -> None:
        common: dict[str, AttributeValue] = {"session.id": self.session_id, "gen_ai.agent.name": self.agent}
        self.spans.append(
            Span(
                trace_id=_digest(self.session_id)[:32],
                span_id=self._span_id(key),
                name=name,
                kind=kind,
                start_time_unix_nano=times[0],
                end_time_unix_nano=max(times),
                attributes={k: v for k, v in (common | dict(attributes)).items() if v is not None},
                status_code=STATUS_ERROR if error is not None else 0,
                status_message=error or "",
                resource=Resource({"service.name": self.agent}),
                scope=Scope("clawtrace.import"),
            )
        )

    def _span_id(self, key: str) -> str:
        """Name a span by what it is; a tool's id is the same whoever's file speaks of it."""
        owner = "" if key.startswith("tool:") else self.conversation_id or ""
        return _digest(self.session_id, owner, key)[:16]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
