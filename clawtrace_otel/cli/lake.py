"""`clawtrace lake`: what a shared store needs now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.options import DataOption, StoreOption

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import closing

    from collector.store.lake import LakeStore
    from collector.store.lake_address import LakeAddress

lake = typer.Typer(no_args_is_help=True, help="Look after a shared store (docs/scale.md).")


def lake_address(
    store: str | None, data: str | None, environment: Mapping[str, str] | None = None
) -> LakeAddress | None:
    """Return the lake that options or environment name, None where neither does. Raises StoreError for a bad one."""
    import os

    said = os.environ if environment is None else environment
    store = store or said.get("CLAWTRACE_STORE") or None
    if store is None:
        return None
    from collector.store.lake_address import LakeAddress

    return LakeAddress.of(store, data or said.get("CLAWTRACE_DATA"))


def chosen_lake(store: str | None, data: str | None, *, elsewhere: bool) -> LakeAddress | None:
    """Return the lake that is meant, None where another option says `elsewhere`. Raises CliError where both do."""
    if elsewhere and store is not None:
        raise CliError("--store excludes --db, --endpoint and --from: give one of them")
    return None if elsewhere else lake_address(store, data)


@lake.command()
def migrate(store: StoreOption = None, data: DataOption = None) -> None:
    """Create a lake or bring its layout up to date. A collector also does this when it starts."""
    with _opened(store, data) as opened:
        typer.echo(f"{opened.database.address.name} is up to date")


@lake.command()
def compact(store: StoreOption = None, data: DataOption = None) -> None:
    """Remove duplicate rows and merge small files. Run it beside the collectors, for example every hour."""
    from clawtrace_otel.cli.output import counted
    from collector.store.lake_care import compact

    with _opened(store, data) as opened:
        done = compact(opened.database)
    typer.echo(
        f"{counted(done.duplicates, 'duplicate')} removed; {done.files_before} files before, {done.files_after} after"
    )


@lake.command("clean-up")
def clean_up(
    store: StoreOption = None,
    data: DataOption = None,
    older_than_hours: Annotated[int, typer.Option(min=1, help="Keep everything newer than this.")] = 24,
) -> None:
    """Delete old snapshots and unreferenced files. Run it beside the collectors, for example every day."""
    from clawtrace_otel.cli.output import counted
    from collector.store.lake_care import clean_up

    with _opened(store, data) as opened:
        deleted = clean_up(opened.database, older_than_s=older_than_hours * 3600)
    typer.echo(f"{counted(deleted, 'file')} deleted")


def _opened(store: str | None, data: str | None) -> closing[LakeStore]:
    from contextlib import closing

    from collector.store.lake import LakeStore

    address = lake_address(store, data)
    if address is None:
        raise CliError(
            "no lake is named: use --store ducklake:postgres:DSN --data s3://BUCKET/PREFIX, or set CLAWTRACE_STORE and"
            " CLAWTRACE_DATA"
        )
    return closing(LakeStore.at(address))
