"""OpenLIT: `gen_ai.*` whose input count means what the provider's own client means by it.

Anthropic's and Bedrock's counts exclude cached tokens, OpenAI's include them; others are judged by the numbers. Where
a stream ended without usage the instrumentation counts words itself and sends that under the same name.
Source: the attributes of releases up to 1.45.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from collector.model import LogRecord, Span
from processors.model import ModelCall
from processors.normalise.dialect import Signal
from processors.normalise.dialects.gen_ai import CACHE_READ_TOKENS, GenAi
from processors.normalise.dialects.reader import Kind
from processors.normalise.sighting import Reading, Sighting
from processors.normalise.usage import ESTIMATED, Counted, Counting, Counts
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
        kind = super().kind(span)
        if _instrumentation(span) == _GRAPH and kind in {"agent", "workflow"}:
            return "workflow" if kind == "agent" else "agent"
        return kind

    def agent_name(self, span: Span) -> str | None:
        """Return the agent's name; a graph's is its workflow's, a node is none."""
        if _instrumentation(span) == _GRAPH:
            return text(span.attributes, "gen_ai.workflow.name")
        return super().agent_name(span)

    def counts(self, span: Span) -> Counts:
        """Return the counts with the meaning that the instrumentation gives them."""
        return replace(super().counts(span), cached_input=_COUNTING.get(_instrumentation(span), "unknown"))

    def usage(self, span: Span) -> Counted:
        """Return the usage; none where it is the instrumentation's own estimate."""
        streamed = flag(span.attributes.get("gen_ai.request.stream"))
        by_provider = first(span.attributes, *CACHE_READ_TOKENS) is not None
        result = super().usage(span)
        if result.usage is None or not streamed or by_provider or _instrumentation(span) not in _ESTIMATING:
            return result
        return Counted(None, ESTIMATED)

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
