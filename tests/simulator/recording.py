"""Turns a run into the session that normalisation would make of its telemetry, with what a source may leave out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from processors.model import AgentRun, Context, Message, ModelCall, Session, StepError, ToolCall, ToolRequest
from processors.model import Step as AnyStep
from tests.simulator.agent import MadeAgent, MadeCall, MadeTool, Run

SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """What the source sends."""

    content: bool = True
    """Messages, tool arguments and results."""
    arguments: bool = True
    """Tool arguments where there is no other content."""
    reasoning: bool = True
    """Reasoning tokens apart from output tokens."""
    agents: bool = True
    """Agent spans."""
    asked_by: bool = True
    """Which model call asked for a tool."""
    lost_usage: float = 0.0
    """The share of calls whose usage is missing."""


FULL = Capture()
NO_CONTENT = Capture(content=False)
HIDDEN_REASONING = Capture(reasoning=False)


def nano(seconds: float) -> int:
    """Nanoseconds since the epoch."""
    return round(seconds * SECOND)


def record(run: Run, provider: str, capture: Capture = FULL, seed: int = 0) -> Session:
    """Make the session of a run; ids are the keys of the plan."""
    random = Random(seed)
    steps: list[AnyStep] = [_model_call(call, provider, capture, random) for call in run.calls]
    steps += [_tool_call(tool, capture) for tool in run.tools]
    if capture.agents:
        steps += [_agent(agent, capture) for agent in run.agents]
    steps.sort(key=lambda step: (step.started_at, not isinstance(step, AgentRun), step.step_id))
    return Session(
        session_id="simulated",
        session_source="session.id",
        started_at=min(step.started_at for step in steps),
        ended_at=max(step.ended_at for step in steps),
        steps=tuple(steps),
        contexts=_contexts(run) if capture.agents else (),
    )


def _contexts(run: Run) -> tuple[Context, ...]:
    return tuple(
        Context(agent.key, agent.key, tuple(call.key for call in run.calls if call.agent_key == agent.key))
        for agent in run.agents
    )


def _model_call(call: MadeCall, provider: str, capture: Capture, random: Random) -> ModelCall:
    usage = call.usage if capture.reasoning else replace(call.usage, reasoning_output_tokens=None)
    lost = random.random() < capture.lost_usage
    system, rest = call.prompt[0], call.prompt[1:]
    return ModelCall(
        step_id=call.key,
        span_id=call.key,
        parent_step_id=call.agent_key if capture.agents else None,
        name=call.model,
        started_at=nano(call.started),
        ended_at=nano(call.ended),
        dialect="simulated",
        provider=provider,
        model=call.model,
        usage=None if lost else usage,
        usage_missing="not sent" if lost else None,
        input_messages=rest if capture.content else None,
        output_messages=(call.answer,) if capture.content else None,
        system_instructions=system.parts if capture.content else None,
        finish_reasons=("tool_calls",) if _asks(call.answer) else ("stop",),
    )


def _asks(answer: Message) -> bool:
    return any(isinstance(part, ToolRequest) for part in answer.parts)


def _tool_call(tool: MadeTool, capture: Capture) -> ToolCall:
    planned = tool.planned
    return ToolCall(
        step_id=tool.key,
        span_id=tool.key,
        parent_step_id=tool.agent_key if capture.agents else None,
        name=planned.tool,
        started_at=nano(tool.started),
        ended_at=nano(tool.ended),
        dialect="simulated",
        tool_call_id=tool.key,
        arguments=planned.arguments if capture.content or capture.arguments else None,
        result=tool.result if capture.content else None,
        requested_by=tool.asked_by if capture.asked_by else None,
        error=StepError(planned.error, tool.result if capture.content else "") if planned.error else None,
    )


def _agent(agent: MadeAgent, capture: Capture) -> AgentRun:
    return AgentRun(
        step_id=agent.key,
        span_id=agent.key,
        parent_step_id=agent.started_by,
        name=agent.name,
        agent_name=agent.name,
        started_at=nano(agent.started),
        ended_at=nano(agent.ended),
        dialect="simulated",
        is_sub_agent=agent.started_by is not None,
        delegated_by=agent.started_by,
        answer=agent.answer if capture.content else None,
    )
