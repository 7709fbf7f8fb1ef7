"""Agent runs: which are one, which are sub-agents, and who started them."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from processors.model import AgentRun, ModelCall, ToolCall
from processors.normalise.from_files import join_agents
from processors.normalise.sighting import Sighting
from processors.normalise.tools import HANDOFF, plain_name, tool_of
from processors.normalise.values import mapping, structured
from processors.normalise.work import Work, counting, rooted

SAME_RUN = "counted once: the same agent run around this span"
IMPLIED = "an agent that the source does not name: model calls and tools inside a tool"

_NAME_ARGUMENTS = ("agent_name", "subagent_type", "agent_type", "coworker", "agent", "assistant", "recipient")
"""Arguments under which delegating tools name whom they delegate to."""
_TRANSFER = "transfer_to_agent"
"""The tool by which an agent hands over to another, which only its argument names."""
_HANDOFF_WORDS = ("transfer", "handoff", "hand_off", "delegate", "spawn", "agent", "task")


def join(works: Sequence[Work]) -> None:
    """Let one sighting of each agent run count: an inner span of the same name with nothing between yields."""
    for work in works:
        if isinstance(work.step, AgentRun):
            outer = work.around
            if (
                outer is not None
                and isinstance(outer.step, AgentRun)
                and plain_name(outer.step.name) == plain_name(work.step.name)
            ):
                best = counting(outer)
                best.step = _merged(run_of(best), work.step)
                work.yield_to(best, SAME_RUN)


def run_of(work: Work) -> AgentRun:
    """Return the agent run of a work known to be one."""
    assert isinstance(work.step, AgentRun)  # noqa: S101 - narrows the type; callers filter
    return work.step


def _merged(run: AgentRun, other: AgentRun) -> AgentRun:
    return replace(
        run,
        agent_id=run.agent_id or other.agent_id,
        conversation_id=run.conversation_id or other.conversation_id,
        rollup_usage=run.rollup_usage or other.rollup_usage,
        reported_cost=run.reported_cost if run.reported_cost is not None else other.reported_cost,
        answer=run.answer or other.answer,
    )


def owner_of(work: Work) -> Work | None:
    """Return the agent run or tool run in which something was done."""
    nearest = next((above for above in work.surroundings() if isinstance(above.step, (AgentRun, ToolCall))), None)
    return counting(nearest) if nearest is not None else None


def imply(works: list[Work]) -> list[Work]:
    """Return agent runs for tools inside of which a model called tools or was called again and again.

    What is inside such a tool is hung on the new run. Runs that a session file tells of again are joined before.
    """
    join_agents(works)
    inside: dict[Work, list[Work]] = defaultdict(list)
    for work in works:
        if work.counted_by is None and isinstance(work.step, (ModelCall, ToolCall, AgentRun)):
            owner = owner_of(work)
            if owner is not None and isinstance(owner.step, ToolCall):
                inside[owner].append(work)
    added: dict[Work, Work] = {}
    for tool, members in inside.items():
        calls = sum(isinstance(work.step, ModelCall) for work in members)
        named = any(isinstance(work.step, AgentRun) for work in members)
        if not named and calls and (len(members) > 1 or members[0].sighting.agent_key is not None):
            added[tool] = _implied(tool, members)
    for work in works:
        above = counting(work.parent) if work.parent is not None else None
        if above in added and work.counted_by is None:
            work.move(added[above])
    rooted([*works, *added.values()])
    return list(added.values())


def _implied(tool: Work, members: Sequence[Work]) -> Work:
    asked = tool_of(tool)
    arguments = mapping(structured(asked.arguments or ""))
    named = next((str(arguments[key]) for key in _NAME_ARGUMENTS if isinstance(arguments.get(key), str)), None)
    name = next((work.step.agent_name for work in members if work.step.agent_name), None) or named or asked.name
    step = AgentRun(
        step_id=hashlib.sha256(f"{asked.step_id} agent".encode()).hexdigest()[:16],
        trace_id=asked.trace_id,
        name=name,
        agent_name=name,
        started_at=min(work.step.started_at for work in members),
        ended_at=max(work.step.ended_at for work in members),
        dialect=asked.dialect,
        agent_id=next((work.sighting.agent_key for work in members if work.sighting.agent_key), None),
        answer=asked.result,
        note=IMPLIED,
        inferred=True,
    )
    return Work(Sighting(step=step, scope=tool.sighting.scope), step, parent=tool, depth=tool.depth + 1)


def relate(works: Sequence[Work]) -> None:
    """Mark sub-agents and the tool calls that started them."""
    runs = sorted(
        (work for work in works if isinstance(work.step, AgentRun) and work.counted_by is None),
        key=lambda work: (work.step.started_at, work.step.step_id),
    )
    handoffs = _handoffs(works)
    blind = [work for work in handoffs.get(HANDOFF, ()) if _names_nobody(tool_of(work))]
    for work in runs:
        owner = owner_of(work)
        delegate = _delegating_tool(work)
        if delegate is None and run_of(work).delegated_by is None:
            delegate = _handed_off(work, handoffs) or (_handed_over(work, blind) if owner is None else None)
        if delegate is not None:
            work.step = replace(run_of(work), is_sub_agent=True, delegated_by=delegate.step.step_id)
        elif owner is not None:
            work.step = replace(run_of(work), is_sub_agent=True)


def _delegating_tool(work: Work) -> Work | None:
    owner = owner_of(work)
    return owner if owner is not None and isinstance(owner.step, ToolCall) else None


def _handoffs(works: Sequence[Work]) -> dict[str, list[Work]]:
    """Return the tool calls that may start an agent, by the names it may have."""
    named: dict[str, list[Work]] = defaultdict(list)
    for work in sorted(works, key=lambda work: (work.step.started_at, work.step.step_id)):
        if isinstance(work.step, ToolCall) and work.counted_by is None:
            for name in _names(work.step):
                named[name].append(work)
    return named


def _names(tool: ToolCall) -> set[str]:
    """Return the agents that a tool call may mean: those its arguments name, and every ending of its own name."""
    name = plain_name(tool.name)
    if not any(word in name for word in _HANDOFF_WORDS):
        return {name}
    words = name.split("_")
    arguments = mapping(structured(tool.arguments or ""))
    named = {plain_name(str(arguments[key])) for key in _NAME_ARGUMENTS if isinstance(arguments.get(key), str)}
    unnamed = {HANDOFF} if name in {HANDOFF, _TRANSFER} else set()
    return named | unnamed | {"_".join(words[start:]) for start in range(len(words))}


def _handed_off(run: Work, handoffs: Mapping[str, Sequence[Work]]) -> Work | None:
    """Return the latest tool call that names this agent and had begun before it."""
    candidates = handoffs.get(plain_name(run.step.name), ())
    at = bisect_right(candidates, run.step.started_at, key=lambda tool: tool.step.started_at)
    return candidates[at - 1] if at else None


def _names_nobody(tool: ToolCall) -> bool:
    return plain_name(tool.name) == HANDOFF or tool.arguments is None


def _handed_over(run: Work, blind: list[Work]) -> Work | None:
    """Take the latest handoff to somebody unnamed that ended before this agent began, and name it after the agent."""
    ended = [tool for tool in blind if tool.step.ended_at <= run.step.started_at]
    if not ended:
        return None
    found = max(ended, key=lambda tool: (tool.step.ended_at, tool.step.step_id))
    blind.remove(found)
    if plain_name(found.step.name) == HANDOFF:
        found.step = replace(tool_of(found), name=f"transfer_to_{run.step.name}")
    return found


def name_agents(works: Sequence[Work]) -> None:
    """Give every step the name of the agent run that it belongs to, where its signal did not say."""
    for work in works:
        if work.step.agent_name is None:
            run = next((above for above in work.surroundings() if isinstance(above.step, AgentRun)), None)
            if run is not None:
                work.step = replace(work.step, agent_name=run.step.name)
