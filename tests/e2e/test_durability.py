"""What was acknowledged stays, once, whatever happens to the process."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import StartCollector
from tests.reliability.kills import killed_under_load
from tests.support.collector import PROTOBUF
from tests.support.spans import request, span_id

KILLS = 5


def test_a_kill_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """After kill -9 at random moments under load every acknowledged span is stored, and none twice."""
    load = killed_under_load(tmp_path / "killed.duckdb", kills=KILLS)
    assert len(load.acknowledged) > KILLS * 20


def test_a_restart_keeps_everything(start_collector: StartCollector, tmp_path: Path) -> None:
    """After SIGTERM, exit code 0 and a new start the spans and the cards are as before."""
    database = tmp_path / "restarted.duckdb"
    first = start_collector(database=database)
    first.request("POST", "/v1/traces", request(range(64)), Content_Type=PROTOBUF)
    first.compile()
    cards = first.cards()
    assert first.stop() == 0

    second = start_collector(database=database)
    second.request("POST", "/v1/traces", request(range(64)), Content_Type=PROTOBUF)
    assert second.sql("SELECT count(*) AS n FROM spans") == [{"n": 64}]
    second.compile()
    assert second.cards() == cards


def test_a_span_that_was_acknowledged_is_in_the_file_before_the_answer(
    start_collector: StartCollector, tmp_path: Path
) -> None:
    """A kill right after the answer finds the span in the file."""
    database = tmp_path / "durable.duckdb"
    collector = start_collector(database=database)
    answer = collector.request("POST", "/v1/traces", request([0]), Content_Type=PROTOBUF)
    collector.kill()
    assert answer.status == 200
    assert start_collector(database=database).sql("SELECT span_id FROM spans") == [{"span_id": span_id(0)}]
