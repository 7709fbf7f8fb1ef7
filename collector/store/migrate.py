"""Bring a database file to the current layout: the numbered files of `sql/`, in order, each once.

A migration and the note that it ran commit together, and a checkpoint follows at once: DDL that is still in the log
when the process is killed is the one thing DuckDB has been seen to fail to read back.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from collector.errors import NotOurDatabaseError
from collector.store.engine import Cursor, Database, connect_to_nothing, transaction, translated

_CREATE_APPLIED: Final = """
    CREATE SCHEMA IF NOT EXISTS layout;
    CREATE TABLE IF NOT EXISTS layout.migrations (number INTEGER NOT NULL, name VARCHAR NOT NULL);
"""
_LAID_OUT: Final = """
    SELECT schema_name, table_name, column_name, data_type || CASE WHEN is_nullable THEN '' ELSE ' NOT NULL' END
    FROM duckdb_columns() JOIN duckdb_tables() USING (schema_name, table_name)
    WHERE schema_name IN ('telemetry', 'derived') ORDER BY schema_name, table_name, column_index
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of `sql/`."""

    number: int
    name: str
    sql: str


def migrations() -> tuple[Migration, ...]:
    """Every migration, in order."""
    found = sorted(entry.name for entry in files("collector.store").joinpath("sql").iterdir())
    return tuple(
        Migration(int(name.partition("_")[0]), name, files("collector.store").joinpath("sql", name).read_text("utf-8"))
        for name in found
        if name.endswith(".sql")
    )


@dataclass(frozen=True, slots=True)
class Layout:
    """What the migrations make, all of them together."""

    tables: Mapping[tuple[str, str], Mapping[str, str]]
    """By schema and name, the columns and their types as SQL says them."""
    views: tuple[str, ...]
    """The statements that make those of the schema main."""


def layout_of_file() -> Layout:
    """Return the layout that a new database file gets."""
    with closing(connect_to_nothing()) as connection:
        for migration in migrations():
            connection.execute(migration.sql)
        tables: dict[tuple[str, str], dict[str, str]] = {}
        for schema, table, column, kind in connection.execute(_LAID_OUT).fetchall():
            tables.setdefault((schema, table), {})[column] = kind
        views = connection.execute("SELECT sql FROM duckdb_views() WHERE NOT internal ORDER BY view_name").fetchall()
    return Layout(tables, tuple(sql for (sql,) in views))


def schema_version(database: Database) -> int:
    """Return the number of the last migration that ran, 0 for an empty database.

    Raises NotOurDatabaseError for one with tables of others, and for one written by a newer version of this program.
    """
    with translated(database.path):
        cursor = database.cursor()
        if not _exists(cursor, "table_schema = 'layout' AND table_name = 'migrations'"):
            if _exists(cursor, "true"):
                raise NotOurDatabaseError(
                    f"{database.path} holds tables that are not ours: name another file with --db"
                )
            return 0
        ((version,),) = cursor.execute("SELECT coalesce(max(number), 0) FROM layout.migrations").fetchall()
    if version > migrations()[-1].number:
        raise NotOurDatabaseError(
            f"{database.path} was written by a newer version of clawtrace (layout {version}): upgrade clawtrace-otel"
        )
    return int(version)


def is_current(database: Database) -> bool:
    """Return whether no migration is missing."""
    return schema_version(database) == migrations()[-1].number


def migrate(database: Database) -> None:
    """Run the migrations that are missing, then checkpoint."""
    version = schema_version(database)
    missing = [migration for migration in migrations() if migration.number > version]
    if not missing:
        return
    with translated(database.path):
        cursor = database.cursor()
        for migration in missing:
            with transaction(cursor):
                cursor.execute(_CREATE_APPLIED)
                cursor.execute(migration.sql)
                cursor.execute("INSERT INTO layout.migrations VALUES (?, ?)", [migration.number, migration.name])
        cursor.execute("CHECKPOINT")


def _exists(cursor: Cursor, condition: str) -> bool:
    query = f"SELECT count(*) FROM information_schema.tables WHERE table_catalog = current_database() AND {condition}"  # noqa: S608 - ours
    return cursor.execute(query).fetchall() != [(0,)]
