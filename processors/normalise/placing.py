"""Work whose place the source does not tell, put where its time and its agent say that it belongs.

Log records have no parents, and some producers end an agent's span beside the work that the agent did.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence

from processors.model import AgentRun, ModelCall, ToolCall
from processors.normalise.agents import owner_of
from processors.normalise.alike import CLOCK_SLACK
from processors.normalise.tools import plain_name
from processors.normalise.work import Work, counting, rooted


def place(works: Sequence[Work]) -> None:
    """Hang log records under the agents and tools that ran around them, and an agent's work under its run."""
    _agents_under_tools(works)
    loose = [
        work for work in works if work.parent is None and work.sighting.signal == "log" and work.counted_by is None
    ]
    _work_under_agents(works, loose)
    _branches_under_agents(works)
    rooted(works)


def _contains(outer: Work, inner: Work) -> bool:
    return (
        outer.step.started_at - CLOCK_SLACK <= inner.step.started_at
        and inner.step.ended_at <= outer.step.ended_at + CLOCK_SLACK
    )


def _agents_under_tools(works: Sequence[Work]) -> None:
    """Hang an agent's record under the tool call that lasted as long: the one that started it."""
    runs = [work for work in works if isinstance(work.step, AgentRun) and work.parent is None and _is_record(work)]
    if not runs:
        return
    tools = [work for work in works if isinstance(work.step, ToolCall) and work.counted_by is None]
    tools.sort(key=lambda work: work.step.ended_at)
    for run in runs:
        at = bisect_left(tools, run.step.ended_at - CLOCK_SLACK, key=lambda work: work.step.ended_at)
        around = (tool for tool in tools[at : at + 16] if _contains(tool, run))
        tool = min(around, key=lambda tool: abs(tool.step.ended_at - run.step.ended_at), default=None)
        if tool is not None:
            run.parent = tool
            run.settle()


def _is_record(work: Work) -> bool:
    return work.sighting.signal == "log"


def _work_under_agents(works: Sequence[Work], loose: Sequence[Work]) -> None:
    """Hang loose records under the sub-agent whose name they carry, tools without a name under the one that ran."""
    told_apart = any(isinstance(work.step, ModelCall) and work.sighting.agent_key is not None for work in loose)
    ordered = sorted(loose, key=lambda work: work.step.started_at)
    for run in works:
        if not isinstance(run.step, AgentRun) or not _is_record(run) or owner_of(run) is None:
            continue
        first = bisect_left(ordered, run.step.started_at - CLOCK_SLACK, key=lambda work: work.step.started_at)
        last = bisect_right(ordered, run.step.ended_at + CLOCK_SLACK, key=lambda work: work.step.started_at)
        for work in ordered[first:last]:
            named = work.sighting.agent_key is not None or (isinstance(work.step, ToolCall) and told_apart)
            if (
                work.parent is None
                and named
                and work is not owner_of(run)
                and _contains(run, work)
                and _fits(work, run)
            ):
                work.parent = run


def _fits(work: Work, run: Work) -> bool:
    return work.step.agent_name is None or plain_name(work.step.agent_name) == plain_name(run.step.name)


def _branches_under_agents(works: Sequence[Work]) -> None:
    """Move what ran beside an empty agent run, inside the same tool and time, into it."""
    beside: dict[Work, list[Work]] = defaultdict(list)
    full: set[Work] = set()
    for work in works:
        if work.parent is not None:
            beside[counting(work.parent)].append(work)
        if isinstance(work.step, (ModelCall, ToolCall)):
            full.update(_runs_around(work))
    for run in works:
        if not isinstance(run.step, AgentRun) or run.counted_by is not None or run in full or run.parent is None:
            continue
        tool = counting(run.parent)
        if isinstance(tool.step, ToolCall):
            for work in beside[tool]:
                if work is not run and work.counted_by is None and _contains(run, work):
                    work.parent = run


def _runs_around(work: Work) -> Iterable[Work]:
    """Return the nearest agent run around a work, if no tool is between."""
    owner = owner_of(work)
    return (owner,) if owner is not None and isinstance(owner.step, AgentRun) else ()
