"""One session of a hundred thousand steps, and ten thousand sessions that go quiet at the same time."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.model import Span
from tests.support.collector import PROTOBUF, RunningCollector, running_collector
from tests.support.load import COUNTS, MEBIBYTE, Load, peak_mib
from tests.support.long_session import long_session
from tests.support.spans import request

_STEPS_EACH = 10
_IDLE_S = 2
_AT_ONCE = 2_000
_PATIENCE_S = 500.0


def long(folder: Path, steps: int = 100_000) -> tuple[str, str]:
    """Send a session of so many steps, compile it, and read its card."""
    spans = long_session(steps).spans
    with running_collector(folder / "long.duckdb", "--idle-seconds", "3600") as collector:
        started = time.perf_counter()
        for first in range(0, len(spans), _AT_ONCE):
            _send(collector, _exported(spans[first : first + _AT_ONCE]))
        stored_s = time.perf_counter() - started
        started, workers = time.perf_counter(), _WorkerMemory(collector)
        with workers:
            _compile(collector)
        compiled_s = time.perf_counter() - started
        (counted,) = collector.sql("SELECT llm_call_count + tool_call_count AS n FROM sessions")
        assert counted == {"n": steps}, counted
        (card,) = collector.cards().values()
        measured = (
            f"{len(spans):,} spans stored in {stored_s:.1f} s, compiled in {compiled_s:.1f} s; collector"
            f" {peak_mib(collector):.0f} MiB and worker {workers.peak_mib:.0f} MiB at most; a card of {len(card):,}"
            f" characters; file {collector.database.stat().st_size / MEBIBYTE:.0f} MiB"
        )
    return measured, "nothing; the card counts every step"


def quiet_together(folder: Path, sessions: int = 10_000) -> tuple[str, str]:
    """Send so many sessions, let all go quiet, and go on sending while their cards are made."""
    spans = sessions * _STEPS_EACH
    with running_collector(folder / "quiet.duckdb", "--idle-seconds", str(_IDLE_S)) as collector:
        for first in range(0, spans, _AT_ONCE):
            _send(collector, request(range(first, first + _AT_ONCE), spans_per_trace=_STEPS_EACH))
        load, ended = _Later(spans), threading.Event()
        waits: list[float] = []

        def go_on() -> None:
            while not ended.wait(0.05):
                started = time.perf_counter()
                load.send(collector)
                waits.append(time.perf_counter() - started)

        sender = threading.Thread(target=go_on)
        started = time.perf_counter()
        sender.start()
        try:
            _wait_for_cards(collector, sessions)
        finally:
            ended.set()
            sender.join()
        took = time.perf_counter() - started
        assert not load.unsure
        assert collector.sql(COUNTS) == [{"n": spans + len(load.acknowledged), "ids": spans + len(load.acknowledged)}]
        measured = (
            f"{sessions:,} sessions of {_STEPS_EACH} steps: all cards {took:.0f} s after the last span"
            f" ({spans / took:,.0f} steps/s, with an idle time of {_IDLE_S} s); meanwhile {len(waits):,} requests were"
            f" acknowledged, each within {max(waits):.2f} s; {peak_mib(collector):.0f} MiB at most"
        )
    return measured, "nothing; every session has its card, no request was refused"


def _compile(collector: RunningCollector) -> None:
    """Compile the one session, with more patience than a test has."""
    connection = http.client.HTTPConnection(urlsplit(collector.http).netloc, timeout=_PATIENCE_S)
    connection.request("POST", "/api/compile")
    assert connection.getresponse().read() == b'{"compiled":1,"failed":0}'
    connection.close()


class _Later(Load):
    """Load whose spans come after the sessions', in traces that never go quiet while it lasts."""

    def __init__(self, first: int) -> None:
        super().__init__(spans_per_request=20)
        self._next = first * 2


def _wait_for_cards(collector: RunningCollector, count: int) -> None:
    started, tick = time.monotonic(), threading.Event()
    while collector.sql("SELECT count(*) AS n FROM tracecards")[0]["n"] < count:
        assert time.monotonic() - started < _PATIENCE_S, collector.logged()[-500:]
        tick.wait(0.5)


def _send(collector: RunningCollector, body: bytes) -> None:
    assert collector.request("POST", "/v1/traces", body, Content_Type=PROTOBUF).status == 200


def _exported(spans: Sequence[Span]) -> bytes:
    """Return spans of text and whole numbers as an export request."""
    message = ExportTraceServiceRequest()
    resource = message.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "load"
    scope = resource.scope_spans.add()
    scope.scope.name = "tests.long"
    for span in spans:
        made = scope.spans.add(
            trace_id=bytes.fromhex(span.trace_id),
            span_id=bytes.fromhex(span.span_id),
            parent_span_id=bytes.fromhex(span.parent_span_id or ""),
            name=span.name,
            start_time_unix_nano=span.start_time_unix_nano,
            end_time_unix_nano=span.end_time_unix_nano,
        )
        for key, value in span.attributes.items():
            if isinstance(value, int):
                made.attributes.add(key=key).value.int_value = value
            else:
                made.attributes.add(key=key).value.string_value = str(value)
    return message.SerializeToString()


class _WorkerMemory:
    """Looks, while its block lasts, at how much memory the collector's worker processes hold."""

    def __init__(self, collector: RunningCollector) -> None:
        self.peak_mib = 0.0
        self._pid = collector.process.pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.2):
            for status in self._workers():
                self.peak_mib = max(self.peak_mib, int(status.partition("VmHWM:")[2].split()[0]) / 1024)

    def _workers(self) -> Iterator[str]:
        for file in Path("/proc").glob("[0-9]*/status"):
            try:
                status = file.read_text(encoding="utf-8")
            except OSError:
                continue
            if f"\nPPid:\t{self._pid}\n" in status and "VmHWM:" in status:
                yield status
