"""Opening a database file: to own it, or to read it when nobody owns it."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import Final

from collector.errors import StoreError, StoreUnwritableError
from collector.store.engine import Database, copy_path
from collector.store.migrate import is_current, migrate

_OWNER_ONLY: Final = 0o700
"""For a directory that is made for the database: what agents read and wrote is in it."""


def open_database(path: Path) -> Database:
    """Open or create the file that this process is to own, and bring its layout up to date.

    Raises StoreLockedError where another process has it, NotOurDatabaseError where it is no database of ours, and
    StoreError where the system refuses; each says what to do.
    """
    try:
        path.parent.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{path.parent} cannot be created: {error.strerror}", retryable=False) from error
    if not os.access(path.parent, os.W_OK):
        # DuckDB makes its log beside the file only when the first telemetry comes, and would refuse it then.
        raise StoreUnwritableError(path.parent, "Permission denied")
    database = Database.open(path)
    forget_copy(path)
    try:
        migrate(database)
        database.lock_configuration()
    except BaseException:
        database.close()
        raise
    return database


def forget_copy(path: Path) -> None:
    """Remove what a compaction that was killed left beside a database that this process owns."""
    copy = copy_path(path)
    for left in copy.parent.glob(f"{glob.escape(copy.name)}*"):
        left.unlink(missing_ok=True)


def open_for_reading(path: Path) -> Database:
    """Open a file that no process owns; several may read it at once. An older layout is brought up to date first.

    Raises as `open_database` does.
    """
    database = Database.open(path, read_only=True)
    try:
        current = is_current(database)
    except BaseException:
        database.close()
        raise
    if not current:
        database.close()
        open_database(path).close()
        database = Database.open(path, read_only=True)
    database.lock_configuration()
    return database
