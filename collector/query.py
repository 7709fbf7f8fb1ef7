"""Outsiders' SQL: let in by `query_gate`, `query_size` and `query_growth`, run on the store's instance within limits.

Queries share DuckDB with ingest. What bounds them: at most a few at once; an interrupt when time, memory or result run
over; and beforehand the refusal of everything that would not hear the interrupt. An answer is given at the deadline
even where the query's thread needs a moment longer to end; it keeps its slot until it does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from typing import Final, cast

import msgspec
import pyarrow as pa

from collector.api import QueryResult
from collector.errors import QueryError
from collector.export import Part, parts
from collector.query_format import DUCKDB_TYPE
from collector.query_gate import Node, check, refused
from collector.query_growth import check_growth
from collector.query_memory import QueryMemory
from collector.query_size import check_size
from collector.store.engine import Cursor, Database, DuckDBError, StatementType

MEBIBYTE: Final = 1024 * 1024
_SHARE_OF_MEMORY: Final = 2
"""Queries may take this part of DuckDB's memory where that is less than their limit."""
_UNWINDING_S: Final = 5.0
"""How long a stopped query may take to end before its caller is answered all the same."""
_GLANCE_S: Final = 0.02
_ROWS_AT_ONCE: Final = 2048
_SERIALIZED: Final = "SELECT json_serialize_sql(?, skip_null := true, skip_empty := true, skip_default := true)"
_NOT_IN_ARROW: Final = ("UHUGEINT", "BIT", "BIGNUM", "VARIANT", "UNION", "TIME WITH TIME ZONE", "GEOMETRY")
_INTERRUPTED: Final = "INTERRUPT"
_OUT_OF_MEMORY: Final = "Out of Memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryLimits:
    """What one query, and all of them together, may take."""

    seconds: float = 30.0
    rows: int = 100_000
    """Rows past this are cut, and the result says so."""
    result_bytes: int = 64 * MEBIBYTE
    """A result past this is refused: what is left of it could mislead."""
    memory_bytes: int = 1024 * MEBIBYTE
    """How far the process may grow while queries run."""
    statement_bytes: int = 64 * 1024
    at_once: int = 4

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")


class DuckQueries:
    """Read-only SQL over the stable views. Safe to call from several threads."""

    def __init__(self, database: Database, limits: QueryLimits | None = None) -> None:
        self._database = database
        self._limits = limits or QueryLimits()
        self._exporting = threading.Semaphore()
        self._slots = threading.BoundedSemaphore(self._limits.at_once)
        allowed = database.memory_limit // _SHARE_OF_MEMORY
        self._memory = QueryMemory(min(self._limits.memory_bytes, allowed))

    def run(self, query: str, parameters: Sequence[object] = ()) -> QueryResult:
        """Return the rows of one SELECT-like statement; each field's metadata names its SQL type.

        Raises QueryError: 400 for what is not allowed or wrong, 408 over time, 413 over size or memory, 429 where too
        many run already.
        """
        self._check_length(query)
        if not self._slots.acquire(blocking=False):
            raise QueryError(f"{self._limits.at_once} queries are running already: try again", status=429)
        return self._started(query, parameters).watch()

    def _started(self, query: str, parameters: Sequence[object]) -> _Running:
        """Start a query, whose thread lets go of the slot and the cursor that it is given."""
        with ExitStack() as undo:
            undo.callback(self._slots.release)
            cursor = undo.enter_context(closing(self._database.cursor()))
            running = _Running(cursor, self._limits, self._memory)
            given = (query, list(parameters), self._slots.release)
            # No daemon: one that the interpreter abandons inside DuckDB takes the process down with it.
            thread = threading.Thread(target=running.run, args=given, name="query")
            try:
                thread.start()
            except RuntimeError as error:
                raise QueryError("the system has no thread left for another query: try again", status=429) from error
            undo.pop_all()
        return running

    def _check_length(self, query: str) -> None:
        try:
            size = len(query.encode())
        except UnicodeEncodeError as error:
            raise refused("what was asked is not valid UTF-8 text") from error
        if size > self._limits.statement_bytes:
            raise QueryError(f"the statement is longer than {self._limits.statement_bytes} bytes", status=413)

    def export(self) -> Iterator[Part]:
        """Yield everything that is stored, out of one snapshot. Raises QueryError 429 where another export runs."""
        if not self._exporting.acquire(blocking=False):
            raise QueryError("another export is running already: try again when it is done", status=429)
        try:
            yield from parts(self._database)
        finally:
            self._exporting.release()


class _Running:
    """One query: a thread that runs it, and the caller's thread, which watches it."""

    def __init__(self, cursor: Cursor, limits: QueryLimits, memory: QueryMemory) -> None:
        self._cursor = cursor
        self._limits = limits
        self._memory = memory
        self._result: Future[QueryResult] = Future()
        self._stopped: QueryError | None = None

    def run(self, query: str, parameters: Sequence[object], finished: Callable[[], None]) -> None:
        """Run the query; its result or error is what `watch` returns or raises."""
        result: QueryResult | BaseException
        self._memory.begin(self)
        try:
            result = self._fetch(query, parameters)
        except (DuckDBError, OSError, pa.ArrowException, UnicodeError, RecursionError) as error:
            result = _explained(error)
        except BaseException as error:  # noqa: BLE001 - the caller waits for this thread: it must hear of any end
            result = error
        self._cursor.close()
        self._memory.end(self)
        finished()
        if isinstance(result, BaseException):
            self._result.set_exception(result)
        else:
            self._result.set_result(result)

    def watch(self) -> QueryResult:
        """Wait for the result and stop the query where it takes too much."""
        deadline = time.monotonic() + self._limits.seconds
        while True:
            try:
                return self._result.result(timeout=_GLANCE_S)
            except TimeoutError:
                if time.monotonic() > deadline:
                    reason = f"the query took longer than {self._limits.seconds:g} s: narrow it"
                    raise self._stop(QueryError(reason, status=408)) from None
                if self._memory.is_to_stop(self):
                    reason = "the query, with those that run beside it, took too much memory: narrow it"
                    raise self._stop(QueryError(reason, status=413)) from None

    def _stop(self, error: QueryError) -> QueryError:
        """Stop the query and return the error, once what it held is let go of: the next one would come on top."""
        self._stopped = error
        self._cursor.interrupt()
        with suppress(TimeoutError):
            self._result.exception(timeout=_UNWINDING_S)
        return error

    def _fetch(self, query: str, parameters: Sequence[object]) -> QueryResult:
        statement = _let_in(self._cursor, query)
        if self._stopped:
            raise self._stopped
        answer = self._cursor.execute(statement, parameters)
        types = [str(column[1]) for column in answer.description or ()]
        _check_types([str(column[0]) for column in answer.description or ()], types)
        reader = answer.to_arrow_reader(_ROWS_AT_ONCE)
        schema = pa.schema(
            [field.with_metadata({DUCKDB_TYPE: kind}) for field, kind in zip(reader.schema, types, strict=True)]
        )
        batches, rows, size = [], 0, 0
        for batch in reader:
            batches.append(batch)
            rows, size = rows + batch.num_rows, size + batch.nbytes
            if size > self._limits.result_bytes:
                raise QueryError(
                    f"the result is larger than {self._limits.result_bytes} bytes: select less", status=413
                )
            if rows > self._limits.rows:
                break
        table = pa.Table.from_batches(batches, reader.schema).cast(schema)
        return QueryResult(table.slice(0, self._limits.rows), truncated=rows > self._limits.rows)


def _let_in(cursor: Cursor, query: str) -> str:
    """Return the one statement of a query that may run. Raises QueryError, or what DuckDB's parser raises."""
    if "\0" in query:
        raise refused("a statement cannot hold the character NUL")
    statements = cursor.extract_statements(query)
    if len(statements) != 1:
        raise refused(f"exactly one statement is allowed, not {len(statements)}")
    (statement,) = statements
    if statement.type != StatementType.SELECT:
        raise refused(f"only SELECT is allowed, not {statement.type.name}")
    ((serialized,),) = cursor.execute(_SERIALIZED, [statement.query]).fetchall()
    tree = msgspec.json.decode(serialized)
    if tree["error"]:
        raise refused("only SELECT, DESCRIBE, SUMMARIZE and SHOW TABLES are allowed")
    (parsed,) = tree["statements"]
    select = cast("Node", parsed)
    check(select)
    check_size(select)
    check_growth(select)
    return str(statement.query)


def _check_types(names: Sequence[str], types: Sequence[str]) -> None:
    for name, kind in zip(names, types, strict=True):
        if any(unsent in kind for unsent in _NOT_IN_ARROW):
            raise refused(f"the column {name} is {kind}, which cannot be sent: cast it to VARCHAR")


def _explained(error: Exception) -> QueryError:
    text = str(error).strip()
    if isinstance(error, RecursionError):
        return QueryError("the statement is nested too deeply: split it", status=413)
    if _INTERRUPTED in text:
        return QueryError("the query was stopped", status=408)
    if _OUT_OF_MEMORY in text:
        return QueryError("the query needs more memory than there is: narrow it", status=413)
    return refused(" ".join(text.partition("\n\nLINE ")[0].split()))
