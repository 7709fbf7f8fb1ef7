"""What a lake needs now and then: compaction, and the removal of files that nothing refers to any more.

Both run beside collectors and readers, from any process.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import Final

from collector.store.engine import Cursor, transaction
from collector.store.lake import persistently
from collector.store.lake_engine import LakeDatabase, lake_errors
from collector.store.lake_layout import compacted_since, duplicates, note_compacted, numbered_view
from collector.store.resent import KINDS

_IN_FLIGHT_NS: Final = 3600 * 10**9
"""What was received in the last hour may still be stored twice: no commit takes as long, and clocks may differ."""
_TABLES: Final = """
    SELECT schema_name, table_name FROM duckdb_tables()
    WHERE database_name = 'lake' AND schema_name IN ('raw', 'derived') AND table_name <> 'pending' ORDER BY ALL
"""
_FILES: Final = "SELECT coalesce(sum(file_count), 0) FROM ducklake_table_info('lake')"
_DERIVED: Final = "derived"


@dataclass(frozen=True, slots=True)
class Compaction:
    """What a compaction did."""

    duplicates: int
    """Rows that were stored twice and are now there once."""
    files_before: int
    files_after: int


def compact(database: LakeDatabase, now_ns: int | None = None) -> Compaction:
    """Remove what was stored twice, and make few large files out of many small ones. Raises StoreError."""
    now_ns = time.time_ns() if now_ns is None else now_ns
    with lake_errors(database.address.name):
        cursor = database.cursor()
        before = _files(cursor)
        tables = cursor.execute(_TABLES).fetchall()
    removed = 0
    for kind in KINDS:
        removed += persistently(database.address.name, partial(_remove_duplicates, cursor, kind.table, now_ns))
    for schema, table in tables:
        persistently(database.address.name, partial(_put_together, cursor, schema, table))
    with lake_errors(database.address.name):
        return Compaction(removed, before, _files(cursor))


def clean_up(database: LakeDatabase, *, older_than_s: int) -> int:
    """Delete what nothing refers to: old snapshots, the files only they knew, and files of commits that never were.

    Returns how many files were deleted. Raises StoreError. A time shorter than the longest query or commit takes
    would delete files under its hands.
    """
    age = f"older_than => now() - INTERVAL {older_than_s} SECONDS"

    def clean() -> int:
        cursor.execute(f"CALL ducklake_expire_snapshots('lake', {age})")
        deleted = 0
        for function in ("ducklake_cleanup_old_files", "ducklake_delete_orphaned_files"):
            deleted += len(cursor.execute(f"CALL {function}('lake', {age})").fetchall())
        return deleted

    with lake_errors(database.address.name):
        cursor = database.cursor()
    return persistently(database.address.name, clean)


def _remove_duplicates(cursor: Cursor, table: str, now_ns: int) -> int:
    with transaction(cursor):
        since_ns = compacted_since(cursor, table)
        ((removed,),) = cursor.execute(
            f"DELETE FROM raw.{table} WHERE rowid IN ({duplicates(table, since_ns)})"  # noqa: S608 - ours
        ).fetchall()
        until_ns = max(since_ns, now_ns - _IN_FLIGHT_NS)
        note_compacted(cursor, table, until_ns)
        cursor.execute(numbered_view("telemetry", table, until_ns))
    return int(removed)


def _put_together(cursor: Cursor, schema: str, table: str) -> None:
    cursor.execute(f"CALL ducklake_flush_inlined_data('lake', schema_name => '{schema}', table_name => '{table}')")
    if schema == _DERIVED:
        # Never for the others: a rewritten row belongs to a new snapshot, and theirs are numbered by it.
        cursor.execute(f"CALL ducklake_rewrite_data_files('lake', '{table}', schema => '{schema}')")
    cursor.execute(f"CALL ducklake_merge_adjacent_files('lake', '{table}', schema => '{schema}')")


def _files(cursor: Cursor) -> int:
    ((count,),) = cursor.execute(_FILES).fetchall()
    return int(count)
