"""The collector's product: OTLP's own records with OTLP's own field names.

Ids are lower-case hex, times are integer nanoseconds since the Unix epoch, attribute values are faithful to the
wire (bytes stay bytes, integers are not turned into floats, nesting is kept).
Source: opentelemetry-proto 1.x, `trace.proto`, `logs.proto`, `metrics.proto`, `common.proto`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

AttributeValue: TypeAlias = (
    "bool | int | float | str | bytes | Sequence[AttributeValue] | Mapping[str, AttributeValue] | None"
)
Attributes: TypeAlias = Mapping[str, AttributeValue]

STATUS_ERROR = 2
"""`Status.StatusCode.STATUS_CODE_ERROR`."""


@dataclass(frozen=True, slots=True)
class Resource:
    """The entity that produced the telemetry; `service.name` lives here."""

    attributes: Attributes = field(default_factory=dict)
    dropped_attributes_count: int = 0
    schema_url: str = ""

    @property
    def service_name(self) -> str | None:
        """`service.name` where it is a string."""
        name = self.attributes.get("service.name")
        return name if isinstance(name, str) else None


@dataclass(frozen=True, slots=True)
class Scope:
    """The instrumentation that produced the telemetry."""

    name: str = ""
    version: str = ""
    attributes: Attributes = field(default_factory=dict)
    dropped_attributes_count: int = 0
    schema_url: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """A span event."""

    name: str
    time_unix_nano: int = 0
    attributes: Attributes = field(default_factory=dict)
    dropped_attributes_count: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    """A span's pointer to another span."""

    trace_id: str
    span_id: str
    trace_state: str = ""
    attributes: Attributes = field(default_factory=dict)
    dropped_attributes_count: int = 0
    flags: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One OTLP span with the resource and scope it came under."""

    trace_id: str
    span_id: str
    parent_span_id: str | None = None
    name: str
    kind: int = 0
    start_time_unix_nano: int
    end_time_unix_nano: int
    attributes: Attributes = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    links: tuple[Link, ...] = ()
    status_code: int = 0
    status_message: str = ""
    trace_state: str = ""
    flags: int = 0
    dropped_attributes_count: int = 0
    dropped_events_count: int = 0
    dropped_links_count: int = 0
    resource: Resource = field(default_factory=Resource)
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """One OTLP log record; `trace_id` and `span_id` are None where it was sent outside a trace."""

    time_unix_nano: int = 0
    observed_time_unix_nano: int = 0
    severity_number: int = 0
    severity_text: str = ""
    event_name: str = ""
    body: AttributeValue = None
    attributes: Attributes = field(default_factory=dict)
    trace_id: str | None = None
    span_id: str | None = None
    flags: int = 0
    dropped_attributes_count: int = 0
    resource: Resource = field(default_factory=Resource)
    scope: Scope = field(default_factory=Scope)

    @property
    def timestamp(self) -> int:
        """Nanoseconds: when it happened, or when it was observed where the sender gave no other time."""
        return self.time_unix_nano or self.observed_time_unix_nano


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPoint:
    """One data point of a metric; `data` holds what its `type` adds: buckets, quantiles, exemplars, by OTLP name."""

    name: str
    description: str = ""
    unit: str = ""
    type: str
    aggregation_temporality: int = 0
    is_monotonic: bool | None = None
    attributes: Attributes = field(default_factory=dict)
    start_time_unix_nano: int = 0
    time_unix_nano: int = 0
    value: int | float | None = None
    count: int | None = None
    sum: float | None = None
    data: Attributes = field(default_factory=dict)
    flags: int = 0
    resource: Resource = field(default_factory=Resource)
    scope: Scope = field(default_factory=Scope)
