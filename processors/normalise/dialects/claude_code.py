"""Claude Code: spans of its enhanced telemetry, and log events, which alone tell everything where traces are off.

Input counts exclude cached tokens, on spans and in events. Source: the attributes of releases 2.1.x.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from collector.model import Attributes, LogRecord, Span
from processors.model import AgentRun, Message, StepError, Text
from processors.normalise import messages as read
from processors.normalise.dialect import Signal
from processors.normalise.dialects.gen_ai import GenAi, event_name
from processors.normalise.dialects.reader import Kind
from processors.normalise.dialects.records import as_span, from_record
from processors.normalise.sighting import Reading, Sighting
from processors.normalise.usage import Counts
from processors.normalise.values import as_count, canonical, count, first, flag, mapping, structured, text, usd

_PREFIX = "claude_code."
_SCOPE = "com.anthropic.claude_code"
_REDACTED = "<REDACTED>"
_KINDS: dict[str, Kind] = {
    "interaction": "agent",
    "llm_request": "chat",
    "tool": "tool",
    "tool.execution": "tool",
    "compaction": "other",
}
_NANOSECONDS = 1_000_000
_TOOL_ATTRIBUTES = {"full_command": "command", "file_path": "file_path"}
"""Span attributes that hold one argument of a tool, and the argument's name."""


class ClaudeCode(GenAi):
    """Reads Claude Code and what its agent SDK starts."""

    name = "claude_code"

    def owns(self, signal: Signal) -> bool:
        """Tell by the scope, else by the span's name or the event's."""
        named = signal.name if isinstance(signal, Span) else event_name(signal)
        body = signal.body if isinstance(signal, LogRecord) else None
        return (
            signal.scope.name.startswith(_SCOPE)
            or named.startswith(_PREFIX)
            or (isinstance(body, str) and body.startswith(_PREFIX))
        )

    def kind(self, span: Span) -> Kind | None:
        """Return what the span's type says; what a tool waits for and runs inside is part of the tool."""
        return _KINDS.get(text(span.attributes, "span.type") or span.name.removeprefix(_PREFIX))

    def counts(self, span: Span) -> Counts:
        """Return the bare counts."""
        sent = span.attributes
        return Counts(
            input=count(sent, "input_tokens"),
            cache_read=count(sent, "cache_read_tokens"),
            cache_write=count(sent, "cache_creation_tokens"),
            cache_write_5m=count(sent, "cache_creation_5m_tokens"),
            cache_write_1h=count(sent, "cache_creation_1h_tokens"),
            output=count(sent, "output_tokens"),
            cached_input="exclusive",
        )

    def rollup_counts(self, span: Span) -> Counts:  # noqa: ARG002 - see below
        """Return nothing: no span repeats what is beneath it."""
        return Counts()

    def models(self, span: Span) -> tuple[str | None, str | None]:
        """Return the model, under its own name or the conventions'."""
        return text(span.attributes, "model"), text(span.attributes, "gen_ai.request.model")

    def provider(self, span: Span) -> str | None:
        """Return the vendor; Claude is Anthropic's unless a cloud is named."""
        return super().provider(span) or "anthropic"

    def service_tier(self, span: Span) -> str | None:
        """Return the speed, which is priced like a tier."""
        speed = text(span.attributes, "speed")
        return None if speed == "normal" else speed

    def request_ids(self, span: Span) -> tuple[str, ...]:
        """Return the ids that span and event share."""
        ids = (text(span.attributes, key) for key in ("request_id", "gen_ai.response.id", "client_request_id"))
        return tuple(dict.fromkeys(found for found in ids if found is not None))

    def finish_reasons(self, span: Span) -> tuple[str, ...]:
        """Return the finish reasons, old name or new."""
        stop = text(span.attributes, "stop_reason")
        return super().finish_reasons(span) or ((stop,) if stop else ())

    def output_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the answer's text where it was switched on."""
        said = text(span.attributes, "response.model_output", "response")
        return (Message("assistant", (Text(said),)),) if said is not None and said != _REDACTED else None

    def reported_cost(self, span: Span) -> Decimal | None:
        """Return the cost of an event, in the finer unit where both are sent."""
        micros = usd(span.attributes, "cost_usd_micros")
        return usd(span.attributes, "cost_usd") or (micros / 1_000_000 if micros else None)

    def tool_name(self, span: Span) -> str | None:
        """Return the tool's name."""
        return text(span.attributes, "tool_name", "gen_ai.tool.name")

    def tool_call_id(self, span: Span) -> str | None:
        """Return the id of the tool use."""
        return text(span.attributes, "tool_use_id", "gen_ai.tool.call.id")

    def tool_arguments(self, span: Span) -> str | None:
        """Return the input, or what single attributes tell of it."""
        sent = first(span.attributes, "tool_input", "gen_ai.tool.call.arguments")
        if sent is not None:
            return read.arguments(sent)
        parameters = mapping(structured(span.attributes.get("tool_parameters"))) or span.attributes
        known = {name: parameters[key] for key, name in _TOOL_ATTRIBUTES.items() if parameters.get(key)}
        return canonical(known) if known else None

    def tool_result(self, span: Span) -> str | None:
        """Return what the span's output event holds."""
        for event in span.events:
            if event.name == "tool.output":
                sent = first(event.attributes, "output", "content", "diff")
                return read.result_text(sent) if sent is not None else None
        sent = first(span.attributes, "new_context", "gen_ai.tool.call.result")
        return read.result_text(sent) if sent is not None else None

    def agent_name(self, span: Span) -> str | None:
        """Return the sub-agent's name where one is sent, for the main loop that of the program."""
        named = text(span.attributes, "agent.name", "agent_type")
        return named or ("claude-code" if self.kind(span) == "agent" else None)

    def agent_key(self, span: Span) -> str | None:
        """Return the sub-agent's id; events name only its kind."""
        source = text(span.attributes, "query_source")
        return text(span.attributes, "agent_id") or (source if source and source.startswith("agent:") else None)

    def secondary(self, span: Span) -> bool:
        """Tell the run inside a tool from the tool."""
        return text(span.attributes, "span.type") == "tool.execution" or span.name == "claude_code.tool.execution"

    def error(self, span: Span) -> StepError | None:
        """Return a failure, also where only `success` says so, as a boolean or as text."""
        failed = flag(span.attributes.get("success")) is False
        message = text(span.attributes, "error", "error.message", "error_message") or ""
        base = super().error(span)
        if base is not None or not failed:
            return base and replace(base, type=_specific(base.type, failed=failed), message=base.message or message)
        return StepError(text(span.attributes, "error_type") or "tool_error", message)

    def read_log(self, record: LogRecord) -> Iterable[Reading]:
        """Return what an event tells; events without a duration happened when they were sent."""
        span = _lasting(as_span(record), record.attributes)
        match _event(record):
            case "api_request":
                yield from_record(self.call(span), record)
            case "api_error" | "api_refusal":
                failed = replace(span, attributes={**span.attributes, "error.type": _http_error(span.attributes)})
                yield replace(from_record(self.call(failed), record), authority=-1)
            case "assistant_response":
                if self.output_messages(span) is not None:
                    yield replace(from_record(self.call(span), record), authority=-2)
            case "tool_result":
                yield from_record(self.tool(span), record)
            case "subagent_completed":
                yield self._finished_agent(span, record)

    def _finished_agent(self, span: Span, record: LogRecord) -> Sighting:
        sighting = from_record(self.agent(span), record)
        assert isinstance(sighting.step, AgentRun)  # noqa: S101 - narrows what `agent` returns
        return replace(sighting, step=replace(sighting.step, agent_id=text(record.attributes, "agent_id")))


def _specific(kind: str, *, failed: bool) -> str:
    return "tool_error" if kind == "error" and failed else kind


def _event(record: LogRecord) -> str:
    return event_name(record).removeprefix(_PREFIX)


def _http_error(sent: Attributes) -> str:
    return text(sent, "status_code", "error_type", "error.type") or "api_error"


def _lasting(span: Span, sent: Attributes) -> Span:
    """Give an event that tells how long something took the time at which it began."""
    duration = as_count(sent.get("duration_ms")) or 0
    return replace(span, start_time_unix_nano=max(0, span.end_time_unix_nano - max(0, duration) * _NANOSECONDS))
