"""Log records in the frame of spans, so that one code reads both."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from collector.model import LogRecord, Span
from processors.normalise.sighting import Sighting
from processors.normalise.values import canonical


def as_span(record: LogRecord) -> Span:
    """Return a log record as a span without a duration, so that the same code reads both.

    Its span id is a hash of what the record says: it becomes the step's id.
    """
    content = (
        record.time_unix_nano, record.trace_id, record.span_id, record.event_name, record.body, record.attributes,
        record.scope.name, record.resource.attributes,
    )  # fmt: skip
    return Span(
        trace_id=record.trace_id or "",
        span_id=hashlib.sha256(canonical(content).encode()).hexdigest()[:16],
        name=record.event_name,
        start_time_unix_nano=record.timestamp,
        end_time_unix_nano=record.timestamp,
        attributes=record.attributes,
        resource=record.resource,
        scope=record.scope,
    )


def from_record(sighting: Sighting, record: LogRecord) -> Sighting:
    """Mark a sighting as read from a log record."""
    return replace(
        sighting,
        step=replace(sighting.step, span_id=None),
        signal="log",
        within=(record.trace_id, record.span_id) if record.trace_id and record.span_id else None,
    )
