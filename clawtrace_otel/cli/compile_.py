"""`clawtrace compile`: cards now instead of when sessions go quiet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clawtrace_otel.cli.errors import CliError, UsageError
from clawtrace_otel.cli.options import (
    DatabaseOption,
    DataOption,
    EndpointOption,
    EngineName,
    EngineOption,
    ExportOption,
    MasterOption,
    SparkConfOption,
    StoreOption,
)

if TYPE_CHECKING:
    from collector.api import CompileCounts


def compile_(
    everything: Annotated[
        bool, typer.Option("--all", help="Every session, not only those with new telemetry.")
    ] = False,
    budgets: Annotated[
        Path | None,
        typer.Option(
            "--budgets",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Limits on cost and waste (docs/budgets.md). Only without a running collector.",
        ),
    ] = None,
    prices: Annotated[
        Path | None,
        typer.Option(
            "--prices",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Your own prices (docs/prices.md). Only without a running collector.",
        ),
    ] = None,
    db: DatabaseOption = None,
    endpoint: EndpointOption = None,
    store: StoreOption = None,
    data: DataOption = None,
    engine: EngineOption = EngineName.LOCAL,
    master: MasterOption = None,
    conf: SparkConfOption = None,
    source: ExportOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", file_okay=False, help="With --from: where to write sessions, steps, cards, ..."
        ),
    ] = None,
) -> None:
    """(Re)compile cards now; prints how many."""
    from clawtrace_otel.cli.lake import chosen_lake
    from clawtrace_otel.cli.reader import open_reader

    lake = chosen_lake(store, data, elsewhere=any(said is not None for said in (db, endpoint, source)))
    if engine is EngineName.SPARK:
        from clawtrace_otel.cli.compile_spark import SparkJob, compile_on_spark

        if db is not None or endpoint is not None:
            raise UsageError("--engine spark reads a lake or --from an export, which 'clawtrace export parquet' writes")
        job = SparkJob(
            master=master, conf=conf or [], source=source, out=out, lake=lake, prices=prices, budgets=budgets
        )
        counts = compile_on_spark(job, everything=everything)
    elif source or out or master or conf:
        raise UsageError("--from, --out, --master and --conf go with --engine spark")
    else:
        with open_reader(db, endpoint, write=True, budgets=budgets, prices=prices, lake=lake) as reader:
            counts = reader.compile(everything=everything)
    _tell(counts)


def _tell(counts: CompileCounts) -> None:
    typer.echo(f"{counts.compiled} compiled, {counts.failed} failed")
    if counts.failed:
        from clawtrace_otel.cli.output import counted

        raise CliError(f"{counted(counts.failed, 'session')} could not be compiled: the log says why")
