"""Senders in a process of their own, so that their CPU time is told from everybody else's.

`python -m tests.scale.sending URL FIRST SPANS RATE SECONDS`: send requests of so many spans from several threads,
at most RATE spans a second unless that is 0. Prints how many were acknowledged, in which time, with how much CPU time.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.error import URLError

from tests.deploy.otelcol import post
from tests.support.spans import request

_THREADS = 32
_SPAN_BYTES = 1_000


def main() -> None:
    """Send as the arguments say."""
    url, (first, spans), (rate, seconds) = sys.argv[1], map(int, sys.argv[2:4]), map(float, sys.argv[4:6])
    started = time.monotonic()
    turns, lock = _turns(first, spans, started, seconds, rate), threading.Lock()
    with ThreadPoolExecutor(_THREADS) as threads:
        sent = [threads.submit(_send, url, spans, turns, lock) for _ in range(_THREADS)]
    stored = sum(one.result() for one in sent)
    print(json.dumps({"spans": stored, "seconds": time.monotonic() - started, "cpu": time.process_time()}))  # noqa: T201


def _turns(first: int, spans: int, started: float, seconds: float, rate: float) -> Iterator[tuple[int, float]]:
    """Yield the number of each request's first span, and when to send it."""
    number = 0
    while True:
        at = started + number / rate if rate else time.monotonic()
        if at > started + seconds:
            return
        yield first + number, at
        number += spans


def _send(url: str, spans: int, turns: Iterator[tuple[int, float]], lock: threading.Lock) -> int:
    stored = 0
    while True:
        with lock:
            turn = next(turns, None)
        if turn is None:
            return stored
        number, at = turn
        time.sleep(max(0.0, at - time.monotonic()))
        try:
            status = post(f"{url}/v1/traces", request(range(number, number + spans), size=_SPAN_BYTES))
        except URLError:
            continue
        if status == 200:
            stored += spans


if __name__ == "__main__":
    main()
