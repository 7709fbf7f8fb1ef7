"""Clients that try to hold or fill the collector: heads, bodies, attributes and connections without end."""

from __future__ import annotations

import gzip
import http.client
import json
import select
import socket
import threading
import zlib
from collections.abc import Callable
from urllib.parse import urlsplit

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.config import MEBIBYTE, CollectorConfig, IngestConfig
from tests.collector.conftest import Served
from tests.collector.otlp import one_span
from tests.collector.test_servers import JSON, PROTOBUF, SPAN, exporting, open_channel

Serve = Callable[..., Served]
SERVICE = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


def config(ingest: IngestConfig | None = None, **limits: float) -> CollectorConfig:
    """Return a configuration on free ports."""
    return CollectorConfig(grpc_port=0, http_port=0, ingest=ingest or IngestConfig(), **limits)  # type: ignore[arg-type]


def connection(served: Served) -> socket.socket:
    """Return a plain connection to the HTTP port."""
    return socket.create_connection(("127.0.0.1", served.addresses.http_port), timeout=20)


def head(size: int) -> bytes:
    """Return the head of an export request whose body has that size."""
    lines = ("POST /v1/traces HTTP/1.1", "Host: localhost", f"Content-Type: {PROTOBUF}", f"Content-Length: {size}")
    return "\r\n".join((*lines, "", "")).encode()


def everything_from(client: socket.socket) -> bytes:
    """Return what comes until the collector closes; a reset is a close too."""
    parts = []
    try:
        while part := client.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def with_attributes(count: int, size: int) -> ExportTraceServiceRequest:
    """Return a span with attributes `0`, `1`, ... of that many letters."""
    request: ExportTraceServiceRequest = one_span()
    attributes = request.resource_spans[0].scope_spans[0].spans[0].attributes
    for number in range(count):
        attributes.add(key=str(number)).value.string_value = "é" * size
    return request


def as_json(request: ExportTraceServiceRequest) -> bytes:
    """Return a request with one span and text attributes as OTLP/JSON."""
    span = request.resource_spans[0].scope_spans[0].spans[0]
    attributes = [{"key": pair.key, "value": {"stringValue": pair.value.string_value}} for pair in span.attributes]
    made = {"traceId": span.trace_id.hex(), "spanId": span.span_id.hex(), "attributes": attributes}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [made]}]}]}).encode()


@pytest.mark.parametrize("encoding", [PROTOBUF, JSON])
def test_attributes_past_the_limit_are_dropped_and_reported(serve: Serve, encoding: str) -> None:
    """The span is stored with as many as are allowed, and the sender is told."""
    served = serve(config(IngestConfig(max_attributes=10)))
    request = with_attributes(12, 1)
    body = request.SerializeToString() if encoding == PROTOBUF else as_json(request)
    answer = served.request("POST", "/v1/traces", body, Content_Type=encoding)
    (span,) = served.spans()
    assert len(span.attributes) == 10
    assert (answer.status, b"past the first 10" in answer.body) == (200, True)


@pytest.mark.parametrize("encoding", [PROTOBUF, JSON])
def test_long_text_is_cut_and_reported(serve: Serve, encoding: str) -> None:
    """Between two characters, never inside one; its neighbours are untouched."""
    served = serve(config(IngestConfig(max_attribute_bytes=101)))
    request = with_attributes(1, 500)
    request.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="short").value.string_value = "x"
    body = request.SerializeToString() if encoding == PROTOBUF else as_json(request)
    answer = served.request("POST", "/v1/traces", body, Content_Type=encoding)
    (span,) = served.spans()
    assert span.attributes == {"0": "é" * 50, "short": "x"}
    assert b"text cut after 101 bytes" in answer.body


def test_structures_past_the_limit_are_dropped(serve: Serve) -> None:
    """A list that is too large goes as a whole, since half of it would be another list."""
    served = serve(config(IngestConfig(max_attribute_bytes=100)))
    request = one_span()
    values = request.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="list").value.array_value.values
    for _ in range(200):
        values.add(string_value="x")
    answer = served.request("POST", "/v1/traces", request.SerializeToString(), Content_Type=PROTOBUF)
    assert served.spans()[0].attributes == {}
    assert b"larger than 100 bytes" in answer.body


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_bombs_are_refused_over_grpc_and_http(serve: Serve, pack: Callable[[bytes], bytes]) -> None:
    """Packed bodies stop being unpacked at the limit, and are refused for good."""
    served = serve(config(IngestConfig(max_body_bytes=MEBIBYTE)))
    bomb = pack(with_attributes(1, 2 * MEBIBYTE).SerializeToString())
    assert len(bomb) < 0.01 * MEBIBYTE
    encoding = "gzip" if pack is gzip.compress else "deflate"
    answer = served.request("POST", "/v1/traces", bomb, Content_Type=PROTOBUF, Content_Encoding=encoding)
    assert answer.status == 413
    packed = grpc.Compression.Gzip if pack is gzip.compress else grpc.Compression.Deflate
    with open_channel(served) as channel, pytest.raises(grpc.RpcError) as refused:
        exporting(channel)(with_attributes(1, 2 * MEBIBYTE), compression=packed)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "unpacks to more" in refused.value.details()
    assert served.spans() == []


@pytest.mark.parametrize("packed", list(grpc.Compression))
def test_every_packing_of_grpc_is_read(served: Served, packed: grpc.Compression) -> None:
    """What fits is stored, however the channel packs it."""
    with open_channel(served) as channel:
        exporting(channel)(with_attributes(3, 1000), compression=packed)
    assert len(served.spans()[0].attributes) == 3


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"resourceSpans":' * 50_000])
def test_nesting_without_end_is_refused(served: Served, body: bytes) -> None:
    """Neither stack nor memory is what ends it."""
    answer = served.request("POST", "/v1/traces", body, Content_Type=JSON)
    assert answer.status == 400
    assert served.request("GET", "/readyz").status == 200


def test_a_head_without_end_is_refused(served: Served) -> None:
    """One endless header, or headers without number: 431 or 400, and the connection ends."""
    for endless in (b"X: " + b"x" * 10 * MEBIBYTE, b"".join(b"X-%d: 1\r\n" % number for number in range(1000))):
        with connection(served) as client:
            try:
                client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + endless)
            except (ConnectionResetError, BrokenPipeError):
                continue
            assert everything_from(client)[:12] in {b"HTTP/1.1 431", b""}
    assert served.request("GET", "/healthz").status == 200


def test_metadata_without_end_is_refused(served: Served) -> None:
    """GRPC calls with more metadata than is allowed do not reach the handler."""
    with open_channel(served) as channel, pytest.raises(grpc.RpcError) as refused:
        exporting(channel)(one_span(), metadata=[("x", "x" * MEBIBYTE)])
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("said", [b"", b"POST /v1/traces HTTP/1.1\r\nHost: loc"])
def test_a_client_that_says_nothing_more_is_dropped(serve: Serve, said: bytes) -> None:
    """A head must arrive in time, whether or not it has begun."""
    served = serve(config(header_timeout_s=0.2))
    with connection(served) as client:
        client.sendall(said)
        assert everything_from(client) == b""


def test_a_body_must_arrive_in_time(serve: Serve) -> None:
    """Over HTTP 408, after which the rest is not waited for; over gRPC a refusal."""
    served = serve(config(request_timeout_s=0.2))
    with connection(served) as client:
        client.sendall(head(100) + b"x")
        assert client.recv(65536).startswith(b"HTTP/1.1 408")
    waiting = threading.Event()
    with open_channel(served) as channel, pytest.raises(grpc.RpcError) as refused:
        channel.stream_unary(SERVICE)((SPAN for _ in range(1) if waiting.wait(20)), timeout=20)
    waiting.set()
    assert "did not arrive within" in refused.value.details()


def test_bodies_under_way_are_bounded_together(serve: Serve) -> None:
    """Senders whose bodies arrive at the same time are told to come back once they would fill the memory."""
    served = serve(config(IngestConfig(queue_bytes=MEBIBYTE, max_body_bytes=MEBIBYTE)))
    half = head(MEBIBYTE) + b"x" * (MEBIBYTE * 2 // 3)
    with connection(served) as first, connection(served) as second:
        for client in (first, second):
            client.sendall(half)
        refused, _, _ = select.select([first, second], [], [], 60)
        assert [client.recv(65536)[:12] for client in refused] == [b"HTTP/1.1 429"]
    assert served.request("POST", "/v1/traces", SPAN, Content_Type=PROTOBUF).status == 200


def test_connections_past_the_limit_are_told_so(serve: Serve) -> None:
    """503, which exporters try again; far past it a connection is closed at once; idle ones make room in time."""
    served = serve(config(max_connections=3, header_timeout_s=4.0))
    idle = [connection(served) for _ in range(3)]
    try:
        assert served.request("POST", "/v1/traces", SPAN, Content_Type=PROTOBUF).status == 503
        flood = [connection(served) for _ in range(20)]
        closed = [everything_from(client) for client in flood[6:]]
        assert closed == [b""] * 14
        for client in (*flood, *idle):
            assert everything_from(client) == b""
    finally:
        for client in (*flood, *idle):
            client.close()
    assert served.request("POST", "/v1/traces", SPAN, Content_Type=PROTOBUF).status == 200


def test_there_is_no_cors(served: Served) -> None:
    """A page of another site gets no permission, asked for or not."""
    origin = "https://elsewhere.example"
    for method in ("OPTIONS", "POST", "GET"):
        answer = served.request(method, "/api/sql", None, Origin=origin, Access_Control_Request_Method="POST")
        assert answer.status in {400, 405}
        assert not [name for name in answer.headers if name.startswith("access-control")]
    assert served.queries.asked == []


def test_a_name_of_foreign_dns_is_not_answered(served: Served) -> None:
    """Without a token, what reads or changes answers only under an address or name that is this machine's."""
    port = urlsplit(served.addresses.http).port
    names = {"localhost": 200, "127.0.0.1": 200, "[::1]": 200, "collector": 200, "rebound.example": 403, "": 403}
    for host, status in names.items():
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        client.request("GET", "/api/sessions", headers={"Host": f"{host}:{port}"})
        assert (host, client.getresponse().status) == (host, status)
        client.close()
    same = served.request(
        "POST", "/v1/traces", SPAN, Content_Type=PROTOBUF, Host="a.example", Origin="http://a.example"
    )
    assert same.status == 403
    assert served.spans() == []
