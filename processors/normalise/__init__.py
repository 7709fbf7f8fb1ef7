"""Telemetry of any dialect to sessions in one vocabulary.

Data comes from the collector as spans and log records of one connected group and goes as `Session` to pricing and the
ledger. Pure: the same signals give the same sessions, in whatever order and however often they came.
"""

from __future__ import annotations

from collections.abc import Iterable

from collector.model import LogRecord, Span
from processors.model import Session
from processors.normalise.assemble import assemble
from processors.normalise.continuing import joined
from processors.normalise.dialects import DIALECTS
from processors.normalise.reading import read
from processors.normalise.session_keys import CORRELATION_KEYS, SESSION_KEYS
from processors.normalise.sessions import bundles
from processors.normalise.shared_calls import united
from processors.normalise.values import canonical

__all__ = ["CORRELATION_KEYS", "DIALECTS", "SESSION_KEYS", "normalise"]


def normalise(spans: Iterable[Span], logs: Iterable[LogRecord] = ()) -> tuple[Session, ...]:
    """Return the sessions in a group of signals, oldest first; none where nothing in it is an agent's work."""
    parts = bundles(_distinct_spans(spans), _distinct_logs(logs))
    whole = joined(united([(part, read(part.spans, part.logs, DIALECTS)) for part in parts]))
    found = (assemble(bundle, readings) for bundle, readings in whole)
    return tuple(sorted((s for s in found if s is not None), key=lambda s: (s.started_at, s.session_id)))


def _distinct_spans(spans: Iterable[Span]) -> list[Span]:
    """Keep one of each span; of two that differ, the one that says more, whichever came first."""
    kept: dict[tuple[str, str], Span] = {}
    for span in spans:
        other = kept.setdefault((span.trace_id, span.span_id), span)
        if other is not span and other != span:
            kept[span.trace_id, span.span_id] = max(other, span, key=_weight)
    return list(kept.values())


def _weight(span: Span) -> tuple[int, int, str]:
    return span.end_time_unix_nano, len(span.attributes), canonical([span.name, span.attributes])


def _distinct_logs(logs: Iterable[LogRecord]) -> list[LogRecord]:
    kept: dict[tuple[object, ...], list[LogRecord]] = {}
    for record in logs:
        key = (record.time_unix_nano, record.trace_id, record.span_id, record.event_name, len(record.attributes))
        alike = kept.setdefault(key, [])
        if record not in alike:
            alike.append(record)
    return sorted((record for alike in kept.values() for record in alike), key=_order)


def _order(record: LogRecord) -> tuple[object, ...]:
    return record.timestamp, record.event_name, record.span_id or "", canonical([record.body, record.attributes])
