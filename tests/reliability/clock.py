"""A clock that is set forward and back while the collector runs."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from tests.support.collector import PROTOBUF, RunningCollector, running_collector
from tests.support.load import COUNTS
from tests.support.shifted_clock import OFFSET_FILE, set_clock
from tests.support.spans import SPANS_PER_TRACE, request

_YEAR_S = 365 * 86_400
_IDLE_S = 1
_PATIENCE_S = 60.0


def jumps(folder: Path) -> tuple[str, str]:
    """Receive sessions a year ahead and a year behind, set the clock right, and wait for their cards."""
    offset = folder / "offset"
    set_clock(offset, _YEAR_S)
    environment = {OFFSET_FILE: str(offset)}
    with running_collector(
        folder / "clock.duckdb",
        *("--idle-seconds", str(_IDLE_S)),
        environment=environment,
        module="tests.support.shifted_clock",
    ) as collector:
        _send(collector, 0)
        set_clock(offset, 0)
        back_s = _wait_for_sessions(collector, 1)
        set_clock(offset, -_YEAR_S)
        _send(collector, 1)
        set_clock(offset, 0)
        forward_s = _wait_for_sessions(collector, 2)
        for shift in (_YEAR_S, -_YEAR_S, 0):
            set_clock(offset, shift)
            for session in range(2):
                _send(collector, session)
        spans = 2 * SPANS_PER_TRACE
        assert collector.sql(COUNTS) == [{"n": spans, "ids": spans}]
        assert collector.sql("SELECT sum(llm_call_count) AS n FROM sessions") == [{"n": spans}]
    measured = (
        f"set back by a year: an earlier session gets its card {back_s:.1f} s later (idle time {_IDLE_S} s); set"
        f" forward by a year: {forward_s:.1f} s; everything resent under three clocks"
    )
    return measured, "nothing; none twice, no session waits for the clock to catch up"


def _send(collector: RunningCollector, session: int) -> None:
    numbers = range(session * SPANS_PER_TRACE, (session + 1) * SPANS_PER_TRACE)
    assert collector.request("POST", "/v1/traces", request(numbers), Content_Type=PROTOBUF).status == 200


def _wait_for_sessions(collector: RunningCollector, count: int) -> float:
    started, tick = time.monotonic(), threading.Event()
    while collector.sql("SELECT count(*) AS n FROM sessions") != [{"n": count}]:
        assert time.monotonic() - started < _PATIENCE_S, collector.logged()
        tick.wait(0.1)
    return time.monotonic() - started
