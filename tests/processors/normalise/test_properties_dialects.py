"""A run made up at random comes to the same in every dialect that tells it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.processors.normalise.counting import Counted, counted
from tests.processors.normalise.made_up import Told, Tool, Turn, tools, total
from tests.processors.normalise.speakers import SPEAKERS, claude_code

WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=12)
COUNTS = {
    "input_tokens": "given",
    "cache_read_input_tokens": "read",
    "cache_write_input_tokens": "written",
    "output_tokens": "answered",
    "reasoning_output_tokens": "reasoned",
}


@st.composite
def turns(draw: st.DrawFn) -> tuple[Turn, ...]:
    """Return a run: every turn but the last asks for a tool."""
    found = []
    for left in range(draw(st.integers(1, 4)), 0, -1):
        fresh, read, written = (draw(st.integers(1, 9000)), draw(st.integers(0, 9000)), draw(st.integers(0, 9000)))
        reasoned = draw(st.integers(0, 400))
        tool = Tool(draw(st.sampled_from(("look", "fetch"))), draw(WORDS), f"found {draw(WORDS)}", draw(st.booleans()))
        whole = fresh + read + written
        found.append(
            Turn(whole, read, written, reasoned + draw(st.integers(1, 400)), reasoned, tool if left > 1 else None)
        )
    return tuple(found)


def heard(told: Told) -> Counted:
    """Return what a dialect's telling comes to."""
    return counted(told.spans, told.logs)


@pytest.mark.parametrize("speaker", SPEAKERS)
@settings(max_examples=25, deadline=None)
@given(run=turns())
def test_every_dialect_tells_the_same_run(speaker: object, run: tuple[Turn, ...]) -> None:
    """Calls, tokens by kind, tools with arguments, results and failures, agents and prompts do not depend on it."""
    assert callable(speaker)
    found = heard(speaker(run))
    assert len(found.sessions) == 1
    assert len(found.calls) == len(run)
    for kind, name in COUNTS.items():
        assert found.tokens(kind) in {total(run, name), None if kind.startswith("reasoning") else total(run, name)}
    assert [(tool.name, json.loads(tool.arguments or "null")) for tool in found.tools] == [
        (tool.name, {"path": tool.argument}) for tool in tools(run)
    ]
    assert [tool.error is not None for tool in found.tools] == [tool.failed for tool in tools(run)]
    if speaker is not claude_code:
        assert [tool.result for tool in found.tools] == [tool.result for tool in tools(run)]
        assert [tool.requested_by for tool in found.tools] == [call.step_id for call in found.calls[: len(run) - 1]]
        assert [agent.name for agent in found.agents] == ["speaker"]
        assert len(found.sessions[0].contexts) == 1
    assert {(call.model, call.note, call.usage_missing) for call in found.calls} == {("gpt-5", None, None)}
