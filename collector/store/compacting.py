"""A database file without what was deleted from it: everything that is left, copied into a new file.

DuckDB 1.5.5 keeps the bytes of deleted rows: a row group is only rewritten once enough of it is deleted, a freed block
keeps its content until something else is written there, and of freed blocks only those at the file's end are given back
(docs/retention.md has the figures). A new file has neither.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from collector.store.engine import Cursor, Database
from collector.store.migrate import migrate

_COPY: Final = "clawtrace_compacted_copy"
_TABLES: Final = """
    SELECT schema_name, table_name FROM duckdb_tables()
    WHERE database_name = current_database() AND schema_name IN ('telemetry', 'derived') ORDER BY ALL
"""


def copy_into(cursor: Cursor, new: Path, *, rows_per_group: int) -> None:
    """Write everything that the cursor's database holds into a new file of the current layout, durably."""
    database = Database.open(new)
    try:
        migrate(database)
    finally:
        database.close()
    quoted = str(new).replace("'", "''")
    cursor.execute(f"ATTACH '{quoted}' AS {_COPY} (ROW_GROUP_SIZE {rows_per_group})")
    try:
        for schema, table in cursor.execute(_TABLES).fetchall():
            cursor.execute(f"INSERT INTO {_COPY}.{schema}.{table} BY NAME SELECT * FROM {schema}.{table}")  # noqa: S608 - ours
        cursor.execute(f"CHECKPOINT {_COPY}")
    finally:
        cursor.execute(f"DETACH {_COPY}")
