"""One session, from its signals to its steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from collector.model import LogRecord, Span
from processors.model import AgentRun, OtherStep, Session, Step
from processors.normalise import (
    agents,
    calls,
    content,
    contexts,
    doubts,
    placing,
    requests,
    rollups,
    tools,
)
from processors.normalise.gaps import gaps
from processors.normalise.loose_ends import loose_ends
from processors.normalise.reading import Readings, share_messages
from processors.normalise.sessions import Bundle
from processors.normalise.sighting import Sighting
from processors.normalise.work import Work, counting, plant

_METADATA = ("", "langfuse.trace.metadata.", "traceloop.association.properties.", "langsmith.metadata.")
"""Where an agent that cannot name its attributes puts what it wants to say of a run."""
_TASK_ID = ("clawtrace.task.id", "task.id", *(f"{prefix}task_id" for prefix in _METADATA))
_CONDITION = ("clawtrace.condition", *(f"{prefix}condition" for prefix in _METADATA))


def assemble(bundle: Bundle, readings: Readings) -> Session | None:
    """Return the session, or None where no signal tells of a model call, a tool or an agent."""
    share_messages(readings)
    sightings = _identified(readings.sightings)
    if not any(not isinstance(sighting.step, OtherStep) for sighting in sightings):
        return None
    works = plant(bundle.spans, sightings, frozenset(readings.ignored))
    content.attach(works, readings.spoken)
    calls.join(works)
    calls.fill_from_around(works)
    calls.inherit_models(works)
    doubts.doubt(works)
    tools.join(works)
    agents.join(works)
    works += rollups.promote(works)
    works = _worth_a_step(works)
    placing.place(works)
    works += agents.imply(works)
    threads = contexts.threads(works)
    works += requests.connect(works, threads)
    agents.relate(works)
    agents.name_agents(works)
    content.without_skeletons(works)
    steps = _steps(works)
    return replace(_session(bundle, steps, threads), loose_ends=loose_ends(bundle, readings))


def _identified(sightings: Sequence[Sighting]) -> list[Sighting]:
    """Give every step an id of its own: a span's id, with the trace where that is used twice, then with a number."""
    used = Counter(sighting.step.step_id for sighting in sightings)
    found = list(sightings)
    seen: Counter[str] = Counter()
    shared = [place for place, sighting in enumerate(sightings) if used[sighting.step.step_id] > 1]
    for place in sorted(shared, key=lambda place: _spans_first(sightings[place])):
        step = sightings[place].step
        step_id = f"{step.trace_id}:{step.step_id}"
        seen[step_id] += 1
        number = f":{seen[step_id]}" if seen[step_id] > 1 else ""
        found[place] = replace(sightings[place], step=replace(step, step_id=step_id + number))
    return found


def _spans_first(sighting: Sighting) -> tuple[bool, int, int, str, tuple[str, ...], str]:
    """Sort spans before log records, and these by what tells them apart, whatever the order in which they came."""
    step = sighting.step
    return sighting.signal == "log", step.started_at, step.ended_at, step.dialect, sighting.request_ids, step.name


def _worth_a_step(works: Sequence[Work]) -> list[Work]:
    """Leave out spans that no dialect knows, unless they stand around known work."""
    needed: set[Work] = set()
    for work in works:
        above: Work | None = work if not work.foreign else None
        while above is not None and above not in needed:
            needed.add(above)
            above = above.parent
    return [work for work in works if work in needed]


def _steps(works: Sequence[Work]) -> tuple[Step, ...]:
    """Return the steps in causal order: by time, but never before what they stand in."""
    begun: dict[Work, int] = {}
    for work in sorted(works, key=lambda work: work.depth):
        earliest = begun.get(work.parent, 0) if work.parent is not None else 0
        begun[work] = max(work.step.started_at, earliest)
    ordered = sorted(works, key=lambda work: (begun[work], work.depth, work.step.started_at, work.step.step_id))
    return tuple(
        replace(
            work.step,
            parent_step_id=work.parent.step.step_id if work.parent is not None else None,
            counted_by=counting(work).step.step_id if work.counted_by is not None else None,
        )
        for work in ordered
    )


def _session(bundle: Bundle, steps: tuple[Step, ...], threads: Sequence[contexts.Thread]) -> Session:
    main = next((step for step in steps if isinstance(step, AgentRun) and not step.is_sub_agent), None)
    services = sorted({name for span in bundle.spans if (name := span.resource.service_name) is not None})
    services = services or sorted({name for log in bundle.logs if (name := log.resource.service_name) is not None})
    service = services[0] if services else None
    return Session(
        session_id=bundle.session_id,
        session_source=bundle.source,
        service_name=service,
        agent_name=main.name if main is not None else service,
        task_id=_named([*bundle.spans, *bundle.logs], _TASK_ID),
        condition=_named([*bundle.spans, *bundle.logs], _CONDITION),
        started_at=min(step.started_at for step in steps),
        ended_at=max(step.ended_at for step in steps),
        steps=steps,
        contexts=tuple(thread.context() for thread in threads),
        gaps=gaps(steps, bundle.source),
        trace_ids=tuple(sorted({step.trace_id for step in steps if step.trace_id is not None})),
        conversation_ids=tuple(sorted(bundle.conversation_ids)),
    )


def _named(signals: Sequence[Span | LogRecord], keys: Sequence[str]) -> str | None:
    """Return the first value that the session's signals or their resource give under one of `keys`."""
    for key in keys:
        for signal in signals:
            for attributes in (signal.attributes, signal.resource.attributes):
                value = attributes.get(key)
                if isinstance(value, str) and value:
                    return value
    return None
