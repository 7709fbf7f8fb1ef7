"""Half of what can be stored, for minutes, while cards are made: memory stays flat.

Memory rises with the write-ahead log and falls when that is folded into the file, every 256 MiB: spans of 5 kB make
several such turns in the two minutes that it takes by default. `CLAWTRACE_SOAK_SECONDS` makes it longer.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from tests.reliability.burst import SPANS, bodies, capacity
from tests.reliability.plot import Panel, curves_svg
from tests.reliability.report import DOCS
from tests.support.collector import PROTOBUF, RunningCollector, running_collector
from tests.support.load import COUNTS, MEBIBYTE, resident_mib
from tests.support.spans import request

_SECONDS = float(os.environ.get("CLAWTRACE_SOAK_SECONDS", "120"))
_SENDERS = 4
_SPANS = 128
_SPAN_BYTES = 5_000
_MEASURED_BODIES = 96
_SAMPLE_S = 1.0
_FLAT = 1.3
"""How much higher the last third's median may be than the middle third's."""
_FIRST = 1_000_000
"""Number of the first span, past those that the capacity was measured with."""


@dataclass(slots=True)
class _Soak:
    """What was sent and seen."""

    sent: int = 0
    waits: list[float] = field(default_factory=list)
    refused: int = 0
    seconds: list[float] = field(default_factory=list)
    memory_mib: list[float] = field(default_factory=list)
    file_mib: list[float] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def soak(folder: Path) -> tuple[str, str]:
    """Run it and draw it. Fails where memory grew, something was lost or a session has no card."""
    with running_collector(folder / "soak.duckdb", "--idle-seconds", "3") as collector:
        measured_bodies = bodies(_MEASURED_BODIES, size=_SPAN_BYTES)
        rate = capacity(collector, measured_bodies)
        done = _held(collector, rate / 2)
        expected = done.sent + _MEASURED_BODIES * SPANS
        assert collector.sql(COUNTS) == [{"n": expected, "ids": expected}]
        cards = collector.sql("SELECT count(*) AS n FROM tracecards")[0]["n"]
    third = len(done.memory_mib) // 3
    middle, last = median(done.memory_mib[third : 2 * third]), median(done.memory_mib[2 * third :])
    _draw(done, rate / 2)
    assert last <= _FLAT * middle, (
        f"memory grew from {middle:.0f} MiB in the middle third to {last:.0f} MiB in the last"
    )
    p99 = quantiles(done.waits, n=100)[98]
    measured = (
        f"{done.sent / _SECONDS:,.0f} spans/s of 5 kB (capacity {rate:,.0f}) for {_SECONDS:.0f} s: {done.sent:,}"
        f" spans, {cards:,} cards compiled meanwhile, {done.refused} requests refused, p99 {p99:.2f} s; memory (median)"
        f" {middle:.0f} MiB in the middle third, {last:.0f} in the last, {max(done.memory_mib):.0f} at most; file"
        f" {done.file_mib[-1]:.0f} MiB"
    )
    return measured, "nothing; none twice"


def _held(collector: RunningCollector, per_second: float) -> _Soak:
    done, ended, started = _Soak(), threading.Event(), time.perf_counter()

    def send(share: int) -> None:
        turn = share
        while (due := turn * _SPANS / per_second) < _SECONDS:
            time.sleep(max(0.0, started + due - time.perf_counter()))
            first = _FIRST + turn * _SPANS
            body, asked = request(range(first, first + _SPANS), size=_SPAN_BYTES), time.perf_counter()
            while (status := collector.request("POST", "/v1/traces", body, Content_Type=PROTOBUF).status) != 200:
                assert status in {429, 503}, status
                done.refused += 1
                time.sleep(1)
            with done.lock:
                done.waits.append(time.perf_counter() - asked)
                done.sent += _SPANS
            turn += _SENDERS

    def watch() -> None:
        while not ended.wait(_SAMPLE_S):
            done.seconds.append(time.perf_counter() - started)
            done.memory_mib.append(resident_mib(collector))
            files = collector.database.parent.glob(f"{collector.database.name}*")
            done.file_mib.append(sum(file.stat().st_size for file in files) / MEBIBYTE)
            done.acknowledged.append(done.sent)

    threads = [threading.Thread(target=send, args=(share,)) for share in range(_SENDERS)]
    watcher = threading.Thread(target=watch)
    for thread in (*threads, watcher):
        thread.start()
    for thread in threads:
        thread.join()
    ended.set()
    watcher.join()
    return done


def _draw(done: _Soak, per_second: float) -> None:
    before = [0, *done.acknowledged[:-1]]
    rates = [(now - then) / _SAMPLE_S for now, then in zip(done.acknowledged, before, strict=True)]
    panels = [
        Panel("resident memory of the collector, MiB", done.memory_mib),
        Panel("database and log, MiB", done.file_mib),
        Panel("acknowledged, spans/s", rates),
    ]
    title = f"Soak: {per_second:,.0f} spans of 5 kB per second offered, cards compiled meanwhile"
    (DOCS / "soak.svg").write_text(curves_svg(title, done.seconds, panels), encoding="utf-8")
