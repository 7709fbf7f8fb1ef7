"""LlamaIndex' own tracing: a span for every traced method, with the model's calls told in events of their spans.

The vendor's answer stands in the event flattened. A stream's last event comes after its span has ended and is lost.
Which tool a step runs is told only by the printed event that began the step.
Source: llama-index-observability-otel 0.7.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from collector.model import Attributes, Span
from processors.model import Message, ToolDefinition
from processors.normalise import messages as read
from processors.normalise.dialect import Signal
from processors.normalise.dialects.langfuse import vendors_counts
from processors.normalise.dialects.reader import Kind, Reader
from processors.normalise.provider import billed_by
from processors.normalise.usage import Counts
from processors.normalise.values import Json, mapping, sequence, structured, text

_SCOPE = "llamaindex.opentelemetry.tracer"
_BEGUN = ("LLMChatStartEvent", "LLMCompletionStartEvent")
_ENDED = ("LLMChatEndEvent", "LLMCompletionEndEvent")
_EMBEDDED = ("EmbeddingStartEvent", "EmbeddingEndEvent")
_AGENT = re.compile(r"(\w*Agent)\.run$")
_TOOL = re.compile(r"\w*Tool\.a?call$")
_STEP = "llamaindex.step.input_summary"
_TOOL_NAME = re.compile(r"ToolCall\(tool_name='([^']+)'")
_TOOL_ID = re.compile(r"tool_id='([^']+)'")
_USAGE = "response.raw.usage."
_OWN_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


class LlamaIndex(Reader):
    """Reads LlamaIndex."""

    name = "llama_index"

    def owns(self, signal: Signal) -> bool:
        """Tell by the scope."""
        return signal.scope.name == _SCOPE

    def kind(self, span: Span) -> Kind | None:
        """Return what the span's events and name say; private methods only prepare."""
        told = {event.name for event in span.events}
        if told & {*_BEGUN, *_ENDED}:
            return "chat"
        if told & set(_EMBEDDED):
            return "embeddings"
        if _TOOL.match(span.name):
            return "tool"
        if span.name.rpartition(".")[2].startswith("_"):
            return None
        return "agent" if _AGENT.match(span.name) else "workflow"

    def counts(self, span: Span) -> Counts:
        """Return the counts of the vendor's answer, else the framework's two."""
        sent = _event(span, *_ENDED)
        raw: dict[str, Json] = {}
        for key in sent:
            if key.startswith(_USAGE):
                name, _, part = key.removeprefix(_USAGE).partition(".")
                known = number if isinstance(number := sent[key], int) else None
                raw[name] = {**mapping(raw.get(name)), part: known} if part else known
        ours = {name: structured(sent.get(f"response.additional_kwargs.{name}")) for name in _OWN_COUNTS}
        return vendors_counts(raw or mapping(structured(sent.get(_USAGE.rstrip(".")))) or ours)

    def models(self, span: Span) -> tuple[str | None, str | None]:
        """Return the model of the vendor's answer, and the one that was configured."""
        begun = _event(span, *_BEGUN, *_EMBEDDED)
        asked = text(begun, "model_dict.model_name", "model_dict.model")
        return text(_event(span, *_ENDED), "response.raw.model"), asked

    def provider(self, span: Span) -> str | None:
        """Return the vendor that the class of models is named after, else whose model it is."""
        return billed_by(span.name.partition(".")[0], self.models(span)[1])

    def request_ids(self, span: Span) -> tuple[str, ...]:
        """Return the id of the vendor's answer."""
        identifier = text(_event(span, *_ENDED), "response.raw.id")
        return (identifier,) if identifier is not None else ()

    def service_tier(self, span: Span) -> str | None:
        """Return the tier that the vendor's answer names."""
        return text(_event(span, *_ENDED), "response.raw.service_tier")

    def input_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the prompt."""
        sent = _event(span, *_BEGUN)
        spelled = [_spelled(mapping(item)) for item in sequence(structured(sent.get("messages")))]
        return read.messages(spelled, "user") or read.messages(sent.get("prompt"), "user")

    def output_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the answer."""
        sent = _event(span, *_ENDED)
        blocks = structured(sent.get("response.message.blocks"))
        said = _spelled({"role": "assistant", "blocks": blocks}) if blocks else sent.get("response.text")
        return read.messages([said] if said else None, "assistant")

    def tool_definitions(self, span: Span) -> tuple[ToolDefinition, ...] | None:
        """Return the tools offered."""
        return read.tool_definitions(_event(span, *_BEGUN).get("additional_kwargs.tools"))

    def tool_name(self, span: Span) -> str | None:
        """Return the tool's name."""
        found = _TOOL_NAME.match(text(span.attributes, _STEP) or "")
        return found[1] if found else None

    def tool_call_id(self, span: Span) -> str | None:
        """Return the tool call's id, unless the printed event was cut before it."""
        found = _TOOL_ID.search(text(span.attributes, _STEP) or "") if self.tool_name(span) else None
        return found[1] if found else None

    def agent_name(self, span: Span) -> str | None:
        """Return the agent's class: its name is not told."""
        found = _AGENT.match(span.name)
        return found[1] if found else None


def _event(span: Span, *names: str) -> Attributes:
    """Return what the first event of one of these names says."""
    return next((event.attributes for event in span.events if event.name in names), {})


def _spelled(message: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return a message whose blocks are named as elsewhere."""
    beside = mapping(message.get("additional_kwargs"))
    parts = [_part(mapping(block)) for block in sequence(message.get("blocks"))]
    return {"role": message.get("role"), "content": parts, **_answered_call(beside)}


def _answered_call(beside: Mapping[str, Json]) -> Mapping[str, Json]:
    return {"tool_call_id": beside["tool_call_id"]} if "tool_call_id" in beside else {}


def _part(block: Mapping[str, Json]) -> Mapping[str, Json]:
    if block.get("block_type") == "tool_call":
        return {
            "type": "tool_call",
            "id": block.get("tool_call_id"),
            "name": block.get("tool_name"),
            "arguments": block.get("tool_kwargs"),
        }
    return {**block, "type": block.get("block_type")}
