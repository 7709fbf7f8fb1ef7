"""The one module that imports duckdb: opening a file, cursors, and what its errors mean to us.

Every instance is opened without access to other files, but for the one that it is compacted into, without extensions,
without spilling to disk, and with its configuration locked, so that the same instance can serve ingest and outsiders'
queries.
"""

from __future__ import annotations

import gc
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Final
from weakref import WeakSet, WeakValueDictionary

import duckdb
from duckdb import DuckDBPyConnection, StatementType

from collector.errors import NotOurDatabaseError, StoreError, StoreLockedError, StoreUnwritableError

__all__ = ["Cursor", "Database", "DuckDBError", "StatementType", "transaction"]

Cursor = DuckDBPyConnection
"""A connection of its own to the same instance; one per thread."""
DuckDBError = duckdb.Error

_CONFIGURATION: Final[dict[str, str | bool | int | float | list[str]]] = {
    "allow_community_extensions": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    # The store asks for checkpoints itself: one that DuckDB begins without room for it breaks the instance.
    "checkpoint_threshold": "16TB",
    "python_enable_replacements": False,
    "temp_directory": "",
}
_WRITING: Final[dict[str, str | bool | int | float | list[str]]] = {
    # The oldest format with zstd, so that a person's own DuckDB of the last years can read the file.
    "storage_compatibility_version": "v1.2.0",
    # Row groups are merged where `Database.checkpoint` says so.
    "max_vacuum_tasks": 0,
    # Batches are too small to be stored by several threads at once: two take twice the processor time for the same, and
    # from the thread that decodes.
    "threads": max(1, (os.cpu_count() or 1) - 1),
}
_SHARED: Final = 0.5 / 0.8
"""DuckDB takes up to four fifths of the machine's or container's memory by itself. Where spans are decoded and compiled
beside it, it gets half."""
_FILES_OF_A_DATABASE: Final = ("", ".wal", ".wal.checkpoint", ".wal.recovery", ".tmp")
_GLANCE_S: Final = 0.01
_SCHEMAS: Final = {"telemetry", "derived", "layout"}
_MAGIC: Final = slice(8, 12), b"DUCK"
_REFUSED_BY_SYSTEM: Final = (
    "No space left on device",
    "File too large",
    "Disk quota exceeded",
    "Permission denied",
    "Read-only file system",
    "Input/output error",
)
_ROOM_FOR_CHECKPOINT: Final = 32 * 1024 * 1024
"""Bytes beyond the size of the log: blocks that are rewritten stand twice until the checkpoint is done."""
_MERGES: Final = 100
"""In one checkpoint: DuckDB's own number."""
_CORRUPT: Final = ("Corrupt", "Could not read enough bytes", "Serialization", "trying to read a database file with")


class Database:
    """An open DuckDB instance."""

    _open: ClassVar[WeakValueDictionary[Path, Database]] = WeakValueDictionary()
    """The files that this process has open. They must not be opened in any other way: the system's locks belong to a
    process, and closing any handle of a file releases them all."""

    def __init__(self, path: Path, connection: DuckDBPyConnection) -> None:
        self.path = path
        self.when_broken: Callable[[], None] = _nobody
        """Called once nothing but a restart helps: DuckDB gives an instance up when a checkpoint fails halfway."""
        self.memory_limit = _memory_limit(connection)
        """How many bytes of memory DuckDB may take for tables, the rows of the log and queries."""
        self._connection = connection
        self._cursors: WeakSet[DuckDBPyConnection] = WeakSet()
        self._may_ask = threading.Event()
        self._may_ask.set()
        self._open[path.resolve()] = self

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Database:
        """Open or create a file. Raises StoreLockedError, NotOurDatabaseError or StoreError, each with what to do."""
        if path.resolve() in cls._open:
            raise StoreLockedError(path, os.getpid())
        if path.stem.lower() in _SCHEMAS:
            # DuckDB calls the database by its file's name, and then cannot tell it from our schema of that name.
            raise StoreError(f"a database cannot be called {path.name}: name another file with --db", retryable=False)
        _check_magic(path)
        with translated(path):
            return cls(path, _connect(path, read_only=read_only))

    def lock_configuration(self) -> None:
        """Let nothing change the instance's settings from here on, but for what `checkpoint` and `forget_read` set."""
        self._connection.execute("SET GLOBAL allowed_configs = ['max_vacuum_tasks', 'memory_limit']")
        self._connection.execute("SET lock_configuration = true")

    def cursor(self) -> Cursor:
        """Return a connection of its own for the calling thread; waits while the file is being exchanged."""
        self._may_ask.wait()
        made = self._connection.cursor()
        self._cursors.add(made)
        return made

    def exchange(self, new: Path, *, patience_s: float) -> None:
        """Put another file in this one's place, atomically, once nobody reads: every cursor must be closed or gone.

        Raises StoreError, and leaves all as it was, where readers take longer than `patience_s`.
        """
        self._may_ask.clear()
        try:
            self._await_readers(patience_s)
            with translated(self.path):
                self._connection.close()
            if self.log_bytes() == 0:
                new.replace(self.path)
                _sync_directory(self.path.parent)
            with translated(self.path):
                self._connection = _connect(self.path, read_only=False)
            self.lock_configuration()
        finally:
            self._may_ask.set()

    def release(self, cursor: Cursor) -> None:
        """Close a cursor that `exchange` is not to wait for."""
        cursor.close()
        self._cursors.discard(cursor)

    def _await_readers(self, patience_s: float) -> None:
        gc.collect()
        deadline = time.monotonic() + patience_s
        while len(self._cursors):
            if time.monotonic() > deadline:
                raise StoreError(f"{self.path} is being read for longer than {patience_s:g} s", retryable=True)
            time.sleep(_GLANCE_S)

    def log_bytes(self) -> int:
        """Return the size of the write-ahead log."""
        try:
            return self.path.with_name(f"{self.path.name}.wal").stat().st_size
        except FileNotFoundError:
            return 0

    def file_bytes(self) -> int:
        """Return what the file and its log take of the disk."""
        return self.path.stat().st_size + self.log_bytes()

    def used_bytes(self) -> int:
        """Return what of the file holds something, deleted rows included, and the log."""
        query = "SELECT used_blocks * block_size FROM pragma_database_size() WHERE database_name = current_database()"
        ((used,),) = self.cursor().execute(query).fetchall()
        return int(used) + self.log_bytes()

    def checkpoint(self, cursor: Cursor, *, merge: bool) -> None:
        """Fold the log into the file; leave both as they are where the disk has no room for that.

        With `merge` row groups that are not full are written anew as one, for which DuckDB unpacks all of them in
        memory. Those of which every row is deleted are dropped either way.
        """
        if shutil.disk_usage(self.path.parent).free >= self.log_bytes() + _ROOM_FOR_CHECKPOINT:
            cursor.execute(f"SET GLOBAL max_vacuum_tasks = {_MERGES if merge else 0}")
            cursor.execute("CHECKPOINT")

    def forget_read(self, cursor: Cursor) -> None:
        """Free what of the file is in memory only in case it is read again, which grows up to the whole limit.

        DuckDB frees all of that when told to make do with nothing, then finds that it cannot and goes by its limit as
        before: queries that run meanwhile notice nothing.
        """
        try:
            cursor.execute("SET GLOBAL memory_limit = '0 bytes'")
        except duckdb.OutOfMemoryException:
            pass
        finally:
            cursor.execute(f"SET GLOBAL memory_limit = '{self.memory_limit} bytes'")

    @classmethod
    def notice_broken(cls, path: Path) -> None:
        """Tell whoever asked to be told where the instance answers nothing any more."""
        database = cls._open.get(path.resolve())
        if database is not None:
            try:
                database.cursor().execute("SELECT 1")
            except duckdb.Error:
                database.when_broken()

    def close(self) -> None:
        """Release the file."""
        with translated(self.path):
            self._connection.close()
        self._open.pop(self.path.resolve(), None)


def copy_path(path: Path) -> Path:
    """Return the one other file that an instance may write: where a database is copied to before it is exchanged."""
    return path.with_name(f"{path.name}.compacting")


def _connect(path: Path, *, read_only: bool) -> DuckDBPyConnection:
    configuration = _CONFIGURATION if read_only else {**_CONFIGURATION, **_WRITING}
    connection = duckdb.connect(str(path), read_only=read_only, config=configuration)
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    if not read_only:
        copy = str(copy_path(path)).replace("'", "''")
        allowed = ", ".join(f"'{copy}{suffix}'" for suffix in _FILES_OF_A_DATABASE)
        connection.execute(f"SET GLOBAL allowed_paths = [{allowed}]")
        leave_memory(connection)
    connection.execute("SET GLOBAL enable_external_access = false")
    return connection


def leave_memory(connection: DuckDBPyConnection) -> None:
    """Let an instance take half of the machine's or container's memory."""
    connection.execute(f"SET GLOBAL memory_limit = '{int(_memory_limit(connection) * _SHARED)} bytes'")


def _memory_limit(cursor: Cursor) -> int:
    ((limit,),) = cursor.execute("SELECT parse_formatted_bytes(current_setting('memory_limit'))").fetchall()
    return int(limit)


def _sync_directory(directory: Path) -> None:
    """Make a renamed file stay renamed after a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def connect_to_nothing() -> Cursor:
    """Return a connection to an empty instance in memory."""
    return duckdb.connect(":memory:", config={"enable_external_access": False})


def _check_magic(path: Path) -> None:
    """Recognise a foreign file before DuckDB does, which would go looking for an extension that reads it."""
    try:
        with path.open("rb") as file:
            start = file.read(_MAGIC[0].stop)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"{path} cannot be opened: {error.strerror}", retryable=False) from error
    if not start:
        raise NotOurDatabaseError(f"{path} is empty, not a database: delete it or name another file")
    if start[_MAGIC[0]] != _MAGIC[1]:
        raise NotOurDatabaseError(f"{path} is not a DuckDB database: name another file with --db")


@contextmanager
def transaction(cursor: Cursor) -> Iterator[Cursor]:
    """Commit at the end, or undo everything when anything fails."""
    cursor.execute("BEGIN TRANSACTION")
    try:
        yield cursor
        cursor.execute("COMMIT")
    except BaseException:
        _roll_back(cursor)
        raise


def _roll_back(cursor: Cursor) -> None:
    try:
        cursor.execute("ROLLBACK")
    except duckdb.Error:
        # A failed COMMIT has ended the transaction already; the error that matters is the one being raised.
        return


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn DuckDB's errors into the collector's, each one line that says what to do."""
    try:
        yield
    except (duckdb.IOException, duckdb.SerializationException, duckdb.ConnectionException) as error:
        raise _of_the_file(path, error) from error
    except (duckdb.FatalException, duckdb.InternalException) as error:
        Database.notice_broken(path)
        raise StoreError(
            f"{path} can no longer be written ({_first_line(error)}): restart; what was acknowledged is safe",
            retryable=True,
        ) from error
    except (duckdb.OutOfMemoryException, duckdb.InterruptException, duckdb.TransactionException) as error:
        if (reason := _refusal(error)) is not None:
            raise StoreUnwritableError(path, reason) from error
        raise StoreError(f"{path} is overloaded ({_first_line(error)}): send again", retryable=True) from error
    except duckdb.Error as error:
        raise StoreError(f"{path} refused the rows: {_first_line(error)}", retryable=False) from error


def _of_the_file(path: Path, error: duckdb.Error) -> StoreError:
    text = str(error)
    if "Could not set lock" in text or "different configuration" in text:
        holder = text.partition("(PID ")[2].partition(")")[0]
        return StoreLockedError(path, int(holder) if holder.isdigit() else None)
    if (reason := _refusal(error)) is not None:
        return StoreUnwritableError(path, reason)
    if any(sign in text for sign in _CORRUPT) or isinstance(error, duckdb.SerializationException):
        return NotOurDatabaseError(f"{path} is damaged ({_first_line(error)}): restore a copy or name another file")
    return StoreError(f"{path} cannot be used: {_first_line(error)}", retryable=True)


def _refusal(error: duckdb.Error) -> str | None:
    """Return the system's own words where it is the system that refuses to write."""
    return next((words for words in _REFUSED_BY_SYSTEM if words in str(error)), None)


def _nobody() -> None:
    """Nobody asked to be told."""


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
