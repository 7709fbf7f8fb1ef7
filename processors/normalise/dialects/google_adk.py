"""Google's Agent Development Kit, both schemas of its telemetry.

Output counts include reasoning, once too often where the model is reached through LiteLLM. Releases before 2.3 sent
the model's two counts alone; what else they knew stands in the raw response. Source: google-adk 1.14 to 2.13,
@google/adk 2.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from collector.model import Span
from processors.model import Message, StepError
from processors.normalise import messages as read
from processors.normalise.dialect import Signal, has_key, release
from processors.normalise.dialects.gen_ai import GenAi
from processors.normalise.dialects.gen_ai_names import CACHE_READ_TOKENS, REASONING_TOKENS
from processors.normalise.dialects.reader import Kind
from processors.normalise.provider import gemini_may_think, vendor
from processors.normalise.usage import Counted, Counting, Counts, counted, without_cached
from processors.normalise.values import Json, as_count, count, first, mapping, structured, text

_SCOPE = "gcp.vertex.agent"
TWICE = "google-adk adds reasoning to an output that includes it already: taken off"
MAYBE_TWICE = "google-adk may have added reasoning to an output that includes it already: the model is not known"
_GOOGLE = "gcp."
_RUN = "agent_run"
_TOOL_CALL, _TOOL_RESPONSE = "tool_call [", "tool_response ["
"""What the first releases named a tool's run, and the answer beside it, which the next prompt repeats."""
_WITH_CACHED_TOKENS = (2, 3)
"""The first release that sends cached tokens, and reasoning as a part of the output."""


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
        if span.name.startswith(_RUN):
            return "agent"
        if span.name == "invocation":
            return "workflow"
        if span.name.startswith(_TOOL_RESPONSE):
            return None
        if span.name.startswith("execute_tool") and text(span.attributes, "gen_ai.tool.name") is None:
            return None
        return super().kind(span)

    def agent_name(self, span: Span) -> str | None:
        """Return the agent's name, which the first schema puts into the span's."""
        ran = span.name.removeprefix(_RUN)
        return super().agent_name(span) or (ran.strip(" []") or None if ran != span.name else None)

    def counts(self, span: Span) -> Counts:
        """Return the counts, in older releases with what the raw response tells beside them."""
        sent = super().counts(span)
        if not _sends_two_counts(span):
            return sent
        raw = _raw_usage(span)
        google = (self._seller(span) or "").startswith(_GOOGLE)
        reasoning = count(span.attributes, "gen_ai.usage.experimental.reasoning_tokens")
        if reasoning is None:
            reasoning = _told(raw, "thoughts_token_count", "thoughtsTokenCount", nothing=0 if google else None)
        unknown = google and reasoning is None and gemini_may_think(self.models(span)[1])
        output = _told(raw, "candidates_token_count", "candidatesTokenCount") if sent.output is None else sent.output
        return replace(
            sent,
            input=_told(raw, "prompt_token_count", "promptTokenCount") if sent.input is None else sent.input,
            cache_read=_told(
                raw, "cached_content_token_count", "cachedContentTokenCount", nothing=0 if google else None
            ),
            output=None if unknown else output,
            reasoning=reasoning,
            reasoning_output="exclusive" if google else "inclusive",
        )

    def provider(self, span: Span) -> str | None:
        """Return the vendor; a release that names Google for every model leaves LiteLLM's before the model's name."""
        asked = self.models(span)[1] or ""
        return (vendor(None, asked) if "/" in asked else None) or super().provider(span)

    def _seller(self, span: Span) -> str | None:
        return vendor(self.provider(span), self.models(span)[1])

    def usage(self, span: Span) -> Counted:
        """Return the usage; for vendors other than Google the output already includes the reasoning added to it."""
        sent = self.counts(span)
        if _sends_two_counts(span):
            return without_cached(counted(sent))
        seller = self._seller(span)
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
        return super().output_messages(span) or read.messages(_response(span).get("content"), "assistant")

    def tool_name(self, span: Span) -> str | None:
        """Return the tool's name, which the first releases put into the span's."""
        named = span.name.removeprefix(_TOOL_CALL).rstrip("]") if span.name.startswith(_TOOL_CALL) else None
        return super().tool_name(span) or named

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

    def error(self, span: Span) -> StepError | None:
        """Return a failure, also where a plugin made it an answer of nothing but an error: others stand in `result`."""
        return super().error(span) or _answered_failure(span)


def _sends_two_counts(span: Span) -> bool:
    """Tell a release before 2.3, the first of which did not name theirs."""
    new = {CACHE_READ_TOKENS[0], REASONING_TOKENS[0]} & span.attributes.keys()
    return span.scope.name == _SCOPE and release(span) < _WITH_CACHED_TOKENS and not new


def _raw_usage(span: Span) -> Mapping[str, Json]:
    """Return the usage in the raw response, whose names are spelled otherwise in JavaScript."""
    response = _response(span)
    return mapping(response.get("usage_metadata") or response.get("usageMetadata"))


def _told(raw: Mapping[str, Json], name: str, in_javascript: str, nothing: int | None = None) -> int | None:
    """Return a count of the raw usage; `nothing` where a usage leaves it out."""
    told = as_count(raw.get(name, raw.get(in_javascript)))
    return nothing if told is None and raw else told


def _response(span: Span) -> Mapping[str, Json]:
    """Return the raw response, which the first schema sends where content is on."""
    return mapping(structured(first(span.attributes, "gcp.vertex.agent.llm_response")))


def _answered_failure(span: Span) -> StepError | None:
    sent = first(span.attributes, "gcp.vertex.agent.tool_response", "gen_ai.tool.call.result")
    answer = mapping(structured(sent))
    return StepError("tool_error", str(answer["error"])[:500]) if answer.keys() == {"error"} else None
