"""CrewAI's own tracing: fixed verbs as span names, the conventions' operations and names.

A crew's total stands beside its calls. Source: crewai 1.15.
"""

from __future__ import annotations

from collections.abc import Mapping

from collector.model import Span
from processors.normalise.dialect import Signal, has_key
from processors.normalise.dialects.gen_ai import GenAi
from processors.normalise.dialects.reader import Kind
from processors.normalise.usage import Counts
from processors.normalise.values import as_count, mapping, structured, text

_NAMES: Mapping[str, Kind] = {
    "execute crew": "workflow",
    "execute flow": "workflow",
    "execute task": "workflow",
    "call method": "workflow",
    "execute agent": "agent",
    "call llm": "chat",
    "call tool": "tool",
}
_TOTAL = "crewai.crew.usage_metrics"


class CrewAi(GenAi):
    """Reads CrewAI."""

    name = "crewai"

    def owns(self, signal: Signal) -> bool:
        """Tell by the scope, else by its own keys."""
        return signal.scope.name.startswith("crewai") or has_key(signal, "crewai.")

    def kind(self, span: Span) -> Kind | None:
        """Return what the span's verb or its operation says."""
        return _NAMES.get(span.name) or super().kind(span)

    def rollup_counts(self, span: Span) -> Counts:
        """Return a crew's total."""
        total = mapping(structured(span.attributes.get(_TOTAL)))
        if not total:
            return super().rollup_counts(span)
        return Counts(
            input=as_count(total.get("prompt_tokens")),
            cache_read=as_count(total.get("cached_prompt_tokens")),
            output=as_count(total.get("completion_tokens")),
            total=as_count(total.get("total_tokens")),
        )

    def agent_name(self, span: Span) -> str | None:
        """Return the agent's name or role."""
        return super().agent_name(span) or text(span.attributes, "crewai.agent.role")
