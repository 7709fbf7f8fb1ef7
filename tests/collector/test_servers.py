"""Both servers, spoken to by the real exporters and by senders that get it wrong."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pyarrow as pa
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2, health_pb2_grpc
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter

from collector.config import MEBIBYTE, CollectorConfig, IngestConfig
from collector.errors import StartError
from collector.store.memory import MemoryStore
from tests.collector.conftest import Served
from tests.collector.otlp import one_span
from tests.collector.test_ingest import WatchedStore

Serve = Callable[..., Served]
PROTOBUF, JSON = "application/x-protobuf", "application/json"
SPAN: bytes = one_span().SerializeToString()


@pytest.fixture
def channel(served: Served) -> Iterator[grpc.Channel]:
    """Return a channel to the collector."""
    with open_channel(served) as channel:
        yield channel


def open_channel(served: Served) -> grpc.Channel:
    """Return a channel that sends messages of any size and asks no proxy."""
    options = [("grpc.max_send_message_length", -1), ("grpc.enable_http_proxy", 0)]
    return grpc.insecure_channel(served.addresses.grpc, options=options)


def exporting(channel: grpc.Channel) -> Any:
    """Return the call that exports spans."""
    return TraceServiceStub(channel).Export  # type: ignore[no-untyped-call] # generated code has no types


def span_exporters(served: Served) -> dict[str, SpanExporter]:
    """Return the exporters that people use, pointed at the collector."""
    url, address = f"{served.addresses.http}/v1/traces", served.addresses.grpc
    return {
        "http": HttpSpanExporter(url),
        "http-gzip": HttpSpanExporter(url, compression=Compression.Gzip),
        "grpc": GrpcSpanExporter(address, insecure=True),
        "grpc-gzip": GrpcSpanExporter(address, insecure=True, compression=grpc.Compression.Gzip),
    }


@pytest.mark.parametrize("kind", ["http", "http-gzip", "grpc", "grpc-gzip"])
def test_real_exporters_deliver_what_was_recorded(served: Served, kind: str) -> None:
    """A span sent by an unmodified exporter is stored with its attributes, events, links, resource and scope."""
    provider = TracerProvider(resource=Resource({"service.name": "agent"}))
    provider.add_span_processor(SimpleSpanProcessor(span_exporters(served)[kind]))
    with provider.get_tracer("lib", "1.2").start_as_current_span("work") as span:
        span.set_attributes({"text": "é", "list": [1, 2], "number": 2**53 + 1, "ratio": 0.5})
        span.add_event("happened", {"why": "test"})
    provider.shutdown()

    (stored,) = served.spans()
    assert (stored.name, stored.resource.service_name) == ("work", "agent")
    assert (stored.scope.name, stored.scope.version) == ("lib", "1.2")
    assert stored.attributes == {"text": "é", "list": [1, 2], "number": 2**53 + 1, "ratio": 0.5}
    assert [(event.name, event.attributes) for event in stored.events] == [("happened", {"why": "test"})]
    assert stored.end_time_unix_nano >= stored.start_time_unix_nano > 0


def test_real_exporters_deliver_logs_and_metrics(served: Served) -> None:
    """The other two services store what unmodified exporters send."""
    address = served.addresses.grpc
    logs = LoggerProvider(shutdown_on_exit=False)
    logs.add_log_record_processor(SimpleLogRecordProcessor(GrpcLogExporter(address, insecure=True)))
    with TracerProvider().get_tracer("t").start_as_current_span("around"):
        logs.get_logger("lib").emit(body={"said": [1, "two"]}, event_name="greeting")
    logs.shutdown()
    reader = PeriodicExportingMetricReader(GrpcMetricExporter(address, insecure=True))
    meters = MeterProvider([reader], shutdown_on_exit=False)
    meters.get_meter("lib").create_counter("calls").add(3)
    meters.shutdown()

    (record,) = served.logs()
    assert (record.body, record.event_name) == ({"said": [1, "two"]}, "greeting")
    stored = served.request("GET", "/metrics").body.decode()
    assert 'clawtrace_stored_records_total{signal="metrics"} 1.0' in stored


def test_json_requests_are_answered_in_json(served: Served) -> None:
    """OTLP/JSON gets a JSON answer, empty when everything was stored."""
    body = b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%s","spanId":"%s"}]}]}]}' % (b"01" * 16, b"02" * 8)
    answer = served.request("POST", "/v1/traces", body, Content_Type="application/json; charset=utf-8")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"{}", JSON)
    broken = served.request("POST", "/v1/traces", body.replace(b'"02', b'"zz'), Content_Type=JSON)
    partial = json.loads(broken.body)["partialSuccess"]
    assert (broken.status, partial["rejectedSpans"]) == (200, "1")
    assert "id is not hex" in partial["errorMessage"]


def test_partial_success_counts_and_explains(served: Served, channel: grpc.Channel) -> None:
    """A request of which a part was malformed succeeds, and says how many records were not stored and why."""
    request = one_span(trace_id=b"short")
    request.MergeFrom(one_span(name="sound"))
    answer = served.request("POST", "/v1/traces", request.SerializeToString(), Content_Type=PROTOBUF)
    for response in (ExportTraceServiceResponse.FromString(answer.body), exporting(channel)(request)):
        assert response.partial_success.rejected_spans == 1
        assert "id has 5 bytes, not 16" in response.partial_success.error_message
    assert [span.name for span in served.spans()] == ["sound"]


def test_an_undecodable_body_is_the_senders_fault(served: Served, channel: grpc.Channel) -> None:
    """HTTP 400 with google.rpc.Status in the request's encoding, gRPC INVALID_ARGUMENT: not to be sent again."""
    binary = served.request("POST", "/v1/traces", b"\xff\xff", Content_Type=PROTOBUF)
    assert (binary.status, binary.headers["content-type"]) == (400, PROTOBUF)
    assert Status.FromString(binary.body).code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    text = served.request("POST", "/v1/logs", b"{", Content_Type=JSON)
    assert (text.status, text.headers["content-type"]) == (400, JSON)
    assert "not JSON" in json.loads(text.body)["message"]
    with pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")(b"\xff\xff")
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": PROTOBUF, "Content_Encoding": "br"}, 415),
        ({"Content_Type": PROTOBUF, "Content_Encoding": "gzip"}, 400),
    ],
)
def test_wrong_headers_are_refused(served: Served, headers: dict[str, str], status: int) -> None:
    """A content type or encoding that is not OTLP's is named in the refusal."""
    answer = served.request("POST", "/v1/traces", SPAN, **headers)
    assert answer.status == status
    assert answer.body
    assert served.spans() == []


def test_sixty_megabytes_pass_over_both_transports(serve: Serve) -> None:
    """A request of many fat spans is within the limit of 64 MiB; one past it is refused and said to be too large."""
    served = serve()
    request = one_span()
    for number in range(60):
        attribute = request.resource_spans[0].scope_spans[0].spans[0].attributes.add(key=f"x{number}")
        attribute.value.string_value = "x" * MEBIBYTE
    body = request.SerializeToString()
    assert served.request("POST", "/v1/traces", body, Content_Type=PROTOBUF).status == 200
    packed = gzip.compress(body, 1)
    assert served.request("POST", "/v1/traces", packed, Content_Type=PROTOBUF, Content_Encoding="gzip").status == 200
    with open_channel(served) as channel:
        exporting(channel)(request, timeout=60)
        request.resource_spans[0].scope_spans[0].spans[0].name = "y" * 5 * MEBIBYTE
        with pytest.raises(grpc.RpcError) as refused:
            exporting(channel)(request, timeout=60)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    bomb = gzip.compress(request.SerializeToString(), 1)
    answer = served.request("POST", "/v1/traces", bomb, Content_Type=PROTOBUF, Content_Encoding="gzip")
    assert answer.status == 413


def test_a_full_queue_says_when_to_come_back(serve: Serve) -> None:
    """HTTP 429 with Retry-After, gRPC RESOURCE_EXHAUSTED with RetryInfo, as exporters look for it."""
    store = WatchedStore()
    store.may_commit.clear()
    limits = IngestConfig(queue_bytes=len(SPAN), max_body_bytes=len(SPAN), retry_after_s=7)
    served = serve(CollectorConfig(grpc_port=0, http_port=0, ingest=limits), store)
    waiting = served.collector.ingest.submit("traces", SPAN)
    answer = served.request("POST", "/v1/traces", SPAN, Content_Type=PROTOBUF)
    assert (answer.status, answer.headers["retry-after"]) == (429, "7")
    with open_channel(served) as channel, pytest.raises(grpc.RpcError) as refused:
        exporting(channel)(one_span())
    trailing: dict[str, Any] = dict(refused.value.trailing_metadata())
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    (detail,) = Status.FromString(trailing["grpc-status-details-bin"]).details
    hint = RetryInfo()
    assert detail.Unpack(hint)
    assert hint.retry_delay.seconds == 7
    assert RetryInfo.FromString(trailing["google.rpc.retryinfo-bin"]) == hint
    store.may_commit.set()
    assert waiting.result(10).rejected == 0


@pytest.mark.parametrize("with_token", [True, False])
def test_a_token_is_demanded_when_one_is_set(serve: Serve, with_token: object) -> None:
    """Without the right bearer token nothing but the health checks answers, on either transport."""
    served = serve(CollectorConfig(grpc_port=0, http_port=0, token="a secret"))
    header = "Bearer a secret" if with_token else "Bearer another"
    expected = 200 if with_token else 401
    for path in ("/metrics", "/api/sessions"):
        assert served.request("GET", path, Authorization=header).status == expected
    sent = served.request("POST", "/v1/traces", SPAN, Content_Type=PROTOBUF, Authorization=header)
    assert sent.status == expected
    assert served.request("GET", "/healthz").status == 200
    with open_channel(served) as channel:
        call = exporting(channel)
        if with_token:
            call(one_span(), metadata=[("authorization", header)])
        else:
            with pytest.raises(grpc.RpcError) as refused:
                call(one_span(), metadata=[("authorization", header)])
            assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_health_is_served_on_both_transports(served: Served, channel: grpc.Channel) -> None:
    """The standard gRPC health service and /healthz, /readyz say that the collector serves."""
    stub = health_pb2_grpc.HealthStub(channel)
    for service in ("", "opentelemetry.proto.collector.trace.v1.TraceService"):
        answer = stub.Check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    assert [served.request("GET", path).status for path in ("/healthz", "/readyz")] == [200, 200]


def test_a_taken_port_is_a_clear_error(serve: Serve, served: Served) -> None:
    """A second collector on the same port fails to start and names the option to change."""
    with pytest.raises(StartError, match="--grpc-port"):
        serve(CollectorConfig(grpc_port=served.addresses.grpc_port, http_port=0))
    with pytest.raises(StartError, match="--http-port"):
        serve(CollectorConfig(grpc_port=0, http_port=served.addresses.http_port))
    assert served.request("GET", "/readyz").status == 200


def test_a_stopped_collector_leaves_its_ports(serve: Serve) -> None:
    """The ports can be used again at once, by a collector that finds what the first one stored."""
    store = MemoryStore()
    first = serve(store=store)
    assert first.request("POST", "/v1/traces", SPAN, Content_Type=PROTOBUF).status == 200
    first.collector.stop()
    ports = CollectorConfig(grpc_port=first.addresses.grpc_port, http_port=first.addresses.http_port)
    assert len(serve(ports, store).spans()) == 1


def test_sql_answers_in_json_or_arrow(served: Served) -> None:
    """JSON: DECIMAL as text, BIGINT as number, lists as arrays, nanoseconds kept; Arrow on request; cut rows told."""
    body = json.dumps({"query": "SELECT 1"}).encode()
    document = json.loads(served.request("POST", "/api/sql", body, Content_Type=JSON).body)
    assert [column["name"] for column in document["columns"]] == ["usd", "tokens", "models", "at"]
    assert document["rows"][0][:3] == ["0.10", 2**62, ["a"]]
    assert "00:00:00.000000001" in document["rows"][0][3]
    assert document["rows"][1] == [None, 1, [], None]
    assert document["truncated"] is True
    arrow = served.request("POST", "/api/sql", body, Accept="application/vnd.apache.arrow.stream")
    with pa.ipc.open_stream(arrow.body) as stream:
        assert stream.read_all()["tokens"].to_pylist() == [2**62, 1]
    assert arrow.headers["x-clawtrace-truncated"] == "true"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "query"),
        (b"SELECT 1", "query"),
        (b'{"sql": "SELECT 1"}', "query"),
        (b'{"query": "FROM read_csv(1)"}', "read_csv is not allowed"),
    ],
)
def test_bad_questions_are_refused_in_words(served: Served, body: bytes, said: str) -> None:
    """Whatever is wrong with a question, the answer is 400 and one sentence."""
    answer = served.request("POST", "/api/sql", body, Content_Type=JSON)
    assert answer.status == 400
    assert said in json.loads(answer.body)["error"]


def test_a_bug_is_answered_and_outlived(served: Served) -> None:
    """What nobody foresaw is a 500 with the API's own document, and the next question is answered."""
    answer = served.request("POST", "/api/sql", b'{"query": "a bug"}')
    assert (answer.status, "RuntimeError" in json.loads(answer.body)["error"]) == (500, True)
    assert served.request("GET", "/api/sessions").status == 200


@pytest.mark.parametrize("origin", ["null", "http://[", "http://[::1", "\u00ff"])
def test_an_origin_that_is_none_is_another_site(served: Served, origin: str) -> None:
    """What no browser sends as its page's origin is refused like a page of another site."""
    answer = served.request("POST", "/api/compile", b"", Origin=origin)
    assert answer.status == 400
    assert served.actions.seen == []


def test_pages_of_other_sites_cannot_use_the_interface(served: Served) -> None:
    """A request that a browser sends for another site's page is refused before anything is run."""
    answer = served.request("POST", "/api/compile", b"", Origin="https://elsewhere.example")
    assert answer.status == 400
    assert served.actions.seen == []


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64])
def test_a_host_without_an_address_is_a_clear_error(serve: Serve, host: str) -> None:
    """A name that stands for no address is told as one, not as a port that is taken."""
    with pytest.raises(StartError, match="--host"):
        serve(CollectorConfig(host=host, grpc_port=0, http_port=0, token="a secret"))


def test_compile_sees_everything_sent_before(serve: Serve) -> None:
    """The queue is drained before sessions are compiled."""
    served = serve()
    for number in range(20):
        served.collector.ingest.submit("traces", one_span(trace_id=bytes([number + 1]) * 16).SerializeToString())
    answer = served.request("POST", "/api/compile?all=true", b"")
    assert json.loads(answer.body) == {"compiled": 20, "failed": 0}
    assert served.actions.seen == [True]


def test_a_skill_report_is_checked_and_handed_on(served: Served) -> None:
    """What CostCraft produced is taken as a whole; an unknown field, a wrong type and foreign JSON are refused."""
    assert served.request("POST", "/api/skills", b'{"patches": []}').body == b'{"recorded":0}'
    for wrong in (b"", b"[]", b'{"skill": {}}', b'{"patches": [{"patch_id": ""}]}', b'{"colour": 1}'):
        assert served.request("POST", "/api/skills", wrong).status == 400
    assert len(served.actions.seen) == 1


def test_cards_and_outcomes_by_session(served: Served) -> None:
    """A card is served as JSON or YAML, an outcome is checked and handed on; unknown sessions are 404."""
    path = "/api/sessions/team%2Fone"
    assert served.request("GET", f"{path}/card").body == b'{"a":1}'
    assert served.request("GET", f"{path}/card", Accept="application/yaml").body == b"a: 1\n"
    assert served.queries.asked[0][1] == ["team/one"]
    assert served.request("GET", "/api/sessions/nobody/card").status == 404
    assert served.request("POST", f"{path}/outcome", b'{"score": 0.5}').status == 200
    assert served.actions.seen[0][0] == "team/one"  # type: ignore[index]
    assert served.request("POST", "/api/sessions/nobody/outcome", b'{"score": 1}').status == 404
    for wrong in (b"{}", b"[]", b'{"score": "high"}', b'{"passed": true, "colour": 1}'):
        assert served.request("POST", f"{path}/outcome", wrong).status == 400
