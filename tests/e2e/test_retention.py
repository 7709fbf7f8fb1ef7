"""`serve --keep-days`: a collector that deletes what is old while it takes in what is new."""

from __future__ import annotations

import threading
from pathlib import Path

from tests.conftest import StartCollector
from tests.support.collector import PROTOBUF
from tests.support.spans import request


def test_a_collector_forgets_what_is_old(start_collector: StartCollector, tmp_path: Path) -> None:
    """Started with a limit it deletes what a run before it stored, counts it, and takes in new telemetry meanwhile."""
    database = tmp_path / "kept.duckdb"
    first = start_collector(database=database)
    first.request("POST", "/v1/traces", request(range(160)), Content_Type=PROTOBUF)
    assert first.compile()["compiled"] == 10
    assert first.stop() == 0

    collector = start_collector("--keep-days", "0.000001", "--max-gb", "1", "--idle-seconds", "600", database=database)
    sent = collector.request("POST", "/v1/traces", request(range(1_600, 1_616)), Content_Type=PROTOBUF)
    assert sent.status == 200
    tick, waited = threading.Event(), 0
    while collector.sql("SELECT count(*) AS n FROM sessions") != [{"n": 0}]:
        tick.wait(0.2)
        waited += 1
        assert waited < 150, collector.logged()
    assert collector.sql("SELECT count(*) AS n FROM spans") == [{"n": 16}], "what waits for compiling stays"
    assert 'clawtrace_retired_sessions_total{reason="age"} 10.0' in collector.request("GET", "/metrics").body.decode()
    assert collector.stop() == 0
