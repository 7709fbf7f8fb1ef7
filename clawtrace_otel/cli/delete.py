"""`clawtrace delete` and `compact`: a session gone everywhere, and the room it took given back."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.options import DatabaseOption, EndpointOption


def delete(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="A full session id.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    db: DatabaseOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """Delete a session and all its data: spans, logs, metric points, card, outcomes.

    This cannot be undone. What its agent sends afterwards is stored as new.
    """
    from clawtrace_otel.cli.output import counted
    from clawtrace_otel.cli.reader import open_reader

    if not yes and sys.stdin.isatty():
        typer.confirm(f"Delete session {session!r} for good?", abort=True)
    with open_reader(db, endpoint, write=True) as reader:
        gone = reader.delete(session)
    spans, logs = counted(gone.spans, "span"), counted(gone.logs, "log record")
    typer.echo(f"{spans}, {logs} and {counted(gone.metric_points, 'metric point')} deleted")
    if gone.not_erased is not None:
        raise CliError(f"no query shows them any more, but their bytes are still in the file: {gone.not_erased}")


def compact(db: DatabaseOption = None, endpoint: EndpointOption = None) -> None:
    """Return the space of deleted rows to the file system. Telemetry that arrives meanwhile waits."""
    from clawtrace_otel.cli.reader import open_reader

    with open_reader(db, endpoint, write=True) as reader:
        reader.compact()
