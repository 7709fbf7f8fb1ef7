"""More telemetry than can be stored: senders are told to wait, memory stays bounded, and nothing is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.conftest import StartCollector
from tests.support.collector import PROTOBUF, RunningCollector
from tests.support.spans import request

QUEUE_MB = 1
SENDERS = 16
REQUESTS = 3
SPANS_PER_REQUEST = 50
SPAN_BYTES = 15_000
REFUSALS = 4


def resident_mib(collector: RunningCollector) -> float:
    """Return the most memory that the collector's process ever held."""
    status = Path(f"/proc/{collector.process.pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def sent_until_taken(collector: RunningCollector, first: int) -> int:
    """Send one request until it is acknowledged; return how often it was told to come back."""
    body, refused = request(range(first, first + SPANS_PER_REQUEST), size=SPAN_BYTES), 0
    while True:
        answer = collector.request("POST", "/v1/traces", body, Content_Type=PROTOBUF)
        if answer.status == HTTPStatus.OK:
            return refused
        assert answer.status == HTTPStatus.TOO_MANY_REQUESTS, answer.body
        assert int(answer.headers["retry-after"]) > 0
        refused += 1


def test_a_burst_is_held_back_not_lost(start_collector: StartCollector) -> None:
    """A burst of thirty times the queue is refused in part, taken in whole, and costs no memory to speak of."""
    collector = start_collector("--queue-mb", str(QUEUE_MB))
    sent_until_taken(collector, 0)
    before = resident_mib(collector)
    firsts = range(SPANS_PER_REQUEST, SPANS_PER_REQUEST * (SENDERS * REQUESTS + 1), SPANS_PER_REQUEST)
    with ThreadPoolExecutor(SENDERS) as senders:
        refused = sum(senders.map(lambda first: sent_until_taken(collector, first), firsts))
    assert refused > 0
    expected = SPANS_PER_REQUEST * (SENDERS * REQUESTS + 1)
    assert collector.sql("SELECT count(*) AS n, count(DISTINCT span_id) AS ids FROM spans") == [
        {"n": expected, "ids": expected}
    ]
    assert resident_mib(collector) - before < 400
    assert "clawtrace_" in collector.request("GET", "/metrics").body.decode()


def finished(count: int) -> list[ReadableSpan]:
    """Return ended spans of the SDK, each about as large as the others."""
    memory, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    for number in range(count):
        with provider.get_tracer("tests").start_as_current_span(f"chat {number}") as span:
            span.set_attribute("gen_ai.input.messages", "x" * SPAN_BYTES)
    return list(memory.get_finished_spans())


def keep_full(collector: RunningCollector, share: int) -> None:
    """Press without a pause until refused often."""
    body, refused = request(range(share, share + SPANS_PER_REQUEST), size=SPAN_BYTES), 0
    while refused < REFUSALS:
        answer = collector.request("POST", "/v1/traces", body, Content_Type=PROTOBUF)
        refused += answer.status == HTTPStatus.TOO_MANY_REQUESTS


def test_real_exporters_wait_and_come_back(start_collector: StartCollector) -> None:
    """While the queue is full the SDK's own exporters wait as they are told, and all their spans are stored."""
    collector = start_collector("--queue-mb", str(QUEUE_MB))
    exporters: list[SpanExporter] = [
        HttpExporter(f"{collector.http}/v1/traces", timeout=120),
        GrpcExporter(collector.grpc, insecure=True, timeout=120),
    ]
    with ThreadPoolExecutor(SENDERS) as senders:
        pressing = [senders.submit(keep_full, collector, number * SPANS_PER_REQUEST) for number in range(8)]
        results = [exporter.export(finished(20)) for exporter in exporters for _ in range(5)]
        for sender in pressing:
            sender.result()
    assert results == [SpanExportResult.SUCCESS] * len(results)
    stored = collector.sql("SELECT count(*) AS n FROM spans WHERE scope_name = 'tests'")
    assert stored == [{"n": 20 * len(results)}]
    for exporter in exporters:
        exporter.shutdown()
