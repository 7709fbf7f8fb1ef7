"""What the machines of a cluster run: groups compiled as on this machine, batch of Arrow in, batch of Arrow out.

Nothing here knows the cluster. A session that breaks its compiler, or never ends, breaks only the worker process that
each of the cluster's Python processes keeps for that.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from clawtrace_otel.cli.compile_session import compile_session
from clawtrace_otel.cli.compiler import CompileSettings
from clawtrace_otel.cli.making import TOGETHER_IN_LAKE, CompileJob, LocalMaker
from clawtrace_otel.cli.spread_codec import packed, parts_of
from clawtrace_otel.cli.spread_rows import by_group, signals_of
from clawtrace_otel.cli.worker import Worker, WorkFailedError

if TYPE_CHECKING:
    import pyarrow as pa

    from collector.store import DerivedRows
    from collector.store.lake_address import LakeAddress
    from processors.pricing.overrides import PriceText


@dataclass(frozen=True, slots=True)
class CompileFromLake:
    """Compiles the groups of each part, reading their telemetry from the lake."""

    address: LakeAddress
    environment: Mapping[str, str]
    """What the catalog and the storage ask of a process' environment."""
    prices: PriceText | None

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield a `Made` for each group. Raises StoreError where the lake cannot be opened."""
        from collector.store.lake import LakeStore
        from collector.store.lake_layout import open_lake_for_reading

        os.environ.update(self.environment)
        with closing(LakeStore(open_lake_for_reading(self.address))) as store:
            maker = LocalMaker(store, [_worker()], self.prices, TOGETHER_IN_LAKE)
            for part in parts_of(batches):
                yield from map(packed, maker.made(part))


@dataclass(frozen=True, slots=True)
class CompileFromRows:
    """Compiles groups whose spans and log records come side by side, numbered and sorted by group."""

    verdicts: Mapping[int, Mapping[str, Mapping[str, object]]]
    """The latest verdict by session id, by the number of the group."""
    prices: PriceText | None

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield a group's number, its rows, or None and the reason."""
        for number, rows in by_group(batches):
            job = CompileJob(signals_of(rows), self.verdicts.get(number, {}), self.prices)
            yield packed((number, *_attempted(job)))


def _attempted(job: CompileJob) -> tuple[DerivedRows | None, str]:
    try:
        return _worker().run(job), ""
    except WorkFailedError as error:
        return None, str(error)


@cache
def _worker() -> Worker[CompileJob, DerivedRows]:
    """Return this process' worker, which serves one task after the other."""
    return Worker(compile_session, time_limit_s=CompileSettings().time_limit_s)
