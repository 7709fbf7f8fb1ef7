"""The common frame of the dialects: a span of a known kind becomes a sighting, field by field.

Every method reads one field; a dialect overrides those for which its producer has its own way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Literal, TypeAlias, TypedDict

from collector.model import STATUS_ERROR, AttributeValue, LogRecord, Span
from processors.model import (
    AgentRun,
    Message,
    ModelCall,
    OtherStep,
    Part,
    Step,
    StepError,
    Text,
    ToolCall,
    ToolDefinition,
    Usage,
)
from processors.normalise.dialect import Signal
from processors.normalise.failing import told_failure
from processors.normalise.provider import model_name, vendor
from processors.normalise.sighting import Reading, Sighting
from processors.normalise.usage import FAILED, Counted, Counts, counted
from processors.normalise.values import text

Kind: TypeAlias = Literal["chat", "embeddings", "tool", "agent", "workflow", "other"]

ERROR_TYPE = "error.type"
EXCEPTION_EVENT = "exception"


class _Common(TypedDict):
    """The fields that every step has."""

    step_id: str
    trace_id: str | None
    span_id: str | None
    agent_name: str | None
    started_at: int
    ended_at: int
    error: StepError | None
    dialect: str


class Reader:
    """Assembles sightings; subclasses say what is what."""

    name = ""

    def owns(self, signal: Signal) -> bool:
        """Tell whether this producer sent the signal."""
        raise NotImplementedError

    def kind(self, span: Span) -> Kind | None:
        """Return what a span describes; None for one that describes nothing worth a step."""
        raise NotImplementedError

    def read(self, span: Span) -> Iterable[Reading]:
        """Return the span's sighting, if it is of a kind."""
        kind = self.kind(span)
        match kind:
            case "chat" | "embeddings":
                yield self.call(span, kind)
            case "tool":
                yield self.tool(span)
            case "agent":
                yield self.agent(span)
            case "workflow" | "other":
                yield self.other(span, kind)
            case None:
                return

    def read_log(self, record: LogRecord) -> Iterable[Reading]:  # noqa: ARG002 - most producers send no records
        """Return nothing: few producers describe their work in log records."""
        return ()

    def call(self, span: Span, operation: Literal["chat", "embeddings"] = "chat") -> Sighting:
        """Return a model call."""
        return self._sighting(span, self._call_step(span, operation, self.usage(span)))

    def tool(self, span: Span) -> Sighting:
        """Return a tool run."""
        common = self._common(span)
        common["error"] = common["error"] or told_failure(self.sent_result(span))
        step = ToolCall(
            **common,
            name=self.tool_name(span) or span.name,
            tool_call_id=self.tool_call_id(span),
            arguments=self.tool_arguments(span),
            result=self.tool_result(span),
        )
        return self._sighting(span, step)

    def agent(self, span: Span) -> Sighting:
        """Return an agent run."""
        name = self.agent_name(span) or span.name
        rollup = self.rollup(span)
        step = AgentRun(
            **self._common(span),
            name=name,
            agent_id=self.agent_id(span),
            conversation_id=self.conversation_id(span),
            rollup_usage=rollup.usage if rollup is not None else None,
            reported_cost=self.reported_cost(span),
            answer=last_text(self.output_messages(span)),
        )
        return self._sighting(span, replace(step, agent_name=name), rollup)

    def other(self, span: Span, kind: Literal["workflow", "other"]) -> Sighting:
        """Return a span around the work."""
        step = OtherStep(**self._common(span), name=span.name, kind=kind)
        return self._sighting(span, step, self.rollup(span))

    def rollup(self, span: Span) -> ModelCall | None:
        """Return the usage that a parent repeats for what is beneath it, as if it were one call."""
        result = counted(self.rollup_counts(span))
        return self._call_step(span, "chat", result) if result.usage is not None else None

    def _call_step(self, span: Span, operation: Literal["chat", "embeddings"], result: Counted) -> ModelCall:
        sent, requested = self.models(span)
        named = requested if _cut_short(sent, requested) else sent or requested
        provider = vendor(self.provider(span), named)
        model = model_name(named, provider) or model_name(requested, provider)
        common = self._common(span)
        failed = common["error"] is not None and result.usage is None
        return ModelCall(
            **common,
            name=model or span.name,
            note=result.note,
            operation=operation,
            provider=provider,
            model=model,
            request_model=model_name(requested, provider),
            request_id=next(iter(self.request_ids(span)), None),
            service_tier=self.service_tier(span),
            usage=result.usage,
            usage_missing=FAILED if failed else result.missing,
            input_messages=self.input_messages(span),
            output_messages=self.output_messages(span),
            system_instructions=self.system_instructions(span),
            tool_definitions=self.tool_definitions(span),
            finish_reasons=self.finish_reasons(span),
            reported_cost=self.reported_cost(span),
        )

    def _common(self, span: Span) -> _Common:
        return _Common(
            step_id=span.span_id,
            trace_id=span.trace_id or None,
            span_id=span.span_id or None,
            agent_name=self.agent_name(span),
            started_at=span.start_time_unix_nano,
            ended_at=max(span.end_time_unix_nano, span.start_time_unix_nano),
            error=self.error(span),
            dialect=self.name,
        )

    def _sighting(self, span: Span, step: Step, rollup: ModelCall | None = None) -> Sighting:
        return Sighting(
            step=step,
            within=(span.trace_id, span.parent_span_id) if span.parent_span_id else None,
            request_ids=self.request_ids(span) if isinstance(step, ModelCall) else (),
            scope=span.scope.name,
            agent_key=self.agent_key(span),
            rollup=rollup,
            sums_beside=self.sums_beside(span),
            own_calls=self.own_calls(span),
            inner_usage=self.inner_usage(span) if isinstance(step, OtherStep) else None,
            secondary=self.secondary(span),
        )

    def error(self, span: Span) -> StepError | None:
        """Return why it failed: the span's status, `error.type`, or the exception it recorded."""
        kind = text(span.attributes, ERROR_TYPE)
        if span.status_code != STATUS_ERROR and kind is None:
            return None
        exception = next((event.attributes for event in reversed(span.events) if event.name == EXCEPTION_EVENT), {})
        message = span.status_message or text(exception, "exception.message") or ""
        return StepError(kind or text(exception, "exception.type") or "error", message)

    def usage(self, span: Span) -> Counted:
        """Return the usage of a model call."""
        return counted(self.counts(span))

    def counts(self, span: Span) -> Counts:  # noqa: ARG002 - here and below: a producer that sends nothing of the kind
        """Return the token counts of a model call as sent."""
        return Counts()

    def rollup_counts(self, span: Span) -> Counts:
        """Return the token counts that a parent repeats for what is beneath it."""
        return self.counts(span)

    def sums_beside(self, span: Span) -> bool:  # noqa: ARG002
        """Tell whether the counts that a span repeats are of what ran beside it."""
        return False

    def own_calls(self, span: Span) -> bool:  # noqa: ARG002
        """Tell whether the counts that a span repeats leave out those of its sub-agents."""
        return False

    def inner_usage(self, span: Span) -> Usage | None:  # noqa: ARG002
        """Return what a span around one model call tells of its usage."""
        return None

    def models(self, span: Span) -> tuple[str | None, str | None]:  # noqa: ARG002
        """Return the model that answered and the model that was asked for."""
        return None, None

    def provider(self, span: Span) -> str | None:  # noqa: ARG002
        """Return the vendor as named by the producer."""
        return None

    def service_tier(self, span: Span) -> str | None:  # noqa: ARG002
        """Return the service tier that the provider billed."""
        return None

    def request_ids(self, span: Span) -> tuple[str, ...]:  # noqa: ARG002
        """Return the names under which other signals may know the same model call."""
        return ()

    def input_messages(self, span: Span) -> tuple[Message, ...] | None:  # noqa: ARG002
        """Return the prompt."""
        return None

    def output_messages(self, span: Span) -> tuple[Message, ...] | None:  # noqa: ARG002
        """Return the answer."""
        return None

    def system_instructions(self, span: Span) -> tuple[Part, ...] | None:  # noqa: ARG002
        """Return the system prompt where it is sent apart from the messages."""
        return None

    def tool_definitions(self, span: Span) -> tuple[ToolDefinition, ...] | None:  # noqa: ARG002
        """Return the tools that the model was told of."""
        return None

    def finish_reasons(self, span: Span) -> tuple[str, ...]:  # noqa: ARG002
        """Return why the model stopped."""
        return ()

    def reported_cost(self, span: Span) -> Decimal | None:  # noqa: ARG002
        """Return the USD that the producer claims."""
        return None

    def tool_name(self, span: Span) -> str | None:  # noqa: ARG002
        """Return the tool's name."""
        return None

    def tool_call_id(self, span: Span) -> str | None:  # noqa: ARG002
        """Return the id under which the model asked for the tool."""
        return None

    def tool_arguments(self, span: Span) -> str | None:  # noqa: ARG002
        """Return the tool's arguments as canonical JSON."""
        return None

    def sent_result(self, span: Span) -> AttributeValue:  # noqa: ARG002
        """Return the tool's answer in the wrapper that it was sent in."""
        return None

    def tool_result(self, span: Span) -> str | None:  # noqa: ARG002
        """Return the tool's answer."""
        return None

    def agent_name(self, span: Span) -> str | None:  # noqa: ARG002
        """Return the name of the agent that the span is about or belongs to."""
        return None

    def agent_id(self, span: Span) -> str | None:  # noqa: ARG002
        """Return the id of an agent or of its run."""
        return None

    def agent_key(self, span: Span) -> str | None:  # noqa: ARG002
        """Return the agent instance that did it, where the producer names one apart from the span tree."""
        return None

    def conversation_id(self, span: Span) -> str | None:  # noqa: ARG002
        """Return the id of an agent's own conversation."""
        return None

    def secondary(self, span: Span) -> bool:  # noqa: ARG002
        """Tell whether the span sees work from outside that another span describes itself."""
        return False


def _cut_short(sent: str | None, requested: str | None) -> bool:
    """Tell whether the answer's model ends within a word of the one that was asked for: its attribute was cut."""
    if not sent or not requested or not requested.startswith(sent):
        return False
    return requested[len(sent) : len(sent) + 1].isalnum()


def last_text(output: tuple[Message, ...] | None) -> str | None:
    """Return the text with which an answer ends."""
    for message in reversed(output or ()):
        parts = [part.content for part in message.parts if isinstance(part, Text)]
        if parts and message.role == "assistant":
            return "".join(parts)
    return None
