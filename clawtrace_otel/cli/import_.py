"""`clawtrace import`: load telemetry from files instead of from the network."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.options import DatabaseOption, EndpointOption

if TYPE_CHECKING:
    from clawtrace_otel.cli.reader import SessionReader


imports = typer.Typer(help="Load telemetry from files.", no_args_is_help=True)


@imports.command()
def otlp(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, or directories to search.")],
    db: DatabaseOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """Load OTLP request bodies (.pb, .json, .jsonl, also .gz) and compile their sessions."""
    from clawtrace_otel.cli.bodies import files_in
    from clawtrace_otel.cli.output import counted
    from clawtrace_otel.cli.reader import open_reader

    files = files_in(paths)
    named = set(paths)
    with open_reader(db, endpoint, create=True) as reader:
        skipped = [file for file in shown(files) if not _load(reader, file, required=file in named)]
        if len(skipped) == len(files):
            raise CliError(f"no OTLP request in {counted(len(files), 'file')}")
        counts = reader.compile(everything=False)
    imported, compiled = counted(len(files) - len(skipped), "file"), counted(counts.compiled, "session")
    typer.echo(f"{imported} imported, {compiled} compiled, {counts.failed} failed")
    if skipped:
        typer.echo(
            f"{counted(len(skipped), 'file')} without OTLP skipped: {', '.join(map(str, skipped[:3]))}", err=True
        )


def _load(reader: SessionReader, file: Path, *, required: bool) -> bool:
    """Return whether the file held OTLP; a file that a user named must."""
    from clawtrace_otel.cli.bodies import NotOtlpError, bodies_in

    try:
        bodies = list(bodies_in(file))
    except NotOtlpError:
        if required:
            raise
        return False
    for body in bodies:
        rejected = reader.deliver(body)
        if rejected:
            typer.echo(f"{file}: {rejected}", err=True)
    return True


def shown(files: Iterable[Path]) -> Iterable[Path]:
    """Show progress on a terminal, nothing in a pipe."""
    from rich.progress import track

    from clawtrace_otel.cli.output import console

    errors = console(stderr=True)
    return track(list(files), "Importing", console=errors, transient=True, disable=not errors.is_terminal)
