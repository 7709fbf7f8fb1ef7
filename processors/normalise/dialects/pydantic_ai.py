"""Pydantic AI, and Logfire's wrappers of the vendors' SDKs: the conventions' names, formats 2 to 5.

Input counts include cached tokens. An agent's sum has names of its own since version 2. Source: pydantic-ai 2.68,
logfire 3 to 5.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal

from collector.model import Span
from processors.model import Message, ModelCall, Part, ToolRequest
from processors.normalise import messages as read
from processors.normalise.dialect import Signal
from processors.normalise.dialects.gen_ai import GenAi
from processors.normalise.dialects.reader import Kind
from processors.normalise.sighting import Reading, Sighting
from processors.normalise.usage import Counted, Counting, Counts, without_cached
from processors.normalise.values import Json, as_count, count, first, mapping, structured, text

_ANTHROPIC = "logfire.anthropic"
_AGGREGATED = "gen_ai.aggregated_usage."
_LONGEST_STREAM_S = 86_400
_OLD_NAMES: Mapping[str, Kind] = {"agent run": "agent", "running tool": "tool"}
_WRAPPED: Mapping[str, Kind] = {
    "Chat Completion": "chat",
    "Completion": "chat",
    "Embedding": "embeddings",
    "Image Generation": "other",
    "Message": "chat",
    "Responses API": "chat",
    "streaming response": "chat",
}
"""How the names of spans begin that Logfire's wrappers of the vendors' SDKs sent before they named the operation."""


class PydanticAi(GenAi):
    """Reads Pydantic AI and Logfire."""

    name = "pydantic_ai"
    cached_input: Counting = "inclusive"

    def owns(self, signal: Signal) -> bool:
        """Tell by the scope."""
        return signal.scope.name in {"pydantic-ai", "pydantic_ai"} or signal.scope.name.startswith("logfire")

    def kind(self, span: Span) -> Kind | None:
        """Return what the operation says, or the names of format 2; the span around several tools is no step."""
        if span.name.startswith("running") and span.name.endswith("tools"):
            return None
        old = next((kind for name, kind in _OLD_NAMES.items() if span.name.startswith(name)), None)
        if text(span.attributes, "gen_ai.operation.name") is None:
            if "request_data" in span.attributes:
                old = next((kind for name, kind in _WRAPPED.items() if span.name.startswith(name)), old)
            if old is not None:
                return old
        return super().kind(span)

    def read(self, span: Span) -> Iterable[Reading]:
        """Return what a span says; what Logfire tells of a stream that ended is a record of the call that began it."""
        for reading in super().read(span):
            if isinstance(reading, Sighting) and isinstance(reading.step, ModelCall) and _is_record(span):
                begun = span.start_time_unix_nano - _streamed_for(span)
                step = replace(reading.step, started_at=begun, ended_at=begun)
                yield replace(reading, step=step, signal="log")
            else:
                yield reading

    def counts(self, span: Span) -> Counts:
        """Return the counts, with what Logfire leaves in the vendor's own usage."""
        sent, raw = super().counts(span), _vendors_counts(span)
        if sent.input is None and sent.output is None:
            return raw
        return replace(
            sent,
            cache_read=raw.cache_read if sent.cache_read is None else sent.cache_read,
            cache_write=raw.cache_write if sent.cache_write is None else sent.cache_write,
            reasoning=raw.reasoning if sent.reasoning is None else sent.reasoning,
        )

    def usage(self, span: Span) -> Counted:
        """Return the usage; incomplete where a wrapper passed on two counts without the vendor's usage."""
        result = super().usage(span)
        return without_cached(result) if span.scope.name.startswith("logfire.") else result

    def rollup_counts(self, span: Span) -> Counts:
        """Return an agent's sum under its own names, or the call's as version 1 had it."""
        sent = span.attributes
        if first(sent, f"{_AGGREGATED}input_tokens", f"{_AGGREGATED}output_tokens") is None:
            return super().rollup_counts(span)
        return Counts(
            input=count(sent, f"{_AGGREGATED}input_tokens"),
            cache_read=count(sent, f"{_AGGREGATED}cache_read.input_tokens"),
            cache_write=count(
                sent, f"{_AGGREGATED}cache_write.input_tokens", f"{_AGGREGATED}cache_creation.input_tokens"
            ),
            output=count(sent, f"{_AGGREGATED}output_tokens"),
            reasoning=count(sent, f"{_AGGREGATED}details.reasoning_tokens"),
        )

    def models(self, span: Span) -> tuple[str | None, str | None]:
        """Return the models; an agent's is `model_name`."""
        sent, requested = super().models(span)
        wrapped = _request(span).get("model")
        asked = wrapped if isinstance(wrapped, str) else None
        return sent, requested or text(span.attributes, "model_name") or asked

    def provider(self, span: Span) -> str | None:
        """Return the vendor, or the one whose SDK is wrapped."""
        wrapped = span.scope.name.removeprefix("logfire.") if "request_data" in span.attributes else None
        return super().provider(span) or wrapped

    def agent_name(self, span: Span) -> str | None:
        """Return the agent's name, old key or new."""
        return super().agent_name(span) or text(span.attributes, "agent_name")

    def input_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the prompt; in format 1 it stands among the events, in Logfire's wrappers in the request."""
        request = _request(span)
        return (
            super().input_messages(span)
            or _events(span, "input")
            or read.messages(request.get("messages") or request.get("input"), "user")
        )

    def output_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the answer; an agent's is its final result."""
        found = super().output_messages(span) or _events(span, "output")
        if found is None:
            response = _response(span)
            held = response.get("message") or response.get("combined_chunk_content")
            found = read.messages(held if isinstance(held, str) else [held], "assistant") if held else None
            if found is not None and span.scope.name == _ANTHROPIC:
                found = tuple(map(_with_bare_arguments, found))
        if found is None and self.kind(span) == "agent":
            found = read.messages(text(span.attributes, "final_result"), "assistant")
        return found


def _request(span: Span) -> Mapping[str, Json]:
    return mapping(structured(first(span.attributes, "request_data")))


def _response(span: Span) -> Mapping[str, Json]:
    return mapping(structured(first(span.attributes, "response_data")))


def _vendors_counts(span: Span) -> Counts:
    """Return the counts in the vendor's usage, where Anthropic's input leaves out what it names cached."""
    raw = mapping(structured(first(span.attributes, "gen_ai.usage.raw"))) or mapping(_response(span).get("usage"))
    given = mapping(raw.get("prompt_tokens_details") or raw.get("input_tokens_details"))
    answered = mapping(raw.get("completion_tokens_details") or raw.get("output_tokens_details"))
    of_anthropic = "cache_read_input_tokens" in raw or "cache_creation_input_tokens" in raw
    return Counts(
        input=as_count(raw.get("prompt_tokens", raw.get("input_tokens"))),
        cache_read=as_count(raw.get("cache_read_input_tokens", given.get("cached_tokens"))),
        cache_write=as_count(raw.get("cache_creation_input_tokens")),
        output=as_count(raw.get("completion_tokens", raw.get("output_tokens"))),
        reasoning=as_count(answered.get("reasoning_tokens")),
        cached_input="exclusive" if of_anthropic else "inclusive",
    )


def _with_bare_arguments(message: Message) -> Message:
    """Take arguments out of the block that the wrapper of Anthropic's SDK left them in."""
    return replace(message, parts=tuple(_bare(part) for part in message.parts))


def _bare(part: Part) -> Part:
    sent = mapping(structured(part.arguments)) if isinstance(part, ToolRequest) else {}
    if not isinstance(part, ToolRequest) or sent.keys() != {"input"}:
        return part
    return replace(part, arguments=read.arguments(sent["input"]))


def _is_record(span: Span) -> bool:
    """Tell Logfire's log records, which it sends as spans."""
    return span.attributes.get("logfire.span_type") == "log"


def _streamed_for(span: Span) -> int:
    """Return the nanoseconds from a stream's beginning, where its call's span ends, to the record of its end."""
    seconds = span.attributes.get("duration")
    known = isinstance(seconds, (int, float)) and 0 <= seconds < _LONGEST_STREAM_S
    return int(seconds * 1_000_000_000) if known and isinstance(seconds, (int, float)) else 0


def _with_call_id(item: Json) -> Json:
    """Return an event's message; a tool's names the call that it answers by its own `id`."""
    said = mapping(item)
    return {"tool_call_id": said.get("id"), **said} if said.get("event.name") == "gen_ai.tool.message" else item


def _events(span: Span, side: Literal["input", "output"]) -> tuple[Message, ...] | None:
    """Return the messages that formats 1 and 2 keep as a list of events in one attribute."""
    listed = structured(first(span.attributes, "events", "all_messages_events"))
    if not isinstance(listed, (list, tuple)):
        return None
    chosen: list[Json] = []
    for item in listed:
        answer = mapping(item).get("event.name") == "gen_ai.choice"
        if answer == (side == "output"):
            chosen.append(mapping(item).get("message") if answer else _with_call_id(item))
    return read.messages(chosen, "assistant" if side == "output" else "user") if chosen else None
