"""OTLP/JSON requests as typed structs: what a sender may write, and nothing that protobuf could not carry.

Field names are those of the protobuf messages (lowerCamelCase on the wire), so that one loop reads both encodings.
Decode with `strict=False`: 64-bit integers come as numbers or decimal strings. Ids stay hex text and bytes stay base64
text until somebody needs them. Source: OTLP specification, "JSON Protobuf Encoding"; ProtoJSON format.
"""

# ruff: noqa: D101 - the messages are documented in the .proto files that they mirror
from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from msgspec import Meta, Struct, field

MAX_UINT64: Final = 2**64 - 1

Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
UInt32 = Annotated[int, Meta(ge=0, le=2**32 - 1)]
UInt64 = Annotated[int, Meta(ge=0)]
"""The upper bound is checked by hand: msgspec's bounds are 64-bit signed."""


def _check_uint64(*values: int) -> None:
    if max(values) > MAX_UINT64:
        raise ValueError("an unsigned integer has more than 64 bits")


class Part(Struct, rename="camel", gc=False):
    """Any OTLP message; unknown fields are ignored."""


class AnyValue(Part):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: Int64 | None = None
    double_value: float | None = None
    array_value: ArrayValue | None = None
    kvlist_value: KeyValueList | None = None
    bytes_value: str | None = None


class ArrayValue(Part):
    values: Sequence[AnyValue] = ()


class KeyValue(Part):
    key: str = ""
    value: AnyValue | None = None


class KeyValueList(Part):
    values: Sequence[KeyValue] = ()


class Resource(Part):
    attributes: Sequence[KeyValue] = ()
    dropped_attributes_count: UInt32 = 0


class InstrumentationScope(Part):
    name: str = ""
    version: str = ""
    attributes: Sequence[KeyValue] = ()
    dropped_attributes_count: UInt32 = 0


class Status(Part):
    message: str = ""
    code: Int32 = 0


class Event(Part):
    time_unix_nano: UInt64 = 0
    name: str = ""
    attributes: Sequence[KeyValue] = ()
    dropped_attributes_count: UInt32 = 0

    def __post_init__(self) -> None:
        _check_uint64(self.time_unix_nano)


class Link(Part):
    trace_id: str = ""
    span_id: str = ""
    trace_state: str = ""
    attributes: Sequence[KeyValue] = ()
    dropped_attributes_count: UInt32 = 0
    flags: UInt32 = 0


class Span(Part):
    trace_id: str = ""
    span_id: str = ""
    trace_state: str = ""
    parent_span_id: str = ""
    flags: UInt32 = 0
    name: str = ""
    kind: Int32 = 0
    start_time_unix_nano: UInt64 = 0
    end_time_unix_nano: UInt64 = 0
    attributes: Sequence[KeyValue] = ()
    dropped_attributes_count: UInt32 = 0
    events: Sequence[Event] = ()
    dropped_events_count: UInt32 = 0
    links: Sequence[Link] = ()
    dropped_links_count: UInt32 = 0
    status: Status | None = None

    def __post_init__(self) -> None:
        _check_uint64(self.start_time_unix_nano, self.end_time_unix_nano)


class ScopeSpans(Part):
    scope: InstrumentationScope | None = None
    spans: Sequence[Span] = ()
    schema_url: str = ""


class ResourceSpans(Part):
    resource: Resource | None = None
    scope_spans: Sequence[ScopeSpans] = ()
    schema_url: str = ""


class TracesData(Part):
    resource_spans: Sequence[ResourceSpans] = ()


class LogRecord(Part):
    time_unix_nano: UInt64 = 0
    observed_time_unix_nano: UInt64 = 0
    severity_number: Int32 = 0
    severity_text: str = ""
    body: AnyValue | None = None
    attributes: Sequence[KeyValue] = ()
    dropped_attributes_count: UInt32 = 0
    flags: UInt32 = 0
    trace_id: str = ""
    span_id: str = ""
    event_name: str = ""

    def __post_init__(self) -> None:
        _check_uint64(self.time_unix_nano, self.observed_time_unix_nano)


class ScopeLogs(Part):
    scope: InstrumentationScope | None = None
    log_records: Sequence[LogRecord] = ()
    schema_url: str = ""


class ResourceLogs(Part):
    resource: Resource | None = None
    scope_logs: Sequence[ScopeLogs] = ()
    schema_url: str = ""


class LogsData(Part):
    resource_logs: Sequence[ResourceLogs] = ()


class Exemplar(Part):
    filtered_attributes: Sequence[KeyValue] = ()
    time_unix_nano: UInt64 = 0
    as_double: float | None = None
    as_int: Int64 | None = None
    span_id: str = ""
    trace_id: str = ""

    def __post_init__(self) -> None:
        _check_uint64(self.time_unix_nano)


class DataPoint(Part):
    attributes: Sequence[KeyValue] = ()
    start_time_unix_nano: UInt64 = 0
    time_unix_nano: UInt64 = 0
    flags: UInt32 = 0

    def __post_init__(self) -> None:
        _check_uint64(self.start_time_unix_nano, self.time_unix_nano)


class NumberDataPoint(DataPoint):
    as_double: float | None = None
    as_int: Int64 | None = None
    exemplars: Sequence[Exemplar] = ()


class Distribution(DataPoint):
    """What the points of both kinds of histogram and of a summary share."""

    count: UInt64 = 0

    def __post_init__(self) -> None:
        _check_uint64(self.start_time_unix_nano, self.time_unix_nano, self.count)


class HistogramDataPoint(Distribution):
    sum: float | None = None
    bucket_counts: Sequence[UInt64] = ()
    explicit_bounds: Sequence[float] = ()
    exemplars: Sequence[Exemplar] = ()
    min: float | None = None
    max: float | None = None


class Buckets(Part):
    offset: Int32 = 0
    bucket_counts: Sequence[UInt64] = ()


class ExponentialHistogramDataPoint(Distribution):
    sum: float | None = None
    scale: Int32 = 0
    zero_count: UInt64 = 0
    positive: Buckets = field(default_factory=Buckets)
    negative: Buckets = field(default_factory=Buckets)
    exemplars: Sequence[Exemplar] = ()
    min: float | None = None
    max: float | None = None
    zero_threshold: float = 0.0


class ValueAtQuantile(Part):
    quantile: float = 0.0
    value: float = 0.0


class SummaryDataPoint(Distribution):
    sum: float = 0.0
    quantile_values: Sequence[ValueAtQuantile] = ()


class Gauge(Part):
    data_points: Sequence[NumberDataPoint] = ()


class Sum(Part):
    data_points: Sequence[NumberDataPoint] = ()
    aggregation_temporality: Int32 = 0
    is_monotonic: bool = False


class Histogram(Part):
    data_points: Sequence[HistogramDataPoint] = ()
    aggregation_temporality: Int32 = 0


class ExponentialHistogram(Part):
    data_points: Sequence[ExponentialHistogramDataPoint] = ()
    aggregation_temporality: Int32 = 0


class Summary(Part):
    data_points: Sequence[SummaryDataPoint] = ()


class Metric(Part):
    name: str = ""
    description: str = ""
    unit: str = ""
    gauge: Gauge | None = None
    sum: Sum | None = None
    histogram: Histogram | None = None
    exponential_histogram: ExponentialHistogram | None = None
    summary: Summary | None = None
    metadata: Sequence[KeyValue] = ()


class ScopeMetrics(Part):
    scope: InstrumentationScope | None = None
    metrics: Sequence[Metric] = ()
    schema_url: str = ""


class ResourceMetrics(Part):
    resource: Resource | None = None
    scope_metrics: Sequence[ScopeMetrics] = ()
    schema_url: str = ""


class MetricsData(Part):
    resource_metrics: Sequence[ResourceMetrics] = ()
