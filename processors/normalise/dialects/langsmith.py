"""LangSmith's OTel export: kinds of its own, counts under the conventions' names, details as Python literals.

A run that wraps a model call may repeat its usage. Source: langsmith 0.15 for Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from collector.model import AttributeValue, Span
from processors.model import Message
from processors.normalise import messages as read
from processors.normalise.dialect import Signal, has_key
from processors.normalise.dialects.gen_ai import GenAi
from processors.normalise.dialects.reader import Kind
from processors.normalise.usage import Counts
from processors.normalise.values import Json, as_count, first, mapping, sequence, structured, text

_KINDS: Mapping[str, Kind] = {
    "llm": "chat",
    "tool": "tool",
    "chain": "workflow",
    "embedding": "embeddings",
    "agent": "agent",
}
_READ = ("cache_read", "cached_tokens")
_WRITE = ("cache_creation", "cache_write", "ephemeral_5m_input_tokens")


class LangSmith(GenAi):
    """Reads LangSmith."""

    name = "langsmith"

    def owns(self, signal: Signal) -> bool:
        """Tell by the scope, else by its own keys."""
        return signal.scope.name.startswith("langsmith") or has_key(signal, "langsmith.")

    def kind(self, span: Span) -> Kind | None:
        """Return the run's type."""
        sent = text(span.attributes, "langsmith.span.kind")
        return _KINDS.get(sent, "other") if sent is not None else super().kind(span)

    def counts(self, span: Span) -> Counts:
        """Return the counts, with the parts from the details; LangChain's stand only in the answer itself."""
        held = mapping(_answer(span).get("usage_metadata"))
        given = mapping(
            structured(first(span.attributes, "gen_ai.usage.input_token_details")) or held.get("input_token_details")
        )
        answered = mapping(
            structured(first(span.attributes, "gen_ai.usage.output_token_details")) or held.get("output_token_details")
        )
        base = super().counts(span)
        return replace(
            base,
            cache_read=base.cache_read if base.cache_read is not None else _part(given, _READ),
            cache_write=base.cache_write if base.cache_write is not None else _part(given, _WRITE),
            reasoning=base.reasoning if base.reasoning is not None else _part(answered, ("reasoning",)),
        )

    def input_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the prompt of a model call."""
        return read.messages(_held(first(span.attributes, "gen_ai.prompt"), "messages"), "user")

    def output_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the answer, from LangChain's generations or an OpenAI response."""
        raw = mapping(structured(first(span.attributes, "gen_ai.completion")))
        message = _message(raw)
        choices = [mapping(choice).get("message") for choice in sequence(raw.get("choices"))]
        return read.messages([message] if message else choices or raw.get("messages"), "assistant")

    def tool_name(self, span: Span) -> str | None:
        """Return the tool's name, which is the run's."""
        return super().tool_name(span) or text(span.attributes, "langsmith.trace.name") or span.name

    def tool_arguments(self, span: Span) -> str | None:
        """Return the run's inputs."""
        sent = structured(first(span.attributes, "gen_ai.prompt"))
        inner = structured(mapping(sent).get("input"))
        return read.arguments(inner if inner is not None else sent) if sent is not None else None

    def sent_result(self, span: Span) -> AttributeValue:
        """Return the run's outputs as sent."""
        return first(span.attributes, "gen_ai.completion")

    def tool_result(self, span: Span) -> str | None:
        """Return the run's outputs."""
        sent = structured(first(span.attributes, "gen_ai.completion"))
        return read.result_text(sent) if sent is not None else None

    def tool_call_id(self, span: Span) -> str | None:
        """Return the call's id, also from LangChain's answer."""
        output = mapping(mapping(structured(first(span.attributes, "gen_ai.completion"))).get("output"))
        held = output.get("tool_call_id") or mapping(output.get("kwargs")).get("tool_call_id")
        return super().tool_call_id(span) or (held if isinstance(held, str) else None)


def _message(raw: Mapping[str, Json]) -> Json:
    """Return the message in a model's outputs: of LangChain's first generation, or as the outputs name it."""
    generation = raw.get("generations")
    while sequence(generation):
        generation = sequence(generation)[0]
    return mapping(generation).get("message") or raw.get("message") or raw.get("output")


def _answer(span: Span) -> Mapping[str, Json]:
    message = mapping(_message(mapping(structured(first(span.attributes, "gen_ai.completion")))))
    return mapping(message.get("kwargs")) or message


def _part(details: Mapping[str, Json], names: tuple[str, ...]) -> int | None:
    return next((number for name in names if (number := as_count(details.get(name))) is not None), None)


def _held(value: object, key: str) -> Json:
    plain = structured(value)
    return mapping(plain).get(key, plain)
