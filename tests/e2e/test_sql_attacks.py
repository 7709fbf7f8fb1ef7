"""Outsiders' SQL cannot read files, change anything, run for ever or stop the taking in of telemetry."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.collector import JSON, PROTOBUF, Response, RunningCollector, running_collector
from tests.support.spans import request

FORBIDDEN = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM glob('/*')",
    "COPY (SELECT 1) TO '{folder}/copied.csv'",
    "ATTACH '{folder}/other.duckdb'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET threads = 1",
    "PRAGMA database_list",
    "FROM enable_logging(storage_path = '{folder}/log')",
    "CALL enable_logging()",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP VIEW sessions",
    "CREATE TABLE mine (a INT)",
    "DELETE FROM tracecards",
    "EXPORT DATABASE '{folder}/out'",
    "EXPLAIN ANALYZE DELETE FROM tracecards",
    "WITH x AS (SELECT * FROM read_parquet('/x')) SELECT * FROM x",
    "SELECT (SELECT count(*) FROM read_blob('/etc/passwd'))",
    "SELECT getenv('HOME')",
    "",
    "SELEC 1",
]
ENDLESS = [
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t",
    "SELECT count(*) FROM range(100000000000) a, range(100000000000) b",
]
TOO_LARGE = [
    "SELECT repeat('x', 1000000000)",
    "SELECT string_agg(repeat('x', 1000000), '') FROM range(100000)",
]
PATIENCE_SECONDS = 60


def ask(collector: RunningCollector, query: str) -> Response:
    """Send a query as an outsider."""
    return collector.request("POST", "/api/sql", json.dumps({"query": query}).encode(), Content_Type=JSON)


def still_takes_telemetry(collector: RunningCollector, number: int) -> bool:
    """Whether the span of that number is acknowledged."""
    answer = collector.request("POST", "/v1/traces", request([number]), Content_Type=PROTOBUF)
    return answer.status == 200


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCollector]:
    """Yield one collector for all attacks: an attack that did harm shows in those after it."""
    with running_collector(tmp_path_factory.mktemp("attacked") / "collector.duckdb") as running:
        yield running


@pytest.mark.parametrize("query", FORBIDDEN)
def test_what_is_no_plain_question_is_refused(collector: RunningCollector, query: str) -> None:
    """It is answered 400 with an explanation, touches no file, and later statements still work."""
    folder = collector.database.parent
    before = set(folder.iterdir())
    answer = ask(collector, query.format(folder=folder))
    assert answer.status == 400
    assert answer.json()["error"]
    assert {path.name for path in set(folder.iterdir()) - before} <= {"collector.duckdb.wal"}
    assert still_takes_telemetry(collector, 0)
    assert ask(collector, "SELECT 1").status == 200


@pytest.mark.parametrize("query", ENDLESS + TOO_LARGE)
def test_a_greedy_question_is_stopped_while_telemetry_goes_on(collector: RunningCollector, query: str) -> None:
    """It ends in time with 400, 408 or 413, and spans are stored all the while."""
    answers: list[Response] = []
    (before,) = collector.sql("SELECT count(*) AS n FROM spans")
    started = time.monotonic()
    asking = threading.Thread(target=lambda: answers.append(ask(collector, query)))
    asking.start()
    sent = 0
    while asking.is_alive() or sent == 0:
        assert still_takes_telemetry(collector, before["n"] + sent)
        sent += 1
        asking.join(0.2)
    assert time.monotonic() - started < PATIENCE_SECONDS
    assert answers[0].status in {400, 408, 413}
    assert collector.sql("SELECT count(*) AS n FROM spans") == [{"n": before["n"] + sent}]
