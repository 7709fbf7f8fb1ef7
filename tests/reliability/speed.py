"""How much of what DuckDB alone takes a collector stores, with eight exporters and durable acknowledgements."""

from __future__ import annotations

import statistics
from pathlib import Path

from tests.benchmarks.ingest import CASES, EXPORTERS, SPANS_PER_REQUEST, in_process, through_a_collector
from tests.support.spans import request


def ingest(_folder: Path) -> tuple[str, str]:
    """Measure what `make bench` does."""
    told = []
    for case in CASES:
        bodies = [
            request(range(first, first + SPANS_PER_REQUEST), size=case.span_bytes)
            for first in range(0, case.requests * SPANS_PER_REQUEST, SPANS_PER_REQUEST)
        ]
        duckdb, _ = in_process(bodies)
        served = through_a_collector(bodies)
        p99 = statistics.quantiles(served.waits, n=100)[98]
        told.append(
            f"{case.name}: {served.per_second:,.0f} spans/s, {served.per_second / duckdb:.2f} of plain DuckDB, p99"
            f" {p99 * 1e3:.0f} ms, {served.peak_mb:,.0f} MiB at most"
        )
    return f"{EXPORTERS} exporters, {SPANS_PER_REQUEST} spans per request; " + "; ".join(
        told
    ), "nothing; all spans can be queried"
