"""OpenLIT: `gen_ai.*` whose input count means what the provider's own client means by it.

Anthropic's and Bedrock's counts exclude cached tokens, OpenAI's include them; others are judged by the numbers. Where
a stream ended without usage the instrumentation counts words itself and sends that under the same name.
Source: the attributes of releases up to 1.45.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from collector.model import LogRecord, Span
from processors.model import Message, ModelCall, Text, ToolRequest
from processors.normalise import messages as read
from processors.normalise.dialect import Signal
from processors.normalise.dialects.gen_ai import GenAi
from processors.normalise.dialects.gen_ai_names import CACHE_READ_TOKENS, OPERATION, TOOL_CALL_ID
from processors.normalise.dialects.reader import Kind
from processors.normalise.sighting import Reading, Sighting
from processors.normalise.usage import ESTIMATED, Counted, Counting, Counts, without_cached
from processors.normalise.values import first, flag, text

MAYBE_ESTIMATED = "the counts of this event may be the instrumentation's own estimate"

_NAME = "openlit"
_COUNTING: dict[str, Counting] = {
    "anthropic": "exclusive",
    "bedrock": "exclusive",
    "claude_agent_sdk": "inclusive",
    "openai": "inclusive",
}
"""Whether the input count includes cached tokens, by the instrumentation within OpenLIT."""
_GRAPH = "langgraph"
_WHOLE = "openlit.otel.tracing"
"""The one scope of releases before 1.37, which sent no cached tokens and named steps of LangChain in the operation."""
_STEPS: dict[str, Kind] = {"chat": "chat", "tool": "tool", "workflow": "workflow"}
_ESTIMATING = ("anthropic", "openai")
"""Instrumentations that send cache counts with every usage of the provider, and none with their own estimate."""


class OpenLit(GenAi):
    """Reads OpenLIT."""

    name = _NAME

    def owns(self, signal: Signal) -> bool:
        """Tell by the scope, in old releases by the SDK's name, which they repeat on each span."""
        return signal.scope.name.split(".", 1)[0] == _NAME or text(signal.attributes, "telemetry.sdk.name") == _NAME

    def kind(self, span: Span) -> Kind | None:
        """Return what the operation says; of LangGraph the graph is the agent, and what is called agents its nodes."""
        step, named, _ = (text(span.attributes, OPERATION) or "").partition(" ")
        kind = _STEPS.get(step, "other") if named else super().kind(span)
        if _instrumentation(span) == _GRAPH and kind in {"agent", "workflow"}:
            return "workflow" if kind == "agent" else "agent"
        return kind

    def agent_name(self, span: Span) -> str | None:
        """Return the agent's name; a graph's is its workflow's, a node is none."""
        if _instrumentation(span) == _GRAPH:
            return text(span.attributes, "gen_ai.workflow.name")
        return super().agent_name(span)

    def counts(self, span: Span) -> Counts:
        """Return the counts as the instrumentation means them; an input without its cached part is none."""
        counts = replace(super().counts(span), cached_input=_COUNTING.get(_instrumentation(span), "unknown"))
        fresh_alone = span.scope.name == _WHOLE and counts.cached_input == "exclusive" and counts.cache_read is None
        return replace(counts, input=None, total=None) if fresh_alone else counts

    def usage(self, span: Span) -> Counted:
        """Return the usage: none where it is only estimated, incomplete where parts were dropped."""
        streamed = flag(first(span.attributes, "gen_ai.request.stream", "gen_ai.request.is_stream"))
        by_provider = first(span.attributes, *CACHE_READ_TOKENS) is not None
        result = super().usage(span)
        if span.scope.name == _WHOLE:
            result = without_cached(result)
        if result.usage is None or not streamed or by_provider or _instrumentation(span) not in _ESTIMATING:
            return result
        return Counted(None, ESTIMATED)

    def output_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the answer; that it asked for a tool stood beside it before messages were sent."""
        asked, name = text(span.attributes, TOOL_CALL_ID), text(span.attributes, "gen_ai.tool.name")
        if span.scope.name != _WHOLE or name is None or "," in name or self.kind(span) != "chat":
            return super().output_messages(span)
        sent = first(span.attributes, "gen_ai.tool.args")
        request = ToolRequest(name=name, tool_call_id=asked, arguments=read.arguments(sent) if sent else None)
        said = text(span.attributes, "gen_ai.completion")
        return (Message("assistant", (*((Text(said),) if said else ()), request)),)

    def tool_name(self, span: Span) -> str | None:
        """Return the tool's name, also out of the operation."""
        step, named, name = (text(span.attributes, OPERATION) or "").partition(" ")
        return super().tool_name(span) or (name if named and step == "tool" else None)

    def read_log(self, record: LogRecord) -> Iterable[Reading]:
        """Return what an event tells, with a doubt: it does not say whether the stream ended with usage."""
        for reading in super().read_log(record):
            if isinstance(reading, Sighting) and isinstance(reading.step, ModelCall):
                yield replace(reading, step=replace(reading.step, note=MAYBE_ESTIMATED))
            else:
                yield reading


def _instrumentation(span: Span) -> str:
    """Return the instrumentation in the scope's name, or the vendor where the scope is OpenLIT as a whole."""
    named = span.scope.name.removeprefix("openlit.instrumentation.")
    return named if named != span.scope.name else text(span.attributes, "gen_ai.provider.name", "gen_ai.system") or ""
