"""A collector with as much memory as a small container has, under a load that it would like more for."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from tests.reliability.burst import SPANS, Sender, bodies
from tests.support.collector import RunningCollector, running_collector
from tests.support.control_group import NoControlGroupError, memory_group, started_inside
from tests.support.load import COUNTS, peak_mib

_MEBIBYTE = 1024 * 1024
_LIMIT_MIB = 1024
_SENDERS = 8
_REQUESTS = 2_400
_CARDS_S = 240
_CARDS = "SELECT count(*) AS n FROM tracecards"


def small_container(folder: Path) -> tuple[str, str]:
    """Send 1.5 GB while cards are made. Fails where the collector is stopped, or a span or card is missing."""
    packed = bodies(_REQUESTS)
    with ExitStack() as stack:
        try:
            group = stack.enter_context(memory_group(_LIMIT_MIB * _MEBIBYTE))
        except NoControlGroupError as error:
            return f"not measured: {error}", "not known"
        with started_inside(group):
            database, options = folder / "small.duckdb", ("--idle-seconds", "2")
            collector = stack.enter_context(running_collector(database, *options))
        started = time.perf_counter()
        with ThreadPoolExecutor(_SENDERS) as threads:
            refused = sum(threads.map(lambda share: _sent(collector, packed[share::_SENDERS]), range(_SENDERS)))
        took, sent = time.perf_counter() - started, _REQUESTS * SPANS
        assert collector.sql(COUNTS) == [{"n": sent, "ids": sent}]
        traces = collector.sql("SELECT count(DISTINCT trace_id) AS n FROM spans")
        cards = _awaited_cards(collector, traces)
        most = peak_mib(collector)
    return (
        f"in {_LIMIT_MIB:,} MiB (a control group): {sent:,} spans of 10 kB by {_SENDERS} senders,"
        f" {sent / took:,.0f} per second, {refused} requests told to retry; {cards:,} cards; the collector took"
        f" {most:,.0f} MiB at most"
    ), "nothing; none twice, every session has its card"


def _sent(collector: RunningCollector, packed: list[bytes]) -> int:
    sender = Sender(collector)
    return sum(sender.send_until_taken(body) for body in packed)


def _awaited_cards(collector: RunningCollector, expected: list[dict[str, int]]) -> int:
    deadline = time.monotonic() + _CARDS_S
    while collector.sql(_CARDS) != expected:
        assert time.monotonic() < deadline, (collector.sql(_CARDS), expected)
        time.sleep(1)
    return expected[0]["n"]
