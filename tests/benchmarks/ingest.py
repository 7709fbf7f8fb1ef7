"""Stored-and-queryable spans per second through a real collector, beside the limit of one process without a server."""

from __future__ import annotations

import http.client
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from collector.batch import BatchBuilder
from collector.decode import Decoder, Export
from collector.store.duck import DuckStore
from tests.support.collector import PROTOBUF, RunningCollector, running_collector
from tests.support.spans import request

EXPORTERS = 8
SPANS_PER_REQUEST = 512
REQUESTS_PER_COMMIT = 8
"""What the group commit reaches with eight exporters; the limit is measured with the same."""


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    span_bytes: int
    requests: int


CASES = (Case("thin (1 kB)", 1_000, 480), Case("fat (10 kB)", 10_000, 144))
"""Long enough that logs are folded into the file several times, and memory is no longer touched for the first time."""


def bodies_of(case: Case) -> list[bytes]:
    """Return the requests of a case."""
    starts = range(0, case.requests * SPANS_PER_REQUEST, SPANS_PER_REQUEST)
    return [request(range(first, first + SPANS_PER_REQUEST), size=case.span_bytes) for first in starts]


def main() -> None:
    """Print one line per case: what DuckDB alone takes, what one process takes, and what a collector serves."""
    print("spans          DuckDB/s  in process/s  served/s  of DuckDB  of process  p50 ms  p99 ms  peak MB")  # noqa: T201
    for case in CASES:
        bodies = bodies_of(case)
        duckdb, process = in_process(bodies)
        served = through_a_collector(bodies)
        p50, p99 = statistics.median(served.waits) * 1e3, statistics.quantiles(served.waits, n=100)[98] * 1e3
        rate = served.per_second
        print(  # noqa: T201
            f"{case.name:12} {duckdb:10,.0f} {process:13,.0f} {rate:9,.0f} {rate / duckdb:10.2f} {rate / process:11.2f}"
            f" {p50:7.0f} {p99:7.0f} {served.peak_mb:8,.0f}"
        )


def in_process(bodies: Sequence[bytes]) -> tuple[float, float]:
    """Return spans per second of the insert of finished Arrow batches, and of decode, Arrow and insert together."""
    with tempfile.TemporaryDirectory() as folder:
        store = DuckStore.open(Path(folder) / "limit.duckdb")
        decoder = Decoder(frozenset())
        inserting = 0.0
        started = time.perf_counter()
        for first in range(0, len(bodies), REQUESTS_PER_COMMIT):
            builder = BatchBuilder()
            for body in bodies[first : first + REQUESTS_PER_COMMIT]:
                builder.add(decoder.decode(Export("traces", "protobuf", body, time.time_ns())))
            batch, built = builder.build(), time.perf_counter()
            store.append(batch)
            inserting += time.perf_counter() - built
        took = time.perf_counter() - started
        store.close()
    spans = len(bodies) * SPANS_PER_REQUEST
    return spans / inserting, spans / took


@dataclass(frozen=True, slots=True)
class Served:
    per_second: float
    waits: Sequence[float]
    """Seconds that each request waited for its acknowledgement."""
    peak_mb: float


def through_a_collector(bodies: Sequence[bytes], *options: str) -> Served:
    """Return spans per second until all can be queried."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_collector(Path(folder) / "served.duckdb", "--idle-seconds", "3600", *options) as collector,
    ):
        waits: list[float] = []
        shares = [bodies[number::EXPORTERS] for number in range(EXPORTERS)]
        senders = [threading.Thread(target=_send, args=(collector, share, waits)) for share in shares]
        started = time.perf_counter()
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        expected = len(bodies) * SPANS_PER_REQUEST
        assert collector.sql("SELECT count(*) AS n FROM spans") == [{"n": expected}]
        took = time.perf_counter() - started
        status = Path(f"/proc/{collector.process.pid}/status").read_text(encoding="utf-8")
    return Served(expected / took, waits, int(status.partition("VmHWM:")[2].split()[0]) / 1024)


def _send(collector: RunningCollector, bodies: Sequence[bytes], waits: list[float]) -> None:
    """Send over one kept connection, coming back when told to wait, as an exporter does."""
    connection = http.client.HTTPConnection(urlsplit(collector.http).netloc, timeout=120)
    for body in bodies:
        started = time.perf_counter()
        while True:
            connection.request("POST", "/v1/traces", body, {"Content-Type": PROTOBUF})
            answer = connection.getresponse()
            answer.read()
            if answer.status != http.HTTPStatus.TOO_MANY_REQUESTS:
                break
            time.sleep(int(answer.headers["Retry-After"]))
        assert answer.status == http.HTTPStatus.OK, answer.status
        waits.append(time.perf_counter() - started)
    connection.close()


if __name__ == "__main__":
    main()
