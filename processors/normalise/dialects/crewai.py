"""CrewAI's own tracing: fixed verbs as span names, the conventions' operations and names.

A crew's total stands beside its calls. OpenLLMetry's instrumentation borrows the names for a span around the crew.
Source: crewai 1.15, opentelemetry-instrumentation-crewai 0.62.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from collector.model import Span
from processors.normalise.dialect import Signal, has_key
from processors.normalise.dialects.gen_ai import GenAi
from processors.normalise.dialects.reader import Kind
from processors.normalise.usage import Counts
from processors.normalise.values import Json, as_count, mapping, structured, text

_NAMES: Mapping[str, Kind] = {
    "execute crew": "workflow",
    "crewai.workflow": "workflow",
    "execute flow": "workflow",
    "execute task": "workflow",
    "call method": "workflow",
    "execute agent": "agent",
    "call llm": "chat",
    "call tool": "tool",
}
_FAILURE = "tool failure"
_TOTAL = "crewai.crew.usage_metrics"
_PRINTED = re.compile(r"\b(\w+_tokens)=(\d+)")


class CrewAi(GenAi):
    """Reads CrewAI."""

    name = "crewai"

    def owns(self, signal: Signal) -> bool:
        """Tell by the scope, else by its own keys."""
        return signal.scope.name.startswith("crewai") or has_key(signal, "crewai.")

    def kind(self, span: Span) -> Kind | None:
        """Return what the span's verb or its operation says; a failure's own span repeats its tool's."""
        if span.name == _FAILURE:
            return None
        return _NAMES.get(span.name) or super().kind(span)

    def rollup_counts(self, span: Span) -> Counts:
        """Return a crew's total."""
        total = mapping(structured(span.attributes.get(_TOTAL))) or dict(_PRINTED.findall(self._printed_total(span)))
        return crew_total(total) if total else super().rollup_counts(span)

    def _printed_total(self, span: Span) -> str:
        """Return the total as Traceloop's instrumentation prints it."""
        return text(span.attributes, "crewai.crew.token_usage") or ""

    def agent_name(self, span: Span) -> str | None:
        """Return the agent's role; what stands as its name is a hash of it."""
        return text(span.attributes, "crewai.agent.role") or super().agent_name(span)


def crew_total(usage: Mapping[str, Json]) -> Counts:
    """Return what a crew used in all its calls, as it says itself."""
    return Counts(
        input=as_count(usage.get("prompt_tokens")),
        cache_read=as_count(usage.get("cached_prompt_tokens")),
        cache_write=as_count(usage.get("cache_creation_tokens")),
        output=as_count(usage.get("completion_tokens")),
        reasoning=as_count(usage.get("reasoning_tokens")),
        total=as_count(usage.get("total_tokens")),
    )
