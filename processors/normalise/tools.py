"""One tool run counted once: by the id of the tool call, by nesting, by name and time (rule R9)."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from processors.model import ToolCall
from processors.normalise.alike import CLOCK_SLACK, LOG_SLACK
from processors.normalise.values import mapping, structured
from processors.normalise.work import Work, counting

SAME_CALL = "counted once: same tool call id"
INSIDE = "counted once: the same tool run around this span"
SAME_TIME = "counted once: the same tool at the same time in another signal"

HANDOFF = "handoff"
"""The name of a handoff to an agent that the source does not name; others are `transfer_to_` and that name."""

_WINDOW = 8
"""Runs of one tool that are compared by time with a record that has no id."""

_SERVER = re.compile(r"mcp__.+?__")
"""How the name of an MCP server's tool begins that models know; the server itself knows it without."""


def plain_name(name: str) -> str:
    """Return a tool's or agent's name as all spellings of it agree: `Delegate work` is `delegate_work`."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def tool_of(work: Work) -> ToolCall:
    """Return the tool call of a work known to be one."""
    assert isinstance(work.step, ToolCall)  # noqa: S101 - narrows the type; callers filter
    return work.step


def join(works: Sequence[Work]) -> None:
    """Let one sighting of each tool run count, with what the others know put into it."""
    tools = [work for work in works if isinstance(work.step, ToolCall)]
    by_id: dict[str, list[Work]] = defaultdict(list)
    for work in sorted(tools, key=_preference):
        identifier = tool_of(work).tool_call_id
        if identifier is not None:
            _settle(work, by_id[identifier], _one_run, SAME_CALL)
    for work in tools:
        outer = _enclosing_tool(work)
        if work.counted_by is None and outer is not None and _passes_on(work, outer):
            _yield(work, outer, INSIDE)
    _by_time(work for work in sorted(tools, key=_preference) if work.counted_by is None)


def _preference(work: Work) -> tuple[object, ...]:
    return (
        work.sighting.secondary,
        work.sighting.signal == "log",
        work.depth,
        work.step.started_at,
        work.step.step_id,
    )


def _settle(work: Work, known: list[Work], same: Callable[[Work, Work], bool], rule: str) -> None:
    """Let a sighting yield to an earlier one of the same run, or remember it as the first of another."""
    for other in known[-_WINDOW:]:
        if same(work, other):
            _yield(work, other, rule)
            return
    known.append(work)


def _yield(work: Work, other: Work, rule: str) -> None:
    other = counting(other)
    if other is not work:
        other.step = merged(tool_of(other), tool_of(work))
        work.yield_to(other, rule)


def _one_run(work: Work, other: Work) -> bool:
    """Tell two sightings of a run from two runs under an id that a server uses again and again."""
    if _foreign_to(work, other) or other in work.surroundings():
        return True
    mine, theirs = tool_of(work), tool_of(other)
    told_apart = mine.arguments is not None and theirs.arguments is not None and mine.arguments != theirs.arguments
    return not told_apart and plain_name(mine.name) == plain_name(theirs.name)


def _foreign_to(work: Work, other: Work) -> bool:
    return (
        work.sighting.signal != other.sighting.signal
        or work.sighting.scope != other.sighting.scope
        or work.sighting.secondary != other.sighting.secondary
    )


def _enclosing_tool(work: Work) -> Work | None:
    return work.around if work.around is not None and isinstance(work.around.step, ToolCall) else None


def _passes_on(inner: Work, outer: Work) -> bool:
    """Tell a run seen again inside of itself from another one; of what has ended nothing can be seen any more."""
    mine, theirs = tool_of(inner), tool_of(outer)
    if mine.started_at > theirs.ended_at:
        return False
    if mine.tool_call_id is not None and theirs.tool_call_id is not None and mine.tool_call_id != theirs.tool_call_id:
        return False
    return inner.sighting.secondary or plain_name(mine.name) == plain_name(theirs.name)


def _by_time(tools: Iterator[Work]) -> None:
    """Join runs of one name where another signal or instrumentation saw them at the same time without an id."""
    named: dict[str, list[Work]] = defaultdict(list)
    served: dict[Work, set[str]] = defaultdict(set)
    for work in tools:
        known = named[plain_name(_SERVER.sub("", work.step.name))]
        at = bisect_left(known, work.step.ended_at, key=lambda other: other.step.ended_at)
        kind = f"{work.sighting.signal} {work.sighting.scope}"
        fitting = [
            other
            for other in known[max(0, at - _WINDOW) : at + _WINDOW]
            if kind not in served[other] and _foreign_to(work, other) and _may_be(work, other)
        ]
        if fitting:
            nearest = min(fitting, key=lambda other: abs(other.step.ended_at - work.step.ended_at))
            served[nearest].add(kind)
            _yield(work, nearest, SAME_TIME)
        else:
            known.insert(at, work)


def _may_be(work: Work, other: Work) -> bool:
    mine, theirs = tool_of(work), tool_of(other)
    if mine.tool_call_id is not None and theirs.tool_call_id is not None:
        return False
    if not _agree(mine.arguments, theirs.arguments):
        return False
    slack = LOG_SLACK if work.sighting.signal == "log" else CLOCK_SLACK
    return theirs.started_at - CLOCK_SLACK <= mine.ended_at <= theirs.ended_at + slack


def _agree(one: str | None, other: str | None) -> bool:
    """Tell whether two signals may have seen the same arguments.

    Some send only a few of them, some a bare value for the object that holds it.
    """
    if one is None or other is None or one == other:
        return True
    if one.startswith("{") and other.startswith("{"):
        fewer, more = sorted((mapping(structured(one)), mapping(structured(other))), key=len)
        return bool(fewer) and all(name in more and more[name] == value for name, value in fewer.items())
    values = [list(mapping(structured(sent)).values()) or [structured(sent)] for sent in (one, other)]
    return values[0] == values[1]


def merged(tool: ToolCall, other: ToolCall) -> ToolCall:
    """Return a tool run with what another sighting of it knows: the fuller arguments, the result, a failure."""
    return replace(
        tool,
        name=other.name if _is_wrapped(tool.name, other.name) else tool.name,
        tool_call_id=tool.tool_call_id or other.tool_call_id,
        agent_name=tool.agent_name or other.agent_name,
        arguments=_fuller(tool.arguments, other.arguments),
        result=tool.result if tool.result is not None else other.result,
        error=tool.error or other.error,
    )


def _is_wrapped(name: str, plain: str) -> bool:
    """Tell a name that a framework put something before; what stands before an MCP tool's the model says as well."""
    return bool(plain) and plain_name(name).endswith(plain_name(plain)) and not _SERVER.match(name)


def _fuller(one: str | None, other: str | None) -> str | None:
    """Prefer an object to a bare value, and the longer of two objects: some signals send only a part."""
    if one is None or other is None:
        return one if other is None else other
    return max((one, other), key=lambda sent: (sent.startswith("{"), len(sent)))
