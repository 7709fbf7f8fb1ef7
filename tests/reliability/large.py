"""Spans with whole conversations in them: what is folded into the file must not be unpacked in memory again."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from tests.support.collector import PROTOBUF, running_collector
from tests.support.load import COUNTS, peak_mib
from tests.support.spans import request

_SPAN_BYTES = 50_000
_SPANS = 16
_REQUESTS = 2_500
"""Two gigabytes: the log is folded into the file about eight times."""
_SENDERS = 4
_MOST_MIB = 1_500


def large_spans(folder: Path) -> tuple[str, str]:
    """Send spans of 50 kB as fast as they are taken. Fails where memory passes a bound, or something was lost."""
    waits: list[float] = []
    with running_collector(folder / "large.duckdb", "--idle-seconds", "3600") as collector:

        def send(share: int) -> None:
            for number in range(share, _REQUESTS, _SENDERS):
                body = request(range(number * _SPANS, (number + 1) * _SPANS), size=_SPAN_BYTES)
                asked = time.perf_counter()
                assert collector.request("POST", "/v1/traces", body, Content_Type=PROTOBUF).status == 200
                waits.append(time.perf_counter() - asked)

        started = time.perf_counter()
        senders = [threading.Thread(target=send, args=(share,)) for share in range(_SENDERS)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        took, sent = time.perf_counter() - started, _REQUESTS * _SPANS
        assert collector.sql(COUNTS) == [{"n": sent, "ids": sent}]
        most = peak_mib(collector)
    assert most <= _MOST_MIB, f"the collector took {most:.0f} MiB"
    return (
        f"{sent:,} spans of 50 kB, {sent / took:,.0f} per second; longest wait {max(waits):.1f} s,"
        f" {most:,.0f} MiB at most"
    ), "nothing; none twice"
