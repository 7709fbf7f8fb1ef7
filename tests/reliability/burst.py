"""Ten times what can be stored, offered for some seconds by many senders."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from tests.reliability.connections import open_files
from tests.support.collector import PROTOBUF, RunningCollector, running_collector
from tests.support.load import COUNTS, peak_mib, resident_mib
from tests.support.spans import request

QUEUE_MB = 1
SPANS = 64
SPAN_BYTES = 10_000
"""Large and well packed: storing a request costs many times what sending it does, or no sender could offer enough."""
_HEADERS = {"Content-Type": PROTOBUF, "Content-Encoding": "gzip"}
_TIMES = 10
_SECONDS = 2.0
_OPEN_FILES = 4_096
_MEASURED_BODIES = 160
_MEASURING_SENDERS = 4


class Sender:
    """One kept connection that sends packed bodies."""

    def __init__(self, collector: RunningCollector) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(collector.http).netloc, timeout=120)

    def send(self, body: bytes) -> tuple[int, int]:
        """Return the status and the seconds after which to come back."""
        self._connection.request("POST", "/v1/traces", body, _HEADERS)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status, int(answer.headers.get("Retry-After") or 0)

    def send_until_taken(self, body: bytes) -> int:
        """Come back as often as told; return how often that was."""
        refused = 0
        while True:
            status, wait_s = self.send(body)
            if status == HTTPStatus.OK:
                return refused
            assert status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}, status
            assert wait_s > 0
            refused += 1
            time.sleep(wait_s)


def bodies(count: int, first: int = 0, *, size: int = SPAN_BYTES) -> list[bytes]:
    """Return packed requests of spans of that many bytes each."""
    return [
        gzip.compress(request(range((first + n) * SPANS, (first + n + 1) * SPANS), size=size), compresslevel=1)
        for n in range(count)
    ]


def capacity(collector: RunningCollector, packed: Sequence[bytes], senders: int = _MEASURING_SENDERS) -> float:
    """Return the spans per second that are acknowledged to senders that wait for each answer."""
    with ThreadPoolExecutor(senders) as threads:
        started = time.perf_counter()
        list(threads.map(lambda share: _all(collector, packed[share::senders]), range(senders)))
    return len(packed) * SPANS / (time.perf_counter() - started)


def _all(collector: RunningCollector, packed: Sequence[bytes]) -> int:
    sender = Sender(collector)
    return sum(sender.send_until_taken(body) for body in packed)


def burst(folder: Path) -> tuple[str, str]:
    """Measure the capacity, offer ten times as much for some seconds, then let every refused sender come back."""
    first = bodies(_MEASURED_BODIES)
    with running_collector(folder / "burst.duckdb", "--queue-mb", str(QUEUE_MB), "--idle-seconds", "3600") as collector:
        rate = capacity(collector, first)
        offered = bodies(int(_TIMES * rate * _SECONDS / SPANS), len(first))
        before = resident_mib(collector)
        with open_files(_OPEN_FILES):
            left = asyncio.run(_offered(collector, offered))
        pressed = resident_mib(collector)
        with ThreadPoolExecutor(8) as threads:
            again = sum(threads.map(lambda share: _all(collector, left.refused[share::8]), range(8)))
        expected, sent = (len(first) + len(offered)) * SPANS, len(offered) * SPANS
        assert collector.sql(COUNTS) == [{"n": expected, "ids": expected}]
        assert left.refused, "nothing was refused: this was no burst"
        measured = (
            f"capacity {rate:,.0f} spans/s; offered {sent / left.seconds / rate:.1f} times that for"
            f" {left.seconds:.1f} s ({sent:,} spans of 10 kB, each request on its own connection, a queue of"
            f" {QUEUE_MB} MiB): {len(left.refused):,} of {len(offered):,} requests told to retry,"
            f" {again:,} more during the retries; memory {before:.0f} MiB before,"
            f" {pressed:.0f} after, {peak_mib(collector):.0f} at most"
        )
    return measured, "nothing; every refused request was accepted on retry"


@dataclass(slots=True)
class _Left:
    """What became of an offer."""

    refused: list[bytes] = field(default_factory=list)
    seconds: float = 0.0
    """Until the last one was sent."""


async def _offered(collector: RunningCollector, offered: Sequence[bytes]) -> _Left:
    """Send each request at its time over a connection of its own, whether or not those before it are answered."""
    left, address, started = _Left(), urlsplit(collector.http), time.perf_counter()

    async def press(number: int) -> None:
        body = offered[number]
        await asyncio.sleep(max(0.0, started + number / len(offered) * _SECONDS - time.perf_counter()))
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        headers = "".join(f"{name}: {value}\r\n" for name, value in _HEADERS.items())
        head = f"POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        left.seconds = max(left.seconds, time.perf_counter() - started)
        status = int((await reader.readuntil(b"\r\n\r\n")).split()[1])
        writer.close()
        if status != HTTPStatus.OK:
            assert status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}, status
            left.refused.append(body)

    await asyncio.gather(*(press(number) for number in range(len(offered))))
    return left
