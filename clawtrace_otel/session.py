"""Which session the running code belongs to: carried in OpenTelemetry's context and baggage, stamped on spans."""

from __future__ import annotations

from typing import Final

from opentelemetry import baggage
from opentelemetry.context import Context, create_key, get_value, set_value
from opentelemetry.sdk.trace import Span, SpanProcessor

from clawtrace_otel import semconv

BAGGAGE_KEYS: Final = (semconv.SESSION_ID, semconv.CONVERSATION_ID)
_AGENT_NAME: Final = create_key("clawtrace_otel.agent_name")


def in_session(session_id: str, conversation_id: str | None, context: Context | None = None) -> Context:
    """Return a context whose spans belong to the session; as baggage it also reaches instrumented remote sub-agents."""
    context = baggage.set_baggage(semconv.SESSION_ID, session_id, context)
    if conversation_id is None:
        return baggage.remove_baggage(semconv.CONVERSATION_ID, context)
    return baggage.set_baggage(semconv.CONVERSATION_ID, conversation_id, context)


def by_agent(agent_name: str, context: Context | None = None) -> Context:
    """Return a context whose model and tool calls are made by this agent."""
    return set_value(_AGENT_NAME, agent_name, context)


def session_attributes(context: Context | None) -> dict[str, str]:
    """Return the attributes that say which session, and in which conversation, a span of this context belongs to."""
    found = {key: baggage.get_baggage(key, context) for key in BAGGAGE_KEYS}
    return {key: value for key, value in found.items() if isinstance(value, str) and value}


def agent_attributes(context: Context | None) -> dict[str, str]:
    """Return the attribute that says which agent makes a call in this context."""
    name = get_value(_AGENT_NAME, context)
    return {semconv.AGENT_NAME: name} if isinstance(name, str) else {}


class SessionSpanProcessor(SpanProcessor):
    """Stamps the session on spans that other instrumentations start inside it; `configure()` installs one."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Add what the span does not say already."""
        present = span.attributes or {}
        span.set_attributes({k: v for k, v in session_attributes(parent_context).items() if k not in present})
