"""Recordings of real frameworks as the collector's types, read with the protobuf definitions alone.

The collector's own decoder is tested elsewhere; here the recordings are decoded independently of it.
"""

from __future__ import annotations

import functools
import gzip
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from collector.model import Attributes, AttributeValue, Event, Link, LogRecord, Resource, Scope, Span

CAPTURES = Path(__file__).parent.parent / "fixtures" / "captures"
EXPORTS = CAPTURES.parent / "exports"
RECORDINGS = tuple(sorted(path.name for path in CAPTURES.iterdir() if path.is_dir()))
RECORDED = CAPTURES.parent / "recorded"
OWN_RECORDINGS = tuple(sorted(path.name for path in RECORDED.iterdir() if path.is_dir()))
"""Made like the others, of more frameworks: only what normalising makes of them is tested."""


@functools.cache
def load_recording(name: str) -> tuple[tuple[Span, ...], tuple[LogRecord, ...]]:
    """Return the spans and log records of one recording, in the order they were sent."""
    spans: list[Span] = []
    logs: list[LogRecord] = []
    for path in sorted([*_recording(name).glob("*.pb"), *_recording(name).glob("*.pb.gz")]):
        body = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        if "-traces.pb" in path.name:
            spans += spans_in(ExportTraceServiceRequest.FromString(body))
        elif "-logs.pb" in path.name:
            logs += logs_in(ExportLogsServiceRequest.FromString(body))
    return tuple(spans), tuple(logs)


def load_export(name: str) -> tuple[Span, ...]:
    """Return the spans that a real exporter sent for a run written for it, of which there is no truth but that run."""
    return tuple(spans_in(ExportTraceServiceRequest.FromString((EXPORTS / f"{name}.pb").read_bytes())))


@functools.cache
def load_truth(name: str) -> dict[str, Any]:
    """Return what the scripted model server really served while the recording was made."""
    truth: dict[str, Any] = json.loads((_recording(name) / "truth.json").read_text())
    return truth


def _recording(name: str) -> Path:
    return (RECORDED if name in OWN_RECORDINGS else CAPTURES) / name


def spans_in(request: ExportTraceServiceRequest) -> Iterable[Span]:
    """Return the spans of an export."""
    for group in request.resource_spans:
        resource = Resource(_attributes(group.resource.attributes))
        for scoped in group.scope_spans:
            scope = Scope(scoped.scope.name, scoped.scope.version, _attributes(scoped.scope.attributes))
            for span in scoped.spans:
                yield Span(
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_span_id=span.parent_span_id.hex() or None,
                    name=span.name,
                    kind=span.kind,
                    start_time_unix_nano=span.start_time_unix_nano,
                    end_time_unix_nano=span.end_time_unix_nano,
                    attributes=_attributes(span.attributes),
                    events=tuple(Event(e.name, e.time_unix_nano, _attributes(e.attributes)) for e in span.events),
                    links=tuple(
                        Link(link.trace_id.hex(), link.span_id.hex(), link.trace_state, _attributes(link.attributes))
                        for link in span.links
                    ),
                    status_code=span.status.code,
                    status_message=span.status.message,
                    trace_state=span.trace_state,
                    flags=span.flags,
                    resource=resource,
                    scope=scope,
                )


def logs_in(request: ExportLogsServiceRequest) -> Iterable[LogRecord]:
    """Return the log records of an export."""
    for group in request.resource_logs:
        resource = Resource(_attributes(group.resource.attributes))
        for scoped in group.scope_logs:
            scope = Scope(scoped.scope.name, scoped.scope.version, _attributes(scoped.scope.attributes))
            for record in scoped.log_records:
                yield LogRecord(
                    time_unix_nano=record.time_unix_nano,
                    observed_time_unix_nano=record.observed_time_unix_nano,
                    severity_number=record.severity_number,
                    severity_text=record.severity_text,
                    event_name=record.event_name,
                    body=_value(record.body),
                    attributes=_attributes(record.attributes),
                    trace_id=record.trace_id.hex() or None,
                    span_id=record.span_id.hex() or None,
                    flags=record.flags,
                    resource=resource,
                    scope=scope,
                )


def _attributes(pairs: Iterable[KeyValue]) -> Attributes:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> AttributeValue:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        items: Sequence[AttributeValue] = [_value(item) for item in value.array_value.values]
        return items
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    scalar: AttributeValue = getattr(value, kind)
    return scalar
