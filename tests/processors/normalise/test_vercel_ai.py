"""Vercel AI SDK 3 to 5: what its own names leave out is read off the vendor's metadata, or unknown.

The attributes are those of real exports of ai 4.3.19 and 5.0.277 against a scripted model server.
"""

from __future__ import annotations

import json

import pytest

from collector.model import Attributes, AttributeValue
from processors.model import ModelCall, Usage
from processors.normalise.usage import CACHED_NOT_SENT, NO_OUTPUT
from tests.processors.normalise.counting import counted, spans_of

_MAKE = spans_of("ai")
_OLD: Attributes = {"ai.usage.promptTokens": 132, "ai.usage.completionTokens": 38}
_NEW: Attributes = {"ai.usage.inputTokens": 2289, "ai.usage.outputTokens": 8, "ai.usage.totalTokens": 2327}
_RAW = {"input_tokens": 132, "output_tokens": 38, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 2170}
_GEMINI = {"cachedContentTokenCount": 2176, "thoughtsTokenCount": 30, "promptTokenCount": 2289,
           "candidatesTokenCount": 8, "totalTokenCount": 2327}  # fmt: skip


def call(provider: str, sent: Attributes, told: object = None) -> ModelCall:
    """Return the call of one request with these counts and this metadata."""
    about = {"ai.operationId": "ai.generateText.doGenerate", "ai.model.provider": provider, "ai.model.id": "m-1"}
    metadata = {} if told is None else {"ai.response.providerMetadata": json.dumps(told)}
    (found,) = counted([_MAKE(1, "ai.generateText.doGenerate", {**about, **sent, **metadata})]).calls
    assert isinstance(found, ModelCall)
    return found


@pytest.mark.parametrize(
    ("told", "written"),
    [
        ({"usage": _RAW, "cacheCreationInputTokens": 5}, 5),
        ({"cacheCreationInputTokens": 5, "cacheReadInputTokens": 2170}, 5),
    ],
)
def test_anthropics_metadata_tells_cached_tokens_beside_the_input(told: object, written: int) -> None:
    """The SDK's own input leaves them out; versions 4 and 5 tell them in two ways."""
    expected = Usage(
        input_tokens=2307, cache_read_input_tokens=2170, cache_write_input_tokens=written, output_tokens=38
    )
    assert call("anthropic.messages", _OLD, {"anthropic": told}).usage == expected


def test_geminis_metadata_tells_thoughts_beside_the_output() -> None:
    """Its output counts no thoughts, its input the cached tokens."""
    usage = call("google.generative-ai", _NEW, {"google": {"usageMetadata": _GEMINI}}).usage
    assert usage == Usage(input_tokens=2289, cache_read_input_tokens=2176, output_tokens=38, reasoning_output_tokens=30)


def test_openais_metadata_tells_cached_and_reasoning_tokens() -> None:
    """Version 4 told both there; they are parts of the whole counts."""
    told = {"openai": {"reasoningTokens": 30, "cachedPromptTokens": 128}}
    usage = call("openai.chat", _OLD, told).usage
    assert usage == Usage(input_tokens=132, cache_read_input_tokens=128, output_tokens=38, reasoning_output_tokens=30)


@pytest.mark.parametrize(("prompt", "missing"), [(2291, CACHED_NOT_SENT), (900, None)])
def test_cached_tokens_that_no_name_could_tell_are_unknown(prompt: int, missing: str | None) -> None:
    """A prompt long enough to be cached, under names that have no place for it, has no certain price."""
    sent: Attributes = {"ai.usage.promptTokens": prompt, "ai.usage.completionTokens": 8}
    assert call("openai.chat", sent, {"openai": {}}).usage_missing == missing


@pytest.mark.parametrize(("model", "output"), [("gemini-2.5-flash", None), ("gemini-2.0-flash", 10)])
def test_the_output_of_a_model_whose_thoughts_have_no_name_is_unknown(model: str, output: int | None) -> None:
    """Version 4 sends Gemini's visible output alone: no count, where thoughts may have been billed besides."""
    sent: dict[str, AttributeValue] = {
        "ai.operationId": "ai.generateText.doGenerate",
        "ai.model.provider": "google.generative-ai",
        "ai.model.id": model,
        "ai.usage.promptTokens": 500,
        "ai.usage.completionTokens": 10,
    }
    (call,) = counted([_MAKE(1, "ai.generateText.doGenerate", sent)]).calls
    assert call.usage is not None
    assert call.usage.output_tokens == output
    assert call.usage_missing == (None if output else NO_OUTPUT)
