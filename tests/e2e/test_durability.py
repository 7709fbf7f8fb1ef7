"""What was acknowledged stays, once, whatever happens to the process."""

from __future__ import annotations

import random
import threading
from pathlib import Path
from urllib.error import URLError

from tests.conftest import StartCollector
from tests.support.collector import PROTOBUF, RunningCollector
from tests.support.spans import request, span_id

KILLS = 20
SENDERS = 4
SPANS_PER_REQUEST = 20


class Load:
    """Senders that remember what was acknowledged, and resend what was not, as an exporter does."""

    def __init__(self) -> None:
        self.acknowledged: set[int] = set()
        self.unsure: list[range] = []
        self._next = 0
        self._lock = threading.Lock()

    def run_until_killed(self, collector: RunningCollector, killed: threading.Event) -> None:
        while not killed.is_set():
            numbers = self._take()
            try:
                answer = collector.request("POST", "/v1/traces", request(numbers), Content_Type=PROTOBUF)
            except (URLError, OSError):
                answer = None
            with self._lock:
                if answer is not None and answer.status == 200:
                    self.acknowledged.update(numbers)
                else:
                    self.unsure.append(numbers)

    def _take(self) -> range:
        with self._lock:
            if self.unsure:
                return self.unsure.pop()
            self._next += SPANS_PER_REQUEST
            return range(self._next - SPANS_PER_REQUEST, self._next)


def stored_ids(collector: RunningCollector, largest: int) -> list[str]:
    """Return the id of every stored span, in pages that fit a row cap."""
    ids: list[str] = []
    for first in range(0, largest + 1, 5_000):
        low, high = span_id(first), span_id(first + 5_000)
        rows = collector.sql(f"SELECT span_id FROM spans WHERE span_id >= '{low}' AND span_id < '{high}'")
        ids.extend(row["span_id"] for row in rows)
    return ids


def test_a_kill_loses_nothing_acknowledged(start_collector: StartCollector, tmp_path: Path) -> None:
    """After kill -9 at random moments under load every acknowledged span is stored, and none twice."""
    database, load, moments = tmp_path / "killed.duckdb", Load(), random.Random(2026)
    for _ in range(KILLS):
        collector, killed = start_collector(database=database), threading.Event()
        senders = [threading.Thread(target=load.run_until_killed, args=(collector, killed)) for _ in range(SENDERS)]
        for sender in senders:
            sender.start()
        killed.wait(moments.uniform(0.05, 0.5))
        collector.kill()
        killed.set()
        for sender in senders:
            sender.join()

    stored = stored_ids(start_collector(database=database), max(load.acknowledged))
    assert len(load.acknowledged) > KILLS * SPANS_PER_REQUEST
    assert {span_id(number) for number in load.acknowledged} <= set(stored)
    assert len(stored) == len(set(stored))


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
