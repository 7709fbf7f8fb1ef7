"""A disk that takes no more: nothing acknowledged is lost, senders come back, and the file is as good as before."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from tests.conftest import StartCollector
from tests.reliability.disk import log_bytes, no_file_larger_than
from tests.support.collector import PROTOBUF, Response, RunningCollector
from tests.support.load import COUNTS
from tests.support.spans import request


def send(collector: RunningCollector, numbers: range) -> Response:
    """Send the spans of those numbers, 5 kB each."""
    return collector.request("POST", "/v1/traces", request(numbers, size=5_000), Content_Type=PROTOBUF)


def test_a_full_disk_refuses_and_recovers(start_collector: StartCollector, tmp_path: Path) -> None:
    """While nothing fits senders are told to come back, queries go on, and with room again everything is stored."""
    collector = start_collector(database=tmp_path / "full.duckdb")
    assert send(collector, range(100)).status == HTTPStatus.OK
    with no_file_larger_than(collector, log_bytes(collector) + 200_000):
        refused = [send(collector, range(100, 200)) for _ in range(3)]
        assert {answer.status for answer in refused} == {HTTPStatus.SERVICE_UNAVAILABLE}
        assert b"cannot be written (File too large): make room" in refused[0].body
        assert int(refused[0].headers["retry-after"]) > 0
        assert collector.sql(COUNTS) == [{"n": 100, "ids": 100}]
    assert send(collector, range(200)).status == HTTPStatus.OK
    assert collector.sql(COUNTS) == [{"n": 200, "ids": 200}]
    assert collector.compile() == {"compiled": 13, "failed": 0}
    assert collector.stop() == 0
    assert start_collector(database=tmp_path / "full.duckdb").sql(COUNTS) == [{"n": 200, "ids": 200}]


def test_cards_wait_for_room(collector: RunningCollector) -> None:
    """Sessions whose cards do not fit stay pending, and are compiled once there is room."""
    send(collector, range(64))
    with no_file_larger_than(collector, log_bytes(collector) + 1_000):
        answer = collector.request("POST", "/api/compile", b"")
        assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE, answer.body
        assert b"make room" in answer.body
    assert collector.compile() == {"compiled": 4, "failed": 0}


def test_a_checkpoint_that_breaks_the_instance_ends_the_process(
    start_collector: StartCollector, tmp_path: Path
) -> None:
    """Where DuckDB gives up for good the collector ends with words and exit code 1; the next one has everything."""
    collector = start_collector("--idle-seconds", "0.1", database=tmp_path / "broken.duckdb")
    with no_file_larger_than(collector, collector.database.stat().st_size + 100_000):
        assert send(collector, range(8)).status == HTTPStatus.OK
        assert collector.process.wait(60) == 1
    assert "restart; what was acknowledged is safe" in collector.logged().splitlines()[-1]
    again = start_collector(database=tmp_path / "broken.duckdb")
    assert again.sql(COUNTS) == [{"n": 8, "ids": 8}]
    assert send(again, range(16)).status == HTTPStatus.OK
    assert again.sql(COUNTS) == [{"n": 16, "ids": 16}]
