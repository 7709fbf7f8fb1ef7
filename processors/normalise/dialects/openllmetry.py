"""OpenLLMetry (Traceloop): the conventions' names, with kinds and content of its decorators beside them.

Input counts include cached tokens for every vendor but Bedrock, in Python; in JavaScript they are the vendor's own.
Source: opentelemetry-instrumentation-* 0.62 and the older names that its semantic conventions keep as deprecated,
@traceloop/instrumentation-* 0.27.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from collector.model import Attributes, AttributeValue, Span
from processors.model import Message, StepError, Text, ToolRequest, Usage
from processors.normalise import messages as read
from processors.normalise.dialect import Signal, has_key
from processors.normalise.dialects.gen_ai import GenAi
from processors.normalise.dialects.reader import Kind
from processors.normalise.usage import Counted, Counting, Counts, counted, without_cached
from processors.normalise.values import Json, as_count, first, mapping, sequence, structured, text

ONE_TOO_MANY = "the instrumentation adds the first event's token to a stream's output, which includes it: taken off"

_ANTHROPIC = "opentelemetry.instrumentation.anthropic"
_ANTHROPIC_JS = "@traceloop/instrumentation-anthropic"
_EXCLUSIVE = (_ANTHROPIC_JS, "opentelemetry.instrumentation.bedrock")
"""Instrumentations whose input count leaves out what they name cached."""
_AGNO = "opentelemetry.instrumentation.agno"
_CREWAI = "opentelemetry.instrumentation.crewai"
_LLAMA_INDEX = "opentelemetry.instrumentation.llamaindex"
_SPAN_KIND = "traceloop.span.kind"
_KINDS: dict[str, Kind] = {"workflow": "workflow", "task": "workflow", "agent": "agent", "tool": "tool"}
_REQUEST_KINDS: dict[str, Kind] = {"chat": "chat", "completion": "chat", "embedding": "embeddings", "rerank": "other"}
_PRINTED_FAILURE = re.compile(r"status='failure' result=.*? error=['\"](.*?)['\"] \w+=", re.DOTALL)
_ANSWER_USAGE = '"usage_metadata": {'
_SCOPES = (
    "opentelemetry.instrumentation.openai.v1",
    "opentelemetry.instrumentation.openai.v0",
    "opentelemetry.instrumentation.langchain",
    _ANTHROPIC,
    "opentelemetry.instrumentation.openai_agents",
    _CREWAI,
    _AGNO,
    _LLAMA_INDEX,
    "opentelemetry.instrumentation.bedrock",
    "opentelemetry.instrumentation.google_generativeai",
    "opentelemetry.instrumentation.mcp",
)


class OpenLlmetry(GenAi):
    """Reads OpenLLMetry."""

    name = "openllmetry"
    cached_input: Counting = "inclusive"

    def owns(self, signal: Signal) -> bool:
        """Tell by the scope, else by the project's own keys."""
        if signal.scope.name in _SCOPES or signal.scope.name.startswith(("traceloop.", "@traceloop/")):
            return True
        return has_key(signal, ("traceloop.", "llm.request.type", "llm.usage."))

    def kind(self, span: Span) -> Kind | None:
        """Return what the operation says, else the decorator's kind, else the request's type."""
        known = super().kind(span)
        entity = _KINDS.get(text(span.attributes, _SPAN_KIND) or "")
        if known == "agent" and span.scope.name.startswith(_CREWAI):
            return entity or known  # the operation of its tasks is an agent's as well
        if text(span.attributes, "gen_ai.operation.name") is not None:
            return known
        if span.scope.name == _LLAMA_INDEX and "tool.name" in span.attributes:
            return "tool"  # the step of an agent that runs it is called a task like every other
        return entity or _REQUEST_KINDS.get(text(span.attributes, "llm.request.type") or "") or known

    def usage(self, span: Span) -> Counted:
        """Return the usage; of Anthropic's streams without the token that their first event counts already."""
        sent = self.counts(span)
        if span.scope.name != _ANTHROPIC or not sent.output or not _streamed(span.attributes):
            return super().usage(span)
        total = sent.total - 1 if sent.total else None
        result = without_cached(counted(replace(sent, output=sent.output - 1, total=total)))
        return Counted(result.usage, result.missing, "; ".join(note for note in (ONE_TOO_MANY, result.note) if note))

    def own_calls(self, span: Span) -> bool:
        """Tell so of Agno's agents."""
        return span.scope.name == _AGNO and text(span.attributes, _SPAN_KIND) == "agent"

    def error(self, span: Span) -> StepError | None:
        """Return why it failed; a tool's failure under Agno is told only by its printed result."""
        printed = _PRINTED_FAILURE.match(text(span.attributes, "traceloop.entity.output") or "")
        told = StepError("tool_error", printed[1]) if printed is not None and span.scope.name == _AGNO else None
        return super().error(span) or told

    def meaning_of_input(self, span: Span) -> Counting:
        """Return the instrumentation's habit: some pass on the vendor's counts as they are."""
        return "exclusive" if span.scope.name in _EXCLUSIVE else super().meaning_of_input(span)

    def input_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the prompt; that of a Responses call may stand whole in the text of one message."""
        found = super().input_messages(span)
        whole = found[0].parts if found is not None and len(found) == 1 else ()
        said = whole[0].content if len(whole) == 1 and isinstance(whole[0], Text) else ""
        inner = read.messages(said, "user") if said.startswith("[{") else None
        return inner or found

    def output_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the answer; of Anthropic's streams in JavaScript the arguments of tools are lost."""
        found = super().output_messages(span)
        return found if found is None or span.scope.name != _ANTHROPIC_JS else tuple(map(_without_nothing, found))

    def inner_usage(self, span: Span) -> Usage | None:
        """Return the usage of the one answer in a LangGraph node's output."""
        sent = first(span.attributes, "gen_ai.task.output", "traceloop.entity.output")
        if not isinstance(sent, str) or sent.count(_ANSWER_USAGE) != 1:
            return None
        usage = _usage_in(structured(sent))
        given, answered = mapping(usage.get("input_token_details")), mapping(usage.get("output_token_details"))
        counts = Counts(
            input=as_count(usage.get("input_tokens")),
            cache_read=as_count(given.get("cache_read")),
            cache_write=as_count(given.get("cache_creation")),
            output=as_count(usage.get("output_tokens")),
            reasoning=as_count(answered.get("reasoning")),
        )
        return counted(counts).usage

    def tool_name(self, span: Span) -> str | None:
        """Return the tool's name, or the decorated function's."""
        return super().tool_name(span) or text(span.attributes, "traceloop.entity.name")

    def tool_call_id(self, span: Span) -> str | None:
        """Return the call's id, also from the wrappers that LangChain puts around input and output."""
        wrapped = mapping(mapping(_entity(span, "input")).get("kwargs")).get("tool_call_id")
        answer = mapping(mapping(mapping(_entity(span, "output")).get("output")).get("kwargs")).get("tool_call_id")
        found = wrapped or answer
        return super().tool_call_id(span) or (found if isinstance(found, str) else None)

    def tool_arguments(self, span: Span) -> str | None:
        """Return the arguments without LangChain's wrapper: structured where they are, else its Python text."""
        sent = structured(
            first(span.attributes, "gen_ai.tool.call.arguments", "tool.arguments", "traceloop.entity.input")
        )
        if sent is None:
            return None
        return read.arguments(_unwrapped(mapping(sent)) if mapping(sent) else sent)

    def sent_result(self, span: Span) -> AttributeValue:
        """Return the result with its wrapper."""
        return first(span.attributes, "gen_ai.tool.call.result", "traceloop.entity.output")

    def tool_result(self, span: Span) -> str | None:
        """Return the result without the wrapper."""
        sent = self.sent_result(span)
        return read.result_text(sent) if sent is not None else None

    def agent_name(self, span: Span) -> str | None:
        """Return the agent's name; a decorated agent's is the entity's."""
        named = super().agent_name(span)
        decorated = text(span.attributes, _SPAN_KIND) == "agent"
        return named or (text(span.attributes, "traceloop.entity.name") if decorated else None)


def _without_nothing(message: Message) -> Message:
    """Take empty arguments for unknown ones."""
    parts = (
        replace(part, arguments=None) if isinstance(part, ToolRequest) and part.arguments == "{}" else part
        for part in message.parts
    )
    return replace(message, parts=tuple(parts))


def _streamed(sent: Attributes) -> bool:
    """Tell a stream's span, which has no mark of it: only there the model is known after the counts, so set later."""
    order = list(sent)
    late = "gen_ai.response.model" in sent and "gen_ai.usage.output_tokens" in sent
    return late and order.index("gen_ai.response.model") > order.index("gen_ai.usage.output_tokens")


def _usage_in(value: Json) -> Mapping[str, Json]:
    """Find the one `usage_metadata` in a structure, breadth first."""
    level: list[Json] = [value]
    while level:
        for item in level:
            found = mapping(mapping(item).get("usage_metadata"))
            if found:
                return found
        level = [inner for item in level for inner in (*mapping(item).values(), *sequence(item))]
    return {}


def _entity(span: Span, side: str) -> Json:
    return structured(first(span.attributes, f"gen_ai.tool.call.{_SIDES[side]}", f"traceloop.entity.{side}"))


_SIDES = {"input": "arguments", "output": "result"}


def _unwrapped(sent: Mapping[str, Json]) -> Json:
    for key in ("inputs", "input_str"):
        held = structured(sent.get(key))
        if held:
            return held
    inner = sent.get("args") or sent.get("kwargs")
    return inner if inner and sent.keys() <= {"args", "kwargs"} else sent
