"""`clawtrace compile`: cards now instead of when sessions go quiet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.options import DatabaseOption, EndpointOption


def compile_(
    everything: Annotated[
        bool, typer.Option("--all", help="Every session, not just those with new telemetry.")
    ] = False,
    budgets: Annotated[
        Path | None,
        typer.Option(
            "--budgets",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Limits on cost and waste (docs/budgets.md), where no collector runs, which has its own.",
        ),
    ] = None,
    prices: Annotated[
        Path | None,
        typer.Option(
            "--prices",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Your own prices (docs/prices.md), where no collector runs, which has its own.",
        ),
    ] = None,
    db: DatabaseOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """(Re)compile cards now; prints how many."""
    from clawtrace_otel.cli.reader import open_reader

    with open_reader(db, endpoint, write=True, budgets=budgets, prices=prices) as reader:
        counts = reader.compile(everything=everything)
    typer.echo(f"{counts.compiled} compiled, {counts.failed} failed")
    if counts.failed:
        raise CliError(f"{counts.failed} sessions could not be compiled: the collector's log says why")
