"""What an export says of sessions, read back into a store of its own for as long as it is needed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from clawtrace_otel.cli.errors import CliError
from collector.store import Group
from collector.store.derived import ADDED, OUTCOMES, PER_SESSION
from collector.store.duck import DuckStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from clawtrace_otel.cli.reader import SessionReader
    from clawtrace_otel.cli.spark import Spark

    View = Callable[[str], pa.Table]
    """Returns all that an export holds of one view."""

_OF_CASES = ("sessions", "steps", "findings", "evaluations")


@contextmanager
def scratch_store() -> Iterator[DuckStore]:
    """Yield an empty store that vanishes."""
    with (
        TemporaryDirectory(prefix="clawtrace-") as folder,
        closing(DuckStore.open(Path(folder) / "scratch.duckdb")) as store,
    ):
        yield store


@contextmanager
def reading_export(view: View) -> Iterator[SessionReader]:
    """Yield a reader of the sessions of an export, of their verdicts and of earlier patches."""
    from clawtrace_otel.cli.file_reader import FileReader
    from collector.query import DuckQueries

    with scratch_store() as store:
        sessions: dict[str, dict[str, list[Mapping[str, object]]]] = defaultdict(lambda: defaultdict(list))
        for name in _OF_CASES:
            for row in rows_of_view(view(name), PER_SESSION[name]):
                sessions[row["session_id"]][name].append(row)
        store.replace_all([(Group(frozenset({name}), frozenset(), 0), rows) for name, rows in sessions.items()])
        copy_recorded(view, store)
        yield FileReader(DuckQueries(store.database))


def copy_recorded(view: View, store: DuckStore) -> None:
    """Store what an export holds that is not derived from telemetry: recorded verdicts, patches and skills."""
    for row in recorded_outcomes(view):
        store.record_outcome(row)
    for name, schema in ADDED.items():
        if rows := rows_of_view(view(name), schema):
            store.append_rows(name, rows)


def recorded_outcomes(view: View) -> list[dict[str, Any]]:
    """Return the verdicts that were recorded, oldest first; those that telemetry holds are derived from it anew."""
    evaluations = rows_of_view(view("evaluations"), PER_SESSION["evaluations"])
    in_telemetry = {_said(row) for row in evaluations if row["decides"]}
    recorded = [row for row in rows_of_view(view("outcomes"), OUTCOMES) if _said(row) not in in_telemetry]
    return sorted(recorded, key=lambda row: (row["recorded_at"], row["session_id"]))


def _said(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["session_id"], row["name"], row["recorded_at"]


def rows_of_view(table: pa.Table, schema: pa.Schema) -> list[dict[str, Any]]:
    """Return rows as the store takes them: the columns that it knows, times as nanoseconds."""
    kept = table.select([name for name in table.column_names if name in schema.names])
    for position, field in enumerate(kept.schema):
        if pa.types.is_timestamp(field.type):
            times = kept.column(position).cast(pa.timestamp("ns", field.type.tz)).cast(pa.int64())
            kept = kept.set_column(position, field.name, times)
    rows: list[dict[str, Any]] = kept.to_pylist()
    return rows


def view_of(spark: Spark, place: str, name: str) -> pa.Table:
    """Return all that an export holds of a view."""
    return spark.table(f"{place}/{name}")


def visible_place(source: str, view: str) -> str:
    """Return a directory as a cluster names it. Raises CliError for one of this machine that lacks a view."""
    if "://" in source:
        return source.rstrip("/")
    path = Path(source).expanduser().absolute()
    if not (path / view).is_dir():
        raise CliError(f"{path} is not an export with {view}: 'clawtrace export parquet {path}' writes one")
    return path.as_uri()
