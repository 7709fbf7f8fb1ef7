"""What a worker process runs: one group's telemetry to the rows that are stored for it."""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clawtrace_otel.cli.making import CompileJob
    from collector.store import DerivedRows
    from processors.pricing.book import ChainedPriceBook
    from processors.pricing.overrides import PriceText


def compile_session(job: CompileJob) -> DerivedRows:
    """Return the rows of every session in a group. Imported late: the process that serves does not need it."""
    from processors.pipeline import compile_group
    from processors.rows import derived_rows

    book = _book(job.prices)
    return derived_rows(compile_group(job.signals, book, job.outcomes, book.tools), time.time_ns())


@lru_cache(maxsize=1)
def _book(prices: Path | PriceText | None) -> ChainedPriceBook:
    """Return the price book, which resolves a rate once and keeps it."""
    from processors.pricing import price_book

    return price_book(prices)
