"""Which calls extend one growing prompt.

A session's contexts say which calls belong to one agent invocation. Within one, a cheap call for a title or two
loops without agent spans may interleave; those prompts are told apart here, by their messages where captured, else by
their lengths.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from processors.model import AgentRun, Message, ModelCall, Session, Text, ToolCall, ToolResponse
from processors.model_names import same_family
from processors.structure import Structure

LOOK_AHEAD = 32
"""How many calls ahead are searched for one that resumes a prompt after an unrelated call."""
OPEN_THREADS = 64
"""How many prompts of one agent may be open at once."""
MODEL_SWITCH = 0.7
"""A prompt handed to another model keeps at least this share of its tokens, although they are counted differently."""
TOOL_TAIL = 64
LONG_PROMPT = 2_048
CONTINUED = 0.95
"""A cache read of at least this share of another prompt shows that the new one continues it."""


@dataclass(slots=True)
class Thread:
    """One growing prompt while its calls are being collected."""

    thread_id: str
    calls: list[ModelCall] = field(default_factory=list)
    length: int | None = None

    @property
    def last(self) -> ModelCall:
        """The latest call."""
        return self.calls[-1]

    def add(self, call: ModelCall) -> None:
        """Append a call."""
        self.calls.append(call)
        self.length = prompt_length(call) or self.length


def prompt_length(call: ModelCall) -> int | None:
    """Input tokens of a call, where reported."""
    return None if call.usage is None else call.usage.input_tokens


def find_threads(session: Session, structure: Structure) -> list[Thread]:
    """List a session's growing prompts; every counted chat call is in exactly one."""
    threads: list[Thread] = []
    for group in _groups(session, structure):
        threads.extend(_split(group, structure))
    return _joined(threads, structure)


def _joined(threads: Sequence[Thread], structure: Structure) -> list[Thread]:
    """Join prompts that continue where another one ended: the next turn of a conversation, a handed-over history."""
    found: list[Thread] = []
    for thread in sorted(threads, key=lambda one: (one.calls[0].started_at, one.thread_id)):
        opening = thread.calls[0]
        before = _ended_before(found[-OPEN_THREADS:], opening, structure)
        if before is None:
            found.append(thread)
            continue
        for call in thread.calls:
            before.add(call)
    return found


def _ended_before(threads: Sequence[Thread], opening: ModelCall, structure: Structure) -> Thread | None:
    for thread in reversed(threads):
        last = thread.last
        if last.started_at >= opening.started_at or last.ended_at > opening.started_at:
            continue
        known = extends(last, opening)
        if known is None and _cache_continues(last, opening):
            return thread
        if known and len(opening.input_messages or ()) > len(last.input_messages or ()):
            tail = (opening.input_messages or ())[len(last.input_messages or ()) :]
            if answers_tools_of(last, opening, structure) or says(last, tail):
                return thread
    return None


def _cache_continues(last: ModelCall, opening: ModelCall) -> bool:
    """Whether a prompt's first call read nearly all of another prompt from the cache: only its own start can match."""
    before, length = prompt_length(last) or 0, prompt_length(opening) or 0
    read = opening.usage.cache_read_input_tokens or 0 if opening.usage is not None else 0
    return same_family(last, opening) and before >= LONG_PROMPT and length > before and read >= CONTINUED * before


def _groups(session: Session, structure: Structure) -> list[list[ModelCall]]:
    by_id = {call.step_id: call for call in structure.calls}
    groups: list[list[ModelCall]] = []
    for context in session.contexts:
        members = [by_id.pop(step_id) for step_id in dict.fromkeys(context.call_step_ids) if step_id in by_id]
        if members:
            groups.append(members)
    waiting = _running_tools(structure)
    rest: dict[str | None, list[ModelCall]] = defaultdict(list)
    for call in by_id.values():
        owner = structure.owners.get(call.step_id)
        rest[waiting.get(call.step_id) if owner is None else owner].append(call)
    return groups + list(rest.values())


def _running_tools(structure: Structure) -> dict[str, str]:
    """Name the tool that ran all through a call: an agent waits for its tools, so the call is a sub-agent's.

    Only for sessions without agent spans and for calls whose messages cannot tell.
    """
    if any(isinstance(step, AgentRun) for step in structure.by_id.values()):
        return {}
    tools = [tool for tool in structure.tools if tool.step_id in structure.asked_by and tool.ended_at > tool.started_at]
    found: dict[str, str] = {}
    longest: ToolCall | None = None
    waiting = iter(tools)
    tool = next(waiting, None)
    for call in structure.calls:
        while tool is not None and tool.started_at <= call.started_at:
            longest = tool if longest is None or tool.ended_at > longest.ended_at else longest
            tool = next(waiting, None)
        if longest is not None and longest.ended_at >= call.ended_at and not call.input_messages:
            found[call.step_id] = longest.step_id
    return found


def _split(group: Sequence[ModelCall], structure: Structure) -> list[Thread]:
    threads: list[Thread] = []
    for index, call in enumerate(group):
        open_threads = threads[-OPEN_THREADS:]
        thread = (
            _continued_by_content(open_threads, call, structure)
            or _continued_by_length(open_threads, call, group[index + 1 : index + 1 + LOOK_AHEAD])
            or _cut(open_threads, call, group[index + 1 : index + 1 + LOOK_AHEAD])
        )
        if thread is None:
            thread = Thread(thread_id=call.step_id)
            threads.append(thread)
        thread.add(call)
    return threads


def extends(before: ModelCall, call: ModelCall) -> bool | None:
    """Whether a call's messages begin with an earlier call's; None where either was not captured.

    Only the first message after the system's and the last are compared: prompts grow at their end, and comparing all
    would make long sessions quadratic.
    """
    old, new = before.input_messages, call.input_messages
    if not old or not new:
        return None
    if len(new) < len(old) or new[len(old) - 1] != old[-1]:
        return False
    first = next((i for i, message in enumerate(old) if message.role not in ("system", "developer")), 0)
    return new[first] == old[first]


def answers_tools_of(before: ModelCall, call: ModelCall, structure: Structure) -> bool:
    """Whether a call's newest messages carry results of tools that an earlier call asked for."""
    wanted = {tool.tool_call_id for tool in structure.asked.get(before.step_id, ()) if tool.tool_call_id}
    tail = (call.input_messages or ())[-TOOL_TAIL:]
    return bool(wanted) and any(
        isinstance(part, ToolResponse) and part.tool_call_id in wanted for message in tail for part in message.parts
    )


def _continued_by_content(threads: Sequence[Thread], call: ModelCall, structure: Structure) -> Thread | None:
    fitting = [
        thread for thread in threads if extends(thread.last, call) or answers_tools_of(thread.last, call, structure)
    ]
    return max(fitting, key=lambda thread: len(thread.last.input_messages or ()), default=None)


def _continued_by_length(threads: Sequence[Thread], call: ModelCall, following: Sequence[ModelCall]) -> Thread | None:
    length = prompt_length(call)
    fitting: list[Thread] = []
    for thread in threads:
        if extends(thread.last, call) is not None:
            continue
        same_model = same_family(call, thread.last)
        if length is None or thread.length is None:
            fits = same_model
        elif same_model:
            fits = length >= thread.length
        else:
            fits = length >= MODEL_SWITCH * thread.length and not _taken_up_again(thread, following)
        if fits:
            fitting.append(thread)
    return max(fitting, key=lambda thread: thread.length or 0, default=None)


def _cut(threads: Sequence[Thread], call: ModelCall, following: Sequence[ModelCall]) -> Thread | None:
    """Find the prompt that was cut or compacted into this call's."""
    for thread in reversed(threads):
        known = extends(thread.last, call)
        if known is None:
            alike = same_family(call, thread.last)
        else:
            alike = _same_opening(thread.last, call) or says(thread.last, call.input_messages or ())
        if alike and not _taken_up_again(thread, following, than=prompt_length(call)):
            return thread
    return None


def _same_opening(before: ModelCall, call: ModelCall) -> bool:
    old, new = before.input_messages or (), call.input_messages or ()
    if not same_family(before, call):
        return False
    if before.system_instructions or call.system_instructions:
        return before.system_instructions == call.system_instructions
    return bool(old) and bool(new) and old[0] == new[0]


def says(call: ModelCall, messages: Iterable[Message]) -> bool:
    """Whether some messages contain what a call wrote."""
    written = [
        part.content for message in call.output_messages or () for part in message.parts if isinstance(part, Text)
    ]
    text = max(written, key=len, default="")
    return len(text) > 0 and any(
        isinstance(part, Text) and text in part.content for message in messages for part in message.parts
    )


def _taken_up_again(thread: Thread, following: Sequence[ModelCall], than: int | None = None) -> bool:
    """Whether a later call resumes the thread, so that the calls in between belong to another prompt."""
    before = than
    for later in following:
        known = extends(thread.last, later)
        if known:
            return True
        length = prompt_length(later)
        if known is not None or length is None or not same_family(later, thread.last):
            continue
        if thread.length is not None and length >= thread.length:
            return before is None or _resumes(later, thread.length, before)
        before = length
    return False


def _resumes(call: ModelCall, length: int, other: int) -> bool:
    """Whether a call extends a prompt of `length` tokens rather than one of `other`: by cache reads, else by size."""
    total = prompt_length(call) or 0
    read = call.usage.cache_read_input_tokens if call.usage else None
    if read:
        return abs(read - length) < abs(read - other)
    return total - length < (total - other) / 4
