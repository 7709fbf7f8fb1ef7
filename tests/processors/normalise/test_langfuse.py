"""Langfuse's SDK, in the attributes of release 5.0."""

from __future__ import annotations

import json

import pytest

from collector.model import AttributeValue
from tests.processors.normalise.counting import KINDS, counted, spans_of

MAKE = spans_of("langfuse-sdk")
OPENAI: dict[str, object] = {
    "prompt_tokens": 1276, "completion_tokens": 66, "total_tokens": 1342,
    "prompt_tokens_details": {"cached_tokens": 1152}, "completion_tokens_details": {"reasoning_tokens": 64},
}  # fmt: skip
ANTHROPIC: dict[str, object] = {"input_tokens": 24, "cache_read_input_tokens": 1000, "output_tokens": 9}
LANGCHAIN: dict[str, object] = {
    "input": 124, "output": 2, "total": 1342, "input_cache_read": 1152, "output_reasoning": 64,
}  # fmt: skip


def observed(kind: str, **more: object) -> dict[str, AttributeValue]:
    """Return an observation's attributes."""
    sent: dict[str, AttributeValue] = {"langfuse.observation.type": kind}
    for key, value in more.items():
        sent[f"langfuse.observation.{key}"] = value if isinstance(value, str) else json.dumps(value)
    return sent


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        (OPENAI, [1276, 1152, None, 66, 64]),
        (ANTHROPIC, [1024, 1000, None, 9, None]),
        (LANGCHAIN, [1276, 1152, None, 66, 64]),
    ],
)
def test_counts_mean_what_their_writer_means(usage: dict[str, object], counts: list[int | None]) -> None:
    """Vendors' usages keep their meaning; LangChain's handler has taken the parts out of the wholes."""
    found = counted([MAKE(1, "generation", observed("generation", usage_details=usage))])
    assert [found.tokens(kind) for kind in KINDS] == counts


def test_an_agents_chain_its_calls_and_tools() -> None:
    """A chain named like LangChain's agent is one; a call asks for the tool whose result stands in its output."""
    answer = {"role": "assistant", "tool_calls": [{"id": "call_1", "name": "look", "args": {"path": "a"}}]}
    told = {"metadata.lc_agent_name": json.dumps("analyst")}
    spans = [
        MAKE(1, "analyst", observed("chain", **told), at=(0, 9)),
        MAKE(2, "ChatOpenAI", observed("generation", output=answer, usage_details=OPENAI, **told), parent=1, at=(1, 2)),
        MAKE(3, "look", observed("tool", input={"path": "a"}, output={"content": "7 rows", "type": "tool",
             "tool_call_id": "call_1"}, **{"metadata.tool_call_id": "call_1"}), parent=1, at=(3, 4)),
    ]  # fmt: skip
    found = counted(spans)
    assert [agent.name for agent in found.agents] == ["analyst"]
    assert [(tool.arguments, tool.result, tool.requested_by) for tool in found.tools] == [
        ('{"path":"a"}', "7 rows", found.calls[0].step_id)
    ]


def test_other_producers_spans_are_not_langfuses() -> None:
    """Its span processor exports whatever runs in the program and marks it."""
    sent = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look", "langfuse.internal.is_app_root": True}
    assert {step.dialect for step in counted([spans_of("my-app")(1, "t", sent)]).steps} == {"gen_ai"}
