"""Attributes that name a session: in which order they count, and which of their values name none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from collector.correlations import names_nothing
from collector.model import AttributeValue, LogRecord, Span

SESSION_KEYS = (
    "session.id",
    "gen_ai.conversation.id",
    "copilot_chat.chat_session_id",
    "copilot_chat.session_id",
    "conversation.id",
    "thread.id",
    "gcp.vertex.agent.session_id",
    "traceloop.association.properties.session_id",
    "traceloop.association.properties.thread_id",
    "langsmith.metadata.session_id",
    "langsmith.metadata.thread_id",
    "langsmith.metadata.conversation_id",
    "langfuse.session.id",
    "langwatch.thread.id",
    "lmnr.association.properties.session_id",
    "mlflow.trace.session",
    "ai.telemetry.metadata.sessionId",
    "ai.telemetry.metadata.session_id",
    "ai.telemetry.metadata.conversationId",
    "ai.telemetry.metadata.chatId",
    "ai.telemetry.metadata.threadId",
    "anthropic.session.id",
    "openclaw.sessionKey",
    "openclaw.sessionId",
    "crewai.execution_uuid",
    "gen_ai.session.id",
    "gen_ai.agent.session_id",
    "prompt.id",
)
"""Attributes that name a session, first hit wins; each is looked up on the signal, then on its resource."""

PARENT_KEYS = ("parent.conversation.id", "copilot_chat.parent_chat_session_id")
"""Attributes that name the session of which this one is a part."""

CORRELATION_KEYS = SESSION_KEYS + PARENT_KEYS
"""Every attribute by which signals of one session find together before they are normalised."""

_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)

Identity: TypeAlias = "tuple[str, str]"
"""A key's value and, unless it is unique by itself, the service that used it."""


@dataclass(frozen=True, slots=True)
class Named:
    """A session key as found: whose it is and which attribute held it."""

    identity: Identity
    source: str


def key_of(signal: Span | LogRecord, response_ids: frozenset[str]) -> Named | None:
    """Return the first session key of a signal.

    Left out are a conversation id that is really the previous response's id, an agent's id in that place, and
    `thread.id` where it is the number of an operating system thread.
    """
    for key in SESSION_KEYS:
        value = signal.attributes.get(key)
        if value is None:
            value = signal.resource.attributes.get(key)
            if value is None:
                continue
        value = _unquoted(value)
        if isinstance(value, str) and _names_a_session(key, value, signal, response_ids):
            return Named(identity_of(value, signal), key)
    return None


def _unquoted(value: AttributeValue) -> AttributeValue:
    """Take the quotes off a text that was sent as JSON, as MLflow does with every value."""
    quoted = isinstance(value, str) and len(value) > len('""') and value[0] == value[-1] == '"'
    return value[1:-1] if isinstance(value, str) and quoted else value


def _names_a_session(key: str, value: str, signal: Span | LogRecord, response_ids: frozenset[str]) -> bool:
    if names_nothing(value):
        return False
    if key == "thread.id":
        return not value.isdecimal()
    if key == "gen_ai.conversation.id":
        return not (value in response_ids or value.startswith("resp_") or "agent_id" in signal.attributes)
    return True


def identity_of(value: str, signal: Span | LogRecord) -> Identity:
    """Return a key's value with the service that used it; a UUID is unique without one."""
    return value, "" if _UUID.fullmatch(value) else signal.resource.service_name or ""
