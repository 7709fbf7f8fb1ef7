"""Opening a lake in DuckDB, and what its errors mean to us.

Beside `collector.store.engine` this is the only module that imports duckdb. The instance holds no data of its own. It
may reach the catalog and the place of the data, and nothing else: extensions are loaded from installed packages by
name of file, then access to everything else is switched off and the configuration locked, so that the same instance
can serve outsiders' queries.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb
from duckdb import DuckDBPyConnection

from collector.errors import NotOurDatabaseError, StoreError
from collector.store.engine import Cursor, Database, leave_memory
from collector.store.lake_address import LakeAddress, quoted
from collector.store.lake_reach import check_writable

_CONFIGURATION: Final[dict[str, str | bool | int | float | list[str]]] = {
    "allow_community_extensions": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
    "temp_directory": "",
}
_CONFLICT: Final = (
    "Transaction conflict",
    "conflict",
    "could not serialize access",
    "deadlock detected",
    # DuckLake itself commits again when another was first, and gives up after so many times.
    "Exceeded the maximum retry count",
)
_NO_LAKE: Final = ("creating a new DuckLake is explicitly disabled", "in read-only mode: database does not exist")
_STATEMENT: Final = "Failed to execute query"
"""What follows is SQL with values from the telemetry, which logs and answers must not repeat."""
_OTHER_PLACE: Final = "does not match existing data path"
_TO_BLAME: Final = (duckdb.DataError, duckdb.ProgrammingError, duckdb.IntegrityError, duckdb.NotSupportedError)
"""Errors that the rows or the statement are to blame for."""


_INSTANCE_LOST: Final = (duckdb.FatalException, duckdb.InternalException)


class CommitConflictError(StoreError):
    """Another process committed something that this transaction rests on; done again, it succeeds."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{name} was changed by another process at the same time ({detail})", retryable=True)


class LakeDatabase(Database):
    """A DuckDB instance in memory with a lake attached, which its cursors use by default."""

    def __init__(self, address: LakeAddress, connection: DuckDBPyConnection) -> None:
        super().__init__(Path(address.name), connection)
        self.address = address

    @classmethod
    def attach(cls, address: LakeAddress, *, read_only: bool = False) -> LakeDatabase:
        """Open or create a lake. Raises StoreError with what to do."""
        if not read_only:
            address.make_directory()
        with lake_errors(address.name):
            connection = duckdb.connect(":memory:", config=_CONFIGURATION)
            connection.execute("SET GLOBAL TimeZone = 'UTC'")
            for extension in address.extensions():
                connection.execute(f"LOAD {quoted(str(extension))}")
            for secret in address.secrets():
                connection.execute(secret)
            if not read_only:
                leave_memory(connection)
                # Before the catalog notes this place for good.
                check_writable(connection, address)
            connection.execute(address.attachment(read_only=read_only))
            allowed = ", ".join(quoted(directory) for directory in address.directories())
            connection.execute(f"SET allowed_directories = [{allowed}]")
            connection.execute("SET enable_external_access = false")
        return cls(address, connection)

    def cursor(self) -> Cursor:
        """Return a connection of its own for the calling thread."""
        cursor = super().cursor()
        cursor.execute("USE lake")
        return cursor

    def close(self) -> None:
        """Release the lake."""
        with lake_errors(self.address.name):
            self._connection.close()


@contextmanager
def lake_errors(name: str) -> Iterator[None]:
    """Turn DuckDB's errors into the collector's: whatever catalog and storage may get over can be tried again."""
    try:
        yield
    except duckdb.Error as error:
        text = str(error).partition("\n\nLINE ")[0]
        line = _without_statement(" ".join(text.split()))[:500]
        if any(sign in text for sign in _CONFLICT):
            raise CommitConflictError(name, line) from error
        if isinstance(error, _INSTANCE_LOST):
            Database.notice_broken(Path(name))
        if _OTHER_PLACE in text:
            raise NotOurDatabaseError(f"{name} keeps its data elsewhere than --data says: {line}") from error
        if any(sign in text for sign in _NO_LAKE):
            raise NotOurDatabaseError(f"{name} does not exist yet: 'clawtrace lake migrate' creates it") from error
        permanent = isinstance(error, _TO_BLAME) and not isinstance(error, duckdb.OperationalError)
        raise StoreError(
            f"{name} refused the statement: {line}" if permanent else f"{name} cannot be reached or used now: {line}",
            retryable=not permanent,
        ) from error


def _without_statement(text: str) -> str:
    said, statement, rest = text.partition(_STATEMENT)
    return f"{said}{statement}:{rest.rpartition('ERROR:')[2]}" if statement else text
