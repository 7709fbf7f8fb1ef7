"""`clawtrace compile --engine spark`: a lake, or an export, compiled on a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clawtrace_otel.cli.errors import UsageError
from clawtrace_otel.cli.spark import DEFAULT_MASTER, running_spark, settings_of

if TYPE_CHECKING:
    from collector.api import CompileCounts
    from collector.store.lake_address import LakeAddress
    from processors.pricing.overrides import PriceText


@dataclass(frozen=True, slots=True, kw_only=True)
class SparkJob:
    """What the command line says."""

    master: str | None
    conf: Sequence[str]
    source: str | None
    """An export to read, instead of a lake."""
    out: Path | None
    lake: LakeAddress | None
    prices: Path | None
    budgets: Path | None


def compile_on_spark(job: SparkJob, *, everything: bool) -> CompileCounts:
    """Compile on the cluster and store what was made. Raises CliError."""
    if job.source is not None:
        return _from_export(job, job.source)
    if job.lake is None:
        raise UsageError("--engine spark needs --store ducklake:postgres:DSN, or --from an export (docs/scale.md)")
    if job.out is not None:
        raise UsageError("--out needs --from: results from a lake are stored in the lake")
    return _from_lake(job, job.lake, everything=everything)


def _from_export(job: SparkJob, source: str) -> CompileCounts:
    from clawtrace_otel.cli.export_views import visible_place
    from clawtrace_otel.cli.parquet import check_writable
    from clawtrace_otel.cli.spread_export import compile_export

    if job.out is None:
        raise UsageError("--from needs --out DIR, where the results are written")
    if job.budgets is not None:
        raise UsageError("--budgets needs a store: leave it out, or compile a lake")
    place = visible_place(source, "spans")
    check_writable(job.out)
    prices = _checked(job.prices)
    with running_spark(job.master or DEFAULT_MASTER, settings_of(job.conf)) as spark:
        return compile_export(spark, place, job.out, prices)


def _from_lake(job: SparkJob, lake: LakeAddress, *, everything: bool) -> CompileCounts:
    from clawtrace_otel.cli.file_reader import open_file
    from clawtrace_otel.cli.spread_lake import LakeMaker, check_shared

    check_shared(lake)
    prices = _checked(job.prices)
    with running_spark(job.master or DEFAULT_MASTER, settings_of(job.conf)) as spark:
        maker = LakeMaker(spark, lake, prices)
        with open_file(lake, write=True, budgets=job.budgets, prices=job.prices, maker=maker) as reader:
            return reader.compile(everything=everything)


def _checked(path: Path | None) -> PriceText | None:
    """Return a user's prices for other machines. Raises PriceFileError."""
    if path is None:
        return None
    from processors.pricing import price_book
    from processors.pricing.overrides import PriceText

    prices = PriceText.read(path)
    price_book(prices)
    return prices
