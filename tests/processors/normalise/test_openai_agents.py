"""OpenTelemetry's own instrumentation of OpenAI's agents SDK, as it really sent a run over the chat API.

Three calls of which two ask for a tool; what the scripted model server served stands below.
"""

from __future__ import annotations

from processors.normalise.usage import CACHED_NOT_SENT
from tests.processors.normalise.counting import counted
from tests.processors.support import load_export

EXPORT = "opentelemetry-instrumentation-openai-agents-v2-0.1.0"
SERVED = [(77, 15), (136, 15), (195, 2)]


def test_calls_and_tools_are_those_that_were_served() -> None:
    """Tokens of the calls, and tools with arguments and results; what was cached is unknown and said to be."""
    found = counted(load_export(EXPORT))
    assert {step.dialect for step in found.steps} == {"openai_agents"}
    assert [(usage.input_tokens, usage.output_tokens) for usage in found.usages] == SERVED
    assert {call.usage_missing for call in found.calls} == {CACHED_NOT_SENT}
    assert [(tool.name, tool.arguments, tool.result) for tool in found.tools] == [
        ("look", '{"path":"a.csv"}', "seen a.csv")
    ] * 2


def test_the_run_around_the_agent_is_no_agent() -> None:
    """One agent by its own name, nobody's sub-agent, to which all calls belong."""
    found = counted(load_export(EXPORT))
    assert [(agent.name, agent.is_sub_agent) for agent in found.agents] == [("reader", False)]
    assert {call.agent_name for call in found.calls} == {"reader"}
