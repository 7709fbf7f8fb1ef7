"""How much of what DuckDB alone takes a collector stores, with eight exporters and durable acknowledgements."""

from __future__ import annotations

import statistics
from pathlib import Path

from tests.benchmarks.ingest import (
    CASES,
    EXPORTERS,
    SPANS_PER_REQUEST,
    Case,
    bodies_of,
    in_process,
    through_a_collector,
)

_ROUNDS = 5
"""How fast disk and machine are changes from minute to minute: each round measures both sides, one after the other."""


def ingest(_folder: Path) -> tuple[str, str]:
    """Measure what `make bench` does, several times."""
    told = "; ".join(map(_measured, CASES))
    return f"{EXPORTERS} exporters, {SPANS_PER_REQUEST} spans per request, median (and range) of {_ROUNDS}: {told}", (
        "nothing; all spans can be queried"
    )


def _measured(case: Case) -> str:
    bodies = bodies_of(case)
    rates, shares, waits, peaks = [], [], [], []
    for _ in range(_ROUNDS):
        duckdb, _process = in_process(bodies)
        served = through_a_collector(bodies)
        rates.append(served.per_second)
        shares.append(served.per_second / duckdb)
        waits.append(statistics.quantiles(served.waits, n=100)[98])
        peaks.append(served.peak_mb)
    return (
        f"{case.name}: {statistics.median(rates):,.0f} spans/s ({min(rates):,.0f} to {max(rates):,.0f}),"
        f" {statistics.median(shares):.2f} of plain DuckDB ({min(shares):.2f} to {max(shares):.2f}), p99"
        f" {statistics.median(waits) * 1e3:.0f} ms, {max(peaks):,.0f} MiB at most"
    )
