"""AG2's telemetry middleware: the conventions' spans, and one more for every entry in the framework's own accounts.

An entry of a model call repeats the span of that call, and one of a subtask sums up an agent that has spans of its own.
Calls that compact or aggregate the history have nothing but their entry. Source: ag2 0.14 and 1.2.
"""

from __future__ import annotations

from collector.model import Span
from processors.normalise.dialect import Signal, release
from processors.normalise.dialects.gen_ai import GenAi
from processors.normalise.dialects.reader import Kind
from processors.normalise.usage import Counted, without_cached
from processors.normalise.values import text

_SCOPE = "opentelemetry.instrumentation.ag2"
_FIRST_WITH_CACHED_TOKENS = (1, 0)
_SPAN_TYPE = "ag2.span.type"
_ENTRY = "usage"
_ENTRY_KIND = "ag2.usage.kind"
_CALLS_WITHOUT_A_SPAN = frozenset({"compaction", "aggregation"})


class Ag2(GenAi):
    """Reads AG2."""

    name = "ag2"

    def owns(self, signal: Signal) -> bool:
        """Tell by the scope."""
        return signal.scope.name == _SCOPE

    def kind(self, span: Span) -> Kind | None:
        """Return what the operation says; an entry is a call only where nothing else tells of that call."""
        if text(span.attributes, _SPAN_TYPE) != _ENTRY:
            return super().kind(span)
        return "chat" if text(span.attributes, _ENTRY_KIND) in _CALLS_WITHOUT_A_SPAN else "other"

    def usage(self, span: Span) -> Counted:
        """Return the usage; releases before 1.0, the last that named theirs, dropped cached tokens."""
        result = super().usage(span)
        return without_cached(result) if () < release(span) < _FIRST_WITH_CACHED_TOKENS else result

    def sums_beside(self, span: Span) -> bool:
        """Tell so of entries: they stand beside the calls that they repeat."""
        return text(span.attributes, _SPAN_TYPE) == _ENTRY
