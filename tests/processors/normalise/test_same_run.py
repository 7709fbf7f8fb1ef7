"""One run seen through two instrumentations: the recordings were made with the same script and the same answers."""

from __future__ import annotations

import pytest

from processors.model import AgentRun, ModelCall, ToolCall
from processors.normalise import normalise
from tests.processors.support import load_recording

SAME_SCRIPT = (("langgraph-openinference", "langgraph-traceloop"), ("oai-openinference", "oai-traceloop"))


def structure(name: str) -> list[tuple[object, ...]]:
    """Return what counts in a recording, step by step, without what differs by chance: ids and times."""
    found: list[tuple[object, ...]] = []
    for session in normalise(*load_recording(name)):
        owners = {step.step_id: step.agent_name for step in session.steps}
        for step in session.steps:
            if step.counted_by is not None:
                continue
            if isinstance(step, ModelCall):
                tokens = step.usage and (step.usage.input_tokens, step.usage.output_tokens)
                found.append(("call", step.model, tokens, owners[step.step_id], step.error is not None))
            elif isinstance(step, ToolCall):
                found.append(("tool", step.name, step.arguments, step.result, step.agent_name, step.error is not None))
            elif isinstance(step, AgentRun):
                found.append(("agent", step.name, step.is_sub_agent))
    return found


@pytest.mark.parametrize(("one", "other"), SAME_SCRIPT)
def test_two_dialects_give_one_structure(one: str, other: str) -> None:
    """The same run gives the same calls, tools, agents and failures in the same order, whoever watched it."""
    assert structure(one) == structure(other)
