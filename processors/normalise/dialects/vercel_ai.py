"""Vercel AI SDK: version 7 speaks the conventions, versions 3 to 6 have names of their own (`ai.*`).

The outer spans of both repeat the usage of the requests inside. Source: ai 4.3, 5.0, 6.0 and 7.0, @ai-sdk/otel 1.0.
"""

from __future__ import annotations

from dataclasses import replace

from collector.model import Span
from processors.model import Message, ToolDefinition
from processors.normalise import messages as read
from processors.normalise.dialect import Signal
from processors.normalise.dialects import vercel_usage
from processors.normalise.dialects.gen_ai import GenAi
from processors.normalise.dialects.reader import Kind
from processors.normalise.usage import CACHEABLE, CACHED_NOT_SENT, Counted, Counting, Counts
from processors.normalise.values import first, mapping, sequence, structured, text, texts

_OPERATION = "ai.operationId"
_EMBEDDING = ("ai.embed.doEmbed", "ai.embedMany.doEmbed")


class VercelAi(GenAi):
    """Reads version 7 of the Vercel AI SDK."""

    name = "vercel_ai"
    cached_input: Counting = "inclusive"
    reasoning_output: Counting = "inclusive"

    def owns(self, signal: Signal) -> bool:
        """Tell by the tracer's name."""
        return signal.scope.name == "gen_ai"


class VercelAiLegacy(GenAi):
    """Reads versions 3 to 6 of the Vercel AI SDK."""

    name = "vercel_ai"

    def owns(self, signal: Signal) -> bool:
        """Tell by the operation's id."""
        return _OPERATION in signal.attributes

    def kind(self, span: Span) -> Kind | None:
        """Return requests (`.doGenerate`, `.doStream`), tools, and the functions around them as agents."""
        operation = text(span.attributes, _OPERATION) or ""
        if operation.endswith((".doGenerate", ".doStream")):
            return "chat"
        if operation in _EMBEDDING:
            return "embeddings"
        if operation == "ai.toolCall":
            return "tool"
        return "workflow" if operation.startswith(("ai.embed", "ai.rerank")) else "agent"

    def counts(self, span: Span) -> Counts:
        """Return the counts under the names of every version."""
        return vercel_usage.counts(span.attributes)

    def usage(self, span: Span) -> Counted:
        """Return the usage; incomplete where a prompt may have been cached and the span had no name for that."""
        result = super().usage(span)
        large = result.usage is not None and (result.usage.input_tokens or 0) >= CACHEABLE
        asked = self.kind(span) == "chat"
        if large and asked and result.missing is None and not vercel_usage.names_cached(span.attributes):
            return replace(result, missing=CACHED_NOT_SENT)
        return result

    def models(self, span: Span) -> tuple[str | None, str | None]:
        """Return the response's and the request's model."""
        return text(span.attributes, "ai.response.model", "gen_ai.response.model"), text(span.attributes, "ai.model.id")

    def provider(self, span: Span) -> str | None:
        """Return the provider without the name of its API."""
        return text(span.attributes, "ai.model.provider", "gen_ai.system")

    def request_ids(self, span: Span) -> tuple[str, ...]:
        """Return the response's id."""
        return texts(first(span.attributes, "ai.response.id", "gen_ai.response.id"))

    def input_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the prompt of a request."""
        return read.messages(first(span.attributes, "ai.prompt.messages"), "user")

    def output_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the answer's text and tool calls."""
        sent = span.attributes
        said = text(sent, "ai.response.text", "ai.response.object", "ai.result.text")
        thought = text(sent, "ai.response.reasoning")
        calls = sequence(structured(first(sent, "ai.response.toolCalls", "ai.result.toolCalls")))
        content = [{"type": "reasoning", "text": thought}] if thought else []
        content += [{"type": "text", "text": said}] if said else []
        blocks = [*content, *({**mapping(call), "type": "tool-call"} for call in calls)]
        return read.messages([{"role": "assistant", "content": blocks}], "assistant") if blocks else None

    def tool_definitions(self, span: Span) -> tuple[ToolDefinition, ...] | None:
        """Return the tools offered, each a JSON text."""
        return read.tool_definitions(first(span.attributes, "ai.prompt.tools"))

    def finish_reasons(self, span: Span) -> tuple[str, ...]:
        """Return the finish reason."""
        return texts(first(span.attributes, "ai.response.finishReason", "ai.finishReason"))

    def tool_name(self, span: Span) -> str | None:
        """Return the tool's name."""
        return text(span.attributes, "ai.toolCall.name")

    def tool_call_id(self, span: Span) -> str | None:
        """Return the call's id."""
        return text(span.attributes, "ai.toolCall.id")

    def tool_arguments(self, span: Span) -> str | None:
        """Return the arguments."""
        sent = first(span.attributes, "ai.toolCall.args", "ai.toolCall.input")
        return read.arguments(sent) if sent is not None else None

    def tool_result(self, span: Span) -> str | None:
        """Return the result."""
        sent = first(span.attributes, "ai.toolCall.result", "ai.toolCall.output")
        return read.result_text(sent) if sent is not None else None

    def agent_name(self, span: Span) -> str | None:
        """Return the function's id, which names the agent."""
        return text(span.attributes, "ai.telemetry.functionId", "resource.name")
