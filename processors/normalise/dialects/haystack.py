"""Haystack's own tracing: agents, components of a pipeline, and content where it is switched on.

Its tracer is called as the user likes, so spans are known by their names. Usage, model and messages stand only in the
content. Haystack 2 runs an agent's generator and its tools as components, with all tools of a step in one span: that is
a tool's where the step has one. Source: haystack-ai 2 and 3.4, opentelemetry-haystack 2.
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
from processors.normalise.values import Json, first, flag, mapping, sequence, structured, text

_PREFIX = "haystack."
_COMPONENT = "haystack.component.run"
_COMPONENT_TYPE = "haystack.component.type"
_KINDS: Mapping[str, Kind | None] = {
    "haystack.agent.run": "agent",
    "haystack.agent.step.llm": "chat",
    "haystack.agent.step.tool": "tool",
    "haystack.tracing.auto_enable": None,
}
_KINDS_OF_COMPONENTS: Mapping[str, Kind] = {"Generator": "chat", "Embedder": "embeddings"}
"""How the types of components end that call a model."""
_TOOLS_OF_A_STEP = "ToolInvoker"
_INPUT = ("haystack.agent.step.llm.input", "haystack.component.input")
_OUTPUT = ("haystack.agent.step.llm.output", "haystack.component.output")
_TOOL_INPUT = "haystack.agent.step.tool.input"
_TOOL_OUTPUT = "haystack.agent.step.tool.output"
_VENDORS: Mapping[str, str] = {
    "OpenAI": "openai",
    "AzureOpenAI": "azure.ai.openai",
    "Anthropic": "anthropic",
    "AnthropicVertex": "gcp.vertex_ai",
    "AmazonBedrock": "aws.bedrock",
    "GoogleGenAI": "gcp.gemini",
    "Mistral": "mistral_ai",
    "Cohere": "cohere",
}
"""With what the type of a component begins, and whom it calls."""


class Haystack(Reader):
    """Reads Haystack."""

    name = "haystack"

    def owns(self, signal: Signal) -> bool:
        """Tell by the span's name: one of a call whose content is off has no attributes."""
        return isinstance(signal, Span) and signal.name.startswith(_PREFIX)

    def kind(self, span: Span) -> Kind | None:
        """Return what the span's name says, of a component what its type says."""
        if span.name != _COMPONENT:
            return _KINDS.get(span.name, "workflow")
        component = text(span.attributes, _COMPONENT_TYPE) or ""
        if component == _TOOLS_OF_A_STEP:
            return "tool" if _asked(span) else "workflow"
        return next((kind for end, kind in _KINDS_OF_COMPONENTS.items() if component.endswith(end)), "workflow")

    def counts(self, span: Span) -> Counts:
        """Return the counts in the answer's meta data."""
        usage = mapping(_meta(span).get("usage"))
        return vendors_counts(usage) if usage and self.kind(span) in {"chat", "embeddings"} else Counts()

    def models(self, span: Span) -> tuple[str | None, str | None]:
        """Return the model that answered; the one that was asked for is not told."""
        answered = _meta(span).get("model")
        return (answered if isinstance(answered, str) else None), None

    def provider(self, span: Span) -> str | None:
        """Return the vendor that a component is made for; an agent's spans do not say."""
        component = text(span.attributes, _COMPONENT_TYPE) or ""
        made_for = next((end for end in ("ChatGenerator", *_KINDS_OF_COMPONENTS) if component.endswith(end)), "")
        return _VENDORS.get(component.removesuffix(made_for)) if made_for else None

    def input_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the prompt, of a generator without roles its text."""
        asked = _held(span, _INPUT)
        return _messages(asked.get("messages"), "user") or read.messages(asked.get("prompt"), "user")

    def output_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the answer."""
        return _messages(_held(span, _OUTPUT).get("replies"), "assistant")

    def tool_definitions(self, span: Span) -> tuple[ToolDefinition, ...] | None:
        """Return the tools offered."""
        tools = [mapping(mapping(tool).get("data")) for tool in sequence(_held(span, _INPUT).get("tools"))]
        return read.tool_definitions(tools)

    def finish_reasons(self, span: Span) -> tuple[str, ...]:
        """Return the finish reason."""
        reason = _meta(span).get("finish_reason")
        return (reason,) if isinstance(reason, str) else ()

    def tool_name(self, span: Span) -> str | None:
        """Return the tool's name."""
        named = text(span.attributes, "haystack.tool.name") or _asked(span).get("tool_name")
        return named if isinstance(named, str) else None

    def tool_call_id(self, span: Span) -> str | None:
        """Return the tool call's id, which only the request has."""
        called = _asked(span).get("id")
        return called if isinstance(called, str) else None

    def tool_arguments(self, span: Span) -> str | None:
        """Return the arguments."""
        sent = first(span.attributes, _TOOL_INPUT) or _asked(span).get("arguments")
        return read.arguments(sent) if sent is not None else None

    def sent_result(self, span: Span) -> AttributeValue:
        """Return the result as sent."""
        sent = first(span.attributes, _TOOL_OUTPUT)
        return sent if sent is not None else _answered(span).get("result")

    def tool_result(self, span: Span) -> str | None:
        """Return the result."""
        sent = self.sent_result(span)
        return read.result_text(sent) if sent is not None else None

    def error(self, span: Span) -> StepError | None:
        """Return why it failed; a tool's failure that the agent survived is no failure of the span."""
        found = super().error(span)
        told = flag(span.attributes.get("haystack.tool.error")) or _answered(span).get("error") is True
        return found or (StepError("tool_error", self.tool_result(span) or "") if told else None)


def _held(span: Span, names: tuple[str, ...]) -> Mapping[str, Json]:
    return mapping(structured(first(span.attributes, *names)))


def _asked(span: Span) -> Mapping[str, Json]:
    """Return the one request of a step's tools; empty where they are more."""
    if text(span.attributes, _COMPONENT_TYPE) != _TOOLS_OF_A_STEP:
        return {}
    requests = [
        request
        for message in sequence(_held(span, _INPUT).get("messages"))
        for part in sequence(_content(mapping(message)))
        if (request := mapping(mapping(part).get("tool_call")))
    ]
    return requests[0] if len(requests) == 1 else {}


def _answered(span: Span) -> Mapping[str, Json]:
    """Return the answer to the one request of a step's tools."""
    if not _asked(span):
        return {}
    message = mapping(next(iter(sequence(_held(span, _OUTPUT).get("tool_messages"))), None))
    return mapping(mapping(next(iter(sequence(_content(message))), None)).get("tool_call_result"))


def _content(message: Mapping[str, Json]) -> Json:
    return message.get("content") or message.get("_content")


def _meta(span: Span) -> Mapping[str, Json]:
    """Return what the first reply tells of itself; generators without roles and embedders tell it beside them."""
    output = _held(span, _OUTPUT)
    reply = mapping(next(iter(sequence(output.get("replies"))), None))
    beside = output.get("meta")
    return _field(reply, "meta") or mapping(beside) or mapping(next(iter(sequence(beside)), None))


def _field(message: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    return mapping(message.get(name)) or mapping(message.get(f"_{name}"))


def _messages(sent: Json, role: str) -> tuple[Message, ...] | None:
    return read.messages([_spelled(item) for item in sequence(sent)], role)


def _spelled(message: Json) -> Json:
    """Return a message whose tool parts are named as elsewhere; its fields began with an underscore once."""
    if not isinstance(message, Mapping):
        return message
    content = _content(message)
    parts = [_part(mapping(part)) for part in sequence(content)] or content
    return {"role": message.get("role") or message.get("_role"), "content": parts}


def _part(part: Mapping[str, Json]) -> Mapping[str, Json]:
    asked, answered = mapping(part.get("tool_call")), mapping(part.get("tool_call_result"))
    if asked:
        return {
            "type": "tool_call",
            "id": asked.get("id"),
            "name": asked.get("tool_name"),
            "arguments": asked.get("arguments"),
        }
    if answered:
        result = answered.get("result")
        told = {"error": result} if answered.get("error") is True else result
        return {"type": "tool_call_response", "id": mapping(answered.get("origin")).get("id"), "response": told}
    thought = mapping(part.get("reasoning")).get("reasoning_text")
    return {"type": "reasoning", "content": thought} if isinstance(thought, str) else part
