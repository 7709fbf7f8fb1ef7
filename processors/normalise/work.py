"""Sightings on their way to becoming steps: where each stands in the tree, and which of them are one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from collector.model import Span
from processors.model import AgentRun, ModelCall, OtherStep, Step, ToolCall
from processors.normalise.sighting import Sighting, SpanKey


@dataclass(slots=True, eq=False)
class Work:
    """A sighting, the step that it is becoming, and the work that it stands in."""

    sighting: Sighting
    step: Step
    parent: Work | None = None
    depth: int = 0
    foreign: bool = False
    """A span that no dialect knows: kept only where it stands around known work."""
    counted_by: Work | None = field(default=None, repr=False)

    around: Work | None = field(default=None, repr=False)
    """The nearest model call, tool or agent above: a shortcut past the spans between."""

    def surroundings(self) -> Iterator[Work]:
        """Yield the model calls, tools and agents around this one, innermost first."""
        above = self.around
        while above is not None:
            yield above
            above = above.around

    def move(self, parent: Work) -> None:
        """Hang this work on another parent; `rooted` settles what is beneath."""
        self.parent = parent
        self.settle()

    def settle(self) -> None:
        """Read depth and surroundings off the parent, which must be settled itself."""
        above = self.parent
        self.depth = above.depth + 1 if above is not None else 0
        self.around = above if above is None or solid(above) else above.around

    def note(self, words: str) -> None:
        """Add the rule that decided something about this step, once."""
        known = self.step.note
        if known is None:
            self.step = replace(self.step, note=words)
        elif words not in known:
            self.step = replace(self.step, note=f"{known}; {words}")

    def yield_to(self, other: Work, rule: str) -> None:
        """Let another sighting of the same work count instead."""
        self.counted_by = other
        self.note(rule)


def counting(work: Work) -> Work:
    """Return the sighting that counts for this one, often itself."""
    while work.counted_by is not None:
        work = work.counted_by
    return work


def solid(work: Work) -> bool:
    """Tell model calls, tools and agents from the spans around them."""
    return isinstance(work.step, (ModelCall, ToolCall, AgentRun))


def call_of(work: Work) -> ModelCall:
    """Return the model call of a work known to be one."""
    assert isinstance(work.step, ModelCall)  # noqa: S101 - narrows the type; callers filter
    return work.step


def plant(spans: Sequence[Span], sightings: Iterable[Sighting], ignored: frozenset[SpanKey]) -> list[Work]:
    """Return all work of a session with its place in the span tree, a parent before its children.

    `spans` are those without a sighting of their own that may stand around work; `ignored` those that a dialect left
    out on purpose: what is beneath them hangs on the span above. A loop of parents is cut where it closes.
    """
    works = [Work(sighting, sighting.step) for sighting in sightings]
    by_span: dict[SpanKey, Work] = {}
    for work in works:
        if work.step.span_id is not None and work.step.trace_id is not None:
            by_span.setdefault((work.step.trace_id, work.step.span_id), work)
    above: dict[SpanKey, SpanKey | None] = {}
    for span in spans:
        key = (span.trace_id, span.span_id)
        above[key] = (span.trace_id, span.parent_span_id) if span.parent_span_id else _linked(span)
        if key not in by_span and key not in ignored:
            by_span[key] = _foreign(span)
            works.append(by_span[key])
    for work in works:
        work.parent = _parent_of(work, by_span, above)
    return rooted(works)


def _linked(span: Span) -> SpanKey | None:
    """Return what a root links to in another trace: it continues that."""
    return (span.links[0].trace_id, span.links[0].span_id) if span.links else None


def _foreign(span: Span) -> Work:
    step = OtherStep(
        step_id=span.span_id,
        trace_id=span.trace_id,
        span_id=span.span_id,
        name=span.name,
        started_at=span.start_time_unix_nano,
        ended_at=max(span.end_time_unix_nano, span.start_time_unix_nano),
        dialect="",
    )
    within = (span.trace_id, span.parent_span_id) if span.parent_span_id else _linked(span)
    return Work(Sighting(step=step, within=within, scope=span.scope.name), step, foreign=True)


def _parent_of(work: Work, by_span: Mapping[SpanKey, Work], above: dict[SpanKey, SpanKey | None]) -> Work | None:
    """Return the nearest work above, past spans that were ignored; their paths are shortened on the way."""
    own = (work.step.trace_id or "", work.step.span_id or "")
    key = work.sighting.within
    if key is None and work.sighting.signal == "span":
        key = above.get(own)
    passed: set[SpanKey] = set()
    while key is not None and key not in by_span:
        if key in passed:
            key = None
            break
        passed.add(key)
        key = above.get(key)
    for crossed in passed:
        above[crossed] = key
    found = by_span.get(key) if key is not None else None
    return found if found is not work else None


def rooted(works: Sequence[Work]) -> list[Work]:
    """Settle all works, top down, and return them a parent before its children; a loop is cut where it closes."""
    done: set[Work] = set()
    ordered: list[Work] = []
    for start in sorted(works, key=lambda work: (work.step.started_at, work.step.step_id)):
        path: list[Work] = []
        on_path: set[Work] = set()
        work: Work | None = start
        while work is not None and work not in done:
            if work in on_path:
                path[-1].parent = None
                break
            path.append(work)
            on_path.add(work)
            work = work.parent
        for item in reversed(path):
            item.settle()
            done.add(item)
            ordered.append(item)
    return ordered
