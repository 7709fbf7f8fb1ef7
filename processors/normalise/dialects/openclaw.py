"""OpenClaw's diagnostics: one span per request and another with the same tokens per turn.

Its own counts exclude cached tokens, the conventions' beside them include those. Source: openclaw 2026.9.
"""

from __future__ import annotations

from collector.model import Span
from processors.model import StepError
from processors.normalise import messages as read
from processors.normalise.dialect import Signal, has_key
from processors.normalise.dialects.gen_ai import GenAi
from processors.normalise.dialects.reader import Kind
from processors.normalise.usage import Counts
from processors.normalise.values import count, first, text

_PREFIX = "openclaw."
_TURN_SPAN = "openclaw.model.usage"
_CALL_USAGE = "openclaw.model_call.usage."
_TURN_USAGE = "openclaw.tokens."
_OPAQUE_TURN = "turn"
_FAILED_OUTCOMES = {"error", "failed", "failure", "aborted", "timeout"}


class OpenClaw(GenAi):
    """Reads OpenClaw."""

    name = "openclaw"

    def owns(self, signal: Signal) -> bool:
        """Tell by the scope or any key of its own."""
        return signal.scope.name.startswith("openclaw") or has_key(signal, _PREFIX)

    def kind(self, span: Span) -> Kind | None:
        """Return what the span's name says; a turn of a foreign runtime is an agent whose requests are not seen."""
        unit = text(span.attributes, "openclaw.model_call.observation_unit")
        if unit is not None or span.name == "openclaw.model.call":
            return "agent" if unit == _OPAQUE_TURN else "chat"
        match span.name.removeprefix(_PREFIX):
            case "run" | "harness.run":
                return "agent"
            case "model.usage":
                return "workflow"
            case "tool.execution":
                return "tool"
            case "exec" | "context.assembled" | "tool.loop":
                return None
            case name if name == span.name:
                return super().kind(span)
            case _:
                return "other"

    def counts(self, span: Span) -> Counts:
        """Return the counts of a request: the conventions' where sent, else its own."""
        sent = span.attributes
        own = Counts(
            input=count(sent, f"{_CALL_USAGE}input_tokens", f"{_TURN_USAGE}input"),
            cache_read=count(sent, f"{_CALL_USAGE}cache_read_input_tokens", f"{_TURN_USAGE}cache_read"),
            cache_write=count(sent, f"{_CALL_USAGE}cache_creation_input_tokens", f"{_TURN_USAGE}cache_write"),
            output=count(sent, f"{_CALL_USAGE}output_tokens", f"{_TURN_USAGE}output"),
            reasoning=count(sent, f"{_CALL_USAGE}reasoning_output_tokens"),
            cached_input="exclusive",
        )
        return own if own.input is not None else super().counts(span)

    def sums_beside(self, span: Span) -> bool:
        """Tell the span of a turn's sum, which is neither around nor inside of the turn's requests."""
        return span.name == _TURN_SPAN

    def models(self, span: Span) -> tuple[str | None, str | None]:
        """Return the model."""
        sent, requested = super().models(span)
        return sent or text(span.attributes, "openclaw.model"), requested

    def provider(self, span: Span) -> str | None:
        """Return the vendor."""
        return super().provider(span) or text(span.attributes, "openclaw.provider")

    def tool_name(self, span: Span) -> str | None:
        """Return the tool's name."""
        return super().tool_name(span) or text(span.attributes, "openclaw.toolName")

    def tool_arguments(self, span: Span) -> str | None:
        """Return the arguments where content is captured."""
        sent = first(span.attributes, "openclaw.content.tool_input")
        return super().tool_arguments(span) or (read.arguments(sent) if sent is not None else None)

    def tool_result(self, span: Span) -> str | None:
        """Return the result where content is captured."""
        sent = first(span.attributes, "openclaw.content.tool_output")
        return super().tool_result(span) or (read.result_text(sent) if sent is not None else None)

    def agent_name(self, span: Span) -> str | None:
        """Return the agent's name."""
        named = super().agent_name(span) or text(span.attributes, "openclaw.agent")
        return named or ("openclaw" if self.kind(span) == "agent" else None)

    def error(self, span: Span) -> StepError | None:
        """Return a failure by its category where one is given."""
        base = super().error(span)
        kind = text(span.attributes, "openclaw.errorCategory", "openclaw.failureKind")
        failed = text(span.attributes, "openclaw.outcome") in _FAILED_OUTCOMES
        if base is not None:
            return StepError(base.type if base.type != "error" else kind or base.type, base.message)
        return StepError(kind or "error", "") if failed else None
