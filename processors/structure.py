"""Who called whom in a session: which call asked for a tool, which tool started a sub-agent, what lies under a step."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from processors.model import AgentRun, ModelCall, Session, Step, ToolCall, ToolRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """The relations between a session's steps; independent of the order in which the steps are listed."""

    by_id: Mapping[str, Step]
    parents: Mapping[str, str]
    """The step above each step that has one; free of cycles."""
    children: Mapping[str, tuple[str, ...]]
    owners: Mapping[str, str]
    """The agent run in whose loop a step ran, or the tool that acts as an agent."""
    calls: tuple[ModelCall, ...]
    """The counted chat calls, by time."""
    tools: tuple[ToolCall, ...]
    """The counted tool calls that a model asked for or may have asked for, by time."""
    asked_by: Mapping[str, str]
    """The model call that asked for a tool call."""
    asked: Mapping[str, tuple[ToolCall, ...]]
    """The tool calls that a model call asked for, by time."""
    sub_agents: Mapping[str, AgentRun]
    """The sub-agent that a tool call started."""

    @classmethod
    def of(cls, session: Session) -> Structure:
        """Find the relations."""
        by_id: dict[str, Step] = {}
        for step in sorted(session.steps, key=_by_time):
            by_id.setdefault(step.step_id, step)
        parents = _parents(by_id)
        owners = _owners(by_id, parents)
        counted = [step for step in by_id.values() if step.counted_by is None]
        calls = tuple(step for step in counted if isinstance(step, ModelCall) and step.operation == "chat")
        tools = tuple(step for step in counted if isinstance(step, ToolCall) and not _inside_tool(step, by_id, parents))
        asked_by = _pair(tools, calls, by_id, parents, owners)
        return cls(
            by_id=by_id,
            parents=parents,
            children=_invert(parents.items()),
            owners=owners,
            calls=calls,
            tools=tools,
            asked_by=asked_by,
            asked={
                call: tuple(step for tool in ids if isinstance(step := by_id[tool], ToolCall))
                for call, ids in _invert(asked_by.items()).items()
            },
            sub_agents=_sub_agents(by_id, parents),
        )

    def producer_of_result(self, tool: ToolCall) -> str:
        """Name the step whose product a tool's result is: the sub-agent where the tool started one."""
        agent = self.sub_agents.get(tool.step_id)
        return tool.step_id if agent is None else agent.step_id

    def under(self, step_id: str) -> Iterator[str]:
        """List a step and everything under it."""
        waiting = [step_id]
        while waiting:
            current = waiting.pop()
            yield current
            waiting.extend(self.children.get(current, ()))


def _by_time(step: Step) -> tuple[int, int, str]:
    return (step.started_at, step.ended_at, step.step_id)


def _invert(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for below, above in pairs:
        found[above].append(below)
    return {above: tuple(below) for above, below in found.items()}


def _parents(by_id: Mapping[str, Step]) -> dict[str, str]:
    named: dict[str, str] = {}
    for step_id, step in by_id.items():
        delegated = step.delegated_by if isinstance(step, AgentRun) else None
        above = delegated if delegated in by_id else step.parent_step_id
        if above is not None and above in by_id and above != step_id:
            named[step_id] = above
    return _without_cycles(named)


def _without_cycles(named: Mapping[str, str]) -> dict[str, str]:
    kept: dict[str, str] = {}
    settled: set[str] = set()
    for start in named:
        path: dict[str, None] = {}
        current = start
        while current in named and current not in settled and current not in path:
            path[current] = None
            current = named[current]
        for step_id in path:
            if not (current in path and step_id == current):
                kept[step_id] = named[step_id]
        settled.update(path)
    return kept


def _owners(by_id: Mapping[str, Step], parents: Mapping[str, str]) -> dict[str, str]:
    known: dict[str, str | None] = {}
    for start in by_id:
        chain: list[str] = []
        current: str | None = start
        owner: str | None = None
        while current is not None and owner is None:
            if current in known:
                owner = known[current]
                break
            chain.append(current)
            above = parents.get(current)
            owner = above if above is not None and isinstance(by_id[above], AgentRun | ToolCall) else None
            current = above
        known.update(dict.fromkeys(chain, owner))
    return {step_id: owner for step_id, owner in known.items() if owner is not None}


def _inside_tool(tool: ToolCall, by_id: Mapping[str, Step], parents: Mapping[str, str]) -> bool:
    above = parents.get(tool.step_id)
    while above is not None:
        step = by_id[above]
        if isinstance(step, ToolCall):
            return True
        if isinstance(step, AgentRun | ModelCall):
            return False
        above = parents.get(above)
    return False


def _sub_agents(by_id: Mapping[str, Step], parents: Mapping[str, str]) -> dict[str, AgentRun]:
    found: dict[str, AgentRun] = {}
    for step in by_id.values():
        if isinstance(step, AgentRun) and step.counted_by is None:
            above = parents.get(step.step_id)
            while above is not None and not isinstance(by_id[above], AgentRun | ModelCall | ToolCall):
                above = parents.get(above)
            if above is not None and isinstance(by_id[above], ToolCall):
                found.setdefault(above, step)
    return found


def _pair(
    tools: tuple[ToolCall, ...],
    calls: tuple[ModelCall, ...],
    by_id: Mapping[str, Step],
    parents: Mapping[str, str],
    owners: Mapping[str, str],
) -> dict[str, str]:
    """Find who asked for each tool: as reported, else by tool call id, else the last call of the same agent."""
    by_request: dict[str, list[ModelCall]] = defaultdict(list)
    by_owner: dict[str | None, list[ModelCall]] = defaultdict(list)
    for call in calls:
        by_owner[owners.get(call.step_id)].append(call)
        for wanted in _requested_ids(call):
            by_request[wanted].append(call)
    pairs: dict[str, str] = {}
    for tool in tools:
        reported = _counted(tool.requested_by, by_id) or _counted(parents.get(tool.step_id), by_id)
        named = by_request.get(tool.tool_call_id or "", [])
        near = _latest_before(named, tool) or (named[0] if named else None)
        found = reported or near or _latest_before(by_owner[owners.get(tool.step_id)], tool)
        if found is not None:
            pairs[tool.step_id] = found.step_id
    return pairs


def _requested_ids(call: ModelCall) -> Iterator[str]:
    for message in call.output_messages or ():
        for part in message.parts:
            if isinstance(part, ToolRequest) and part.tool_call_id:
                yield part.tool_call_id


def _counted(step_id: str | None, by_id: Mapping[str, Step]) -> ModelCall | None:
    step = by_id.get(step_id or "")
    if step is not None and step.counted_by is not None:
        step = by_id.get(step.counted_by)
    return step if isinstance(step, ModelCall) and step.counted_by is None and step.operation == "chat" else None


def _latest_before(calls: list[ModelCall], tool: ToolCall) -> ModelCall | None:
    index = bisect_right(calls, tool.started_at, key=lambda call: call.started_at)
    return calls[index - 1] if index else None
