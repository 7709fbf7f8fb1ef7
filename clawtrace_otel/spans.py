"""Context managers for an agent's own code: a session, the model and tool calls in it, and its sub-agents.

Each works with `with` and `async with`, starts a span by the GenAI conventions when entered, and ends it when left,
failed where an exception passed through. Source: GenAI conventions, agent, inference and execute-tool spans.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextvars import Token
from types import TracebackType
from typing import Generic, Literal, TypeAlias, TypedDict, Unpack

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AttributeValue

from clawtrace_otel import semconv
from clawtrace_otel.content import clean, content_captured, instructions_json, messages_json, tool_definitions_json
from clawtrace_otel.content import text_or_json as as_text
from clawtrace_otel.operations import AgentSpan, ModelSpan, OperationT, Start, ToolSpan
from clawtrace_otel.session import by_agent, in_session

Attributes: TypeAlias = Mapping[str, AttributeValue | None]


class SessionLabels(TypedDict, total=False):
    """What a session may say of itself beyond its agent and id; `task_id` and `condition` make sessions comparable."""

    conversation_id: str | None
    task_id: str | None
    condition: str | None
    attributes: Attributes | None


class ModelRequest(TypedDict, total=False):
    """What is asked of a model. Messages, instructions and tools are recorded only where content is captured."""

    provider: str | None
    operation: Literal["chat", "text_completion", "generate_content", "embeddings"]
    input_messages: object
    system_instructions: object
    tool_definitions: object
    attributes: Attributes | None


class Scope(Generic[OperationT]):
    """A context manager, sync and async, around one span; entering it gives the open operation."""

    def __init__(self, begin: Callable[[Context], OperationT]) -> None:
        self._begin = begin
        self._entered: list[tuple[OperationT, Token[Context]]] = []

    def __enter__(self) -> OperationT:
        operation = self._begin(otel_context.get_current())
        self._entered.append((operation, otel_context.attach(operation.context)))
        return operation

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        operation, token = self._entered.pop()
        otel_context.detach(token)
        # A generator that its reader closed early has not failed.
        if error is not None and not isinstance(error, GeneratorExit):
            operation.fail(error)
        operation.span.end()

    async def __aenter__(self) -> OperationT:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)


def agent_session(
    agent_name: str, *, session_id: str | None = None, **labels: Unpack[SessionLabels]
) -> Scope[AgentSpan]:
    """Run of an agent for one task or conversation; everything inside it carries the session's id.

    Without `session_id` a new one is made. Entering it again with the same id, in this process or another, continues
    the session in a further trace. `conversation_id` defaults to a given `session_id` and is never invented.
    """
    named = str(session_id) if session_id else None
    conversation_id = labels.get("conversation_id") or named

    def begin(context: Context) -> AgentSpan:
        within = in_session(
            clean(named or str(uuid.uuid4())), clean(conversation_id) if conversation_id else None, context
        )
        return session_start(agent_name, labels).begin(AgentSpan, by_agent(agent_name, within))

    return Scope(begin)


def sub_agent(
    agent_name: str, *, agent_id: str | None = None, attributes: Attributes | None = None
) -> Scope[AgentSpan]:
    """Run of an agent that another agent caused; model and tool calls inside it count as its own."""
    start = agent_start(agent_name, {semconv.AGENT_ID: agent_id, **(attributes or {})})
    return Scope(lambda context: start.begin(AgentSpan, by_agent(agent_name, context)))


def model_call(model: str, **request: Unpack[ModelRequest]) -> Scope[ModelSpan]:
    """One request to a model; set usage and response on what entering it gives."""
    return Scope(lambda context: model_start(model, request).begin(ModelSpan, context))


def tool_call(
    name: str, *, call_id: str | None = None, arguments: object = None, attributes: Attributes | None = None
) -> Scope[ToolSpan]:
    """One run of a tool; `call_id` is the id under which the model asked for it."""
    return Scope(lambda context: tool_start(name, call_id, arguments, attributes).begin(ToolSpan, context))


def session_start(agent_name: str | None, labels: Mapping[str, object]) -> Start:
    """Return the span that a session's agent begins with."""
    attributes = labels.get("attributes")
    return agent_start(
        agent_name,
        {
            semconv.TASK_ID: _text(labels.get("task_id")),
            semconv.CONDITION: _text(labels.get("condition")),
            **(attributes if isinstance(attributes, Mapping) else {}),
        },
    )


def agent_start(agent_name: str | None, attributes: Attributes) -> Start:
    """Return the span that an agent begins with."""
    named = {semconv.OPERATION_NAME: "invoke_agent", semconv.AGENT_NAME: _text(agent_name)}
    return Start(_name("invoke_agent", agent_name), SpanKind.INTERNAL, {**named, **attributes})


def model_start(model: str | None, request: Mapping[str, object]) -> Start:
    """Return the span that a model call begins with."""
    operation = _text(request.get("operation")) or "chat"
    attributes: dict[str, AttributeValue | None] = {
        semconv.OPERATION_NAME: operation,
        semconv.PROVIDER_NAME: _text(request.get("provider")),
        semconv.REQUEST_MODEL: _text(model),
    }
    if content_captured():
        attributes |= {
            semconv.INPUT_MESSAGES: messages_json(request.get("input_messages"), "user"),
            semconv.SYSTEM_INSTRUCTIONS: instructions_json(request.get("system_instructions")),
            semconv.TOOL_DEFINITIONS: tool_definitions_json(request.get("tool_definitions")),
        }
    extra = request.get("attributes")
    return Start(
        _name(operation, model), SpanKind.CLIENT, {**attributes, **(extra if isinstance(extra, Mapping) else {})}
    )


def tool_start(name: str | None, call_id: str | None, arguments: object, extra: Attributes | None) -> Start:
    """Return the span that a tool call begins with."""
    attributes: dict[str, AttributeValue | None] = {
        semconv.OPERATION_NAME: "execute_tool",
        semconv.TOOL_NAME: _text(name),
        semconv.TOOL_CALL_ID: _text(call_id),
        semconv.TOOL_CALL_ARGUMENTS: as_text(arguments) if content_captured() else None,
    }
    return Start(_name("execute_tool", name), SpanKind.INTERNAL, {**attributes, **(extra or {})})


def _name(operation: str, target: str | None) -> str:
    return f"{operation} {target}" if target else operation


def _text(value: object) -> str | None:
    return None if value is None else str(value)
