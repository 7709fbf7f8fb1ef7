"""Every figure of every recording against what the model server really served."""

from __future__ import annotations

from collections import Counter

import pytest

from processors.model import AgentRun, ModelCall, ToolCall, ToolRequest
from processors.normalise import normalise
from processors.normalise.messages import arguments
from tests.processors.normalise.truth import table
from tests.processors.support import OWN_RECORDINGS, RECORDINGS, load_recording, load_truth


@pytest.mark.parametrize("name", [*RECORDINGS, *OWN_RECORDINGS])
def test_figures_equal_the_truth_or_are_missing_for_a_reason(name: str) -> None:
    """No figure is wrong: each equals the truth or is less, for a reason that the recording itself proves."""
    assert [str(cell) for cell in table(name) if not cell.holds] == []


@pytest.mark.parametrize("name", [*RECORDINGS, *OWN_RECORDINGS])
def test_tools_are_those_that_ran(name: str) -> None:
    """Tools carry the names and, where content was captured, the arguments that the model really asked for."""
    truth = load_truth(name)["tools"]
    tools = [
        step
        for session in normalise(*load_recording(name))
        for step in session.steps
        if isinstance(step, ToolCall) and step.counted_by is None
    ]
    seen = Counter((tool.name, tool.arguments) for tool in tools if tool.arguments is not None)
    served = Counter((tool["name"], arguments(tool["args"])) for tool in truth)
    assert seen <= served
    assert Counter(tool.name for tool in tools) <= Counter(tool["name"] for tool in truth)


@pytest.mark.parametrize("name", [*RECORDINGS, *OWN_RECORDINGS])
def test_failed_tools_are_the_ones_that_failed(name: str) -> None:
    """A tool call is failed exactly if the tool really failed, by its id where the dialect sends one."""
    truth = load_truth(name)
    failed = [
        step
        for session in normalise(*load_recording(name))
        for step in session.steps
        if isinstance(step, ToolCall) and step.counted_by is None and step.error is not None
    ]
    known = {tool["id"] for tool in truth["tools"] if tool["id"]}
    assert all(step.tool_call_id in truth["failed_tool_calls"] for step in failed if step.tool_call_id in known)


@pytest.mark.parametrize("name", RECORDINGS)
def test_delegations_are_sub_agents(name: str) -> None:
    """Each delegation is one sub-agent, known by the tool call that started it, and nothing else is one."""
    sessions = normalise(*load_recording(name))
    runs = [
        step
        for session in sessions
        for step in session.steps
        if isinstance(step, AgentRun) and step.is_sub_agent and step.counted_by is None
    ]
    delegations = {item["id"] for item in load_truth(name)["delegations"]}
    tools = {step.step_id: step for session in sessions for step in session.steps if isinstance(step, ToolCall)}
    assert {tools[run.delegated_by or ""].tool_call_id for run in runs} == delegations


@pytest.mark.parametrize("name", [*RECORDINGS, *OWN_RECORDINGS])
def test_contexts_cover_every_counted_call_once(name: str) -> None:
    """Every chat call that counts is in exactly one context, together only with calls of its own agent."""
    for session in normalise(*load_recording(name)):
        chats = {
            step.step_id: step
            for step in session.steps
            if isinstance(step, ModelCall) and step.operation == "chat" and step.counted_by is None
        }
        members = [step_id for context in session.contexts for step_id in context.call_step_ids]
        assert sorted(members) == sorted(chats)
        for context in session.contexts:
            assert len({chats[step_id].agent_name for step_id in context.call_step_ids}) == 1


@pytest.mark.parametrize("name", RECORDINGS)
def test_main_and_sub_agent_have_contexts_of_their_own(name: str) -> None:
    """The calls that the server attributes to the main loop and to the sub-agent never share a context."""
    by_agent = load_truth(name)["llm_calls_by_agent"]
    contexts = [context for session in normalise(*load_recording(name)) for context in session.contexts]
    largest = sorted((len(context.call_step_ids) for context in contexts), reverse=True)
    if len(contexts) > by_agent["main"]:
        pytest.skip("one trace per call and no session key")
    assert largest[0] == by_agent["main"]


@pytest.mark.parametrize("name", RECORDINGS)
def test_tools_know_who_asked_for_them(name: str) -> None:
    """Where answers were captured, every tool run names the model call whose answer holds its request."""
    for session in normalise(*load_recording(name)):
        calls = {step.step_id: step for step in session.steps if isinstance(step, ModelCall)}
        asked = {
            (step_id, part.name)
            for step_id, call in calls.items()
            for message in call.output_messages or ()
            for part in message.parts
            if isinstance(part, ToolRequest)
        }
        for step in session.steps:
            if isinstance(step, ToolCall) and step.requested_by is not None:
                assert (step.requested_by, step.name) in asked
                assert calls[step.requested_by].counted_by is None
