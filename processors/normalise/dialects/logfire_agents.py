"""Logfire's instrumentation of OpenAI's agents SDK: a span's template tells its kind, usage has the SDK's own shape.

Tasks and turns repeat the usage of the calls in them. Source: logfire 5.4.
"""

from __future__ import annotations

from collections.abc import Mapping

from collector.model import AttributeValue, Span
from processors.model import Message, Part, StepError
from processors.normalise import messages as read
from processors.normalise.dialect import Signal
from processors.normalise.dialects.gen_ai import GenAi
from processors.normalise.dialects.langfuse import vendors_counts
from processors.normalise.dialects.reader import Kind
from processors.normalise.usage import Counts
from processors.normalise.values import first, mapping, structured, text

_SCOPE = "logfire.openai_agents"
_KINDS: Mapping[str, Kind] = {
    "Agent run": "agent",
    "Function": "tool",
    "Handoff": "tool",
    "Chat completion": "chat",
    "Responses API": "chat",
}
"""How the templates of spans begin."""


class LogfireAgents(GenAi):
    """Reads what Logfire sees of OpenAI's agents SDK."""

    name = "logfire_agents"

    def owns(self, signal: Signal) -> bool:
        """Tell by the scope."""
        return signal.scope.name == _SCOPE

    def kind(self, span: Span) -> Kind | None:
        """Return what the template says; all else stands around the work."""
        return next((kind for begin, kind in _KINDS.items() if span.name.startswith(begin)), "workflow")

    def counts(self, span: Span) -> Counts:
        """Return the counts of the call's usage."""
        usage = mapping(structured(first(span.attributes, "usage")))
        return vendors_counts(usage) if usage and self.kind(span) == "chat" else Counts()

    def input_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the prompt."""
        return read.messages(first(span.attributes, "raw_input", "input"), "user")

    def output_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the answer, of a response its items."""
        response = mapping(structured(first(span.attributes, "response")))
        sent = response.get("output") or first(span.attributes, "output")
        return read.messages(sent, "assistant") if self.kind(span) == "chat" else None

    def system_instructions(self, span: Span) -> tuple[Part, ...] | None:
        """Return the instructions of a response."""
        response = mapping(structured(first(span.attributes, "response")))
        return read.system_parts(response["instructions"]) if response.get("instructions") else None

    def tool_name(self, span: Span) -> str | None:
        """Return the tool's name; a handoff is called as the model calls it."""
        target = text(span.attributes, "to_agent")
        return f"transfer_to_{target}" if target is not None else text(span.attributes, "name")

    def tool_arguments(self, span: Span) -> str | None:
        """Return the arguments."""
        sent = first(span.attributes, "input")
        return read.arguments(sent) if sent is not None else None

    def sent_result(self, span: Span) -> AttributeValue:
        """Return the result as sent."""
        return first(span.attributes, "output")

    def error(self, span: Span) -> StepError | None:
        """Return why it failed, in the words of the SDK's own error."""
        found = super().error(span)
        told = mapping(structured(first(span.attributes, "error"))).get("message")
        return StepError(found.type, told) if found is not None and isinstance(told, str) else found

    def agent_name(self, span: Span) -> str | None:
        """Return the agent's name."""
        return text(span.attributes, "name") if self.kind(span) == "agent" else None
