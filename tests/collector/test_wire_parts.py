"""Requests of very many, very small records: refused before a message is made of each."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from collector import losses, wire_parts
from collector.decode import Decoder, Export, Signal
from collector.errors import RequestTooLargeError
from tests.collector.conftest import Served
from tests.collector.otlp import one_span
from tests.collector.test_servers import PROTOBUF, open_channel

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
MANY = 1_000_001
SPAN = bytes.fromhex("0a10" + "01" * 16 + "1208" + "02" * 8)
"""The ids of a span; a part of this size would not be many in a request."""


def field(number: int, content: bytes) -> bytes:
    """Return a message field on the wire."""
    size, length = len(content), bytearray()
    while size >= 0x80:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([number << 3 | 2, *length, size]) + content


def within(content: bytes, *numbers: int) -> bytes:
    """Return content as the innermost of nested fields."""
    for number in reversed(numbers):
        content = field(number, content)
    return content


CROWDS: dict[str, tuple[Signal, bytes]] = {
    "resources": ("traces", field(1, b"") * MANY),
    "scopes": ("traces", within(field(2, b"") * MANY, 1)),
    "spans": ("traces", within(field(2, b"") * MANY, 1, 2)),
    "events of one span": ("traces", within(SPAN + field(11, b"") * MANY, 1, 2, 2)),
    "events of many spans": ("traces", within(field(2, SPAN + field(11, b"") * 1_000) * 1_001, 1, 2)),
    "links": ("traces", within(SPAN + field(13, b"") * MANY, 1, 2, 2)),
    "log records": ("logs", within(field(2, b"") * MANY, 1, 2)),
    "metrics": ("metrics", within(field(2, b"") * MANY, 1, 2)),
    "data points": ("metrics", within(field(1, b"") * MANY, 1, 2, 2, 7)),
    "exemplars": ("metrics", within(field(5, b"") * MANY, 1, 2, 2, 5, 1)),
}


@pytest.mark.parametrize(("signal", "body"), CROWDS.values(), ids=CROWDS)
def test_a_crowd_is_refused(signal: Signal, body: bytes) -> None:
    """More than a million of whatever is read one by one is refused, and the sender is told to send less at once."""
    with pytest.raises(RequestTooLargeError, match=r"more than 1,000,000 records.*: send smaller batches"):
        Decoder(frozenset()).decode(Export(signal, "protobuf", body, 1))


@pytest.mark.parametrize(("count", "words"), [(MANY, "1,000,000 records"), (4 * MANY, "4,000,000 JSON objects")])
def test_a_crowd_in_json_is_refused(count: int, words: str) -> None:
    """The other encoding has the same limit, and one of its own before anything is parsed."""
    body = b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + b"{}," * (count - 1) + b"{}]}]}]}"
    with pytest.raises(RequestTooLargeError, match=words):
        Decoder(frozenset()).decode(Export("traces", "json", body, 1))


def test_braces_in_what_agents_say_are_no_crowd() -> None:
    """Five million of them in one string, quotes and backslashes among them, are content."""
    said = '{"a":"\\\\"}' * 1_250_000 + "{" * 3_750_000
    span = {"traceId": "01" * 16, "spanId": "02" * 8, "name": "chat", "attributes": [_said(said)]}
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    decoded = Decoder(frozenset()).decode(Export("traces", "json", body, 1))
    assert decoded.row_count == 1
    assert not decoded.losses.message()


def test_senders_of_crowds_are_told(served: Served) -> None:
    """A few kilobytes that unpack to a crowd are refused for good over HTTP and gRPC; the next request is stored."""
    crowd = CROWDS["spans"][1]
    packed = gzip.compress(crowd)
    assert len(packed) < 10_000
    answer = served.request("POST", "/v1/traces", packed, Content_Type=PROTOBUF, Content_Encoding="gzip")
    assert answer.status == 413
    assert b"send smaller batches" in answer.body
    with open_channel(served) as channel, pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary(EXPORT)(crowd, compression=grpc.Compression.Gzip)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    answer = served.request("POST", "/v1/traces", one_span().SerializeToString(), Content_Type=PROTOBUF)
    assert answer.status == 200
    assert len(served.spans()) == 1


def _said(text: str) -> dict[str, object]:
    return {"key": "said", "value": {"stringValue": text}}


def traces(sizes: list[list[int]]) -> tuple[Signal, bytes, int]:
    """Return a request of scopes with that many spans, and how many parts that is."""
    request = TracesData()
    for scopes in sizes:
        resource = request.resource_spans.add(schema_url="x" * 200)
        resource.resource.attributes.add(key="a").value.double_value = 1.5
        for spans in scopes:
            scope = resource.scope_spans.add()
            for number in range(spans):
                scope.spans.add(name="n" * 70 * number, start_time_unix_nano=1, flags=1)
    return "traces", request.SerializeToString(), _count(sizes)


def logs(sizes: list[list[int]]) -> tuple[Signal, bytes, int]:
    """Return the same of log records."""
    request = LogsData()
    for scopes in sizes:
        resource = request.resource_logs.add()
        for records in scopes:
            scope = resource.scope_logs.add(schema_url="y")
            for number in range(records):
                scope.log_records.add(severity_text="n" * 20_000 * number, time_unix_nano=1)
    return "logs", request.SerializeToString(), _count(sizes)


def metrics(sizes: list[list[int]]) -> tuple[Signal, bytes, int]:
    """Return the same of metrics, each with one point."""
    request = MetricsData()
    for scopes in sizes:
        resource = request.resource_metrics.add()
        for number in scopes:
            scope = resource.scope_metrics.add()
            for _ in range(number):
                scope.metrics.add(name="m", description="d").histogram.data_points.add(count=3, explicit_bounds=[1.0])
    return "metrics", request.SerializeToString(), _count(sizes) + 2 * sum(map(sum, sizes))


def _count(sizes: list[list[int]]) -> int:
    return len(sizes) + sum(map(len, sizes)) + sum(map(sum, sizes))


SIZES = st.lists(st.lists(st.integers(0, 4), max_size=4), min_size=1, max_size=4)


@pytest.mark.parametrize("made", [traces, logs, metrics])
@given(sizes=SIZES)
def test_parts_are_counted_as_protobuf_reads_them(
    made: Callable[[list[list[int]]], tuple[Signal, bytes, int]], sizes: list[list[int]]
) -> None:
    """A request of as many parts as allowed passes, one of one more does not."""
    signal, body, count = made(sizes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire_parts, "_SMALLEST_PART", 0)
        for module in (losses, wire_parts):
            patch.setattr(module, "MAX_PARTS", count)
        wire_parts.check_parts(signal, body)
        for module in (losses, wire_parts):
            patch.setattr(module, "MAX_PARTS", count - 1)
        with pytest.raises(RequestTooLargeError):
            wire_parts.check_parts(signal, body)


@given(body=st.binary(max_size=200), signal=st.sampled_from(["traces", "logs", "metrics"]))
def test_what_is_no_protobuf_is_left_to_the_parser(body: bytes, signal: Signal) -> None:
    """Bytes without sense are no crowd, and nothing else is said of them here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire_parts, "_SMALLEST_PART", 0)
        wire_parts.check_parts(signal, body)
