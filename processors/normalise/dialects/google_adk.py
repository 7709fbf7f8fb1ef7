"""Google's Agent Development Kit, both schemas of its telemetry.

Output counts include reasoning, once too often where the model is reached through LiteLLM. Source: google-adk 2.13.
"""

from __future__ import annotations

from dataclasses import replace

from collector.model import Span
from processors.model import Message
from processors.normalise import messages as read
from processors.normalise.dialect import Signal, has_key
from processors.normalise.dialects.gen_ai import GenAi
from processors.normalise.dialects.reader import Kind
from processors.normalise.provider import vendor
from processors.normalise.usage import Counted, Counting, counted
from processors.normalise.values import first, mapping, structured, text

_SCOPE = "gcp.vertex.agent"
TWICE = "google-adk adds reasoning to an output that includes it already: taken off"
MAYBE_TWICE = "google-adk may have added reasoning to an output that includes it already: the model is not known"
_GOOGLE = "gcp."


class GoogleAdk(GenAi):
    """Reads ADK."""

    name = "google_adk"
    cached_input: Counting = "inclusive"

    def owns(self, signal: Signal) -> bool:
        """Tell by the scope, else by its own keys."""
        return signal.scope.name == _SCOPE or has_key(signal, "gcp.vertex.agent.")

    def kind(self, span: Span) -> Kind | None:
        """Return what the operation says; the first schema's `call_llm` and `agent_run` name none."""
        if span.name == "call_llm":
            return "chat"
        if span.name.startswith("agent_run"):
            return "agent"
        if span.name == "invocation":
            return "workflow"
        if span.name.startswith("execute_tool") and text(span.attributes, "gen_ai.tool.name") is None:
            return None
        return super().kind(span)

    def usage(self, span: Span) -> Counted:
        """Return the usage; for vendors other than Google the output already includes the reasoning added to it."""
        sent = self.counts(span)
        seller = vendor(self.provider(span), self.models(span)[1])
        reasoning = sent.reasoning or 0
        if reasoning <= 0 or sent.output is None or (seller or "").startswith(_GOOGLE):
            return super().usage(span)
        if seller is None:
            return replace(super().usage(span), note=MAYBE_TWICE)
        if reasoning * 2 > sent.output:  # less than twice the reasoning: it was not added a second time
            return super().usage(span)
        result = counted(replace(sent, output=sent.output - reasoning))
        return Counted(result.usage, result.missing, "; ".join(note for note in (TWICE, result.note) if note))

    def input_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the prompt, in the first schema from the raw request."""
        raw = mapping(structured(first(span.attributes, "gcp.vertex.agent.llm_request")))
        return super().input_messages(span) or read.messages(raw.get("contents"), "user")

    def output_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the answer, in the first schema from the raw response."""
        raw = mapping(structured(first(span.attributes, "gcp.vertex.agent.llm_response")))
        return super().output_messages(span) or read.messages(raw.get("content"), "assistant")

    def tool_arguments(self, span: Span) -> str | None:
        """Return the arguments under either schema's name; an empty object stands for content switched off."""
        sent = first(span.attributes, "gcp.vertex.agent.tool_call_args")
        own = read.arguments(sent) if sent is not None and sent != "{}" else None
        return super().tool_arguments(span) or own

    def tool_result(self, span: Span) -> str | None:
        """Return the result under either schema's name."""
        sent = first(span.attributes, "gcp.vertex.agent.tool_response")
        own = read.result_text(sent) if sent is not None and sent != "{}" else None
        return super().tool_result(span) or own
