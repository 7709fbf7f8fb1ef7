"""Codex CLI: log events, and among its many runtime spans those of turns, finished responses and tools.

Input counts include cached tokens, output counts reasoning. The scope follows the program's name, so events and spans
are known by their own names. Source: releases up to 0.169.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from collector.model import LogRecord, Span
from processors.model import StepError
from processors.normalise import messages as read
from processors.normalise.dialect import Signal, has_key
from processors.normalise.dialects.gen_ai import GenAi, event_name
from processors.normalise.dialects.reader import Kind
from processors.normalise.dialects.records import as_span, from_record
from processors.normalise.failing import exit_code_failure
from processors.normalise.sighting import Reading
from processors.normalise.usage import Counts
from processors.normalise.values import as_count, count, first, flag, text

_PREFIX = "codex."
_SCOPES = ("codex", "codex_cli_rs", "codex_exec", "codex-cli", "codex_vscode", "codex_desktop", "codex-app-server")
_TURN = "session_task.turn"
_ATTEMPT = "try_run_sampling_request"
"""The span of a request and its whole stream; the usage is on a short span inside of it."""
_TURN_USAGE = "codex.turn.token_usage."
_NANOSECONDS = 1_000_000
_FIRST_HTTP_ERROR = 400


class Codex(GenAi):
    """Reads Codex."""

    name = "codex"

    def owns(self, signal: Signal) -> bool:
        """Tell by the program's scope, else by names only Codex uses."""
        if signal.scope.name in _SCOPES:
            return True
        if isinstance(signal, LogRecord):
            return event_name(signal).startswith(_PREFIX)
        return signal.name == _TURN or has_key(signal, _PREFIX)

    def kind(self, span: Span) -> Kind | None:
        """Return a kind for the few spans that tell of the agent's work; the rest is the program's inner life."""
        if span.name == _TURN:
            return "agent"
        if "codex.tool.phase" in span.attributes:
            return "tool" if text(span.attributes, "call_id") else None
        finished = count(span.attributes, "gen_ai.usage.input_tokens") is not None
        return "chat" if finished or span.name == _ATTEMPT else None

    def counts(self, span: Span) -> Counts:
        """Return the counts of a finished response, from its span or its event."""
        sent = span.attributes
        return Counts(
            input=count(sent, "gen_ai.usage.input_tokens", "input_token_count"),
            cache_read=count(sent, "gen_ai.usage.cache_read.input_tokens", "cached_token_count"),
            cache_write=count(sent, "gen_ai.usage.cache_write.input_tokens", "cache_write_token_count"),
            output=count(sent, "gen_ai.usage.output_tokens", "output_token_count"),
            reasoning=count(
                sent,
                "gen_ai.usage.reasoning.output_tokens",
                "codex.usage.reasoning_output_tokens",
                "reasoning_token_count",
            ),
        )

    def rollup_counts(self, span: Span) -> Counts:
        """Return a turn's sum over its responses."""
        sent = span.attributes
        return Counts(
            input=count(sent, f"{_TURN_USAGE}input_tokens"),
            cache_read=count(sent, f"{_TURN_USAGE}cached_input_tokens"),
            cache_write=count(sent, f"{_TURN_USAGE}cache_write_input_tokens"),
            output=count(sent, f"{_TURN_USAGE}output_tokens"),
            reasoning=count(sent, f"{_TURN_USAGE}reasoning_output_tokens"),
        )

    def models(self, span: Span) -> tuple[str | None, str | None]:
        """Return the model of a turn or an event; a response's span has none."""
        return text(span.attributes, "model", "gen_ai.request.model"), None

    def provider(self, span: Span) -> str | None:
        """Return nothing: the configured provider's name is the user's own word, so the model decides."""
        return text(span.attributes, "gen_ai.provider.name")

    def agent_name(self, span: Span) -> str | None:
        """Return the agent's nickname where one is sent."""
        named = text(span.attributes, "agent_name")
        return None if named == "/root" else named or ("codex" if span.name == _TURN else None)

    def agent_id(self, span: Span) -> str | None:
        """Return the thread, by which the tool that starts an agent names it."""
        return text(span.attributes, "thread.id") or text(span.attributes, "turn.id")

    def agent_key(self, span: Span) -> str | None:
        """Return the conversation of an event."""
        return text(span.attributes, "conversation.id") if not span.name else None

    def tool_name(self, span: Span) -> str | None:
        """Return the tool's name."""
        return text(span.attributes, "tool_name")

    def tool_call_id(self, span: Span) -> str | None:
        """Return the call's id."""
        return text(span.attributes, "call_id")

    def tool_arguments(self, span: Span) -> str | None:
        """Return the arguments of an event."""
        sent = first(span.attributes, "arguments")
        return read.arguments(sent) if sent is not None else None

    def tool_result(self, span: Span) -> str | None:
        """Return the output of an event."""
        sent = first(span.attributes, "output")
        return read.result_text(sent) if sent is not None else None

    def error(self, span: Span) -> StepError | None:
        """Return a failure; a command that exits with an error is a success to Codex, only its output tells."""
        if flag(span.attributes.get("success")) is False:
            return StepError("tool_error", text(span.attributes, "output", "error.message") or "")
        return super().error(span) or exit_code_failure(self.tool_result(span))

    def read_log(self, record: LogRecord) -> Iterable[Reading]:
        """Return a finished response, a failed request, or a tool's result."""
        span = as_span(record)
        sent = record.attributes
        match event_name(record).removeprefix(_PREFIX):
            case "sse_event" | "websocket_event" if count(sent, "input_token_count") is not None:
                yield from_record(self.call(span), record)
            case "sse_event" if text(sent, "event.kind") == "response.failed":
                yield from_record(self.call(_failed(span)), record)
            case "api_request" if (as_count(sent.get("http.response.status_code")) or 0) >= _FIRST_HTTP_ERROR:
                yield replace(from_record(self.call(_failed(span)), record), authority=-1)
            case "tool_result":
                duration = max(0, as_count(sent.get("duration_ms")) or 0) * _NANOSECONDS
                begun = replace(span, start_time_unix_nano=max(0, span.end_time_unix_nano - duration))
                yield from_record(self.tool(begun), record)


def _failed(span: Span) -> Span:
    kind = text(span.attributes, "error.type", "http.response.status_code", "event.kind") or "error"
    message = text(span.attributes, "error.message") or ""
    return replace(span, attributes={**span.attributes, "error.type": kind}, status_message=message)
