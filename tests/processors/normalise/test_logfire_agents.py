"""Logfire's instrumentation of OpenAI's agents SDK, against a recorded run and spans built by hand from it."""

from __future__ import annotations

import json

from tests.processors.normalise.counting import KINDS, counted, served_tools, spans_of
from tests.processors.support import load_recording, load_truth

_MAKE = spans_of("logfire.openai_agents")
_USAGE = json.dumps(
    {
        "input_tokens": 2000,
        "output_tokens": 72,
        "input_tokens_details": {"cached_tokens": 1920},
        "output_tokens_details": {"reasoning_tokens": 64},
    }
)


def test_a_run_is_as_it_was_served() -> None:
    """Calls, tokens, tools, the failure and the agent inside a tool are those that the model server knows of."""
    found, truth = counted(*load_recording("logfire-agents")), load_truth("logfire-agents")
    assert len(found.answered) == truth["llm_calls"]
    assert found.requested() == served_tools(truth)
    assert sum(tool.error is not None for tool in found.tools) == len(truth["failed_tool_calls"])
    assert [(agent.name, agent.is_sub_agent) for agent in found.agents] == [
        ("analyst", False),
        ("report_checker", True),
    ]
    assert [found.tokens(kind) for kind in KINDS] == [truth[kind] for kind in KINDS]


def test_turns_and_tasks_are_not_added_to_their_calls() -> None:
    """They repeat the usage of what is in them."""
    around = [_MAKE(1, "Task: x", {"usage": _USAGE}), _MAKE(2, "Turn {turn} for agent a", {"usage": _USAGE}, parent=1)]
    sent = {"gen_ai.request.model": "gpt-5", "usage": _USAGE}
    call = _MAKE(3, "Responses API with {gen_ai.request.model!r}", sent, parent=2)
    assert counted([*around, call]).tokens("cache_read_input_tokens") == 1920


def test_a_handoff_is_the_tool_that_the_model_called() -> None:
    """It is named after its target."""
    sent = {"from_agent": "a", "to_agent": "b"}
    (tool,) = counted([_MAKE(1, "Handoff: {from_agent} → {to_agent}", sent)]).tools
    assert tool.name == "transfer_to_b"
