"""What sessions add up to, next to what a recording's model server says that it served."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from collector.model import Attributes, LogRecord, Scope, Span
from processors.model import AgentRun, ModelCall, Session, Step, ToolCall, Usage
from processors.normalise import normalise
from tests.processors.support import CAPTURES, load_recording

TRACE = "0" * 31 + "1"
KINDS = (
    "input_tokens",
    "cache_read_input_tokens",
    "cache_write_input_tokens",
    "output_tokens",
    "reasoning_output_tokens",
)


@dataclass(frozen=True, slots=True)
class Counted:
    """The steps that count, over all sessions."""

    sessions: tuple[Session, ...]

    @property
    def steps(self) -> list[Step]:
        return [step for session in self.sessions for step in session.steps if step.counted_by is None]

    @property
    def calls(self) -> list[ModelCall]:
        return [step for step in self.steps if isinstance(step, ModelCall)]

    @property
    def answered(self) -> list[ModelCall]:
        return [call for call in self.calls if call.error is None]

    @property
    def tools(self) -> list[ToolCall]:
        return [step for step in self.steps if isinstance(step, ToolCall)]

    @property
    def agents(self) -> list[AgentRun]:
        return [step for step in self.steps if isinstance(step, AgentRun)]

    @property
    def failed_tools(self) -> list[str | None]:
        return [tool.tool_call_id for tool in self.tools if tool.error is not None]

    @property
    def usages(self) -> list[Usage]:
        return [call.usage for call in self.calls if call.usage is not None]

    def tokens(self, kind: str) -> int | None:
        """Return the sum of one kind; None where no call tells it."""
        known = [number for usage in self.usages if (number := getattr(usage, kind)) is not None]
        return sum(known) if known else None

    def requested(self) -> list[tuple[str, object]]:
        """Return every tool's name and arguments, in the order of their names."""
        return _sorted((tool.name, json.loads(tool.arguments or "null")) for tool in self.tools)


def recorded(name: str) -> tuple[Counted, dict[str, Any]]:
    """Return a recording as normalised, and its truth."""
    said: dict[str, Any] = json.loads((CAPTURES / name / "truth.json").read_text(encoding="utf-8"))
    return Counted(normalise(*load_recording(name))), said


def served_tools(truth: Mapping[str, Any]) -> list[tuple[str, object]]:
    """Return the tools that were asked for, as `Counted.requested` does."""
    return _sorted((tool["name"], json.loads(tool["args"])) for tool in truth["tools"])


def counted(spans: Iterable[Span], logs: Iterable[LogRecord] = ()) -> Counted:
    """Return what hand-built signals add up to."""
    return Counted(normalise(spans, logs))


def spans_of(scope: str) -> Callable[..., Span]:
    """Return a maker of one producer's spans: number and parent's number, attributes, seconds of begin and end."""

    def make(
        number: int,
        name: str,
        attributes: Attributes,
        *,
        parent: int | None = None,
        at: tuple[int, int] = (0, 10),
        status: int = 0,
        trace: str = TRACE,
    ) -> Span:
        return Span(
            trace_id=trace,
            span_id=f"{number:016x}",
            parent_span_id=f"{parent:016x}" if parent is not None else None,
            name=name,
            start_time_unix_nano=1_790_000_000_000_000_000 + at[0] * 1_000_000_000,
            end_time_unix_nano=1_790_000_000_000_000_000 + at[1] * 1_000_000_000,
            attributes=attributes,
            status_code=status,
            scope=Scope(scope),
        )

    return make


def _sorted(pairs: Iterable[tuple[str, object]]) -> list[tuple[str, object]]:
    return sorted(pairs, key=lambda pair: (pair[0], json.dumps(pair[1], sort_keys=True)))
