"""`kill -9` at random moments under load."""

from __future__ import annotations

import random
import threading
from pathlib import Path

from tests.support.collector import running_collector
from tests.support.load import Load

_SENDERS = 4


def killed_under_load(database: Path, *, kills: int, longest_s: float = 0.5, options: tuple[str, ...] = ()) -> Load:
    """Kill a collector so often while four senders load it; afterwards everything acknowledged is there, once."""
    load, moments = Load(), random.Random(2026)
    for _ in range(kills):
        with running_collector(database, *options) as collector:
            killed = threading.Event()
            senders = [threading.Thread(target=load.run_until, args=(collector, killed)) for _ in range(_SENDERS)]
            for sender in senders:
                sender.start()
            killed.wait(moments.uniform(0.05, longest_s))
            collector.kill()
            killed.set()
            for sender in senders:
                sender.join()
    with running_collector(database) as collector:
        load.check(collector)
        load.finish(collector)
        load.check(collector)
        assert collector.compile()["failed"] == 0
    return load


def killed(folder: Path) -> tuple[str, str]:
    """Kill while telemetry is stored, and while cards are made beside it."""
    kills = 20
    storing = killed_under_load(folder / "storing.duckdb", kills=kills)
    compiling = killed_under_load(
        folder / "compiling.duckdb", kills=kills // 2, longest_s=2.0, options=("--idle-seconds", "0")
    )
    acknowledged = len(storing.acknowledged) + len(compiling.acknowledged)
    measured = (
        f"{kills + kills // 2} kills, a third of them while cards are compiled; {acknowledged:,} spans acknowledged"
    )
    return measured, "nothing; none twice; what was not acknowledged was accepted when resent"
