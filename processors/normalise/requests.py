"""Tool runs and the model calls that asked for them; runs that only the messages tell of."""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from itertools import islice

from processors.model import AgentRun, ModelCall, ToolCall, ToolRequest, ToolResponse
from processors.normalise.agents import owner_of, run_of
from processors.normalise.alike import CLOCK_SLACK
from processors.normalise.contexts import Thread, requests
from processors.normalise.failing import failure_in
from processors.normalise.sighting import Sighting
from processors.normalise.tools import HANDOFF, plain_name, tool_of
from processors.normalise.work import Work, call_of, rooted

INFERRED = "read from the messages: the source reports no span for this tool"
UNANSWERED = "read from the messages: the model asked for it, no answer was seen"
AS_AGENT = "read from the messages: the agent that the model called like a tool"

_LOOK = 32
"""Unclaimed runs of one tool that are compared with a request."""


@dataclass(slots=True)
class _Asked:
    """One request, who made it, and when the next call of the same prompt began."""

    call: Work
    index: int
    request: ToolRequest
    until: int | None
    answer: str | None = None
    run: Work | None = None


def connect(works: Sequence[Work], threads: Sequence[Thread]) -> list[Work]:
    """Tell every tool run who asked for it, give it what the messages know, and return the runs they alone tell of."""
    answers = dict(_answers(works))
    asked = [item for thread in threads for item in _asked(thread, answers)]
    asked.sort(key=lambda item: (item.call.step.ended_at, item.call.step.step_id, item.index))
    pool = _Pool(works, {item.request.tool_call_id for item in asked})
    for item in asked:
        item.run = pool.by_id(item)
    for item in asked:
        item.run = item.run or pool.by_name(item)
    added: list[Work] = []
    for item in asked:
        if item.run is None:
            added.append(_inferred(item, pool.agent(item)))
        else:
            _inform(item.run, item)
    _answer(works, answers)
    rooted([*works, *added])
    return added


def _answers(works: Sequence[Work]) -> Iterator[tuple[str, str]]:
    """Yield what tools answered, by the id of the call, as prompts repeat it; the first wording wins."""
    seen: set[str] = set()
    for work in sorted(works, key=lambda work: (work.step.started_at, work.step.step_id)):
        if isinstance(work.step, ModelCall) and work.counted_by is None:
            for response in _responses(work.step):
                identifier, result = response.tool_call_id, response.result
                if identifier is not None and result is not None and identifier not in seen:
                    seen.add(identifier)
                    yield identifier, result


def _responses(call: ModelCall) -> Iterable[ToolResponse]:
    for message in call.input_messages or ():
        for part in message.parts:
            if isinstance(part, ToolResponse):
                yield part


def _asked(thread: Thread, answers: dict[str, str]) -> Iterator[_Asked]:
    """Yield the requests of a prompt's calls; an answer under an id of its own is matched by its place."""
    for place, call in enumerate(thread.calls):
        following = thread.calls[place + 1] if place + 1 < len(thread.calls) else None
        until = following.step.started_at if following is not None else None
        items = [_Asked(call, index, request, until) for index, request in enumerate(_made(call, following))]
        for item in items:
            item.answer = answers.get(item.request.tool_call_id or "")
        open_items = [item for item in items if item.answer is None]
        if following is not None and open_items:
            known = {item.request.tool_call_id for item in items}
            given = [response for response in _tail(call_of(following)) if response.tool_call_id not in known]
            if len(given) == len(open_items):
                for item, response in zip(open_items, given, strict=True):
                    item.answer = response.result
        yield from items


def _made(call: Work, following: Work | None) -> Sequence[ToolRequest]:
    """Return what an answer asks for; where it or its arguments were lost, as the next prompt repeats them."""
    own = requests(call_of(call))
    lost = call_of(call).output_messages is None
    if following is None or not (lost or any(request.arguments is None for request in own)):
        return own
    before = {request.tool_call_id for request in _repeated(call_of(call))}
    new = [request for request in _repeated(call_of(following)) if request.tool_call_id not in before]
    if lost:
        return [request for request in new if request.tool_call_id is not None]
    told = {request.tool_call_id: request for request in new}
    return [told.get(request.tool_call_id, request) if request.arguments is None else request for request in own]


def _repeated(call: ModelCall) -> list[ToolRequest]:
    return [part for message in call.input_messages or () for part in message.parts if isinstance(part, ToolRequest)]


def _tail(call: ModelCall) -> list[ToolResponse]:
    """Return the tool answers with which a prompt ends."""
    found: list[ToolResponse] = []
    for message in reversed(call.input_messages or ()):
        given = [part for part in message.parts if isinstance(part, ToolResponse)]
        if not given:
            break
        found = given + found
    return found


class _Pool:
    """Runs that were reported, to be claimed by requests, each once."""

    def __init__(self, works: Sequence[Work], asked: Set[str | None]) -> None:
        self._asked = asked
        self._by_id: dict[str, list[Work]] = defaultdict(list)
        self._by_name: dict[tuple[Work | None, str], deque[Work]] = defaultdict(deque)
        self._agents: dict[tuple[Work | None, str], list[Work]] = defaultdict(list)
        self._claimed: set[Work] = set()
        for work in sorted(works, key=lambda work: (work.step.started_at, work.step.step_id)):
            if work.counted_by is not None:
                continue
            if isinstance(work.step, ToolCall):
                if work.step.tool_call_id is not None:
                    self._by_id[work.step.tool_call_id].append(work)
                self._by_name[owner_of(work), plain_name(work.step.name)].append(work)
            elif isinstance(work.step, AgentRun):
                self._agents[owner_of(work), plain_name(work.step.name)].append(work)

    def by_id(self, item: _Asked) -> Work | None:
        """Claim the run that carries the request's id."""
        runs = self._by_id.get(item.request.tool_call_id or "", ())
        return self._claim(next((run for run in runs if run not in self._claimed), runs[0] if runs else None))

    def by_name(self, item: _Asked) -> Work | None:
        """Claim a run under no id that was asked for: the first of the tool, in the same agent, after the request.

        Some instrumentations send the id of the answer's item, `fc_…`, in the place of the call's.
        """
        name = plain_name(item.request.name)
        for runs in [self._by_name[owner_of(item.call), each] for each in (name, *_also(name))]:
            while runs and (runs[0] in self._claimed or self._requested(runs[0])):
                runs.popleft()
            free = (run for run in islice(runs, _LOOK) if run not in self._claimed)
            fitting = [run for run in free if not self._requested(run) and _after(run, item)]
            equal = [run for run in fitting if tool_of(run).arguments in {None, item.request.arguments}]
            nameless = [run for run in fitting if tool_of(run).tool_call_id is None]
            found = self._claim(next(iter(equal or nameless), None))
            if found is not None:
                return found
        return None

    def _requested(self, run: Work) -> bool:
        identifier = tool_of(run).tool_call_id
        return identifier is not None and identifier in self._asked

    def agent(self, item: _Asked) -> Work | None:
        """Claim the agent run that a request started without a tool in between."""
        runs = self._agents.get((owner_of(item.call), plain_name(item.request.name)), ())
        return self._claim(next((run for run in runs if run not in self._claimed and _after(run, item)), None))

    def _claim(self, run: Work | None) -> Work | None:
        if run is not None:
            self._claimed.add(run)
        return run


def _also(name: str) -> tuple[str, ...]:
    """Return how a source that does not tell whom an agent handed over to calls the run that a model asked for."""
    return (HANDOFF,) if name.startswith("transfer_to_") else ()


def _after(run: Work, item: _Asked) -> bool:
    """Tell whether a run may follow a request; a streaming agent starts it while the model is still speaking."""
    ends_before = item.until is None or run.step.started_at <= item.until + CLOCK_SLACK
    return run.step.started_at >= item.call.step.started_at - CLOCK_SLACK and ends_before


def _inform(run: Work, item: _Asked) -> None:
    """Give a run what the messages know of it: the model's own arguments where the span has a bare value or none."""
    tool = tool_of(run)
    partial = tool.arguments is None or not tool.arguments.startswith("{")
    run.step = replace(
        tool,
        name=item.request.name if plain_name(tool.name) in {plain_name(item.request.name), HANDOFF} else tool.name,
        tool_call_id=tool.tool_call_id or item.request.tool_call_id,
        arguments=item.request.arguments if partial else tool.arguments,
        result=tool.result if tool.result is not None else item.answer,
        requested_by=item.call.step.step_id,
    )


def _answer(works: Sequence[Work], answers: dict[str, str]) -> None:
    """Give runs without a result what later prompts say that they answered."""
    for work in works:
        if isinstance(work.step, ToolCall) and work.step.result is None and work.step.tool_call_id in answers:
            work.step = replace(work.step, result=answers[work.step.tool_call_id])


def _inferred(item: _Asked, agent: Work | None) -> Work:
    call = call_of(item.call)
    result = item.answer
    if result is None and agent is not None:
        result = run_of(agent).answer
    identity = f"{call.step_id} {item.index} {item.request.tool_call_id}"
    started = agent.step.started_at if agent is not None else call.ended_at
    until = item.until if item.until is not None and result is not None else started
    step = ToolCall(
        step_id=hashlib.sha256(identity.encode()).hexdigest()[:16],
        trace_id=call.trace_id,
        name=item.request.name,
        agent_name=call.agent_name,
        started_at=started,
        ended_at=max(agent.step.ended_at if agent is not None else until, started),
        error=failure_in(result),
        dialect=call.dialect,
        note=AS_AGENT if agent is not None else INFERRED if result is not None else UNANSWERED,
        inferred=True,
        tool_call_id=item.request.tool_call_id,
        arguments=item.request.arguments,
        result=result,
        requested_by=call.step_id,
    )
    work = Work(Sighting(step=step, scope=item.call.sighting.scope), step, parent=item.call.parent)
    work.settle()
    if agent is not None:
        agent.step = replace(run_of(agent), is_sub_agent=True, delegated_by=step.step_id)
        agent.parent = work
    return work
