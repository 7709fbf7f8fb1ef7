"""Spans a second that collectors on one lake take in, and the CPU time of one span: `python -m tests.scale.throughput`.

Figures for docs/scale.md; nothing is judged by them. Arguments: how many collectors, one or several numbers.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.scale.conftest import Lake, running_on
from tests.scale.postgres import running_postgres
from tests.support.collector import PROTOBUF, RunningCollector
from tests.support.spans import request

_SECONDS = 12.0
_SENDERS = 16
_SPANS = 400
_SPAN_BYTES = 1_000


def main() -> None:
    """Measure and print a line for each number of collectors."""
    numbers = [int(argument) for argument in sys.argv[1:]] or [1, 2]
    with running_postgres() as postgres, TemporaryDirectory() as folder:
        for number in numbers:
            lake = Lake(f"ducklake:postgres:{postgres.make(f'lake{number}')}", f"{folder}/{number}", {})
            with ExitStack() as stack:
                collectors = [stack.enter_context(running_on(Path(folder), lake)) for _ in range(number)]
                rate, cpu = _measured(collectors)
                load = os.getloadavg()[0]
            print(f"{number} collectors: {rate:,.0f} spans/s, {cpu * 1e6:.0f} us CPU a span, load {load:.1f}")  # noqa: T201


def _measured(collectors: list[RunningCollector]) -> tuple[float, float]:
    """Return spans acknowledged a second, and the collectors' seconds of CPU for each."""
    ended, bodies = threading.Event(), _bodies()
    stored = [0] * _SENDERS
    lock = threading.Lock()

    def send(sender: int) -> None:
        while not ended.is_set():
            with lock:
                body = next(bodies)
            collector = collectors[sender % len(collectors)]
            if collector.request("POST", "/v1/traces", body, Content_Type=PROTOBUF).status == 200:
                stored[sender] += _SPANS

    before, started = _cpu_seconds(collectors), time.monotonic()
    with ThreadPoolExecutor(_SENDERS) as threads:
        sending = [threads.submit(send, sender) for sender in range(_SENDERS)]
        time.sleep(_SECONDS)
        ended.set()
    for sent in sending:
        sent.result()
    spans, seconds = sum(stored), time.monotonic() - started
    return spans / seconds, (_cpu_seconds(collectors) - before) / spans


def _bodies() -> Iterator[bytes]:
    """Yield requests with spans that no other has."""
    first = 0
    while True:
        yield request(range(first, first + _SPANS), size=_SPAN_BYTES)
        first += _SPANS


def _cpu_seconds(collectors: list[RunningCollector]) -> float:
    ticks = 0
    for collector in collectors:
        fields = Path(f"/proc/{collector.process.pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
