"""Gemini CLI: spans named after their operation, without cached, thought and tool tokens; log events have them all.

Input counts include cached tokens; output counts exclude thoughts. Source: google-gemini/gemini-cli of August 2026.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from collector.model import LogRecord, Span
from processors.model import ModelCall, StepError
from processors.normalise import messages as read
from processors.normalise.dialect import Signal
from processors.normalise.dialects.gen_ai import GenAi, event_name
from processors.normalise.dialects.reader import Kind
from processors.normalise.dialects.records import as_span, from_record
from processors.normalise.dialects.spoken import DETAILS_EVENT
from processors.normalise.failing import exit_code_failure
from processors.normalise.sighting import Reading, Sighting
from processors.normalise.usage import Counts
from processors.normalise.values import Json, as_count, count, first, flag, mapping, sequence, structured, text

_PREFIX = "gemini_cli."
_SCOPE = "gemini-cli"
WITHOUT_THOUGHTS = "cached and thought tokens were not sent: they stand only in log events"
_NANOSECONDS = 1_000_000
_KINDS: dict[str, Kind] = {
    "llm_call": "chat",
    "tool_call": "tool",
    "agent_call": "agent",
    "user_prompt": "workflow",
    "system_prompt": "workflow",
}


class GeminiCli(GenAi):
    """Reads Gemini CLI."""

    name = "gemini_cli"

    def owns(self, signal: Signal) -> bool:
        """Tell by the scope, else by an event's name or an operation of its own."""
        if signal.scope.name == _SCOPE:
            return True
        if isinstance(signal, LogRecord):
            return event_name(signal).startswith(_PREFIX)
        named = text(signal.attributes, "gen_ai.agent.name")
        return named == "gemini-cli" and text(signal.attributes, "gen_ai.operation.name") in _KINDS

    def kind(self, span: Span) -> Kind | None:
        """Return what the operation says; the span around scheduled tools repeats them."""
        return _KINDS.get(text(span.attributes, "gen_ai.operation.name") or span.name)

    def counts(self, span: Span) -> Counts:
        """Return a span's counts, or an event's under its own names."""
        sent = span.attributes
        if "input_token_count" not in sent:
            return super().counts(span)
        used_by_tools = count(sent, "tool_token_count") or 0
        given = count(sent, "input_token_count")
        return Counts(
            input=given + used_by_tools if given is not None else None,
            cache_read=count(sent, "cached_content_token_count"),
            output=count(sent, "output_token_count"),
            reasoning=count(sent, "thoughts_token_count"),
            total=count(sent, "total_token_count"),
            reasoning_output="exclusive",
        )

    def read(self, span: Span) -> Iterable[Reading]:
        """Return what a span tells; of a call's usage it has only a part, until a log event tells the rest."""
        for reading in super().read(span):
            if isinstance(reading, Sighting) and isinstance(reading.step, ModelCall):
                yield _partial(reading, reading.step)
            else:
                yield reading

    def provider(self, span: Span) -> str | None:
        """Return the vendor; it is Google's unless another is named."""
        return super().provider(span) or "gcp.gemini"

    def models(self, span: Span) -> tuple[str | None, str | None]:
        """Return the model of a span or an event."""
        sent, requested = super().models(span)
        return sent or text(span.attributes, "model"), requested

    def tool_name(self, span: Span) -> str | None:
        """Return the tool's name."""
        return text(span.attributes, "gen_ai.tool.name", "function_name")

    def tool_arguments(self, span: Span) -> str | None:
        """Return the arguments of the request that the span repeats."""
        request = mapping(structured(first(span.attributes, "gen_ai.input.messages")))
        sent = request.get("args", structured(first(span.attributes, "function_args")))
        return read.arguments(sent) if sent is not None else None

    def tool_result(self, span: Span) -> str | None:
        """Return the answer that went to the model."""
        answer = mapping(mapping(structured(first(span.attributes, "gen_ai.output.messages"))).get("response"))
        parts = [mapping(mapping(part).get("functionResponse")) for part in sequence(answer.get("responseParts"))]
        outputs = [mapping(part.get("response")) for part in parts]
        said = [_said(output) for output in outputs if output]
        return "\n".join(said) if said else None

    def error(self, span: Span) -> StepError | None:
        """Return a failure; a command that exits with an error is a success to Gemini CLI, only its data tells."""
        base = super().error(span)
        if base is not None or self.kind(span) not in {"tool", None}:
            return base
        sent = span.attributes
        outcome = mapping(structured(first(sent, "gen_ai.output.messages")))
        data = mapping(mapping(outcome.get("response")).get("data")) or mapping(structured(sent.get("metadata")))
        if flag(sent.get("success")) is False or outcome.get("status") == "error":
            return StepError(text(sent, "error_type") or "tool_error", text(sent, "error") or "")
        code = as_count(data.get("exitCode"))
        if code:
            return StepError(f"exit_code_{code}", self.tool_result(span) or "")
        return exit_code_failure(self.tool_result(span))

    def read_log(self, record: LogRecord) -> Iterable[Reading]:
        """Return a finished call, the details of one, a failed one, or a tool's run."""
        span = _lasting(as_span(record))
        match event_name(record).removeprefix(_PREFIX):
            case "api_response":
                yield self._response(from_record(self.call(span), record))
            case "api_error":
                kind = text(record.attributes, "error_type", "status_code", "error.type") or "error"
                failed = replace(
                    span,
                    attributes={**span.attributes, "error.type": kind},
                    status_message=text(record.attributes, "error", "error.message", "error_message") or "",
                )
                yield replace(from_record(self.call(failed), record), authority=-1)
            case "tool_call":
                yield from_record(self.tool(span), record)
            case event if event == DETAILS_EVENT:
                yield from super().read_log(record)

    def _response(self, sighting: Sighting) -> Sighting:
        """Let the event's counts be believed before the span's, and remember those that the span has too."""
        sent = sighting.step
        usage = sent.usage if isinstance(sent, ModelCall) else None
        if usage is None or usage.input_tokens is None or usage.output_tokens is None:
            return replace(sighting, authority=1)
        return replace(
            sighting,
            authority=1,
            tokens=(usage.input_tokens, usage.output_tokens - (usage.reasoning_output_tokens or 0)),
        )


def _partial(sighting: Sighting, call: ModelCall) -> Sighting:
    """Leave out an output count without thoughts, and remember it to find the event of the same call by."""
    usage = call.usage
    if usage is None:
        return sighting
    told = replace(call, usage=replace(usage, output_tokens=None), usage_missing=WITHOUT_THOUGHTS)
    return replace(sighting, step=told, tokens=(usage.input_tokens, usage.output_tokens))


def _said(output: Json) -> str:
    """Return the text of a function's response, without the object that holds only it."""
    fields = mapping(output)
    only = fields.get("output", fields.get("error")) if len(fields) == 1 else None
    return read.result_text(only if only is not None else output)


def _lasting(span: Span) -> Span:
    duration = max(0, as_count(span.attributes.get("duration_ms")) or 0) * _NANOSECONDS
    return replace(span, start_time_unix_nano=max(0, span.end_time_unix_nano - duration))
