"""`clawtrace delete` through a running collector and on a file alone: gone from every view and every byte."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.query_gate import VIEWS
from tests.conftest import StartCollector
from tests.support.bytes import places
from tests.support.collector import PROTOBUF, RunningCollector
from tests.support.environment import clean_environment
from tests.support.spans import START_NS, request

MARKER = "person-7d1f0b63c5e94a2f"
SESSION = f"{MARKER}@load"
"""Its id: what is not unique by itself has its service behind it."""
BEARER = "an-admin-s-token-of-thirty-two-characters"


def send(collector: RunningCollector, name: str, first: int) -> None:
    """Send a session of spans, logs and metric points that all name it."""
    traces = ExportTraceServiceRequest.FromString(request(range(first, first + 16)))
    for span in traces.resource_spans[0].scope_spans[0].spans:
        span.attributes.add(key="session.id").value.string_value = name
        span.attributes.add(key="user.text").value.string_value = f"{name} said " * 20
    logs, metrics = ExportLogsServiceRequest(), ExportMetricsServiceRequest()
    record = logs.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=START_NS)
    record.attributes.add(key="session.id").value.string_value = name
    metric = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="tokens")
    point = metric.sum.data_points.add(time_unix_nano=START_NS, as_int=first)
    point.attributes.add(key="session.id").value.string_value = name
    for path, message in (("traces", traces), ("logs", logs), ("metrics", metrics)):
        answer = collector.request("POST", f"/v1/{path}", message.SerializeToString(), Content_Type=PROTOBUF)
        assert answer.status == 200, answer.body


def clawtrace(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user types it."""
    command = [sys.executable, "-m", "clawtrace_otel", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=clean_environment(), stdin=subprocess.DEVNULL
    )


@pytest.mark.parametrize("running", [True, False])
def test_a_deleted_session_is_gone_everywhere(
    start_collector: StartCollector, tmp_path: Path, *, running: bool
) -> None:
    """From every view and from the bytes of file and log; every other session is as it was, and ingest goes on."""
    database = tmp_path / "d.duckdb"
    collector = start_collector(database=database)
    for number, name in enumerate(("kept-1", MARKER, "kept-2")):
        send(collector, name, number * 16)
    collector.compile()
    assert SESSION in collector.cards(), collector.logged()
    collector.request("POST", f"/api/sessions/{SESSION}/outcome", b'{"passed": true}')
    assert places(database, MARKER)
    cards = collector.cards()
    if not running:
        assert collector.stop() == 0
    done = clawtrace("delete", SESSION, "--db", str(database))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "16 spans, 1 log record and 1 metric point deleted\n"
    assert places(database, MARKER) == []
    if not running:
        collector = start_collector(database=database)
    for view in VIEWS:
        assert MARKER not in str(collector.sql(f"SELECT * FROM {view}")), view
    assert collector.cards() == {name: card for name, card in cards.items() if name != SESSION}
    send(collector, "later", 64)
    collector.request("POST", "/api/compile?all=true", b"")
    assert sorted(collector.cards()) == ["kept-1@load", "kept-2@load", "later@load"]
    assert clawtrace("delete", SESSION, "--db", str(database)).returncode == 1
    assert collector.stop() == 0
    assert places(database, MARKER) == []
    assert MARKER not in collector.logged()


def test_only_an_admin_deletes(start_collector: StartCollector, tmp_path: Path) -> None:
    """A token that may only read is refused, and nothing is gone; an unknown session is a 404."""
    reader = "a-reader-s-token-of-thirty-two-characters"
    tokens = tmp_path / "tokens.yaml"
    tokens.write_text(
        f"tokens:\n- {{name: a, scopes: [admin], token: {BEARER}}}\n- {{name: r, scopes: [read], token: {reader}}}\n"
    )
    tokens.chmod(0o600)
    collector = start_collector("--tokens", str(tokens))
    for method, path in (("DELETE", "/api/sessions/x"), ("POST", "/api/compact")):
        assert collector.request(method, path, Authorization=f"Bearer {reader}").status == 403
        assert collector.request(method, path).status == 401
    assert collector.request("DELETE", "/api/sessions/x", Authorization=f"Bearer {BEARER}").status == 404
    assert collector.request("POST", "/api/compact", Authorization=f"Bearer {BEARER}").status == 200


def test_a_session_that_was_not_compiled_yet_can_be_deleted(collector: RunningCollector) -> None:
    """What has just arrived is compiled first, so that the session is known."""
    send(collector, MARKER, 0)
    answer = collector.request("DELETE", f"/api/sessions/{SESSION}")
    assert (answer.status, answer.json()) == (200, {"spans": 16, "logs": 1, "metric_points": 1, "not_erased": None})
    assert collector.sql("SELECT count(*) AS n FROM spans") == [{"n": 0}]
    assert places(collector.database, MARKER) == []
