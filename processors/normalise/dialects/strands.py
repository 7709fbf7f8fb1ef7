"""AWS Strands: the conventions' names in both generations at once, content in span events.

Input counts include cached tokens; in older releases they were the vendor's own, which the total tells apart, and
cached ones were read for Bedrock alone. Those that read them of other vendors tell the system prompt on calls, and
leave out zeros. An agent's own usage grows with every run of the same object.
Source: strands 1.62 and its history.
"""

from __future__ import annotations

from dataclasses import replace

from collector.model import Attributes, Span
from processors.model import StepError
from processors.normalise import messages as read
from processors.normalise.dialect import Signal
from processors.normalise.dialects.gen_ai import GenAi
from processors.normalise.dialects.gen_ai_names import CACHE_READ_TOKENS, CACHE_WRITE_TOKENS
from processors.normalise.provider import vendor
from processors.normalise.usage import Counted, Counts, without_cached
from processors.normalise.values import first, text

_SYSTEM = "strands-agents"
_OF_TYPESCRIPT = "gen_ai.event.start_time"
_CLIENT = 3
"""`Span.SpanKind.SPAN_KIND_CLIENT`."""
_REDACTED = "[REDACTED]"


class Strands(GenAi):
    """Reads Strands."""

    name = "strands"

    def owns(self, signal: Signal) -> bool:
        """Tell by the scope, else by the framework's name as the vendor; in TypeScript both are the service's."""
        named = text(signal.attributes, "gen_ai.provider.name", "gen_ai.system")
        return signal.scope.name.startswith("strands.") or named == _SYSTEM or _OF_TYPESCRIPT in signal.attributes

    def counts(self, span: Span) -> Counts:
        """Return the counts; a zero of cached tokens only from releases that read them from every vendor's answers."""
        counts = super().counts(span)
        if not _older(span):
            return counts
        return replace(counts, cache_read=counts.cache_read or None, cache_write=counts.cache_write or None)

    def usage(self, span: Span) -> Counted:
        """Return the usage; incomplete where a release did not read what was cached."""
        result = super().usage(span)
        reads_all = self.system_instructions(span) is not None or self._of_bedrock(span)
        return result if reads_all and not _older(span) else without_cached(result)

    def _of_bedrock(self, span: Span) -> bool:
        """Tell a call whose counts every release passed on."""
        return vendor(None, self.models(span)[1]) == "aws.bedrock"

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
        failed = text(span.attributes, "gen_ai.tool.status", "tool.status") == "error"
        return super().error(span) or (StepError("tool_error", self.tool_result(span) or "") if failed else None)


def _older(span: Span) -> bool:
    """Tell a release that read cached tokens for Bedrock alone: its calls are clients' spans, without the new names."""
    return span.kind == _CLIENT and not {CACHE_READ_TOKENS[0], CACHE_WRITE_TOKENS[1]} & span.attributes.keys()


def _event(span: Span, name: str) -> Attributes:
    return next((event.attributes for event in span.events if event.name == name), {})
