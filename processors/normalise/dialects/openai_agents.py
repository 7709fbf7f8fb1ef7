"""OpenAI's agents SDK, seen by OpenTelemetry's own instrumentation: the conventions' names, without cached tokens.

Spans that belong to no agent carry a name that the instrumentation made up, and a run's root looks like an agent.
Source: opentelemetry-instrumentation-openai-agents-v2 0.1.
"""

from __future__ import annotations

from collector.model import Span
from processors.normalise.dialect import Signal, has_key
from processors.normalise.dialects.gen_ai import GenAi
from processors.normalise.dialects.reader import Kind
from processors.normalise.usage import Counting
from processors.normalise.values import text

_SCOPE = "opentelemetry.instrumentation.openai_agents"
_DESCRIPTION = "OpenAI Agents instrumentation"
_MADE_UP = "OpenAI Agent"


class OpenAiAgents(GenAi):
    """Reads the instrumentation called `openai-agents-v2`, which shares its scope's name with OpenLLMetry's."""

    name = "openai_agents"
    cached_input: Counting = "inclusive"

    def owns(self, signal: Signal) -> bool:
        """Tell by the scope and the description that every span has, but for the root."""
        described = text(signal.attributes, "gen_ai.agent.description") == _DESCRIPTION
        return signal.scope.name == _SCOPE and (described or _nameless(signal))

    def kind(self, span: Span) -> Kind | None:
        """Return what the operation says; a turn has none, and an agent without a name is the run around them."""
        kind = super().kind(span)
        return "workflow" if kind == "agent" and self.agent_name(span) is None else kind

    def agent_name(self, span: Span) -> str | None:
        """Return the agent's name, unless it is made up."""
        named = super().agent_name(span)
        return None if named == _MADE_UP else named


def _nameless(signal: Signal) -> bool:
    """Tell the root, which OpenLLMetry would give a kind of its own."""
    conventional = "gen_ai.operation.name" in signal.attributes
    root = isinstance(signal, Span) and signal.parent_span_id is None
    return root and conventional and not has_key(signal, ("traceloop.", "gen_ai.agent."))
