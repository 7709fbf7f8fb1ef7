"""Model calls that extend one growing prompt.

Those of one agent run, or of one tool inside of which a model is called; where messages were captured, calls whose
prompts do not extend one another are told apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from processors.model import AgentRun, Context, Message, ModelCall, Text, ToolRequest, ToolResponse
from processors.normalise.agents import owner_of
from processors.normalise.work import Work, call_of

_OPEN = 64
"""Prompts of one agent that may be continued at a time."""


@dataclass(slots=True)
class Thread:
    """One growing prompt, call by call."""

    owner: Work | None
    calls: list[Work] = field(default_factory=list)
    prompt: tuple[Message, ...] | None = None
    asked: set[str] = field(default_factory=set)
    """Tool call ids that its calls asked for."""

    def add(self, call: Work) -> None:
        """Append a call."""
        step = call_of(call)
        self.calls.append(call)
        self.prompt = step.input_messages or self.prompt
        self.asked |= {part.tool_call_id for part in requests(step) if part.tool_call_id is not None}

    def context(self) -> Context:
        """Return the thread as the model has it."""
        owner = self.owner.step if self.owner is not None else None
        agent = owner.step_id if isinstance(owner, AgentRun) else None
        ids = tuple(call.step.step_id for call in self.calls)
        return Context(context_id=ids[0], agent_step_id=agent, call_step_ids=ids)


def requests(call: ModelCall) -> list[ToolRequest]:
    """Return the tools that a model call asked for, in order."""
    return [part for message in call.output_messages or () for part in message.parts if isinstance(part, ToolRequest)]


def threads(works: Sequence[Work]) -> list[Thread]:
    """Return the growing prompts of a session; every counted chat call is in exactly one."""
    groups: dict[object, list[Work]] = defaultdict(list)
    for work in works:
        if isinstance(work.step, ModelCall) and work.step.operation == "chat" and work.counted_by is None:
            groups[owner_of(work), work.sighting.agent_key].append(work)
    found: list[Thread] = []
    for members in groups.values():
        ordered = sorted(members, key=lambda work: (work.step.started_at, work.step.step_id))
        found += _split(ordered)
    return sorted(found, key=lambda thread: (thread.calls[0].step.started_at, thread.calls[0].step.step_id))


def _split(calls: Sequence[Work]) -> list[Thread]:
    found: list[Thread] = []
    for call in calls:
        thread = _continued(call, found)
        if thread is None:
            thread = Thread(owner_of(call))
            found.append(thread)
        thread.add(call)
    return found


def _continued(call: Work, known: Sequence[Thread]) -> Thread | None:
    """Return the thread that a call goes on with.

    Where messages were captured, that is one whose prompt it extends or whose tools it answers. Without, it is the
    agent's latest; so it is where an agent's prompt was cut, as long as its system prompt is the same.
    """
    prompt = call_of(call).input_messages
    recent = known[-1 : -_OPEN - 1 : -1]
    if prompt is None:
        return next(iter(recent), None)
    extended = next((thread for thread in recent if thread.prompt is not None and extends(prompt, thread.prompt)), None)
    if extended is not None:
        return extended
    answered = {part.tool_call_id for message in prompt for part in message.parts if isinstance(part, ToolResponse)}
    resumed = next((thread for thread in recent if answered & thread.asked), None)
    if resumed is None and answered:  # some producers give the ids of requests and answers in different forms
        resumed = next((thread for thread in recent if _pending(thread) and _same_system(call, thread)), None)
    if resumed is None and owner_of(call) is not None:
        resumed = next((thread for thread in recent if thread.prompt is None or _same_system(call, thread)), None)
    return resumed


def _pending(thread: Thread) -> bool:
    return bool(requests(call_of(thread.calls[-1])))


def extends(prompt: tuple[Message, ...], earlier: tuple[Message, ...]) -> bool:
    """Tell whether a prompt begins with an earlier one; most differ in their first or last message, so look there."""
    size = len(earlier)
    return (
        size <= len(prompt) and prompt[0] == earlier[0] and prompt[size - 1] == earlier[-1] and prompt[:size] == earlier
    )


def _same_system(call: Work, thread: Thread) -> bool:
    mine, theirs = call_of(call), call_of(thread.calls[-1])
    return _system(mine) == _system(theirs) and mine.model == theirs.model


def _system(call: ModelCall) -> str:
    parts = list(call.system_instructions or ())
    parts += [part for message in (call.input_messages or ())[:1] if message.role == "system" for part in message.parts]
    return "".join(part.content for part in parts if isinstance(part, Text))
