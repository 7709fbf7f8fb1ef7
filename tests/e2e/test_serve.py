"""What an operator sees of `clawtrace serve`."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from clawtrace_otel.cli.app import main
from tests.conftest import StartCollector
from tests.support.collector import PROTOBUF, RunningCollector
from tests.support.recordings import requests_of, send_protobuf
from tests.support.spans import request


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_a_standard_exporter_needs_only_the_address(collector: RunningCollector, protocol: str) -> None:
    """The exporters of the OpenTelemetry SDK deliver over both protocols."""
    provider = TracerProvider()
    exporter = (
        GrpcExporter(endpoint=f"http://{collector.grpc}", insecure=True)
        if protocol == "grpc"
        else HttpExporter(endpoint=f"{collector.http}/v1/traces")
    )
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("tests").start_as_current_span(f"over {protocol}"):
        pass
    provider.shutdown()
    assert [row["name"] for row in collector.sql("SELECT name FROM spans")] == [f"over {protocol}"]


def test_quiet_sessions_are_compiled_by_themselves(start_collector: StartCollector) -> None:
    """Nobody asks: the card appears once nothing arrived for the given seconds."""
    collector = start_collector("--idle-seconds", "0.5")
    for sent in requests_of("pydantic-ai"):
        send_protobuf(collector, sent)
    tick, waited = threading.Event(), 0
    while not collector.cards():
        tick.wait(0.2)
        waited += 1
        assert waited < 150, collector.logged()


def test_a_late_span_makes_a_new_card(collector: RunningCollector) -> None:
    """What arrives after a card was made is in the next one."""
    collector.request("POST", "/v1/traces", request(range(8)), Content_Type=PROTOBUF)
    assert collector.compile() == {"compiled": 1, "failed": 0}
    collector.request("POST", "/v1/traces", request(range(8, 16)), Content_Type=PROTOBUF)
    assert collector.compile() == {"compiled": 1, "failed": 0}
    assert collector.sql("SELECT llm_call_count FROM sessions") == [{"llm_call_count": 16}]
    assert collector.compile() == {"compiled": 0, "failed": 0}


def test_hostile_figures_cost_no_other_session(collector: RunningCollector) -> None:
    """Absurd usage and times in one session leave every other session's card alone."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest  # noqa: PLC0415

    message = ExportTraceServiceRequest.FromString(request(range(16)))
    for span in message.resource_spans[0].scope_spans[0].spans:
        span.end_time_unix_nano = 2**64 - 1
        for pair in span.attributes:
            if pair.key.startswith("gen_ai.usage."):
                pair.value.int_value = -(2**62)
    collector.request("POST", "/v1/traces", message.SerializeToString(), Content_Type=PROTOBUF)
    collector.request("POST", "/v1/traces", request(range(16, 32)), Content_Type=PROTOBUF)
    counts = collector.compile()
    assert counts["compiled"] + counts["failed"] == 2
    assert counts["compiled"] >= 1
    assert collector.sql("SELECT count(*) AS n FROM sessions WHERE input_tokens > 0 AND cost_usd > 0") == [{"n": 1}]


def test_it_stops_when_asked_and_leaves_nothing_behind(start_collector: StartCollector, tmp_path: Path) -> None:
    """SIGTERM: exit code 0, everything in the one file, beside it the key of redaction, no log and no beacon."""
    collector = start_collector(database=tmp_path / "stopped.duckdb")
    collector.request("POST", "/v1/traces", request(range(500)), Content_Type=PROTOBUF)
    assert collector.stop() == 0
    left = {path.name for path in tmp_path.glob("stopped.*") if path.suffix != ".log"}
    assert left == {"stopped.duckdb", "stopped.duckdb.redaction-key"}


def test_a_taken_port_is_one_plain_line(
    collector: RunningCollector, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A second collector on the same port says which option to change and exits 1."""
    port = collector.http.rsplit(":", 1)[1]
    assert main(["serve", "--db", str(tmp_path / "b.duckdb"), "--grpc-port", "0", "--http-port", port]) == 1
    said = capfd.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("clawtrace: ")
    assert "--http-port" in said


def test_wrong_prices_stop_it_before_it_starts(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A mistake in the price file is named with its line."""
    prices = tmp_path / "prices.yaml"
    prices.write_text("prices:\n- model: x\n  usd_per_million_tokens:\n    input: -1\n", encoding="utf-8")
    assert main(["serve", "--db", str(tmp_path / "c.duckdb"), "--prices", str(prices)]) == 1
    assert "line 4" in capfd.readouterr().err.strip().splitlines()[-1]


def test_own_prices_are_used(start_collector: StartCollector, tmp_path: Path) -> None:
    """A model in the user's file is priced by it, and the step says so."""
    prices = tmp_path / "prices.yaml"
    prices.write_text(
        "prices:\n- model: gpt-4o-mini\n  usd_per_million_tokens:\n    input: 1000000\n    output: 0\n",
        encoding="utf-8",
    )
    collector = start_collector("--prices", str(prices))
    collector.request("POST", "/v1/traces", request([0]), Content_Type=PROTOBUF)
    collector.compile()
    (step,) = collector.sql("SELECT cost_usd, price_source FROM steps WHERE kind = 'llm'")
    assert float(step["cost_usd"]) == 100.0
    assert "prices.yaml" in step["price_source"]


def test_metrics_count_what_happened(collector: RunningCollector) -> None:
    """Prometheus sees what was received, stored, resent and compiled."""
    for _ in range(2):
        collector.request("POST", "/v1/traces", request(range(16)), Content_Type=PROTOBUF)
    collector.compile()
    exposed = collector.request("GET", "/metrics").body.decode()
    for line in (
        'clawtrace_received_records_total{signal="traces"} 32.0',
        'clawtrace_stored_records_total{signal="traces"} 16.0',
        'clawtrace_duplicate_records_total{signal="traces"} 16.0',
        'clawtrace_compiled_sessions_total{result="compiled"} 1.0',
    ):
        assert line in exposed
