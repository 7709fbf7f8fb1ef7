"""Options that several commands share, so that they are spelled and explained the same everywhere."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

DatabaseOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--db",
        metavar="FILE",
        help="The database file (environment: CLAWTRACE_DB). Default: clawtrace.duckdb in the user's data directory.",
        show_default=False,
    ),
]
EndpointOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--endpoint",
        metavar="URL",
        help="A running collector's HTTP address (environment: CLAWTRACE_ENDPOINT). Found by itself on this machine.",
        show_default=False,
    ),
]
SessionArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="SESSION", help="A session id, the unambiguous beginning of one, or 'latest'.")
]


class CardFormat(StrEnum):
    """How a TraceCard is written."""

    YAML = "yaml"
    JSON = "json"


class RowsFormat(StrEnum):
    """How the rows of a query are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    ARROW = "arrow"
