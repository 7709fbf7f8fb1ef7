"""Open spans of the three kinds, as the context managers hand them out and the session hooks keep them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TypedDict, TypeVar, Unpack

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.util.types import AttributeValue

from clawtrace_otel import semconv
from clawtrace_otel.content import clean, content_captured, messages_json, text_or_json
from clawtrace_otel.session import agent_attributes, session_attributes
from clawtrace_otel.usage import Usage, usage_attributes

_logger = logging.getLogger("clawtrace_otel")


class ModelResponse(TypedDict, total=False):
    """What a provider said about its answer. Messages are recorded only where content capture is switched on."""

    response_id: str | None
    model: str | None
    finish_reasons: list[str] | tuple[str, ...] | str | None
    service_tier: str | None
    output_messages: object


@dataclass(slots=True)
class Operation:
    """A span that is open, and the context in which its children are made."""

    span: trace.Span
    context: Context = field(repr=False)

    def set_attributes(self, attributes: Mapping[str, AttributeValue | None]) -> None:
        """Add attributes; None is left out and text that cannot be sent is mended."""
        self.span.set_attributes(
            {
                key: clean(value) if isinstance(value, str) else value
                for key, value in attributes.items()
                if value is not None
            }
        )

    def fail(self, error: BaseException | str) -> None:
        """Mark the operation as failed, with the exception or with the message that a tool or provider gave."""
        if isinstance(error, BaseException):
            self.span.record_exception(error)
            description = f"{type(error).__name__}: {error}"
        else:
            description = str(error)
        self.set_attributes({semconv.ERROR_TYPE: error_type(error)})
        self.span.set_status(Status(StatusCode.ERROR, clean(description)))

    @contextmanager
    def activate(self) -> Iterator[None]:
        """Make this the parent of what runs inside; for threads, which do not inherit the caller's context."""
        token = otel_context.attach(self.context)
        try:
            yield
        finally:
            otel_context.detach(token)


class Evaluation(TypedDict, total=False):
    """What an evaluator found; `passed` or `score` or both."""

    passed: bool | None
    score: float | None
    expected: str | None
    got: str | None
    explanation: str | None


class AgentSpan(Operation):
    """A session's main agent, or a sub-agent."""

    def add_evaluation(self, name: str, **found: Unpack[Evaluation]) -> None:
        """Record a verdict on what the agent did, by the convention's event; of a session, its outcome."""
        passed = found.get("passed")
        said = {
            semconv.EVALUATION_NAME: name,
            semconv.EVALUATION_SCORE: found.get("score"),
            semconv.EVALUATION_LABEL: None if passed is None else "pass" if passed else "fail",
            semconv.EVALUATION_EXPLANATION: found.get("explanation"),
            semconv.EVALUATION_EXPECTED: found.get("expected"),
            semconv.EVALUATION_GOT: found.get("got"),
        }
        attributes = {key: clean(v) if isinstance(v, str) else v for key, v in said.items() if v is not None}
        self.span.add_event(semconv.EVALUATION_EVENT, attributes)

    @property
    def session_id(self) -> str | None:
        """The id under which the collector files the session."""
        return session_attributes(self.context).get(semconv.SESSION_ID)

    def set_output(self, messages: object) -> None:
        """Record the agent's answer, where content capture is switched on."""
        if content_captured():
            self.set_attributes({semconv.OUTPUT_MESSAGES: messages_json(messages, "assistant")})


class ModelSpan(Operation):
    """A model call."""

    def set_usage(self, **usage: Unpack[Usage]) -> None:
        """Record token counts; contradictory ones are logged and left out, with the reason as an attribute."""
        self.set_attributes(checked_usage(usage))

    def set_response(self, **response: Unpack[ModelResponse]) -> None:
        """Record what the provider answered."""
        self.set_attributes(response_attributes(response))


class ToolSpan(Operation):
    """A tool call."""

    def set_result(self, result: object) -> None:
        """Record what the tool returned, where content capture is switched on."""
        if content_captured():
            self.set_attributes({semconv.TOOL_CALL_RESULT: text_or_json(result)})


OperationT = TypeVar("OperationT", bound=Operation)


@dataclass(frozen=True, slots=True)
class Start:
    """What a span begins with; made before any lock is taken, because content may be large."""

    name: str
    kind: SpanKind
    attributes: Mapping[str, AttributeValue | None]

    def begin(self, made_as: type[OperationT], context: Context, start_time: int | None = None) -> OperationT:
        """Start the span under the context's own span; `start_time` is in nanoseconds since the Unix epoch."""
        span = _tracer().start_span(clean(self.name), context=context, kind=self.kind, start_time=start_time)
        operation = made_as(span, trace.set_span_in_context(span, context))
        operation.set_attributes({**session_attributes(context), **agent_attributes(context), **self.attributes})
        return operation


def checked_usage(usage: Mapping[str, object]) -> dict[str, AttributeValue | None]:
    """Return the attributes of token counts, with the reason where some were rejected."""
    counts, reasons = usage_attributes(usage)
    for reason in reasons:
        _logger.warning("token usage not recorded: %s", reason)
    return {**counts, semconv.USAGE_REJECTED: "; ".join(reasons) or None}


def response_attributes(response: Mapping[str, object]) -> dict[str, AttributeValue | None]:
    """Return the attributes of a provider's answer."""
    reasons = response.get("finish_reasons")
    listed = [reasons] if isinstance(reasons, str) else list(reasons) if isinstance(reasons, (list, tuple)) else []
    messages = response.get("output_messages") if content_captured() else None
    return {
        semconv.RESPONSE_ID: _text(response.get("response_id")),
        semconv.RESPONSE_MODEL: _text(response.get("model")),
        semconv.RESPONSE_FINISH_REASONS: [clean(str(reason)) for reason in listed if reason is not None] or None,
        semconv.RESPONSE_SERVICE_TIER: _text(response.get("service_tier")),
        semconv.OUTPUT_MESSAGES: messages_json(messages, "assistant"),
    }


def error_type(error: BaseException | str) -> str:
    """Return OTel's low-cardinality `error.type`: the qualified class name, as the official instrumentations write."""
    if not isinstance(error, BaseException):
        return semconv.ERROR_TYPE_OTHER
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _tracer() -> trace.Tracer:
    return trace.get_tracer(semconv.SCOPE_NAME, _version())


@cache
def _version() -> str:
    try:
        return version("clawtrace-otel")
    except PackageNotFoundError:
        return ""
