"""VoltAgent: spans of agents, of runs of the Vercel AI SDK, and of tools, under names of its own.

The span of a run (`llm:generateText`) stands around all model calls of a loop and tells only of the last one what it
used. The agent's span has the sum of its own calls, which leaves out those of its sub-agents. Input counts include
cached tokens. Source: @voltagent/core 2.10.
"""

from __future__ import annotations

from collections.abc import Mapping

from collector.model import AttributeValue, Span
from processors.model import Message, Text
from processors.normalise import messages as read
from processors.normalise.dialect import Signal
from processors.normalise.dialects.reader import Kind, Reader
from processors.normalise.usage import Counts
from processors.normalise.values import count, first, text

_SCOPE = "@voltagent/core"
_KINDS: Mapping[str, Kind] = {"agent": "agent", "tool": "tool", "llm": "workflow", "workflow": "workflow"}
_SUB_AGENT = "subagent:"


class VoltAgent(Reader):
    """Reads VoltAgent."""

    name = "voltagent"

    def owns(self, signal: Signal) -> bool:
        """Tell by the scope."""
        return signal.scope.name == _SCOPE

    def kind(self, span: Span) -> Kind | None:
        """Return the span's type; one without is the run of the entity that it names."""
        if span.name.startswith(_SUB_AGENT):
            return "agent"
        kind = text(span.attributes, "span.type") or text(span.attributes, "entity.type")
        return _KINDS.get(kind or "", "other")

    def rollup_counts(self, span: Span) -> Counts:
        """Return what the agent's own calls used in all."""
        sent = span.attributes
        return Counts(
            input=count(sent, "usage.prompt_tokens"),
            cache_read=count(sent, "usage.cached_tokens"),
            output=count(sent, "usage.completion_tokens"),
            reasoning=count(sent, "usage.reasoning_tokens"),
            total=count(sent, "usage.total_tokens"),
        )

    def own_calls(self, span: Span) -> bool:  # noqa: ARG002
        """Tell so of every agent."""
        return True

    def models(self, span: Span) -> tuple[str | None, str | None]:
        """Return the model that was asked for; the one that answered is not told."""
        return None, text(span.attributes, "ai.model.name", "llm.model")

    def input_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the prompt of the agent's first call."""
        return read.messages(first(span.attributes, "agent.messages", "llm.messages"), "user")

    def output_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the agent's answer."""
        said = text(span.attributes, "output")
        return (Message("assistant", (Text(said),)),) if said else None

    def tool_name(self, span: Span) -> str | None:
        """Return the tool's name."""
        return text(span.attributes, "tool.name", "span.label")

    def tool_call_id(self, span: Span) -> str | None:
        """Return the tool call's id."""
        return text(span.attributes, "tool.call.id")

    def tool_arguments(self, span: Span) -> str | None:
        """Return the arguments."""
        sent = first(span.attributes, "input")
        return read.arguments(sent) if sent is not None else None

    def sent_result(self, span: Span) -> AttributeValue:
        """Return the result as sent."""
        return first(span.attributes, "output")

    def tool_result(self, span: Span) -> str | None:
        """Return the result."""
        sent = self.sent_result(span)
        return read.result_text(sent) if sent is not None else None

    def agent_name(self, span: Span) -> str | None:
        """Return the agent's name."""
        return text(span.attributes, "entity.name", "entity.id")

    def conversation_id(self, span: Span) -> str | None:
        """Return the agent's conversation."""
        return text(span.attributes, "conversation.id")
