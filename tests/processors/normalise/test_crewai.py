"""CrewAI's own tracing: single spans built by hand from the attributes of crewai 1.15, beside a recorded run."""

from __future__ import annotations

from tests.processors.normalise.counting import counted, spans_of
from tests.processors.support import load_recording

_MAKE = spans_of("crewai.telemetry")
_KEY = {"crewai.execution_uuid": "run-1"}
_CREW = {
    **_KEY, "gen_ai.operation.name": "invoke_workflow",
    "crewai.crew.usage_metrics": '{"prompt_tokens": 500, "completion_tokens": 20, "total_tokens": 520,'
    ' "cached_prompt_tokens": 100, "successful_requests": 1}',
}  # fmt: skip
_AGENT = {**_KEY, "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "Analyst"}
_CALL = {
    **_KEY, "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini", "gen_ai.usage.input_tokens": 500,
    "gen_ai.usage.output_tokens": 20, "gen_ai.usage.cache_read.input_tokens": 100, "gen_ai.usage.reasoning_tokens": 8,
}  # fmt: skip
_TOOL = {
    **_KEY, "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look", "gen_ai.tool.call.arguments": "{}",
    "error.type": "ValueError",
}  # fmt: skip
_AROUND = (
    _MAKE(1, "execute crew", _CREW, at=(0, 9)),
    _MAKE(2, "execute task", {**_KEY, "gen_ai.operation.name": "execute_task"}, parent=1, at=(0, 8)),
    _MAKE(3, "execute agent", _AGENT, parent=2, at=(1, 7)),
)
_WORK = (
    _MAKE(4, "call llm", _CALL, parent=3, at=(2, 3)),
    _MAKE(5, "call tool", _TOOL, parent=3, at=(4, 5), status=2),
)


def test_usage_is_counted_on_the_call_alone() -> None:
    """The crew's total stands beside its calls and is not added."""
    found = counted([*_AROUND, *_WORK])
    assert len(found.calls) == 1
    assert found.tokens("input_tokens") == 500
    assert found.tokens("cache_read_input_tokens") == 100
    assert found.tokens("output_tokens") == 20
    assert found.tokens("reasoning_output_tokens") == 8


def test_a_crew_without_calls_counts_its_total() -> None:
    """Where no call was sent, the crew's own total is counted, once."""
    found = counted(_AROUND)
    assert found.tokens("input_tokens") == 500
    assert found.tokens("output_tokens") == 20


def test_agents_tools_and_session_are_named() -> None:
    """The execution is the session; the agent and its failed tool carry their names."""
    found = counted([*_AROUND, *_WORK])
    assert [session.session_id for session in found.sessions] == ["run-1"]
    assert [agent.name for agent in found.agents] == ["Analyst"]
    assert [(tool.name, tool.error is not None, tool.agent_name) for tool in found.tools] == [("look", True, "Analyst")]


def test_the_real_exporters_agents_and_tools() -> None:
    """Agents go by their role, not by its hash; the span that repeats a tool's failure is no second tool."""
    found = counted(*load_recording("crewai"))
    assert {step.dialect for step in found.steps} == {"crewai"}
    assert [(agent.name, agent.is_sub_agent) for agent in found.agents] == [
        ("analyst", False),
        ("report_checker", True),
    ]
    assert [tool.name for tool in found.tools if tool.error is not None] == ["fetch_rates"]
    assert len(found.sessions) == 1


def test_openllmetrys_crew_is_no_agent() -> None:
    """Of the spans that it calls agents only the agents' own are; what the crew used is all that is known of it."""
    found = counted(*load_recording("crewai-traceloop"))
    assert [agent.name for agent in found.agents] == ["analyst", "report_checker"]
    assert found.tokens("reasoning_output_tokens") == 128
