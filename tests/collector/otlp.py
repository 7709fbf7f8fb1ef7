"""Arbitrary OTLP requests for property tests, and short ways to build and decode one."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1 import metrics_pb2 as metrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from collector.batch import BatchBuilder
from collector.columnar import Worthwhile
from collector.decode import Decoded, Decoder, Encoding, Export, Signal
from collector.store import Batch

UINT32 = st.integers(0, 2**32 - 1)
UINT64 = st.integers(0, 2**64 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
KEYS = st.sampled_from(["session.id", "gen_ai.usage.input_tokens", "k"]) | TEXT


def array(items: list[AnyValue]) -> AnyValue:
    """Return an array value, present also when empty."""
    value = AnyValue()
    value.array_value.SetInParent()
    value.array_value.values.extend(items)
    return value


def kvlist(items: dict[str, AnyValue]) -> AnyValue:
    """Return a kvlist value, present also when empty."""
    value = AnyValue()
    value.kvlist_value.SetInParent()
    value.kvlist_value.values.extend(KeyValue(key=key, value=item) for key, item in items.items())
    return value


any_values = st.recursive(
    st.just(AnyValue())
    | st.builds(AnyValue, string_value=TEXT)
    | st.builds(AnyValue, bool_value=st.booleans())
    | st.builds(AnyValue, int_value=INT64)
    | st.builds(AnyValue, double_value=st.floats())
    | st.builds(AnyValue, bytes_value=st.binary(max_size=20)),
    lambda inner: st.lists(inner, max_size=3).map(array) | st.dictionaries(KEYS, inner, max_size=3).map(kvlist),
    max_leaves=6,
)
attributes = st.lists(st.builds(KeyValue, key=KEYS, value=any_values), max_size=5)


def ids(size: int) -> st.SearchStrategy[bytes]:
    """Return valid ids, few enough that some repeat."""
    return st.sampled_from([bytes([byte]) * size for byte in (1, 0xAB, 0xFF)])


resources = st.builds(Resource, attributes=attributes, dropped_attributes_count=UINT32)
scopes = st.builds(
    InstrumentationScope, name=TEXT, version=TEXT, attributes=attributes, dropped_attributes_count=UINT32
)
events = st.builds(Span.Event, name=TEXT, time_unix_nano=UINT64, attributes=attributes, dropped_attributes_count=UINT32)
links = st.builds(Span.Link, trace_id=ids(16), span_id=ids(8), trace_state=TEXT, attributes=attributes, flags=UINT32)
spans = st.builds(
    Span,
    trace_id=ids(16),
    span_id=ids(8),
    parent_span_id=st.just(b"") | ids(8),
    name=TEXT,
    kind=st.integers(0, 5),
    trace_state=TEXT,
    flags=UINT32,
    start_time_unix_nano=UINT64,
    end_time_unix_nano=UINT64,
    attributes=attributes,
    events=st.lists(events, max_size=2),
    links=st.lists(links, max_size=2),
    status=st.builds(Status, code=st.integers(0, 2), message=TEXT),
    dropped_attributes_count=UINT32,
    dropped_events_count=UINT32,
    dropped_links_count=UINT32,
)
log_records = st.builds(
    LogRecord,
    time_unix_nano=UINT64,
    observed_time_unix_nano=UINT64,
    severity_number=st.integers(0, 24),
    severity_text=TEXT,
    event_name=TEXT,
    body=any_values,
    attributes=attributes,
    trace_id=st.just(b"") | ids(16),
    span_id=st.just(b"") | ids(8),
    flags=UINT32,
)
exemplars = st.builds(
    metrics.Exemplar, time_unix_nano=UINT64, as_double=st.floats(), trace_id=ids(16), filtered_attributes=attributes
)
_POINT: dict[str, Any] = {
    "attributes": attributes,
    "start_time_unix_nano": UINT64,
    "time_unix_nano": UINT64,
    "flags": UINT32,
}
number_points = st.builds(
    metrics.NumberDataPoint, **_POINT, as_int=INT64, exemplars=st.lists(exemplars, max_size=1)
) | st.builds(metrics.NumberDataPoint, **_POINT, as_double=st.floats())
histogram_points = st.builds(
    metrics.HistogramDataPoint,
    **_POINT,
    count=UINT64,
    sum=st.none() | st.floats(),
    min=st.none() | st.floats(),
    bucket_counts=st.lists(UINT64, max_size=3),
    explicit_bounds=st.lists(st.floats(), max_size=2),
)
exponential_points = st.builds(
    metrics.ExponentialHistogramDataPoint,
    **_POINT,
    count=UINT64,
    scale=st.integers(-10, 20),
    zero_count=UINT64,
    positive=st.builds(
        metrics.ExponentialHistogramDataPoint.Buckets,
        offset=st.integers(-9, 9),
        bucket_counts=st.lists(UINT64, max_size=3),
    ),
)
summary_points = st.builds(
    metrics.SummaryDataPoint,
    **_POINT,
    count=UINT64,
    sum=st.floats(),
    quantile_values=st.lists(
        st.builds(metrics.SummaryDataPoint.ValueAtQuantile, quantile=st.floats(0, 1), value=st.floats()), max_size=2
    ),
)


def _data(kind: type[Any], points: st.SearchStrategy[Any], **fields: Any) -> st.SearchStrategy[Any]:
    return st.builds(kind, data_points=st.lists(points, min_size=1, max_size=2), **fields)


def _metric(**data: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(metrics.Metric, name=TEXT, description=TEXT, unit=TEXT, metadata=attributes, **data)


temporality = st.integers(0, 2)
all_metrics = (
    _metric(gauge=_data(metrics.Gauge, number_points))
    | _metric(sum=_data(metrics.Sum, number_points, is_monotonic=st.booleans(), aggregation_temporality=temporality))
    | _metric(histogram=_data(metrics.Histogram, histogram_points, aggregation_temporality=temporality))
    | _metric(exponential_histogram=_data(metrics.ExponentialHistogram, exponential_points))
    | _metric(summary=_data(metrics.Summary, summary_points))
)


def _requests(
    kind: type[Any], outer: str, inner: str, leaf: str, leaves: st.SearchStrategy[Any]
) -> st.SearchStrategy[Any]:
    field = kind.DESCRIPTOR.fields_by_name[outer]
    block = field.message_type._concrete_class
    scope_block = field.message_type.fields_by_name[inner].message_type._concrete_class
    scope_blocks = st.builds(scope_block, scope=scopes, schema_url=TEXT, **{leaf: st.lists(leaves, max_size=3)})
    blocks = st.builds(
        block, resource=resources, schema_url=TEXT, **{inner: st.lists(scope_blocks, min_size=1, max_size=2)}
    )
    return st.builds(kind, **{outer: st.lists(blocks, max_size=2)})


REQUESTS: dict[Signal, st.SearchStrategy[Any]] = {
    "traces": _requests(ExportTraceServiceRequest, "resource_spans", "scope_spans", "spans", spans),
    "logs": _requests(ExportLogsServiceRequest, "resource_logs", "scope_logs", "log_records", log_records),
    "metrics": _requests(ExportMetricsServiceRequest, "resource_metrics", "scope_metrics", "metrics", all_metrics),
}


def one_span(**fields: Any) -> Any:
    """Return a request with one valid span, but for the fields given."""
    whole: dict[str, Any] = {
        "trace_id": b"\x01" * 16,
        "span_id": b"\x02" * 8,
        "name": "work",
        "start_time_unix_nano": 5,
    }
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.append(Span(**(whole | fields)))
    return request


def decode(
    body: bytes,
    signal: Signal = "traces",
    encoding: Encoding = "protobuf",
    correlation_attributes: frozenset[str] = frozenset({"session.id"}),
) -> Decoded:
    """Decode one body, received at nanosecond 7."""
    return Decoder(correlation_attributes).decode(Export(signal, encoding, body, 7))


def decode_by_column(body: bytes) -> Decoded:
    """Decode spans in protobuf as `decode` does; by column wherever that can be done."""
    decoder = Decoder(frozenset({"session.id"}), worth_columns=Worthwhile(spans=1, spans_per_block=0))
    return decoder.decode(Export("traces", "protobuf", body, 7))


def batch_of(*requests: Decoded) -> Batch:
    """Return the batch of the requests."""
    builder = BatchBuilder()
    for request in requests:
        builder.add(request)
    return builder.build()


def as_text(batch: Batch) -> str:
    """Return a batch in a form in which equal means equal, NaN included."""
    tables = (batch.spans, batch.logs, batch.metric_points, batch.correlations)
    rows = [table.to_pylist() for table in tables]
    rows[-1].sort(key=repr)
    return repr(rows)
