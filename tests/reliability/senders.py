"""Senders that resend for ever, hang up, stop halfway and give up early, beside one that behaves."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from tests.support.collector import PROTOBUF, RunningCollector, running_collector
from tests.support.load import COUNTS, Load
from tests.support.spans import request, span_id

_SPANS = 20
_APART = 1_000_000
"""Numbers between the spans of one kind of sender and the next."""


def resent(collector: RunningCollector, times: int) -> None:
    """Send the same request so often; it is stored once."""
    body = request(range(_APART, _APART + _SPANS))
    for _ in range(times):
        assert collector.request("POST", "/v1/traces", body, Content_Type=PROTOBUF).status == 200
    _assert_stored(collector, _APART, _SPANS)


def half_bodies(collector: RunningCollector, times: int) -> None:
    """Promise a body, send half of it and hang up, politely or with a reset; nothing of it is stored."""
    for number in range(times):
        body = request(range(2 * _APART + number * _SPANS, 2 * _APART + (number + 1) * _SPANS))
        _hang_up(collector, _head(len(body)) + body[: len(body) // 2], reset=number % 2 == 0)
    _assert_stored(collector, 2 * _APART, 0)


def resets(collector: RunningCollector, times: int) -> None:
    """Send whole requests, reset the connection without reading the answer, and send them again; each counts once."""
    bodies = [
        request(range(3 * _APART + number * _SPANS, 3 * _APART + (number + 1) * _SPANS)) for number in range(times)
    ]
    for body in bodies:
        _hang_up(collector, _head(len(body)) + body, reset=True)
    for body in bodies:
        assert collector.request("POST", "/v1/traces", body, Content_Type=PROTOBUF).status == 200
    _assert_stored(collector, 3 * _APART, times * _SPANS)


def cancelled(collector: RunningCollector, times: int) -> None:
    """Call over gRPC with too little time, and again with enough; each request counts once."""
    with grpc.insecure_channel(collector.grpc, options=[("grpc.enable_http_proxy", 0)]) as channel:
        stub: Any = TraceServiceStub
        export = stub(channel).Export
        for number in range(times):
            first = 4 * _APART + number * _SPANS
            message = ExportTraceServiceRequest.FromString(request(range(first, first + _SPANS)))
            with contextlib.suppress(grpc.RpcError):
                export(message, timeout=0.002)
            export(message, timeout=60)
    _assert_stored(collector, 4 * _APART, times * _SPANS)


SENDERS: dict[str, Callable[[RunningCollector, int], None]] = {
    "resent": resent,
    "half bodies": half_bodies,
    "resets": resets,
    "cancelled": cancelled,
}


@contextlib.contextmanager
def well_behaved(collector: RunningCollector) -> Iterator[Load]:
    """Send beside whatever the block does; at its end everything acknowledged must be stored, once."""
    load, ended = Load(), threading.Event()
    sender = threading.Thread(target=load.run_until, args=(collector, ended))
    sender.start()
    try:
        yield load
    finally:
        ended.set()
        sender.join()
    assert not load.unsure
    load.check(collector)


def unruly(folder: Path) -> tuple[str, str]:
    """Let all of them loose at once."""
    times = 150
    with running_collector(folder / "unruly.duckdb") as collector, well_behaved(collector) as load:
        started = time.perf_counter()
        failures: list[BaseException] = []

        def let_loose(sender: Callable[[RunningCollector, int], None]) -> None:
            try:
                sender(collector, times)
            except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
                failures.append(error)

        threads = [threading.Thread(target=let_loose, args=(sender,)) for sender in SENDERS.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        took = time.perf_counter() - started
        expected = (1 + 2 * times) * _SPANS
        assert collector.sql(f"{COUNTS} WHERE span_id > '{span_id(_APART - 1)}'") == [{"n": expected, "ids": expected}]
    measured = (
        f"{times} times each: the same request again, half a body, a reset before the answer is read, a"
        f" gRPC call cancelled after 2 ms; meanwhile one exporter had {len(load.acknowledged):,} spans acknowledged"
        f" in {took:.0f} s and none refused"
    )
    return measured, "nothing; complete requests count once, partial ones not at all"


def _head(size: int) -> bytes:
    return (
        f"POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {PROTOBUF}\r\nContent-Length: {size}\r\n\r\n"
    ).encode()


def _hang_up(collector: RunningCollector, content: bytes, *, reset: bool) -> None:
    address = urlsplit(collector.http)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(content)


def _assert_stored(collector: RunningCollector, first: int, count: int) -> None:
    within = f"span_id BETWEEN '{span_id(first)}' AND '{span_id(first + _APART - 1)}'"
    assert collector.sql(f"{COUNTS} WHERE {within}") == [{"n": count, "ids": count}]
