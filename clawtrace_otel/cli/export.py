"""`clawtrace export`: what is stored, for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clawtrace_otel.cli.options import DatabaseOption, EndpointOption

exports = typer.Typer(help="Export everything stored, for other programs.", no_args_is_help=True)


@exports.callback()
def export() -> None:
    """Export everything stored, for other programs."""


@exports.command("parquet")
def parquet(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="A directory that is new, empty or an earlier export.")
    ],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Write even if the directory holds other files.")
    ] = False,
    db: DatabaseOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """Write every view as Parquet files by day, for DuckDB, pandas and Spark."""
    from clawtrace_otel.cli.output import counted
    from clawtrace_otel.cli.parquet import readable_size, write_parquet
    from clawtrace_otel.cli.reader import open_reader

    with open_reader(db, endpoint) as reader:
        written = write_parquet(reader.export(), directory, overwrite=overwrite)
    rows = sum(written.rows.values())
    size = f"{readable_size(directory) / 1e6:.1f} MB"
    typer.echo(f"{counted(rows, 'row')} in {counted(written.files, 'file')}, {size}, in {directory}")
