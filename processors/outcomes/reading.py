"""Evaluation results in the shapes that instrumentations send them, as one type.

Sources: OpenTelemetry GenAI conventions, event `gen_ai.evaluation.result` (span event, log record, or a span of its
own); OpenInference, 'Annotations and Evaluations'; Arize's flat `eval.NAME.*`; Langfuse scores mapped to attributes
by its REST field names.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from collector.model import Attributes, AttributeValue, LogRecord, Span
from processors.normalise.dialect import has_key
from processors.normalise.values import Json, mapping, sequence, structured
from processors.outcomes.words import about_success, verdict_of_label

EVENT: Final = "gen_ai.evaluation.result"
_GEN_AI: Final = "gen_ai.evaluation."
_RESPONSE_ID: Final = "gen_ai.response.id"
_INDEXED: Final = re.compile(
    r"(?:(?P<scope>trace|session)\.)?(?P<list>annotations|evaluations)\.(?P<index>\d+)\.(?:annotation|evaluation)\.(?P<field>\w+)"
)
_LISTED: Final = re.compile(r"(?:(?P<scope>trace|session)\.)?(?P<list>annotations|evaluations)")
_LISTS: Final = tuple(
    f"{scope}{kind}" for scope in ("", "trace.", "session.") for kind in ("annotations", "evaluations")
)
_FLAT: Final = re.compile(r"(?:(?P<scope>trace|session)_)?eval\.(?P<name>.+)\.(?P<field>label|score|explanation)")
_LANGFUSE: Final = re.compile(r"langfuse\.(?:(?P<scope>trace|session|observation)\.)?scores?(?:\.(?P<rest>.+))?")
_LANGFUSE_FIELDS: Final = frozenset(
    ("name", "value", "string_value", "stringValue", "comment", "data_type", "dataType", "source", "id")
)
_LONGEST: Final = 2_000
"""Characters of an explanation that are kept; the whole stands in the signal."""

SpanKey: TypeAlias = "tuple[str, str]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One evaluation as a signal tells it, and what it is about as far as the signal says."""

    name: str
    score: float | None = None
    label: str | None = None
    passed: bool | None = None
    explanation: str | None = None
    expected: str | None = None
    got: str | None = None
    identifier: str | None = None
    source: str
    time: int
    trace_id: str | None
    span_id: str | None = None
    """The judged span; None where the whole trace or session is judged."""
    response_id: str | None = None
    attributes: Attributes
    """Where a session id may stand."""


@dataclass(frozen=True, slots=True)
class _Place:
    """What the results on one signal are about unless they say otherwise."""

    trace_id: str | None
    span_id: str | None
    time: int
    attributes: Attributes
    response_id: str | None = None


def in_span(span: Span) -> Iterator[Reading]:
    """Yield what a span's events and attributes say."""
    own = _Place(span.trace_id, span.span_id, span.end_time_unix_nano, span.attributes)
    for event in span.events:
        if event.name == EVENT:
            yield from _gen_ai(event.attributes, _Place(span.trace_id, span.span_id, event.time_unix_nano, {}))
    if f"{_GEN_AI}name" in span.attributes:
        yield from _gen_ai(span.attributes, _judged_by(span, span.parent_span_id))
    if has_key(span, _LISTS):
        yield from _openinference(span, own)
    yield from _flat(span.attributes, own)
    yield from _langfuse(span.attributes, own)


def in_record(record: LogRecord) -> Iterator[Reading]:
    """Yield what a log record says."""
    named = record.event_name or record.attributes.get("event.name")
    place = _Place(record.trace_id, record.span_id, record.timestamp, record.attributes, _said(record, _RESPONSE_ID))
    if named == EVENT or f"{_GEN_AI}name" in record.attributes:
        body = mapping(structured(record.body)) if not isinstance(record.body, str) else {}
        yield from _gen_ai({**body, **record.attributes}, place)
    yield from _flat(record.attributes, place)
    yield from _langfuse(record.attributes, place)


def _said(record: LogRecord, key: str) -> str | None:
    value = record.attributes.get(key)
    return value if isinstance(value, str) and value else None


def _judged_by(span: Span, otherwise: str | None) -> _Place:
    """Place the results of a span that judges another: the linked one, else `otherwise` in the same trace."""
    if span.links:
        link = span.links[0]
        return _Place(link.trace_id, link.span_id, span.end_time_unix_nano, span.attributes)
    return _Place(span.trace_id, otherwise, span.end_time_unix_nano, span.attributes)


def _gen_ai(sent: Mapping[str, Json | AttributeValue], place: _Place) -> Iterator[Reading]:
    if sent.get("error.type"):
        return  # the evaluation failed: it says nothing about what it should have judged
    fields = {
        "name": sent.get(f"{_GEN_AI}name"),
        "score": sent.get(f"{_GEN_AI}score.value", sent.get(f"{_GEN_AI}score")),
        "label": sent.get(f"{_GEN_AI}score.label", sent.get(f"{_GEN_AI}label")),
        "passed": sent.get(f"{_GEN_AI}passed"),
        "explanation": sent.get(f"{_GEN_AI}explanation"),
        "expected": sent.get("clawtrace.evaluation.expected"),
        "got": sent.get("clawtrace.evaluation.got"),
    }
    yield from _reading(fields, place, EVENT)


def _openinference(span: Span, own: _Place) -> Iterator[Reading]:
    """Annotations judge the span that carries them; an evaluator's results judge the span it links to, or the trace."""
    found: dict[tuple[str, str, str], dict[str, object]] = {}
    for key, value in span.attributes.items():
        match = _INDEXED.fullmatch(key)
        if match:
            found.setdefault((match["scope"] or "", match["list"], match["index"]), {})[match["field"]] = value
        elif listed := _LISTED.fullmatch(key):
            for index, item in enumerate(sequence(structured(value))):
                nested = mapping(mapping(item).get(listed["list"][:-1], item))
                found[listed["scope"] or "", listed["list"], str(index)] = dict(nested)
    for (scope, kind, _), fields in found.items():
        place = own if kind == "annotations" else _judged_by(span, None)
        metadata = mapping(structured(fields.get("metadata")))
        more: dict[str, object] = {name: metadata.get(name) for name in ("expected", "got")}
        judge = fields.get("annotator_kind")
        source = f"openinference {judge}" if isinstance(judge, str) and judge else "openinference"
        yield from _reading({**more, **fields}, _widened(place) if scope else place, source)


def _flat(attributes: Attributes, own: _Place) -> Iterator[Reading]:
    found: dict[tuple[str, str], dict[str, object]] = {}
    for key, value in attributes.items():
        if "eval." in key and (match := _FLAT.fullmatch(key)):
            found.setdefault((match["scope"] or "", match["name"]), {})[match["field"]] = value
    for (scope, name), fields in found.items():
        yield from _reading({"name": name, **fields}, _widened(own) if scope else own, "eval")


def _langfuse(attributes: Attributes, own: _Place) -> Iterator[Reading]:
    """Read `langfuse.score.NAME`, `langfuse.score.NAME.value`, and `langfuse.score.name` beside `.value`."""
    found: dict[tuple[str, str], dict[str, object]] = {}
    for key, value in attributes.items():
        match = _LANGFUSE.fullmatch(key) if key.startswith("langfuse.") else None
        if match is None:
            continue
        scope, rest = match["scope"] or "", match["rest"]
        if rest is None:
            for index, item in enumerate(sequence(structured(value))):
                found[scope, f"#{index}"] = dict(mapping(item))
            continue
        which, _, field = rest.rpartition(".")
        if field in _LANGFUSE_FIELDS:
            found.setdefault((scope, which), {})[field] = value
        else:
            found.setdefault((scope, rest), {})["value"] = value
    for (scope, which), fields in found.items():
        place = _widened(own) if scope in {"trace", "session"} else own
        yield from _reading({"name": which, **_by_langfuse(fields)}, place, "langfuse")


def _by_langfuse(fields: Mapping[str, object]) -> dict[str, object]:
    kind = str(fields.get("data_type", fields.get("dataType", ""))).upper()
    value = fields.get("value")
    label = fields.get("string_value", fields.get("stringValue"))
    if isinstance(value, str) and _number(value) is None:
        label, value = label or value, None
    if kind == "BOOLEAN" and (number := _number(value)) is not None:
        value = bool(number)
    named = {"name": fields["name"]} if fields.get("name") else {}
    return {**named, "score": value, "label": label, "explanation": fields.get("comment")}


def _widened(place: _Place) -> _Place:
    return _Place(place.trace_id, None, place.time, place.attributes)


def _reading(fields: Mapping[str, object], place: _Place, source: str) -> Iterator[Reading]:
    """Yield the result unless it lacks a name, or says nothing at all."""
    name, label, score = _text(fields.get("name")), _text(fields.get("label")), fields.get("score")
    explanation = _text(fields.get("explanation"))
    number = _number(score)
    if not name or (number is None and label is None and explanation is None and fields.get("passed") is None):
        return
    yield Reading(
        name=name,
        score=number,
        label=label,
        passed=_passed(name, score, label, fields.get("passed")),
        explanation=explanation[:_LONGEST] if explanation else None,
        expected=_text(fields.get("expected")),
        got=_text(fields.get("got")),
        identifier=_text(fields.get("identifier")) or _text(fields.get("id")),
        source=source,
        time=place.time,
        trace_id=place.trace_id,
        span_id=place.span_id,
        response_id=place.response_id,
        attributes=place.attributes,
    )


def _passed(name: str, score: object, label: str | None, said: object) -> bool | None:
    """Decide by what was said, then the label, then a score of exactly 0 or 1 on something known to be good or bad.

    No other score has a meaning of its own: the range and direction are the evaluator's.
    """
    if isinstance(said, str):
        said = verdict_of_label(said)
    if isinstance(said, bool):
        return said
    verdict = verdict_of_label(label) if label else None
    direction = about_success(name)
    if verdict is not None:
        # `hallucination: true` is a yes to something bad; `hallucination: fail` is a fail.
        yes_or_no = label is not None and label.strip().lower() in {"true", "false", "yes", "no"}
        return (not verdict) if direction is False and yes_or_no else verdict
    if isinstance(score, bool):
        return score if direction is not False else not score
    number = _number(score)
    if direction is None or number not in {0.0, 1.0}:
        return None
    return (number == 1.0) == direction


def _number(value: object) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool | int | float):
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None
    return None


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return value.strip() or None if isinstance(value, str) else None
