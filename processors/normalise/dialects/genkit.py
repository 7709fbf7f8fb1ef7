"""Genkit: every action a span, with its input and output as JSON under names with colons.

Its own usage leaves out what the vendor's answer, which it passes on, tells of cached tokens. The span of a turn
(`generate`) stands around a model's action, its tools and the turns that follow. Source: genkit 1.42.
"""

from __future__ import annotations

from collections.abc import Mapping

from collector.model import AttributeValue, Span
from processors.model import Message, StepError, ToolDefinition
from processors.normalise import messages as read
from processors.normalise.dialect import Signal
from processors.normalise.dialects.langfuse import vendors_counts
from processors.normalise.dialects.reader import Kind, Reader
from processors.normalise.usage import Counts
from processors.normalise.values import Json, as_count, first, mapping, sequence, structured, text, texts

_SCOPE = "genkit-tracer"
_SUBTYPE = "genkit:metadata:subtype"
_INPUT = "genkit:input"
_OUTPUT = "genkit:output"
_KINDS: Mapping[str, Kind] = {"model": "chat", "embedder": "embeddings", "tool": "tool", "agent": "agent"}


class Genkit(Reader):
    """Reads Genkit."""

    name = "genkit"

    def owns(self, signal: Signal) -> bool:
        """Tell by the scope, else by its own type."""
        return signal.scope.name == _SCOPE or "genkit:type" in signal.attributes

    def kind(self, span: Span) -> Kind | None:
        """Return what the action is; all else stands around actions."""
        return _KINDS.get(text(span.attributes, _SUBTYPE) or "", "workflow")

    def counts(self, span: Span) -> Counts:
        """Return the vendor's own counts where its answer stands in the output, else Genkit's."""
        if self.kind(span) not in {"chat", "embeddings"}:
            return Counts()  # a turn repeats the usage of the last one in it
        raw = mapping(_vendors_answer(span).get("usage"))
        if raw:
            return vendors_counts(raw)
        sent = mapping(_output(span).get("usage"))
        return Counts(
            input=as_count(sent.get("inputTokens")),
            cache_read=as_count(sent.get("cachedContentTokens")),
            output=as_count(sent.get("outputTokens")),
            reasoning=as_count(sent.get("thoughtsTokens")),
            total=as_count(sent.get("totalTokens")),
            cached_input="unknown",
            reasoning_output="unknown",
        )

    def models(self, span: Span) -> tuple[str | None, str | None]:
        """Return the model of the vendor's answer, and the one that the action is named after."""
        answer = _vendors_answer(span)
        answered = answer.get("model") or answer.get("modelVersion")
        named = text(span.attributes, "genkit:name") or span.name
        return (answered if isinstance(answered, str) else None), named.partition("/")[2] or named

    def provider(self, span: Span) -> str | None:
        """Return the plugin, which stands before the model's name."""
        return (text(span.attributes, "genkit:name") or span.name).partition("/")[0] or None

    def request_ids(self, span: Span) -> tuple[str, ...]:
        """Return the id of the vendor's answer."""
        answer = _vendors_answer(span)
        return tuple(str(answer[key]) for key in ("id", "responseId") if answer.get(key))

    def input_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the prompt."""
        return read.messages([_spelled(item) for item in sequence(_input(span).get("messages"))], "user")

    def output_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the answer."""
        answer = _output(span).get("message")
        return read.messages([_spelled(answer)], "assistant") if answer else None

    def tool_definitions(self, span: Span) -> tuple[ToolDefinition, ...] | None:
        """Return the tools offered."""
        return read.tool_definitions(_input(span).get("tools"))

    def finish_reasons(self, span: Span) -> tuple[str, ...]:
        """Return the finish reason."""
        reason = _output(span).get("finishReason")
        return texts(reason) if isinstance(reason, str) else ()

    def tool_name(self, span: Span) -> str | None:
        """Return the tool's name."""
        return text(span.attributes, "genkit:name")

    def tool_arguments(self, span: Span) -> str | None:
        """Return the arguments."""
        sent = first(span.attributes, _INPUT)
        return read.arguments(sent) if sent is not None else None

    def sent_result(self, span: Span) -> AttributeValue:
        """Return the output as sent."""
        return first(span.attributes, _OUTPUT)

    def tool_result(self, span: Span) -> str | None:
        """Return the output."""
        sent = self.sent_result(span)
        return read.result_text(sent) if sent is not None else None

    def error(self, span: Span) -> StepError | None:
        """Return a failure, also where only the action's state tells it."""
        failed = text(span.attributes, "genkit:state") == "error"
        return super().error(span) or (
            StepError("error", text(span.attributes, "genkit:error") or "") if failed else None
        )


def _input(span: Span) -> Mapping[str, Json]:
    return mapping(structured(first(span.attributes, _INPUT)))


def _output(span: Span) -> Mapping[str, Json]:
    return mapping(structured(first(span.attributes, _OUTPUT)))


def _vendors_answer(span: Span) -> Mapping[str, Json]:
    output = _output(span)
    return mapping(output.get("raw")) or mapping(output.get("custom"))


def _spelled(message: Json) -> Json:
    """Return a message whose tool parts are named as elsewhere."""
    item = mapping(message)
    return {**item, "content": [_part(mapping(part)) for part in sequence(item.get("content"))]}


def _part(part: Mapping[str, Json]) -> Mapping[str, Json]:
    asked, answered = mapping(part.get("toolRequest")), mapping(part.get("toolResponse"))
    if asked:
        return {"type": "tool_call", "id": asked.get("ref"), "name": asked.get("name"), "arguments": asked.get("input")}
    if answered:
        result = answered.get("output")
        return {"type": "tool_call_response", "id": answered.get("ref"), "response": result}
    if isinstance(part.get("reasoning"), str):
        return {"type": "reasoning", "content": part["reasoning"]}
    return {"type": "text", **part} if "text" in part else part
