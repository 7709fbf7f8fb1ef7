"""OpenInference, as its instrumentation of OpenAI's agents SDK really sent a run over the chat API.

Three calls of which two ask for a tool; what the server served stands below.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from processors.normalise.usage import CACHED_NOT_SENT
from processors.pricing import Unpriced, price_book
from processors.pricing.session import price
from tests.processors.normalise.counting import counted, recorded
from tests.processors.support import load_export

CHAT = "openinference-instrumentation-openai-agents-2.6.0"
SERVED = [(77, 15), (136, 15), (195, 2)]


def test_chat_completions_come_without_their_cached_tokens() -> None:
    """Two counts are passed on of four: what was cached is unknown, which is said, and no upper bound is a price."""
    found = counted(load_export(CHAT))
    assert [(usage.input_tokens, usage.output_tokens) for usage in found.usages] == SERVED
    assert {call.usage_missing for call in found.calls} == {CACHED_NOT_SENT}
    assert found.tokens("cache_read_input_tokens") is None


def test_long_prompts_without_their_cached_tokens_have_no_price() -> None:
    """A prompt that could have been read from the cache has no price while it is not known whether it was."""
    book = price_book()
    longer = {"llm.token_count.prompt": 5000}
    spans = [
        replace(span, attributes={**span.attributes, **longer}) if longer.keys() <= span.attributes.keys() else span
        for span in load_export(CHAT)
    ]
    (session,) = counted(spans).sessions
    assert list(price(session, book).values()) == [Unpriced("usage_incomplete cached tokens")] * len(SERVED)


def test_responses_come_with_them() -> None:
    """Over the Responses API cached tokens are sent, zeros too: nothing is missing."""
    found, _ = recorded("agents-openinference-responses")
    assert Counter(call.usage_missing for call in found.calls) == {None: len(found.calls)}


def test_tools_and_agent_are_those_that_ran() -> None:
    """One agent and two tools, by their real names, arguments and results."""
    found = counted(load_export(CHAT))
    assert [agent.name for agent in found.agents] == ["reader"]
    assert [(tool.name, tool.arguments, tool.result) for tool in found.tools] == [
        ("look", '{"path":"a.csv"}', "seen a.csv")
    ] * 2
