"""Every signal of a session, read by the dialect that owns it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from operator import is_
from typing import TypeVar

from collector.model import LogRecord, Span
from processors.model import Message, ModelCall
from processors.normalise.dialect import Dialect, Signal
from processors.normalise.sighting import Reading, Sighting, SpanKey, Spoken

_S = TypeVar("_S", Span, LogRecord)


@dataclass(slots=True)
class Readings:
    """What the signals of a session say."""

    sightings: list[Sighting] = field(default_factory=list)
    spoken: list[Spoken] = field(default_factory=list)
    ignored: set[SpanKey] = field(default_factory=set)
    """Spans that their dialect leaves out on purpose."""


def read(spans: Iterable[Span], logs: Iterable[LogRecord], dialects: Sequence[Dialect]) -> Readings:
    """Read all signals. A signal that overwhelms its reader (nesting without end) costs only itself."""
    found = Readings()
    for span in spans:
        dialect = _owner(span, dialects)
        if dialect is None:
            continue
        readings = _read(dialect.read, span)
        if not readings:
            found.ignored.add((span.trace_id, span.span_id))
        _sort(readings, found)
    for record in logs:
        dialect = _owner(record, dialects)
        if dialect is not None:
            _sort(_read(dialect.read_log, record), found)
    return found


def _owner(signal: Signal, dialects: Sequence[Dialect]) -> Dialect | None:
    return next((dialect for dialect in dialects if dialect.owns(signal)), None)


def _read(reader: Callable[[_S], Iterable[Reading]], signal: _S) -> list[Reading]:
    try:
        return list(reader(signal))
    except RecursionError:
        return []


def _sort(readings: Iterable[Reading], found: Readings) -> None:
    for reading in readings:
        if isinstance(reading, Sighting):
            found.sightings.append(reading)
        else:
            found.spoken.append(reading)


def share_messages(found: Readings) -> None:
    """Keep each distinct message once: every prompt repeats those before it, and equal ones compare by identity."""
    known: dict[Message, Message] = {}

    def shared(messages: tuple[Message, ...] | None) -> tuple[Message, ...] | None:
        if not messages:
            return messages
        found = tuple(known.setdefault(message, message) for message in messages)
        return messages if all(map(is_, found, messages)) else found

    for index, sighting in enumerate(found.sightings):
        step = sighting.step
        if isinstance(step, ModelCall):
            prompt, answer = shared(step.input_messages), shared(step.output_messages)
            if prompt is not step.input_messages or answer is not step.output_messages:
                step = replace(step, input_messages=prompt, output_messages=answer)
                found.sightings[index] = replace(sighting, step=step)
