"""Token counts of OpenInference's spans: where frameworks and older releases left them, and which they left out.

Source: openinference-semantic-conventions 0.1.42 and the instrumentations of 2025 and 2026.
"""

from __future__ import annotations

import re

from collector.model import Attributes, Span
from processors.normalise.dialect import release
from processors.normalise.dialects.gen_ai_names import CACHE_READ_TOKENS, CACHE_WRITE_TOKENS, REASONING_TOKENS
from processors.normalise.dialects.openinference_messages import langchain_answer, raw_output
from processors.normalise.printed import printed_counts
from processors.normalise.usage import Counts
from processors.normalise.values import as_count, count, first, mapping, sequence, structured

_TOKENS = "llm.token_count."
_PRINTED = {
    "cache_read": f"{_TOKENS}prompt_details.cache_read",
    "cache_write": f"{_TOKENS}prompt_details.cache_write",
    "reasoning": f"{_TOKENS}completion_details.reasoning",
}
_BEFORE_USAGE = re.compile(r"\busage(?:=|': )")
_WITHOUT_CACHED_TOKENS = (
    "openinference.instrumentation.autogen_agentchat",
    "openinference.instrumentation.openai_agents",
    "openinference.instrumentation.smolagents",
    "strands.telemetry.tracer",
)
"""Instrumentations that pass on two counts of a chat completion.

That of the agents SDK sends cached tokens of a response, zeros too; that of smolagents where nothing is streamed; the
translation of Strands' own spans none.
"""

_ANTHROPIC = "openinference.instrumentation.anthropic"
_WHOLE_STREAMS = (1, 0)
"""The release from which the input count of Anthropic's streams includes cached tokens."""
_CACHED_SINCE = {
    _ANTHROPIC: (2, 0),
    "openinference.instrumentation.google_genai": (0, 1, 12),
    "openinference.instrumentation.langchain": (0, 1, 52),
}
"""The releases from which every span says how many tokens were cached: before, none did, or none of a stream."""

_FIRST_OUTPUTS = ("openinference.instrumentation.claude_agent_sdk",)
"""Instrumentations that sum up what the first events of streams say of the output, which is a token or a few."""


def counts(span: Span) -> Counts:
    """Return the token counts; translators of the conventions' spans leave their parts under the names they had."""
    sent = {**_printed_usage(span), **_langchain_usage(span), **_answered_usage(span), **span.attributes}
    return Counts(
        input=None if _fresh_alone(span) else count(sent, f"{_TOKENS}prompt"),
        cache_read=count(
            sent,
            f"{_TOKENS}prompt_details.cache_read",
            f"{_TOKENS}prompt_details.cache_input",
            *CACHE_READ_TOKENS,
        ),
        cache_write=count(sent, f"{_TOKENS}prompt_details.cache_write", *CACHE_WRITE_TOKENS),
        output=None if span.scope.name in _FIRST_OUTPUTS else count(sent, f"{_TOKENS}completion"),
        reasoning=count(sent, f"{_TOKENS}completion_details.reasoning", *REASONING_TOKENS),
        total=count(sent, f"{_TOKENS}total"),
        cached_input="unknown",
        reasoning_output="unknown",
    )


def drops_cached(span: Span) -> bool:
    """Tell whether the instrumentation is known to have dropped the cached tokens."""
    return span.scope.name.startswith(_WITHOUT_CACHED_TOKENS) or _is_before_cached(span)


def _is_before_cached(span: Span) -> bool:
    """Tell a release before the one that sent cached tokens."""
    since = _CACHED_SINCE.get(span.scope.name)
    return since is not None and release(span) < since


def _printed_usage(span: Span) -> Attributes:
    """Return the parts of the usage that stand only in the printed form of the vendor's response or of the reply."""
    if "smolagents" in span.scope.name:
        reply = raw_output(span).get("raw")
    elif "haystack" in span.scope.name:
        reply = next(iter(sequence(raw_output(span).get("replies"))), None)
    else:
        return {}
    usage = _BEFORE_USAGE.split(reply)[-1] if isinstance(reply, str) else ""
    return {_PRINTED[name]: number for name, number in printed_counts(usage).items() if name in _PRINTED}


def _fresh_alone(span: Span) -> bool:
    """Tell a stream of which the input count leaves out the cached tokens, which are sent nowhere else."""
    asked = mapping(structured(first(span.attributes, "llm.invocation_parameters")))
    return asked.get("stream") is True and span.scope.name == _ANTHROPIC and release(span) < _WHOLE_STREAMS


def _answered_usage(span: Span) -> Attributes:
    """Return the vendor's own counts of cached tokens: releases that drop them leave them in the raw answer."""
    if not _is_before_cached(span):
        return {}
    raw = raw_output(span)
    usage, of_gemini = mapping(raw.get("usage")), mapping(raw.get("usage_metadata"))
    read_ = of_gemini.get("cached_content_token_count") or 0 if of_gemini else usage.get("cache_read_input_tokens")
    counts = {
        _PRINTED["cache_read"]: as_count(read_),
        _PRINTED["cache_write"]: as_count(usage.get("cache_creation_input_tokens")),
        _PRINTED["reasoning"]: as_count(of_gemini.get("thoughts_token_count")),
    }
    return {name: number for name, number in counts.items() if number is not None}


def _langchain_usage(span: Span) -> Attributes:
    """Return the parts that the instrumentation in JavaScript, and older releases in Python, leave in the message."""
    usage = mapping(mapping(langchain_answer(span).get("kwargs")).get("usage_metadata"))
    given, answered = mapping(usage.get("input_token_details")), mapping(usage.get("output_token_details"))
    counts = {
        _PRINTED["cache_read"]: as_count(given.get("cache_read")),
        _PRINTED["cache_write"]: as_count(given.get("cache_creation")),
        _PRINTED["reasoning"]: as_count(answered.get("reasoning")),
    }
    return {name: number for name, number in counts.items() if number is not None}
