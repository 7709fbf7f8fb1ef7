"""`clawtrace sql`: read-only SQL over the stored sessions."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.options import DatabaseOption, DataOption, EndpointOption, RowsFormat, StoreOption


def sql(
    statement: Annotated[
        str, typer.Argument(metavar="SQL", help="One SELECT statement; '-' reads it from standard input.")
    ],
    form: Annotated[RowsFormat, typer.Option("--format", help="Output format.")] = RowsFormat.TABLE,
    db: DatabaseOption = None,
    endpoint: EndpointOption = None,
    store: StoreOption = None,
    data: DataOption = None,
) -> None:
    """Run a read-only SQL query over the views sessions, steps, findings, spans, ... (docs/sql.md)."""
    from clawtrace_otel.cli.lake import chosen_lake
    from clawtrace_otel.cli.output import write_rows
    from clawtrace_otel.cli.reader import open_reader

    question = _from_stdin() if statement == "-" else statement
    lake = chosen_lake(store, data, elsewhere=db is not None or endpoint is not None)
    with open_reader(db, endpoint, lake=lake) as reader:
        write_rows(reader.query(question), form)


def _from_stdin() -> str:
    try:
        return sys.stdin.read()
    except UnicodeDecodeError as error:
        raise CliError(f"standard input is not valid {error.encoding} text: {error.reason}") from error
