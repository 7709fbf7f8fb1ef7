"""One session as the hooks see it: what is open, what has ended, and which ends came before their starts.

No lock here; `SessionHooks` holds one around every call. Spans are ended by the caller, outside that lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from opentelemetry.context import Context
from opentelemetry.util.types import AttributeValue

from clawtrace_otel import semconv
from clawtrace_otel.content import clean
from clawtrace_otel.operations import AgentSpan, ModelSpan, Operation, Start, ToolSpan
from clawtrace_otel.session import by_agent

Kind: TypeAlias = Literal["agent", "tool", "llm"]
Key: TypeAlias = tuple[Kind, str]

REMEMBERED: Final = 10_000
"""Ended operations that a session remembers, to know a duplicate from a new one and to find a parent that ended."""
WAITING: Final = 256
"""Ends that may wait for their starts; past it the oldest is recorded without one."""

MADE_AS: Final[Mapping[Kind, type[Operation]]] = {"agent": AgentSpan, "tool": ToolSpan, "llm": ModelSpan}


@dataclass(frozen=True, slots=True)
class End:
    """How an operation ended; `at` is in nanoseconds since the Unix epoch."""

    at: int
    attributes: Mapping[str, AttributeValue | None]
    start: Start
    """What to begin with where no start ever comes."""
    error: BaseException | str | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """A span to end now, and with what."""

    operation: Operation
    at: int
    attributes: Mapping[str, AttributeValue | None] = field(default_factory=dict)
    error: BaseException | str | None = None

    def apply(self) -> None:
        """Write the end onto the span and let it go."""
        self.operation.set_attributes(self.attributes)
        if self.error is not None:
            self.operation.fail(self.error)
        self.operation.span.end(self.at)


@dataclass(slots=True)
class HookSession:
    """The spans of one open session, by the ids that the caller gave."""

    root: AgentSpan
    announced: bool = True
    """False while other hooks came and `session_start` has not."""
    opened: dict[Key, Operation] = field(default_factory=dict)
    ended: dict[Key, Context] = field(default_factory=dict)
    waiting: dict[Key, End] = field(default_factory=dict)

    def announce(self, start: Start) -> None:
        """Take in a `session_start` that was overtaken by other hooks; a second one changes nothing."""
        if self.announced:
            return
        self.announced = True
        self.root.span.update_name(clean(start.name))
        self.root.set_attributes({**start.attributes, semconv.HOOK_GAP: "out_of_order"})
        self.root.context = _as_agent(self.root.context, start)

    def start(self, key: Key, start: Start, parent_id: str | None, at: int) -> list[Ending]:
        """Open an operation; one that is open already stays as it is, and an end that came early ends it at once."""
        if key in self.opened:
            return []
        end = self.waiting.pop(key, None)
        began = min(at, end.at) if end else at
        operation = start.begin(MADE_AS[key[0]], self._parent(parent_id), began)
        if key[0] == "agent":
            operation.context = _as_agent(operation.context, start)
        if end is None:
            self.opened[key] = operation
            return []
        self._remember(key, operation)
        return [_ending(operation, end, "out_of_order")]

    def end(self, key: Key, end: End) -> list[Ending]:
        """End an operation; without a start it waits for one, and a second end is none."""
        operation = self.opened.pop(key, None)
        if operation is not None:
            self._remember(key, operation)
            return [_ending(operation, end)]
        if key in self.ended or key in self.waiting:
            return []
        self.waiting[key] = end
        return self._without_start(next(iter(self.waiting))) if len(self.waiting) > WAITING else []

    def close(self, at: int, error: BaseException | str | None, *, ended_by_caller: bool) -> list[Ending]:
        """End everything, children before the session's own span, each marked with what was missing."""
        endings = [ending for key in list(self.waiting) for ending in self._without_start(key)]
        unfinished = {semconv.HOOK_GAP: "missing_end"}
        endings += [Ending(operation, at, unfinished) for operation in reversed(self.opened.values())]
        self.opened.clear()
        return [*endings, Ending(self.root, at, {} if ended_by_caller else unfinished, error)]

    def _without_start(self, key: Key) -> list[Ending]:
        end = self.waiting.pop(key)
        operation = end.start.begin(MADE_AS[key[0]], self.root.context, end.at)
        self._remember(key, operation)
        return [_ending(operation, end, "missing_start")]

    def _parent(self, parent_id: str | None) -> Context:
        for kind in ("agent", "tool") if parent_id is not None else ():
            key: Key = ("agent", str(parent_id)) if kind == "agent" else ("tool", str(parent_id))
            if key in self.opened:
                return self.opened[key].context
            if key in self.ended:
                return self.ended[key]
        return self.root.context

    def _remember(self, key: Key, operation: Operation) -> None:
        self.ended.pop(key, None)
        self.ended[key] = operation.context
        if len(self.ended) > REMEMBERED:
            del self.ended[next(iter(self.ended))]


def _ending(operation: Operation, end: End, gap: str | None = None) -> Ending:
    return Ending(operation, end.at, {**end.attributes, semconv.HOOK_GAP: gap}, end.error)


def _as_agent(context: Context, start: Start) -> Context:
    name = start.attributes.get(semconv.AGENT_NAME)
    return by_agent(name, context) if isinstance(name, str) else context
