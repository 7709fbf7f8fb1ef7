"""The Anthropic SDK's own spans, and those that the Claude platform sends for the same request.

Input counts include cached tokens; both sides share `anthropic.request.id`. Source: anthropic 2.12 for Python.
"""

from __future__ import annotations

from collector.model import Span
from processors.normalise import messages as read
from processors.normalise.dialect import Signal
from processors.normalise.dialects.gen_ai import GenAi
from processors.normalise.dialects.reader import Kind
from processors.normalise.usage import Counting
from processors.normalise.values import first

_PREFIXES = ("com.anthropic.sdk", "com.anthropic.claude-platform")
_TOOLS = ("anthropic.tool_use", "anthropic.custom_tool_use", "anthropic.mcp_tool_use")
_SERVER = 2
"""`Span.SpanKind.SPAN_KIND_SERVER`."""


class AnthropicSdk(GenAi):
    """Reads `com.anthropic.*`."""

    name = "anthropic_sdk"
    cached_input: Counting = "inclusive"

    def owns(self, signal: Signal) -> bool:
        """Tell by the scope."""
        return signal.scope.name.startswith(_PREFIXES)

    def kind(self, span: Span) -> Kind | None:
        """Return what the operation says, or the span's name where a tool names none."""
        return "tool" if span.name.startswith(_TOOLS) else super().kind(span)

    def tool_name(self, span: Span) -> str | None:
        """Return the tool's name, which also ends the span's."""
        return super().tool_name(span) or span.name.partition(" ")[2] or None

    def tool_arguments(self, span: Span) -> str | None:
        """Return the arguments under either name."""
        sent = first(span.attributes, "anthropic.tool.input")
        return super().tool_arguments(span) or (read.arguments(sent) if sent is not None else None)

    def secondary(self, span: Span) -> bool:
        """Tell the platform's side of a request from the program's."""
        return span.kind == _SERVER or super().secondary(span)
