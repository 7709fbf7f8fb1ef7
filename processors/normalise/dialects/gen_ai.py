"""The GenAI conventions themselves, old and new names: any producer that speaks them and is known by nothing else.

Source: OpenTelemetry semantic conventions for GenAI, v1.28 to the releases after the move to their own repository.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from collector.model import Attributes, AttributeValue, LogRecord, Span
from processors.model import Message, ModelCall, Part, ToolDefinition, ToolRequest, ToolResponse
from processors.normalise import messages as read
from processors.normalise.dialect import Signal, has_key, release
from processors.normalise.dialects import spoken
from processors.normalise.dialects.gen_ai_names import (
    AGENT_NAME,
    CACHE_READ_TOKENS,
    CACHE_WRITE_1H_TOKENS,
    CACHE_WRITE_5M_TOKENS,
    CACHE_WRITE_TOKENS,
    CONVERSATION,
    INPUT_MESSAGES,
    INPUT_TOKENS,
    KINDS,
    OPERATION,
    OUTPUT_MESSAGES,
    OUTPUT_TOKENS,
    REASONING_TOKENS,
    RESPONSE_ID,
    SYSTEM_INSTRUCTIONS,
    TOOL_CALL_ID,
    TOOL_DEFINITIONS,
    TOTAL_TOKENS,
)
from processors.normalise.dialects.reader import Kind, Reader
from processors.normalise.dialects.records import as_span, from_record
from processors.normalise.flattened import list_at
from processors.normalise.provider import gemini_may_think, vendor
from processors.normalise.sighting import Reading
from processors.normalise.tools import HANDOFF
from processors.normalise.usage import CACHED_NOT_SENT, Counted, Counting, Counts, without_cached
from processors.normalise.values import count, first, text, texts, usd

_NAMES_OF_THE_RULE = (CACHE_READ_TOKENS[0], *CACHE_WRITE_TOKENS[:2])
_NAMES_BEFORE_THE_RULE = (CACHE_READ_TOKENS[1], CACHE_WRITE_TOKENS[2])
"""Names since and before v1.40, which first said that the input count includes cached tokens."""
WITHOUT_CACHED_TOKENS = (
    "@opentelemetry/instrumentation-openai",
    "@traceloop/instrumentation-bedrock",
    "@traceloop/instrumentation-langchain",
    "@traceloop/instrumentation-openai",
    "@traceloop/instrumentation-vertexai",
    "agent_framework",
    "langwatch",
    "mlflow.",
    "opentelemetry.instrumentation.agno",
    "opentelemetry.instrumentation.anthropic",
    "opentelemetry.instrumentation.openai_agents",
    "opentelemetry.instrumentation.openai_v2",
    "opentelemetry.instrumentation.vertexai",
    "opentelemetry.util.genai",
    "semantic_kernel",
    "traceai_openai",
)
"""Instrumentations of which releases in use drop the provider's count of cached tokens, also when it is not zero."""
_OF_ELASTIC = "opentelemetry.instrumentation.openai"
"""Elastic's scope as a whole: Traceloop's begins so."""
_OF_AGENTOPS = "gen_ai.request.type"
"""An attribute of AgentOps alone, whose scopes are named like the libraries that it instruments."""
_BOTOCORE = "opentelemetry.instrumentation.botocore.bedrock"
"""The instrumentation of AWS' client, which passes on Bedrock's counts: their input leaves out what is cached."""
_GOOGLE_GENAI = "opentelemetry.instrumentation.google_genai"
_WITH_THOUGHTS = (1, 0)
"""The first of its releases whose output includes thoughts, and that sent cached tokens."""

_HANDOFFS = ("handoff", "agent_handoff")


class GenAi(Reader):
    """Reads `gen_ai.*`."""

    name = "gen_ai"
    cached_input: Counting = "unknown"
    reasoning_output: Counting = "unknown"

    def owns(self, signal: Signal) -> bool:
        """Tell whether any attribute, or a record's event, is of the conventions."""
        if isinstance(signal, LogRecord) and event_name(signal).startswith("gen_ai."):
            return True
        return has_key(signal, ("gen_ai.", "mcp.method"))

    def kind(self, span: Span) -> Kind | None:
        """Return what the operation says; older producers name none."""
        operation = text(span.attributes, OPERATION)
        if operation is not None:
            return KINDS.get(operation, "other")
        named = KINDS.get(span.name.partition(" ")[0])  # the conventions' span names begin with the operation
        if named is not None:
            return named
        if text(span.attributes, "mcp.method.name") is not None:
            return "tool" if span.attributes["mcp.method.name"] == "tools/call" else None
        if text(span.attributes, "gen_ai.tool.name") is not None and not self.models(span)[1]:
            return "tool"
        asked = text(span.attributes, "gen_ai.request.model", "gen_ai.response.model") is not None
        return "chat" if asked or first(span.attributes, *INPUT_TOKENS) is not None else None

    def counts(self, span: Span) -> Counts:
        """Return the token counts under any of the conventions' names."""
        sent = span.attributes
        thoughtless = _drops_thoughts(span) and gemini_may_think(self.models(span)[1])
        return Counts(
            input=count(sent, *INPUT_TOKENS),
            cache_read=count(sent, *CACHE_READ_TOKENS),
            cache_write=count(sent, *CACHE_WRITE_TOKENS),
            cache_write_5m=count(sent, *CACHE_WRITE_5M_TOKENS),
            cache_write_1h=count(sent, *CACHE_WRITE_1H_TOKENS),
            output=None if thoughtless else count(sent, *OUTPUT_TOKENS),
            reasoning=count(sent, *REASONING_TOKENS),
            total=count(sent, *TOTAL_TOKENS),
            cached_input=self.meaning_of_input(span),
            reasoning_output=self.reasoning_output,
        )

    def meaning_of_input(self, span: Span) -> Counting:
        """Return the producer's habit; the oldest names came from producers that passed on the vendor's count (R6)."""
        sent = span.attributes
        if span.scope.name.startswith(_BOTOCORE):
            return "exclusive"
        old = count(sent, *_NAMES_BEFORE_THE_RULE) is not None
        ruled = count(sent, *_NAMES_OF_THE_RULE) is not None or count(sent, *TOTAL_TOKENS) is not None
        if self.cached_input == "unknown" and old and not ruled:
            seller = vendor(self.provider(span), self.models(span)[1])
            return "exclusive" if seller in {"anthropic", "aws.bedrock"} else "unknown"
        return self.cached_input

    def usage(self, span: Span) -> Counted:
        """Return the usage; incomplete where the instrumentation is known to have dropped a part of it."""
        result = super().usage(span)
        return without_cached(result) if _drops_cached(span) else result

    def rollup(self, span: Span) -> ModelCall | None:
        """Return what a parent repeats, of which the instrumentation may have dropped the same part."""
        found = super().rollup(span)
        lossy = span.scope.name.startswith(WITHOUT_CACHED_TOKENS)
        if found is None or found.usage is None or not lossy or found.usage.cache_read_input_tokens is not None:
            return found
        return replace(found, usage_missing=found.usage_missing or CACHED_NOT_SENT)

    def models(self, span: Span) -> tuple[str | None, str | None]:
        """Return the response's and the request's model."""
        return text(span.attributes, "gen_ai.response.model"), text(span.attributes, "gen_ai.request.model")

    def provider(self, span: Span) -> str | None:
        """Return `gen_ai.provider.name`, or `gen_ai.system` as it was called before 1.37."""
        return text(span.attributes, "gen_ai.provider.name", "gen_ai.system")

    def service_tier(self, span: Span) -> str | None:
        """Return the tier that the response names."""
        return text(
            span.attributes,
            "openai.response.service_tier",
            "gen_ai.openai.response.service_tier",
            "anthropic.response.service_tier",
        )

    def request_ids(self, span: Span) -> tuple[str, ...]:
        """Return the response's id and the provider's request id."""
        ids = (text(span.attributes, key) for key in (RESPONSE_ID, "anthropic.request.id", "request_id"))
        return tuple(dict.fromkeys(found for found in ids if found is not None))

    def input_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the prompt from one attribute, from flattened ones, or from the span's events."""
        found = read.messages(first(span.attributes, INPUT_MESSAGES), "user")
        if found is None and "gen_ai.prompt.0.role" in span.attributes:
            found = read.messages(list_at(span.attributes, "gen_ai.prompt"), "user")
        if found is None:
            found = read.messages(first(span.attributes, "gen_ai.prompt"), "user")
        return found or spoken.in_events(span, "input")

    def output_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the answer from one attribute, from flattened ones, or from the span's events."""
        found = read.messages(first(span.attributes, OUTPUT_MESSAGES), "assistant")
        if found is None:
            found = read.messages(list_at(span.attributes, "gen_ai.completion") or None, "assistant")
        if found is None:
            found = read.messages(first(span.attributes, "gen_ai.completion"), "assistant")
        return found or spoken.in_events(span, "output")

    def system_instructions(self, span: Span) -> tuple[Part, ...] | None:
        """Return the system prompt."""
        found = read.system_parts(first(span.attributes, SYSTEM_INSTRUCTIONS))
        said = spoken.in_events(span, "system")
        return found or (tuple(part for message in said for part in message.parts) if said else None)

    def tool_definitions(self, span: Span) -> tuple[ToolDefinition, ...] | None:
        """Return the tools offered."""
        return read.tool_definitions(first(span.attributes, TOOL_DEFINITIONS, "gen_ai.request.tools"))

    def finish_reasons(self, span: Span) -> tuple[str, ...]:
        """Return the finish reasons, also from singular names and JSON text."""
        names = (
            "gen_ai.response.finish_reasons",
            "gen_ai.response.finish_reason",
            "gen_ai.response.stop_reason",
            "anthropic.message.stop_reason",
        )
        return texts(first(span.attributes, *names))

    def reported_cost(self, span: Span) -> Decimal | None:
        """Return a cost under one of the names in use; the conventions have none."""
        return usd(span.attributes, "operation.cost", "gen_ai.usage.cost", "gen_ai.cost.total_cost") or None

    def tool_name(self, span: Span) -> str | None:
        """Return the tool's name; a handoff is called as the model calls it, as far as its target is known."""
        named = text(span.attributes, "gen_ai.tool.name", "tool.name", "tool_name")
        if named is not None or text(span.attributes, OPERATION) not in _HANDOFFS:
            return named
        target = text(span.attributes, "gen_ai.handoff.to_agent")
        return HANDOFF if target is None else f"transfer_to_{target}"

    def tool_call_id(self, span: Span) -> str | None:
        """Return the tool call's id."""
        return text(span.attributes, TOOL_CALL_ID, "gen_ai.tool.call_id", "tool_call.id")

    def tool_arguments(self, span: Span) -> str | None:
        """Return the arguments."""
        sent = first(
            span.attributes, "gen_ai.tool.call.arguments", "tool_arguments", "gen_ai.tool.input", "gen_ai.tool.args"
        )
        if sent is not None:
            return read.arguments(sent)
        asked = (part for message in spoken.in_events(span, "input") or () for part in message.parts)
        return next((part.arguments for part in asked if isinstance(part, ToolRequest)), None)

    def sent_result(self, span: Span) -> AttributeValue:
        """Return the result as sent, under any of the names that it had."""
        return first(span.attributes, "gen_ai.tool.call.result", "tool_response", "gen_ai.tool.output")

    def tool_result(self, span: Span) -> str | None:
        """Return the result."""
        sent = self.sent_result(span)
        if sent is not None:
            return read.result_text(sent)
        given = (part for message in spoken.in_events(span, "output") or () for part in message.parts)
        return next((part.result for part in given if isinstance(part, ToolResponse)), None)

    def agent_name(self, span: Span) -> str | None:
        """Return the agent's name."""
        return text(span.attributes, AGENT_NAME)

    def agent_id(self, span: Span) -> str | None:
        """Return the run's id where one is sent, else the agent's."""
        return text(span.attributes, "gen_ai.agent.call.id", "gen_ai.agent.id")

    def conversation_id(self, span: Span) -> str | None:
        """Return the agent's conversation."""
        return text(span.attributes, CONVERSATION)

    def secondary(self, span: Span) -> bool:
        """Tell transport spans of MCP from the tool's own span."""
        return "mcp.method.name" in span.attributes and text(span.attributes, OPERATION) != "execute_tool"

    def read_log(self, record: LogRecord) -> Iterable[Reading]:
        """Return the call that an event describes, or the message that it holds."""
        event = event_name(record)
        if event == spoken.DETAILS_EVENT:
            span = as_span(record)
            if self.describes_call(record.attributes):
                yield from_record(self.call(span), record)
        else:
            yield from spoken.in_record(record, event)

    def describes_call(self, attributes: Attributes) -> bool:
        """Tell the record of a finished call from that of a request: only the first has an outcome."""
        return any(first(attributes, name) is not None for name in (OUTPUT_MESSAGES, *INPUT_TOKENS, "error.type"))


def event_name(record: LogRecord) -> str:
    """Return a record's event name from its field or, as older producers send it, its attribute or body."""
    named = record.attributes.get("event.name")
    if isinstance(named, str) and named:
        return named
    return record.event_name or (record.body if isinstance(record.body, str) else "")


def _drops_cached(span: Span) -> bool:
    """Tell an instrumentation that drops the count of cached tokens, by its scope, release or own vocabulary."""
    scope = span.scope.name
    told = scope.startswith(WITHOUT_CACHED_TOKENS) or scope == _OF_ELASTIC or _OF_AGENTOPS in span.attributes
    return told or _drops_thoughts(span)


def _drops_thoughts(span: Span) -> bool:
    return span.scope.name == _GOOGLE_GENAI and release(span) < _WITH_THOUGHTS
