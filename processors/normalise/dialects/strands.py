"""AWS Strands: the conventions' names in both generations at once, content in span events.

Input counts include cached tokens; in older releases they were the vendor's own, which the total tells apart. An
agent's own usage grows with every run of the same object. Source: strands 1.62 and its history.
"""

from __future__ import annotations

from collector.model import Attributes, Span
from processors.model import StepError
from processors.normalise import messages as read
from processors.normalise.dialect import Signal
from processors.normalise.dialects.gen_ai import GenAi
from processors.normalise.values import first, text

_SYSTEM = "strands-agents"
_REDACTED = "[REDACTED]"


class Strands(GenAi):
    """Reads Strands."""

    name = "strands"

    def owns(self, signal: Signal) -> bool:
        """Tell by the scope, else by the framework's name in the vendor's place."""
        named = text(signal.attributes, "gen_ai.provider.name", "gen_ai.system")
        return signal.scope.name.startswith("strands.") or named == _SYSTEM

    def tool_arguments(self, span: Span) -> str | None:
        """Return the arguments, which stand in an event."""
        sent = first(_event(span, "gen_ai.tool.message"), "content")
        own = read.arguments(sent) if sent is not None and sent != _REDACTED else None
        return super().tool_arguments(span) or own

    def tool_result(self, span: Span) -> str | None:
        """Return the result, which stands in an event."""
        sent = first(_event(span, "gen_ai.choice"), "message")
        own = read.result_text(sent) if sent is not None and sent != _REDACTED else None
        return super().tool_result(span) or own

    def error(self, span: Span) -> StepError | None:
        """Return a failure, also where only the tool's status says so."""
        failed = text(span.attributes, "gen_ai.tool.status") == "error"
        return super().error(span) or (StepError("tool_error", self.tool_result(span) or "") if failed else None)


def _event(span: Span, name: str) -> Attributes:
    return next((event.attributes for event in span.events if event.name == name), {})
