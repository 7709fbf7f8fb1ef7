"""LiteLLM's own telemetry: the request as asked of LiteLLM, and in it the request as sent to the provider.

The outer span has tokens and cost, with what was cached only in a structure beside them; the inner one holds the
provider's own messages, which alone carry the ids of tool calls. Input counts include cached tokens, output counts
reasoning, for every provider. Source: the attributes of releases up to 1.106.
"""

from __future__ import annotations

from collector.model import Attributes, Span
from processors.model import Message, Part, ToolDefinition, ToolRequest
from processors.normalise import messages as read
from processors.normalise.dialect import Signal
from processors.normalise.dialects.gen_ai import GenAi
from processors.normalise.dialects.reader import Kind
from processors.normalise.flattened import list_at
from processors.normalise.usage import ESTIMATED, Counted, Counts
from processors.normalise.values import Json, as_count, first, flag, mapping, sequence, structured, text

_SCOPE = "litellm"
_RAW = "raw_gen_ai_request"
_CALLS = {"completion", "acompletion", "chat", "responses", "aresponses", "text_completion", "atext_completion"}
_USAGE = ("metadata.usage_object", "usage_object")
_VENDORS_PARTS = ("prompt_tokens_details", "cache_read_input_tokens")
_SENT = "llm."
_OWN = {"request", "response", "usage", "headers"}
"""`llm.request.*` and its like are LiteLLM's own; the provider's name stands there in what was sent to it."""


class LiteLlm(GenAi):
    """Reads LiteLLM."""

    name = "litellm"
    cached_input = "inclusive"
    reasoning_output = "inclusive"

    def owns(self, signal: Signal) -> bool:
        """Tell by the scope."""
        return signal.scope.name.split(".", 1)[0] == _SCOPE

    def kind(self, span: Span) -> Kind | None:
        """Return what was asked for; the proxy's own work (authentication, caches) is no step."""
        if span.name == _RAW:
            return "chat"
        asked = text(span.attributes, "llm.request.type")
        return "chat" if asked in _CALLS else super().kind(span)

    def counts(self, span: Span) -> Counts:
        """Return the counts; those of caching and reasoning stand in LiteLLM's usage object."""
        if span.name == _RAW:
            return Counts()
        usage = mapping(structured(first(span.attributes, *_USAGE)))
        given = mapping(usage.get("prompt_tokens_details"))
        answered = mapping(usage.get("completion_tokens_details"))
        lifetimes = mapping(given.get("cache_creation_token_details"))
        plain = super().counts(span)
        return Counts(
            input=_known(plain.input, usage.get("prompt_tokens")),
            cache_read=_known(plain.cache_read, given.get("cached_tokens"), usage.get("cache_read_input_tokens")),
            cache_write=_known(
                plain.cache_write,
                given.get("cache_creation_tokens"),
                given.get("cache_write_tokens"),
                usage.get("cache_creation_input_tokens"),
            ),
            cache_write_5m=as_count(lifetimes.get("ephemeral_5m_input_tokens")),
            cache_write_1h=as_count(lifetimes.get("ephemeral_1h_input_tokens")),
            output=_known(plain.output, usage.get("completion_tokens")),
            reasoning=_known(plain.reasoning, answered.get("reasoning_tokens")),
            total=_known(plain.total, usage.get("total_tokens")),
            cached_input=self.cached_input,
            reasoning_output=self.reasoning_output,
        )

    def usage(self, span: Span) -> Counted:
        """Return the usage; none of a stream in which LiteLLM counted words: only vendors tell parts of a prompt."""
        result = super().usage(span)
        streamed = flag(span.attributes.get("llm.is_streaming"))
        usage = mapping(structured(first(span.attributes, *_USAGE)))
        told = any(usage.get(key) is not None for key in _VENDORS_PARTS)
        return Counted(None, ESTIMATED) if result.usage is not None and streamed and usage and not told else result

    def models(self, span: Span) -> tuple[str | None, str | None]:
        """Return the response's and the request's model."""
        answered, asked = super().models(span)
        return answered or text(span.attributes, *_keys(span.attributes, "model")), asked

    def provider(self, span: Span) -> str | None:
        """Return the provider that LiteLLM chose."""
        return super().provider(span) or _provider(span.attributes)

    def input_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the prompt, also in the provider's own shape."""
        sent = first(span.attributes, *_keys(span.attributes, "messages", "input", "contents"))
        return super().input_messages(span) or (read.messages(sent, "user") if sent is not None else None)

    def output_messages(self, span: Span) -> tuple[Message, ...] | None:
        """Return the answer in the provider's own shape where the span has it, else LiteLLM's summary."""
        choices = sequence(structured(first(span.attributes, *_keys(span.attributes, "choices"))))
        said: list[Json] = [mapping(choice).get("message") for choice in choices]
        content = structured(first(span.attributes, *_keys(span.attributes, "content")))
        if not said and content is not None and text(span.attributes, *_keys(span.attributes, "stop_reason")):
            said = [{"role": "assistant", "content": content}]
        if not said:
            said = list(sequence(structured(first(span.attributes, *_keys(span.attributes, "output")))))
        found = read.messages(said, "assistant") if said else None
        return found or _summary(super().output_messages(span), span.attributes)

    def system_instructions(self, span: Span) -> tuple[Part, ...] | None:
        """Return the system prompt where the provider takes it apart from the messages."""
        return super().system_instructions(span) or read.system_parts(
            first(span.attributes, *_keys(span.attributes, "system", "instructions"))
        )

    def tool_definitions(self, span: Span) -> tuple[ToolDefinition, ...] | None:
        """Return the tools offered."""
        offered: object = list_at(span.attributes, "llm.request.functions") or first(
            span.attributes, *_keys(span.attributes, "tools")
        )
        return super().tool_definitions(span) or (read.tool_definitions(offered) if offered else None)

    def request_ids(self, span: Span) -> tuple[str, ...]:
        """Return the response's id, which both spans carry."""
        ids = (*super().request_ids(span), text(span.attributes, *_keys(span.attributes, "id")))
        return tuple(dict.fromkeys(found for found in ids if found))


def _summary(said: tuple[Message, ...] | None, sent: Attributes) -> tuple[Message, ...] | None:
    """Add the tool calls that LiteLLM lists apart from the answer's text, if they are not in it."""
    if any(isinstance(part, ToolRequest) for message in said or () for part in message.parts):
        return said
    listed = [item for item in list_at(sent, "gen_ai.completion") if mapping(mapping(item).get("function_call"))]
    return (*(said or ()), *(read.messages(listed, "assistant") or ())) or None


def _known(plain: int | None, *others: Json) -> int | None:
    return plain if plain is not None else next((n for other in others if (n := as_count(other)) is not None), None)


def _provider(sent: Attributes) -> str | None:
    """Return the provider in `llm.<provider>.*`."""
    names = (key.removeprefix(_SENT).split(".", 1) for key in sent if key.startswith(_SENT))
    return next((parts[0] for parts in names if len(parts) > 1 and parts[0] not in _OWN), None)


def _keys(sent: Attributes, *names: str) -> tuple[str, ...]:
    provider = _provider(sent)
    return tuple(f"{_SENT}{provider}.{name}" for name in names) if provider is not None else ()
