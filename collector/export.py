"""Everything that is stored, view by view and day by day, out of one snapshot and with bounded memory.

A *part* is what one view shows of one day. Over HTTP parts travel as Arrow IPC streams, one after the other; the last
one, without a name, says that nothing is missing.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import IO, Final

import pyarrow as pa

from collector.errors import StoreError
from collector.store.engine import Cursor, Database, translated

_ROWS_AT_ONCE: Final = 2048
_TABLE: Final = b"clawtrace.table"
_DATE: Final = b"clawtrace.date"
_END: Final = ""


@dataclass(frozen=True, slots=True)
class Part:
    """What one view shows of one day; to be read before the next one is asked for."""

    table: str
    date: str | None
    """YYYY-MM-DD in UTC, of what happened; None for what has no time."""
    batches: pa.RecordBatchReader


@dataclass(frozen=True, slots=True)
class _View:
    """How a view is cut into days."""

    day: str
    """SQL for the date of a row; `t` is the view."""
    joined: str = ""
    counted: str | None = None
    """A column of nanoseconds that lets DuckDB skip the blocks of other days."""


_BY_SESSION: Final = _View("CAST(s.started_at AS DATE)", "LEFT JOIN derived.sessions s ON s.session_id = t.session_id")
_BY_RECORD: Final = _View("CAST(t.recorded_at AS DATE)")
_VIEWS: Final = {
    "spans": _View("CAST(t.start_time AS DATE)", counted="start_time_unix_nano"),
    "logs": _View("CAST(coalesce(t.time, t.observed_time) AS DATE)"),
    "metric_points": _View("CAST(t.time AS DATE)", counted="time_unix_nano"),
    "sessions": _View("CAST(t.started_at AS DATE)"),
    "steps": _BY_SESSION,
    "findings": _BY_SESSION,
    "ledger": _BY_SESSION,
    "tracecards": _BY_SESSION,
    "outcomes": _BY_RECORD,
    "evaluations": _BY_RECORD,
    "patches": _BY_RECORD,
    "skills": _BY_RECORD,
    "redactions": _BY_SESSION,
    "budget_breaches": _View("coalesce(t.day, CAST(t.breached_at AS DATE))"),
    "budget_gaps": _View("coalesce(t.day, CAST(t.judged_at AS DATE))"),
}
TABLES: Final = tuple(_VIEWS)
"""Every view that outsiders query."""


def parts(database: Database) -> Iterator[Part]:
    """Yield every part of one snapshot; a view without rows yields one part without a date. Raises StoreError."""
    with translated(database.path), closing(database.cursor()) as cursor:
        cursor.execute("BEGIN TRANSACTION READ ONLY")
        for table, view in _VIEWS.items():
            rows = f"FROM {table} t {view.joined}"
            days = cursor.execute(f"SELECT DISTINCT {view.day} AS day {rows} ORDER BY day NULLS LAST").fetchall()
            for (day,) in days or [(None,)]:
                yield Part(table, None if day is None else day.isoformat(), _of_day(cursor, table, day))


def _of_day(cursor: Cursor, table: str, day: object) -> pa.RecordBatchReader:
    view = _VIEWS[table]
    rows = f"SELECT t.* FROM {table} t {view.joined} WHERE {view.day}"  # noqa: S608 - ours
    if day is None:
        return cursor.execute(f"{rows} IS NULL").to_arrow_reader(_ROWS_AT_ONCE)
    within = "" if view.counted is None else f"AND t.{view.counted} BETWEEN epoch_ns($day) AND epoch_ns($day) + $length"
    parameters = {"day": day} | ({} if view.counted is None else {"length": 86_400 * 10**9})
    return cursor.execute(f"{rows} = $day {within}", parameters).to_arrow_reader(_ROWS_AT_ONCE)


def encoded(found: Iterator[Part]) -> Iterator[bytes]:
    """Yield parts as bytes, a batch at a time."""
    for part in found:
        yield from _stream(part.table, part.date, part.batches.schema, part.batches)
    yield from _stream(_END, None, pa.schema([]), ())


def _stream(
    table: str, date: str | None, schema: pa.Schema, batches: pa.RecordBatchReader | tuple[()]
) -> Iterator[bytes]:
    sink = io.BytesIO()
    named = {_TABLE: table.encode(), **({} if date is None else {_DATE: date.encode()})}
    with pa.ipc.new_stream(sink, schema.with_metadata(named)) as writer:
        for batch in batches:
            writer.write_batch(batch)
            yield _taken(sink)
    yield _taken(sink)


def _taken(sink: io.BytesIO) -> bytes:
    content = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return content


def decoded(stream: IO[bytes]) -> Iterator[Part]:
    """Yield the parts of a stream that `encoded` made. Raises StoreError where it ends too early."""
    try:
        while True:
            with pa.ipc.open_stream(stream) as batches:
                said = batches.schema.metadata or {}
                table = said.get(_TABLE, b"").decode()
                if table == _END:
                    return
                date = said.get(_DATE)
                yield Part(table, None if date is None else date.decode(), batches)
    except (pa.ArrowException, EOFError) as error:
        raise StoreError(f"the export ended too early ({error}): try again", retryable=True) from error
