"""MLflow tracing in its own vocabulary: every attribute is JSON text.

Source: mlflow-skinny 3.17. With its translation switched on it speaks the conventions and is read as those.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from collector.model import Attributes, AttributeValue, Span
from processors.model import Message
from processors.normalise import messages as read
from processors.normalise.dialect import Signal
from processors.normalise.dialects.reader import Kind, Reader
from processors.normalise.usage import Counts
from processors.normalise.values import Json, as_count, mapping, sequence, structured, usd

_TYPE = "mlflow.spanType"
_KINDS: Mapping[str, Kind] = {
    "CHAT_MODEL": "chat",
    "LLM": "chat",
    "EMBEDDING": "embeddings",
    "TOOL": "tool",
    "AGENT": "agent",
    "CHAIN": "workflow",
    "WORKFLOW": "workflow",
    "TASK": "workflow",
}


class MlFlow(Reader):
    """Reads `mlflow.*`."""

    name = "mlflow"

    def owns(self, signal: Signal) -> bool:
        """Tell by the span's type."""
        return _TYPE in signal.attributes

    def kind(self, span: Span) -> Kind | None:
        """Return the span's type."""
        return _KINDS.get(_text(span.attributes, _TYPE) or "", "other")

    def counts(self, span: Span) -> Counts:
        """Return the counts of the usage object."""
        usage = _object(span.attributes, "mlflow.chat.tokenUsage")
        return Counts(
            input=as_count(usage.get("input_tokens")),
            cache_read=as_count(usage.get("cache_read_input_tokens")),
            cache_write=as_count(usage.get("cache_creation_input_tokens")),
            output=as_count(usage.get("output_tokens")),
            reasoning=_known(usage.get("reasoning_output_tokens"), _reasoning_in(span)),
            total=as_count(usage.get("total_tokens")),
            cached_input="unknown",
            reasoning_output="unknown",
        )

    def models(self, span: Span) -> tuple[str | None, str | None]:
        """Return the response's and the request's model."""
        answer, asked = _object(span.attributes, "mlflow.spanOutputs"), _object(span.attributes, "mlflow.spanInputs")
        sent = answer.get("model")
        named = _text(span.attributes, "mlflow.llm.model") or asked.get("model")
        return sent if isinstance(sent, str) else None, named if isinstance(named, str) else None

    def provider(self, span: Span) -> str | None:
        """Return the vendor."""
        return _text(span.attributes, "mlflow.llm.provider")

    def request_ids(self, span: Span) -> tuple[str, ...]:
        """Return the response's id."""
        identifier = _object(span.attributes, "mlflow.spanOutputs").get("id")
        return (identifier,) if isinstance(identifier, str) else ()

    def reported_cost(self, span: Span) -> Decimal | None:
        """Return the total cost."""
        cost = _object(span.attributes, "mlflow.llm.cost").get("total_cost")
        return usd({"total": cost}, "total") or None

    def input_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the prompt of a model call."""
        return read.messages(structured(span.attributes.get("mlflow.spanInputs")), "user")

    def output_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the answer, from a response's choices or as it is."""
        raw = structured(span.attributes.get("mlflow.spanOutputs"))
        choices = [mapping(choice).get("message") for choice in sequence(mapping(raw).get("choices"))]
        return read.messages(choices or raw, "assistant")

    def tool_name(self, span: Span) -> str | None:
        """Return the tool's name, which is the span's."""
        return span.name

    def tool_arguments(self, span: Span) -> str | None:
        """Return the function's inputs."""
        sent = span.attributes.get("mlflow.spanInputs")
        return read.arguments(sent) if sent is not None else None

    def sent_result(self, span: Span) -> AttributeValue:
        """Return the function's outputs as sent."""
        return span.attributes.get("mlflow.spanOutputs")

    def tool_result(self, span: Span) -> str | None:
        """Return the function's outputs."""
        sent = span.attributes.get("mlflow.spanOutputs")
        return read.result_text(sent) if sent is not None else None

    def agent_name(self, span: Span) -> str | None:
        """Return the agent's name, which is its span's."""
        return span.name if self.kind(span) == "agent" else None


def _reasoning_in(span: Span) -> Json:
    """Return the reasoning tokens that only the vendor's response tells, or LangChain's message."""
    answer = _object(span.attributes, "mlflow.spanOutputs")
    generation: Json = answer.get("generations")
    while sequence(generation):
        generation = sequence(generation)[0]
    message = mapping(mapping(generation).get("message"))
    usage = mapping(answer.get("usage") or message.get("usage_metadata"))
    for details in ("completion_tokens_details", "output_tokens_details", "output_token_details"):
        held = mapping(usage.get(details))
        if held:
            return held.get("reasoning_tokens", held.get("reasoning"))
    return None


def _known(*counts: Json) -> int | None:
    return next((number for sent in counts if (number := as_count(sent)) is not None), None)


def _object(sent: Attributes, key: str) -> Mapping[str, Json]:
    return mapping(structured(sent.get(key)))


def _text(sent: Attributes, key: str) -> str | None:
    """Return a text, which MLflow writes as JSON, quotes and all."""
    value = structured(sent.get(key))
    return value if isinstance(value, str) and value else None
