"""What a source does not send is not counted as zero, and the session says so."""

from __future__ import annotations

import pytest

from collector.model import Attributes, AttributeValue
from collector.store import Signals
from processors.normalise.gaps import NO_MODEL_CALLS, NO_TOOL_CALLS
from processors.pipeline import compile_group
from processors.pricing import price_book
from processors.rows import session_row
from tests.processors.normalise.counting import spans_of

MAKE = spans_of("some.framework")
AGENT: dict[str, AttributeValue] = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a"}
CHAT: dict[str, AttributeValue] = {
    "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5",
    "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5,
}  # fmt: skip
TOOL: dict[str, AttributeValue] = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look"}
TOTAL: dict[str, AttributeValue] = {
    "gen_ai.usage.input_tokens": 10,
    "gen_ai.usage.output_tokens": 5,
    "gen_ai.request.model": "gpt-5",
}
ANSWER: dict[str, AttributeValue] = {
    "gen_ai.output.messages": '[{"role": "assistant", "parts": [{"type": "text", "content": "ok"}]}]'
}


@pytest.mark.parametrize(
    ("sent", "calls", "tools"),
    [
        ([AGENT], None, None),
        ([AGENT | TOTAL], None, None),
        ([AGENT, TOOL], None, 1),
        ([AGENT, CHAT], 1, None),
        ([AGENT, CHAT | {"gen_ai.response.finish_reasons": ["tool_calls"]}], 1, None),
        ([AGENT, CHAT | {"gen_ai.response.finish_reasons": ["stop"]}], 1, 0),
        ([AGENT, CHAT | ANSWER], 1, 0),
        ([AGENT, CHAT, TOOL], 1, 1),
    ],
)
def test_none_seen_is_zero_only_where_it_would_have_been_seen(
    sent: list[Attributes], calls: int | None, tools: int | None
) -> None:
    """Calls are unknown where only agents and tools are sent, tools where neither runs nor requests could be seen."""
    spans = tuple(
        MAKE(number, "s", each, parent=1 if number > 1 else None, at=(number, number + 1))
        for number, each in enumerate(sent, 1)
    )
    (found,) = compile_group(Signals(spans, ()), price_book())
    row = session_row(found)
    assert (row["llm_call_count"], row["tool_call_count"]) == (calls, tools)
    assert (found.card.llm_call_count, found.card.tool_call_count) == (calls, tools)
    assert (NO_MODEL_CALLS in found.session.gaps, NO_TOOL_CALLS in found.session.gaps) == (calls is None, tools is None)
