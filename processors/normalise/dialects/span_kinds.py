"""SDKs of observability vendors that say under a name of their own what a span is.

Among them are LangWatch, Laminar, AgentOps, Future AGI and LoongSuite.
What they tell of a model call follows the conventions, old or new; messages may be flattened as OpenInference does it.
Source: langwatch 1.4, lmnr 0.7, agentops 0.4, traceai-openai 0.1, loongsuite-instrumentation-langchain 0.9.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from collector.model import AttributeValue, Span
from processors.model import Message
from processors.normalise import messages as read
from processors.normalise.dialect import Signal
from processors.normalise.dialects.gen_ai import GenAi
from processors.normalise.dialects.gen_ai_names import INPUT_MESSAGES, KINDS, OPERATION, OUTPUT_MESSAGES
from processors.normalise.dialects.openinference_messages import spelled_messages
from processors.normalise.dialects.reader import Kind
from processors.normalise.usage import Counts
from processors.normalise.values import Json, as_count, first, mapping, structured, text

_KIND_NAMES = ("langwatch.span.type", "lmnr.span.type", "agentops.span.kind", "gen_ai.span.kind")
_KINDS: Mapping[str, Kind] = {
    "llm": "chat",
    "chat": "chat",
    "embedding": "embeddings",
    "embeddings": "embeddings",
    "tool": "tool",
    "agent": "agent",
}
_ASKED_FOR = "AgentOpsSpanKindValues."
"""How a kind begins that AgentOps prints on the spans of requests in an answer: no tool has run in them."""
_INPUTS = (
    "gen_ai.tool.call.arguments",
    "langwatch.input",
    "lmnr.span.input",
    "agentops.tool.input",
    "agentops.agent.input",
    "input.value",
)
_OUTPUTS = (
    "gen_ai.tool.call.result",
    "langwatch.output",
    "lmnr.span.output",
    "agentops.tool.output",
    "agentops.agent.output",
    "output.value",
)
_NAMES = ("gen_ai.tool.name", "tool.name", "operation.name")
_AGENT_NAMES = ("gen_ai.agent.name", "agent.name", "operation.name")
_METRICS = "langwatch.metrics"


class SpanKinds(GenAi):
    """Reads spans that carry a kind under a vendor's name."""

    name = "span_kinds"

    def owns(self, signal: Signal) -> bool:
        """Tell by the kind."""
        return isinstance(signal, Span) and any(name in signal.attributes for name in _KIND_NAMES)

    def kind(self, span: Span) -> Kind | None:
        """Return what the operation says where it is one of the conventions', else the vendor's kind."""
        operation = KINDS.get(text(span.attributes, OPERATION) or "")
        if operation is not None:
            return operation
        said = text(span.attributes, *_KIND_NAMES) or ""
        return None if said.startswith(_ASKED_FOR) else _KINDS.get(said.lower(), "workflow")

    def counts(self, span: Span) -> Counts:
        """Return the counts; those of reasoning LangWatch puts elsewhere."""
        metrics = mapping(structured(first(span.attributes, _METRICS)))
        found = super().counts(span)
        return replace(found, reasoning=as_count(metrics.get("reasoning_tokens"))) if metrics else found

    def input_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the prompt."""
        found = super().input_messages(span) or spelled_messages(span.attributes, INPUT_MESSAGES, "user")
        return found or (read.messages(_value(span, _INPUTS), "user") if self.kind(span) == "chat" else None)

    def output_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the answer."""
        found = super().output_messages(span) or spelled_messages(span.attributes, OUTPUT_MESSAGES, "assistant")
        said = self.kind(span) in {"chat", "agent"}
        return found or (read.messages(_value(span, _OUTPUTS), "assistant") if said else None)

    def tool_name(self, span: Span) -> str | None:
        """Return the tool's name; a decorated function's is the span's."""
        return text(span.attributes, *_NAMES) or span.name

    def tool_arguments(self, span: Span) -> str | None:
        """Return the arguments, also from the wrapper of a decorated function's."""
        sent = _value(span, _INPUTS)
        called = mapping(sent)
        if "args" in called and "kwargs" in called:
            sent = called["kwargs"] or called["args"]
        return read.arguments(sent) if sent is not None else None

    def sent_result(self, span: Span) -> AttributeValue:
        """Return the result as sent."""
        return first(span.attributes, *_OUTPUTS)

    def tool_result(self, span: Span) -> str | None:
        """Return the result."""
        sent = _value(span, _OUTPUTS)
        return read.result_text(sent) if sent is not None else None

    def agent_name(self, span: Span) -> str | None:
        """Return the agent's name; a decorated function's is the span's."""
        if self.kind(span) != "agent":
            return text(span.attributes, _AGENT_NAMES[0])
        return text(span.attributes, *_AGENT_NAMES) or span.name


def _value(span: Span, names: tuple[str, ...]) -> Json:
    """Return what a span took in or gave; LangWatch says beside it what it is."""
    sent = structured(first(span.attributes, *names))
    held = mapping(sent)
    return held["value"] if held.keys() == {"type", "value"} else sent
