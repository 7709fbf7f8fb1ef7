"""The layout of a lake, taken from the file's: the same views over the same columns, so that one set of SQL reads both.

What differs: rows are numbered by DuckLake itself. The `snapshot_id` of the commit that brought a row takes the place
of the file's `batch` and `outcome_number`: several writers commit at once, and only the catalog knows in which order.
Tables so numbered live in the schema `raw`, under views of the file's names that add the number and leave out what was
stored twice.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from collector.errors import NotOurDatabaseError
from collector.store.engine import Cursor, transaction
from collector.store.lake_address import LakeAddress
from collector.store.lake_engine import LakeDatabase, lake_errors
from collector.store.migrate import layout_of_file, migrations
from collector.store.rows import SPAN_IDENTITY

_SCHEMAS: Final = ("raw", "telemetry", "derived", "layout")
_NUMBERED: Final = {"telemetry": "batch", "outcomes": "outcome_number"}
"""The numbering column of the tables of a schema, or of one table."""
_OWN: Final = (
    "CREATE TABLE IF NOT EXISTS layout.migrations (number INTEGER NOT NULL, name VARCHAR NOT NULL)",
    # Updated by everything that swaps derived rows: of two that do so at once, one must do it again.
    "CREATE TABLE IF NOT EXISTS layout.turn (number BIGINT NOT NULL)",
    # Who compiles, and until when.
    "CREATE TABLE IF NOT EXISTS layout.lease (owner VARCHAR, until_ns BIGINT NOT NULL)",
    # Up to when by `received_at` no row of a table is there twice.
    "CREATE TABLE IF NOT EXISTS layout.compacted (table_name VARCHAR NOT NULL, until_ns BIGINT NOT NULL)",
)
_ROWS: Final = (
    "INSERT INTO layout.turn SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM layout.turn)",
    "INSERT INTO layout.lease SELECT NULL, 0 WHERE NOT EXISTS (SELECT 1 FROM layout.lease)",
)
_OPTIONS: Final = (
    "CALL ducklake_set_option('lake', 'parquet_compression', 'zstd')",
    # Small tables whose rows come and go: in the catalog they are neither written as files nor left behind in some.
    "CALL ducklake_set_option('lake', 'data_inlining_row_limit', 1000, schema => 'raw', table_name => 'pending')",
    "CALL ducklake_set_option('lake', 'data_inlining_row_limit', 1000, schema => 'raw', table_name => 'arrivals')",
)
_COLUMNS: Final = "SELECT schema_name, table_name, column_name FROM duckdb_columns() WHERE database_name = 'lake'"
_MEMBERS: Final = ("derived", "members")
_SAME: Final = {
    "spans": SPAN_IDENTITY,
    "logs": ("identity", "timestamp_unix_nano", "trace_id", "span_id", "event_name"),
    "metric_points": ("identity", "time_unix_nano", "name"),
}
"""What makes two rows the same; `identity` is a hash of all that a record says, equal times and ids stand beside it."""


def migrate_lake(database: LakeDatabase) -> None:
    """Bring a lake's layout up to date: tables, columns and views that are missing are added.

    Raises NotOurDatabaseError for a lake with tables of others, and for one written by a newer version.
    """
    with lake_errors(database.address.name):
        cursor = database.cursor()
        if lake_version(cursor, database) == migrations()[-1].number:
            return
        with transaction(cursor):
            _create(cursor)
        for option in _OPTIONS:
            cursor.execute(option)


def lake_version(cursor: Cursor, database: LakeDatabase) -> int:
    """Return the number of the last migration that the lake's layout reflects, 0 for an empty lake."""
    tables = {(schema, table) for schema, table, _ in cursor.execute(_COLUMNS).fetchall()}
    if ("layout", "migrations") not in tables:
        if tables:
            raise NotOurDatabaseError(f"{database.address.name} holds tables that are not ours: name another catalog")
        return 0
    ((version,),) = cursor.execute("SELECT coalesce(max(number), 0) FROM layout.migrations").fetchall()
    if version > migrations()[-1].number:
        raise NotOurDatabaseError(
            f"{database.address.name} was written by a newer version of clawtrace (layout {version}): upgrade"
        )
    return int(version)


def _create(cursor: Cursor) -> None:
    file = layout_of_file()
    for statement in (*(f"CREATE SCHEMA IF NOT EXISTS {schema}" for schema in _SCHEMAS), *_OWN, *_ROWS):
        cursor.execute(statement)
    there = defaultdict(set)
    for schema, table, column in cursor.execute(_COLUMNS).fetchall():
        there[schema, table].add(column)
    for (schema, table), columns in file.tables.items():
        number = number_of(schema, table)
        place = ("raw", table) if number else (schema, table)
        wanted = {name: kind for name, kind in columns.items() if name != number}
        if place == _MEMBERS:
            wanted["last_batch"] = "BIGINT"
        _create_table(cursor, place, wanted, there[place])
        if number:
            cursor.execute(numbered_view(schema, table, compacted_since(cursor, table)))
    for view in file.views:
        cursor.execute(view.replace("CREATE VIEW ", "CREATE OR REPLACE VIEW main.", 1))
    cursor.execute("DELETE FROM layout.migrations")
    for migration in migrations():
        cursor.execute("INSERT INTO layout.migrations VALUES (?, ?)", [migration.number, migration.name])


def _create_table(cursor: Cursor, place: tuple[str, str], wanted: dict[str, str], there: set[str]) -> None:
    name = ".".join(place)
    if not there:
        columns = ", ".join(f'"{column}" {kind}' for column, kind in wanted.items())
        cursor.execute(f"CREATE TABLE {name} ({columns})")
    else:
        for column in wanted.keys() - there:
            cursor.execute(f'ALTER TABLE {name} ADD COLUMN "{column}" {wanted[column].removesuffix(" NOT NULL")}')


def number_of(schema: str, table: str) -> str | None:
    """Return the column that the lake's own numbering takes the place of."""
    return _NUMBERED.get(schema) or _NUMBERED.get(table)


def numbered_view(schema: str, table: str, since_ns: int) -> str:
    """Return SQL for the view over a numbered table; what was received since a time may be there twice."""
    twice = duplicates(table, since_ns)
    return f"""
        CREATE OR REPLACE VIEW {schema}.{table} AS
        SELECT *, snapshot_id AS {number_of(schema, table)} FROM raw.{table}
        {f"WHERE rowid NOT IN ({twice})" if twice else ""}
    """  # noqa: S608 - ours


def compacted_since(cursor: Cursor, table: str) -> int:
    """Return the time by `received_at` up to which compaction has left no row of a table twice."""
    ((until_ns,),) = cursor.execute(
        "SELECT coalesce(max(until_ns), 0) FROM layout.compacted WHERE table_name = ?", [table]
    ).fetchall()
    return int(until_ns)


def note_compacted(cursor: Cursor, table: str, until_ns: int) -> None:
    """Set what `compacted_since` returns."""
    cursor.execute("DELETE FROM layout.compacted WHERE table_name = ?", [table])
    cursor.execute("INSERT INTO layout.compacted VALUES (?, ?)", [table, until_ns])


def open_lake_for_reading(address: LakeAddress) -> LakeDatabase:
    """Open a lake that a collector has made. Raises StoreError, also for one whose layout is not today's."""
    database = LakeDatabase.attach(address, read_only=True)
    try:
        _check_current(database)
        database.lock_configuration()
    except BaseException:
        database.close()
        raise
    return database


def _check_current(database: LakeDatabase) -> None:
    with lake_errors(database.address.name):
        version = lake_version(database.cursor(), database)
    if version != migrations()[-1].number:
        raise NotOurDatabaseError(f"{database.address.name} is not up to date: run 'clawtrace lake migrate' on it")


def duplicates(table: str, since_ns: int) -> str | None:
    """Return SQL for the row ids of what was received since a time and is stored once already; None for other tables.

    A writer looks for what it is about to store, so only rows that two of them stored at the same moment are double.
    """
    if table not in _SAME:
        return None
    return f"""
        SELECT row_id FROM (
            SELECT rowid AS row_id, row_number() OVER (
                PARTITION BY {", ".join(_SAME[table])} ORDER BY snapshot_id, rowid
            ) AS place
            FROM raw.{table}
            WHERE received_at >= {since_ns} AND identity IN (
                SELECT identity FROM raw.{table} WHERE received_at >= {since_ns} GROUP BY identity HAVING count(*) > 1
            )
        ) WHERE place > 1
    """  # noqa: S608 - ours
