"""Langfuse's SDK: observations of a type, each with its input, output and usage as JSON.

Wrappers of a vendor's client send the vendor's own usage; LangChain's handler takes cached and reasoning tokens out of
the input and output counts. Source: langfuse 5.0 for Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from collector.model import AttributeValue, Span
from processors.model import Message, StepError, ToolDefinition
from processors.normalise import messages as read
from processors.normalise.dialect import Signal
from processors.normalise.dialects.reader import Kind, Reader
from processors.normalise.usage import Counts
from processors.normalise.values import Json, as_count, first, mapping, structured, text, usd

_OBSERVATION = "langfuse.observation."
_METADATA = f"{_OBSERVATION}metadata."
_TYPE = f"{_OBSERVATION}type"
_KINDS: Mapping[str, Kind] = {
    "generation": "chat",
    "embedding": "embeddings",
    "tool": "tool",
    "agent": "agent",
    "chain": "workflow",
}


class Langfuse(Reader):
    """Reads Langfuse."""

    name = "langfuse"

    def owns(self, signal: Signal) -> bool:
        """Tell by the type, which every observation has: its span processor sends other producers' spans as well."""
        return _TYPE in signal.attributes

    def kind(self, span: Span) -> Kind | None:
        """Return the observation's type; a chain that is the run of a LangChain agent is an agent."""
        kind = _KINDS.get(text(span.attributes, _TYPE) or "", "other")
        return "agent" if kind == "workflow" and _metadata(span, "lc_agent_name") == span.name else kind

    def counts(self, span: Span) -> Counts:
        """Return the counts: the vendor's own, or those that exclude their parts."""
        sent = mapping(structured(first(span.attributes, f"{_OBSERVATION}usage_details")))
        if sent.keys().isdisjoint({"input", "output"}):
            return vendors_counts(sent)
        return Counts(
            input=as_count(sent.get("input")),
            cache_read=_part(sent, "input_cache_read", "input_cached_tokens", "cache_read_input_tokens"),
            cache_write=_part(sent, "input_cache_creation", "input_cache_write", "cache_creation_input_tokens"),
            output=as_count(sent.get("output")),
            reasoning=_part(sent, "output_reasoning", "output_reasoning_tokens"),
            total=as_count(sent.get("total")),
            cached_input="exclusive",
            reasoning_output="exclusive",
        )

    def models(self, span: Span) -> tuple[str | None, str | None]:
        """Return the response's model, as far as it is known, and the request's."""
        return text(span.attributes, f"{_OBSERVATION}model.name"), _metadata(span, "ls_model_name")

    def provider(self, span: Span) -> str | None:
        """Return the vendor as LangChain names it."""
        return _metadata(span, "ls_provider")

    def input_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the prompt."""
        return read.messages(first(span.attributes, f"{_OBSERVATION}input"), "user")

    def output_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the answer."""
        return read.messages(first(span.attributes, f"{_OBSERVATION}output"), "assistant")

    def tool_definitions(self, span: Span) -> tuple[ToolDefinition, ...] | None:
        """Return the tools that stand beside a prompt."""
        return read.tool_definitions(mapping(structured(first(span.attributes, f"{_OBSERVATION}input"))).get("tools"))

    def reported_cost(self, span: Span) -> Decimal | None:
        """Return the cost that the program gave."""
        return usd({"total": text(_json(span, "cost_details"), "total")}, "total") or None

    def error(self, span: Span) -> StepError | None:
        """Return a failure, also where only the observation's level tells it."""
        failed = text(span.attributes, f"{_OBSERVATION}level") == "ERROR"
        said = text(span.attributes, f"{_OBSERVATION}status_message") or ""
        return super().error(span) or (StepError("error", said) if failed else None)

    def tool_name(self, span: Span) -> str | None:
        """Return the tool's name, which is the observation's."""
        return span.name

    def tool_call_id(self, span: Span) -> str | None:
        """Return the call's id, from LangChain."""
        return _metadata(span, "tool_call_id")

    def tool_arguments(self, span: Span) -> str | None:
        """Return the arguments."""
        sent = first(span.attributes, f"{_OBSERVATION}input")
        return read.arguments(sent) if sent is not None else None

    def sent_result(self, span: Span) -> AttributeValue:
        """Return the output as sent."""
        return first(span.attributes, f"{_OBSERVATION}output")

    def tool_result(self, span: Span) -> str | None:
        """Return the output."""
        sent = self.sent_result(span)
        return read.result_text(sent) if sent is not None else None

    def agent_name(self, span: Span) -> str | None:
        """Return the agent's name, which is the observation's, or in LangChain stands on all that it does."""
        return _metadata(span, "lc_agent_name") or (span.name if text(span.attributes, _TYPE) == "agent" else None)


def vendors_counts(usage: Mapping[str, Json]) -> Counts:
    """Return the counts in the usage of an OpenAI or Anthropic response."""
    given = mapping(usage.get("prompt_tokens_details") or usage.get("input_tokens_details"))
    answered = mapping(usage.get("completion_tokens_details") or usage.get("output_tokens_details"))
    apart = "cache_read_input_tokens" in usage or "cache_creation_input_tokens" in usage
    return Counts(
        input=_part(usage, "prompt_tokens", "input_tokens"),
        cache_read=as_count(usage.get("cache_read_input_tokens") if apart else given.get("cached_tokens")),
        cache_write=as_count(usage.get("cache_creation_input_tokens") if apart else given.get("cache_write_tokens")),
        output=_part(usage, "completion_tokens", "output_tokens"),
        reasoning=as_count(answered.get("reasoning_tokens")),
        total=as_count(usage.get("total_tokens")),
        cached_input="exclusive" if apart else "inclusive",
    )


def _part(usage: Mapping[str, Json], *names: str) -> int | None:
    return next((number for name in names if (number := as_count(usage.get(name))) is not None), None)


def _json(span: Span, name: str) -> dict[str, AttributeValue]:
    held = mapping(structured(first(span.attributes, _OBSERVATION + name)))
    return {key: value for key, value in held.items() if isinstance(value, (int, float, str))}


def _metadata(span: Span, key: str) -> str | None:
    """Return a value of the metadata, which are JSON each."""
    value = structured(first(span.attributes, _METADATA + key))
    return value if isinstance(value, str) and value else None
