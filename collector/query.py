"""Outsiders' SQL: read-only questions over the stable views, with caps on rows, bytes, seconds and concurrency."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from collector.api import QueryResult
from collector.config import MEBIBYTE
from collector.errors import QueryError
from collector.query_gate import check
from collector.store.engine import Cursor, Database, DuckDBError

_ROWS_AT_ONCE: Final = 2_048
_INSISTENCE_S: Final = 0.2
"""An interrupt can be missed between two operators, so it is repeated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryLimits:
    """What one question may take, and how many may be asked at once."""

    rows: int = 100_000
    max_bytes: int = 64 * MEBIBYTE
    seconds: float = 10.0
    at_once: int = 4


class DuckQueries:
    """Keeps `collector.api.Queries` on an open database; each question has a cursor of its own."""

    def __init__(self, database: Database, limits: QueryLimits | None = None) -> None:
        self._database = database
        self._limits = limits or QueryLimits()
        self._free = threading.BoundedSemaphore(self._limits.at_once)

    def run(self, query: str, parameters: Sequence[object] = ()) -> QueryResult:
        """See `Queries`."""
        if not self._free.acquire(timeout=self._limits.seconds):
            raise QueryError(f"{self._limits.at_once} questions are being answered already: ask again", status=429)
        try:
            cursor = self._database.cursor()
            try:
                check(cursor, query)
                with _deadline(cursor, self._limits.seconds) as passed:
                    return self._answer(cursor, query, parameters, passed)
            finally:
                cursor.close()
        finally:
            self._free.release()

    def _answer(self, cursor: Cursor, query: str, parameters: Sequence[object], passed: threading.Event) -> QueryResult:
        try:
            reader = cursor.execute(query, list(parameters)).to_arrow_reader(_ROWS_AT_ONCE)
            return self._capped(reader)
        except (DuckDBError, pa.ArrowException, OSError) as error:
            if passed.is_set():
                raise QueryError(
                    f"the answer took longer than {self._limits.seconds:g} s: ask for less", status=408
                ) from error
            said = str(error).partition("\n\n")[0]
            too_much = "Out of Memory" in said or "memory" in type(error).__name__.lower()
            raise QueryError(said, status=413 if too_much else 400) from error

    def _capped(self, reader: pa.RecordBatchReader) -> QueryResult:
        batches: list[pa.RecordBatch] = []
        rows = size = 0
        for batch in reader:
            kept = batch.slice(0, self._limits.rows - rows)
            rows, size = rows + kept.num_rows, size + kept.nbytes
            if size > self._limits.max_bytes:
                raise QueryError(
                    f"the answer is larger than {self._limits.max_bytes // MEBIBYTE} MiB: ask for less", status=413
                )
            batches.append(kept)
            if kept.num_rows < batch.num_rows:
                return QueryResult(pa.Table.from_batches(batches, reader.schema), truncated=True)
        return QueryResult(pa.Table.from_batches(batches, reader.schema))


@contextmanager
def _deadline(cursor: Cursor, seconds: float) -> Iterator[threading.Event]:
    """Interrupt the cursor's work once the time has passed; yield the event that says so."""
    passed, done = threading.Event(), threading.Event()

    def watch() -> None:
        wait = seconds
        while not done.wait(wait):
            passed.set()
            cursor.interrupt()
            wait = _INSISTENCE_S

    watcher = threading.Thread(target=watch, name="query-deadline", daemon=True)
    watcher.start()
    try:
        yield passed
    finally:
        done.set()
        watcher.join()
