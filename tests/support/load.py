"""Senders that remember what was acknowledged, and what a collector's process takes of the machine."""

from __future__ import annotations

import threading
from http import HTTPStatus
from pathlib import Path
from urllib.error import URLError

from tests.support.collector import PROTOBUF, RunningCollector
from tests.support.spans import request, span_id

COUNTS = "SELECT count(*) AS n, count(DISTINCT span_id) AS ids FROM spans"
MEBIBYTE = 1024 * 1024
_PAGE = 5_000


class Load:
    """Senders that remember what was acknowledged, and resend what was not, as an exporter does."""

    def __init__(self, *, spans_per_request: int = 20, size: int = 1_000) -> None:
        self.acknowledged: set[int] = set()
        self.unsure: list[range] = []
        self.refused = 0
        self._spans_per_request = spans_per_request
        self._size = size
        self._next = 0
        self._lock = threading.Lock()

    def send(self, collector: RunningCollector) -> int | None:
        """Send one request; return the answer's status, None where there was none."""
        numbers = self._take()
        try:
            body = request(numbers, size=self._size)
            status = collector.request("POST", "/v1/traces", body, Content_Type=PROTOBUF).status
        except (URLError, OSError):
            status = None
        with self._lock:
            if status == HTTPStatus.OK:
                self.acknowledged.update(numbers)
            else:
                self.unsure.append(numbers)
                self.refused += status is not None
        return status

    def run_until(self, collector: RunningCollector, ended: threading.Event) -> None:
        """Send for as long as the event is not set."""
        while not ended.is_set():
            self.send(collector)

    def finish(self, collector: RunningCollector) -> None:
        """Send what was not acknowledged yet; all of it must be taken."""
        while self.unsure:
            status = self.send(collector)
            assert status == HTTPStatus.OK, status

    def check(self, collector: RunningCollector) -> None:
        """Fail the test unless everything acknowledged is stored, and nothing twice."""
        stored = stored_ids(collector, max(self.acknowledged))
        lost = {span_id(number) for number in self.acknowledged} - set(stored)
        assert not lost, f"{len(lost)} acknowledged spans are gone"
        assert len(stored) == len(set(stored)), "spans are stored twice"

    def _take(self) -> range:
        with self._lock:
            if self.unsure:
                return self.unsure.pop()
            self._next += self._spans_per_request
            return range(self._next - self._spans_per_request, self._next)


def stored_ids(collector: RunningCollector, largest: int) -> list[str]:
    """Return the id of every stored span, in pages that fit a row cap."""
    ids: list[str] = []
    for first in range(0, largest + 1, _PAGE):
        low, high = span_id(first), span_id(first + _PAGE)
        rows = collector.sql(f"SELECT span_id FROM spans WHERE span_id >= '{low}' AND span_id < '{high}'")
        ids.extend(row["span_id"] for row in rows)
    return ids


def peak_mib(collector: RunningCollector) -> float:
    """Return the most memory that the collector's process ever held, in MiB."""
    return _status(collector.process.pid, "VmHWM")


def resident_mib(collector: RunningCollector) -> float:
    """Return the memory that the collector's process holds now, in MiB."""
    return _status(collector.process.pid, "VmRSS")


def _status(pid: int, name: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.partition(f"{name}:")[2].split()[0]) / 1024
