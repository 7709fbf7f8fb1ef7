"""Which session an evaluation is about, and the outcome that all evaluations of a session add up to.

The widest scope wins: a verdict on the session or its root takes precedence over verdicts on single steps, which count
only where nobody judged the whole. The session passed when none of them failed and one passed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from collector.model import LogRecord, Span
from processors.model import Check, EvaluationResult, Outcome, Session
from processors.normalise import SESSION_KEYS
from processors.outcomes.reading import Reading, SpanKey, in_record, in_span
from processors.outcomes.words import about_success

_RESPONSE_ID: Final = "gen_ai.response.id"


def judged(sessions: Sequence[Session], spans: Iterable[Span], logs: Iterable[LogRecord]) -> tuple[Session, ...]:
    """Return the sessions with their evaluations and outcome; the order and repetition of signals change nothing."""
    spans = tuple(spans)
    readings = [reading for span in spans for reading in in_span(span)]
    readings += [reading for record in logs for reading in in_record(record)]
    if not readings:
        return tuple(sessions)
    known = _Known.of(sessions, spans)
    found: dict[str, list[tuple[int, Reading]]] = defaultdict(list)
    for reading in readings:
        target = known.target(reading)
        session_id = known.session(target, reading)
        if session_id is not None:
            found[session_id].append((known.depth(target), replace(reading, trace_id=target[0], span_id=target[1])))
    return tuple(_with(session, found.get(session.session_id, ())) for session in sessions)


@dataclass(slots=True)
class _Known:
    """The traces and spans of a group, and the sessions they belong to."""

    ids: frozenset[str]
    of_span: dict[SpanKey, str] = field(default_factory=dict)
    of_trace: dict[str, str] = field(default_factory=dict)
    of_conversation: dict[str, str] = field(default_factory=dict)
    of_response: dict[str, SpanKey] = field(default_factory=dict)
    parents: dict[SpanKey, str | None] = field(default_factory=dict)

    @classmethod
    def of(cls, sessions: Sequence[Session], spans: Sequence[Span]) -> _Known:
        known = cls(frozenset(session.session_id for session in sessions))
        for session in reversed(sessions):
            known.of_trace |= dict.fromkeys(session.trace_ids, session.session_id)
            known.of_conversation |= dict.fromkeys(session.conversation_ids, session.session_id)
            for step in session.steps:
                if step.trace_id is not None and step.span_id is not None:
                    known.of_span[step.trace_id, step.span_id] = session.session_id
        for span in spans:
            key = (span.trace_id, span.span_id)
            known.parents[key] = span.parent_span_id
            response = span.attributes.get(_RESPONSE_ID)
            if isinstance(response, str) and response:
                known.of_response[response] = min(key, known.of_response.get(response, key))
        return known

    def target(self, reading: Reading) -> tuple[str | None, str | None]:
        if reading.span_id is None and reading.response_id in self.of_response:
            return self.of_response[reading.response_id]
        return reading.trace_id, reading.span_id

    def session(self, target: tuple[str | None, str | None], reading: Reading) -> str | None:
        for span in self._upwards(target):
            if span in self.of_span:
                return self.of_span[span]
        if target[0] in self.of_trace:
            return self.of_trace[target[0]]
        for key in SESSION_KEYS:
            named = reading.attributes.get(key)
            if isinstance(named, str) and (named in self.ids or named in self.of_conversation):
                return named if named in self.ids else self.of_conversation[named]
        return next(iter(self.ids)) if len(self.ids) == 1 else None

    def depth(self, target: tuple[str | None, str | None]) -> int:
        """Return how many spans stand above the judged one, 0 for a root and for the session itself."""
        return sum(span in self.parents for span in self._upwards(target)[1:])

    def _upwards(self, target: tuple[str | None, str | None]) -> list[SpanKey]:
        """List the judged span and those above it, each once: spans may name each other as parents."""
        trace_id, span_id = target
        found: dict[SpanKey, None] = {}
        while trace_id is not None and span_id is not None and (trace_id, span_id) not in found:
            found[trace_id, span_id] = None
            span_id = self.parents.get((trace_id, span_id))
        return list(found)


def _with(session: Session, found: Iterable[tuple[int, Reading]]) -> Session:
    latest = _latest(found)
    if not latest:
        return session
    widest = min(depth for depth, _ in latest)
    results = tuple(_result(reading, decides=depth == widest) for depth, reading in latest)
    return replace(session, evaluations=results, outcome=_outcome([r for r in results if r.decides]))


def _latest(found: Iterable[tuple[int, Reading]]) -> list[tuple[int, Reading]]:
    """Keep the last result of each name on each step; of the session as a whole, the last of each name."""
    kept: dict[tuple[object, ...], tuple[int, Reading]] = {}
    for depth, reading in sorted(found, key=_order):
        target = (reading.trace_id, reading.span_id) if depth else ()
        kept[target, reading.name, reading.identifier] = depth, reading
    return list(kept.values())


def _order(found: tuple[int, Reading]) -> tuple[object, ...]:
    depth, reading = found
    said = (reading.score, reading.label, reading.passed, reading.explanation, reading.got, reading.expected)
    return reading.time, depth, reading.name, reading.source, reading.trace_id or "", reading.span_id or "", repr(said)


def _result(reading: Reading, *, decides: bool) -> EvaluationResult:
    return EvaluationResult(
        name=reading.name,
        score=reading.score,
        label=reading.label,
        passed=reading.passed,
        explanation=reading.explanation,
        expected=reading.expected,
        got=reading.got or reading.explanation or reading.label,
        source=reading.source,
        trace_id=reading.trace_id,
        span_id=reading.span_id,
        recorded_at=reading.time,
        decides=decides,
    )


def _outcome(results: Sequence[EvaluationResult]) -> Outcome:
    said = [result for result in results if result.passed is not None]
    return Outcome(
        passed=all(result.passed for result in said) if said else None,
        score=_score(results),
        source=", ".join(sorted({result.source for result in results})),
        checks=tuple(Check(r.name, bool(r.passed), r.expected, r.got) for r in said),
    )


def _score(results: Sequence[EvaluationResult]) -> float | None:
    """Return the only score, or the only one that measures success: scores of different things have no mean."""
    scored: Mapping[int, float] = {i: r.score for i, r in enumerate(results) if r.score is not None}
    if len(scored) > 1:
        scored = {i: score for i, score in scored.items() if about_success(results[i].name)}
    return next(iter(scored.values())) if len(scored) == 1 else None
