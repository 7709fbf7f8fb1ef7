"""An agent's own session file, imported, beside the telemetry of the same session: everything in it counts once.

Both carry the session's id, and tools have the same ids in both. Model calls often share no id, since few servers name
a request and the file names the response; they share tokens, model and, but for the writing of a line, their end.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

from processors.model import AgentRun, ModelCall
from processors.normalise.alike import same_model, token_pairs
from processors.normalise.sighting import Sighting
from processors.normalise.work import Work, call_of, counting

IMPORTED = "clawtrace.import"
"""The scope of spans that were made of a session file."""
SAME_TOKENS = "counted once: the same call in the agent's session file"
SAME_WORK = "counted once: the same agent run in the agent's session file"
Keys: TypeAlias = "Callable[[Sighting], Sequence[object]]"
"""What two sightings of one call have in common, in any of several spellings."""
_SLACK = 10_000_000_000
"""Nanoseconds between the end of a call by telemetry and by the file's lines."""


def from_file(work: Work) -> bool:
    """Tell whether a session file told of it."""
    return work.sighting.scope == IMPORTED


def twins(calls: Sequence[Work]) -> Iterator[tuple[Work, Work]]:
    """Yield the calls of telemetry with the calls of session files that are the same; each is given once.

    Equal tokens go first. What is left is paired by the prompt alone, since some releases' events add what the stream
    began with to the output, and then by model and time with events of streams that told no tokens.
    """
    ordered = sorted(calls, key=lambda work: (work.step.ended_at, work.step.step_id))
    told = [work for work in ordered if from_file(work)]
    sent = [work for work in ordered if not from_file(work)]
    for of_sent, of_told in ((token_pairs, token_pairs), (_prompts, _prompts), (_silent, _any)):
        pairs = list(_paired(sent, told, of_sent, of_told)) if sent and told else []
        yield from pairs
        found = {work for pair in pairs for work in pair}
        sent, told = ([work for work in works if work not in found] for works in (sent, told))


def _paired(sent: Sequence[Work], told: Sequence[Work], of_sent: Keys, of_told: Keys) -> Iterator[tuple[Work, Work]]:
    known: dict[object, list[Work]] = defaultdict(list)
    for work in sent:
        for key in dict.fromkeys(of_sent(work.sighting)):
            known[key].append(work)
    taken: set[Work] = set()
    for work in told:
        found = [other for key in of_told(work.sighting) for other in _near(work, known.get(key, ()))]
        free = [other for other in found if other not in taken and same_model(call_of(other), call_of(work))]
        if free:
            nearest = min(free, key=lambda other: abs(other.step.ended_at - work.step.ended_at))
            taken.add(nearest)
            yield nearest, work


def _prompts(sighting: Sighting) -> list[tuple[int | None, ...]]:
    """Return the tokens of a call's prompt with its cached ones."""
    usage = sighting.step.usage if isinstance(sighting.step, ModelCall) else None
    if usage is None or usage.input_tokens is None or usage.cache_read_input_tokens is None:
        return []
    return [(usage.input_tokens, usage.cache_read_input_tokens, usage.cache_write_input_tokens)]


def _silent(sighting: Sighting) -> list[str]:
    """Return one key for all answered calls that told no tokens."""
    step = sighting.step
    return _any(sighting) if isinstance(step, ModelCall) and step.usage is None and step.error is None else []


def _any(_: Sighting) -> list[str]:
    return ["any call"]


def _near(work: Work, ordered: Sequence[Work]) -> Iterator[Work]:
    at = bisect_left(ordered, work.step.ended_at - _SLACK, key=lambda other: other.step.ended_at)
    for other in ordered[at:]:
        if other.step.ended_at > work.step.ended_at + _SLACK:
            return
        yield other


def join_agents(works: Sequence[Work]) -> None:
    """Let an agent run of a session file yield to telemetry's, where what they did is the same."""
    inside: dict[Work, list[Work]] = defaultdict(list)
    started: dict[Work, Work] = {}
    for work in works:
        if work.around is not None and work.counted_by is not None and from_file(work):
            inside[work.around].append(work)
        if isinstance(work.step, AgentRun) and work.around is not None and not from_file(work):
            started.setdefault(counting(work.around), work)
    for work in works:
        if isinstance(work.step, AgentRun) and work.counted_by is None and from_file(work):
            above = counting(work.around) if work.around is not None else None
            if above is not None and isinstance(above.step, AgentRun) and not from_file(above):
                same: Work | None = above
            else:
                same = started.get(above) if above is not None else _told(inside[work])
            if same is not None:
                work.yield_to(counting(same), SAME_WORK)
                if work.step.name != counting(same).step.name:
                    _unname(works, work)
    _join_ends(works)


def _join_ends(works: Sequence[Work]) -> None:
    """Let a record that only tells that an agent ended yield to the file's run of the same id."""
    runs = [(work, work.step) for work in works if isinstance(work.step, AgentRun) and work.counted_by is None]
    told = {run.agent_id: work for work, run in runs if run.agent_id is not None and from_file(work)}
    for work, run in runs:
        if work.sighting.signal == "log" and work.around is None and run.agent_id in told:
            work.yield_to(told[run.agent_id], SAME_WORK)


def _unname(works: Sequence[Work], run: Work) -> None:
    """Take the file's name of an agent run off telemetry's steps, which are named by their own run."""
    for work in works:
        if work.step.agent_name == run.step.name and work is not run:
            work.step = replace(work.step, agent_name=None)


def _told(parts: Sequence[Work]) -> Work | None:
    return next((run for part in parts if (run := _run_of(counting(part))) is not None), None)


def _run_of(work: Work) -> Work | None:
    """Return the agent run of telemetry in which something was done."""
    nearest = next((above for above in work.surroundings() if isinstance(above.step, AgentRun)), None)
    return nearest if nearest is not None and not from_file(nearest) else None
