"""What a worker process runs: one group's telemetry to the rows that are stored for it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clawtrace_otel.cli.compiler import CompileJob
    from collector.store import DerivedRows
    from processors.pricing import PriceBook
