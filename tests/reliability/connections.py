"""A thousand connections that are open, and in use, at the same time."""

from __future__ import annotations

import asyncio
import resource
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.collector import PROTOBUF, RunningCollector, running_collector
from tests.support.load import COUNTS, peak_mib
from tests.support.spans import request

CONNECTIONS = 1_000
REQUESTS = 3
SPANS = 10
_USUAL_LIMIT = 1_024
"""Open files that a shell allows the programs it starts."""


@contextmanager
def open_files(soft: int) -> Iterator[None]:
    """Allow this process, and at first what it starts in the block, so many open files, as far as the system does."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = soft if before[1] == resource.RLIM_INFINITY else min(soft, before[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def used_together(collector: RunningCollector, connections: int) -> list[float]:
    """Open all, then send over all; return the seconds that each request waited. Every one must be acknowledged."""
    address = urlsplit(collector.http)
    everyone_is_in = asyncio.Event()
    opened = asyncio.Semaphore(0)

    async def use(number: int) -> list[float]:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        opened.release()
        await everyone_is_in.wait()
        waits = []
        for turn in range(REQUESTS):
            first = (number * REQUESTS + turn) * SPANS
            body = request(range(first, first + SPANS))
            head = f"POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {PROTOBUF}\r\nContent-Length: "
            started = time.perf_counter()
            writer.write(f"{head}{len(body)}\r\n\r\n".encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            waits.append(time.perf_counter() - started)
            assert answer.startswith(b"HTTP/1.1 200 "), answer
        writer.close()
        return waits

    tasks = [asyncio.create_task(use(number)) for number in range(connections)]
    for _ in range(connections):
        await opened.acquire()
    everyone_is_in.set()
    return [wait for waits in await asyncio.gather(*tasks) for wait in waits]


def thousand(folder: Path) -> tuple[str, str]:
    """Use a thousand connections at once, of a collector that was started with the usual limit on open files."""
    with ExitStack() as stack:
        with open_files(_USUAL_LIMIT):
            collector = stack.enter_context(running_collector(folder / "connections.duckdb"))
        started = time.perf_counter()
        with open_files(2 * CONNECTIONS):
            waits = asyncio.run(used_together(collector, CONNECTIONS))
        took = time.perf_counter() - started
        expected = CONNECTIONS * REQUESTS * SPANS
        assert collector.sql(COUNTS) == [{"n": expected, "ids": expected}]
        p50, p99 = statistics.median(waits), statistics.quantiles(waits, n=100)[98]
        measured = (
            f"{CONNECTIONS:,} connections at once sent {REQUESTS} requests each in {took:.1f} s: p50 {p50:.2f} s,"
            f" p99 {p99:.2f} s to the acknowledgement, {peak_mib(collector):.0f} MiB at most; started with ulimit -n"
            f" {_USUAL_LIMIT:,}"
        )
    return measured, "nothing; no request refused"
