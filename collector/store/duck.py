"""The store on disk: one DuckDB file, owned by one process.

Writers take turns (one lock for telemetry, one for what is derived from it); readers never wait for them.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from pathlib import Path
from threading import Lock
from typing import Final

import pyarrow.compute as pc

from collector.errors import StoreError
from collector.store import Aged, Batch, Deleted, DerivedRows, Group, Receipt, Signals
from collector.store.aging import delete_strays, oldest
from collector.store.appending import Appender
from collector.store.charges import Charge
from collector.store.closure import all_edges, nothing_is_quiet, pending_nodes, silent_groups
from collector.store.compacting import copy_into
from collector.store.deleting import delete
from collector.store.derived import ADDED, Row
from collector.store.derived_rows import arrow_tables, latest_outcomes, outcome_row, python_rows
from collector.store.engine import Database, copy_path, transaction, translated
from collector.store.groups import connected
from collector.store.loading import load_signals
from collector.store.opening import forget_copy, open_database
from collector.store.registering import registered
from collector.store.replacing import charges_beside, compiled_of, swap
from collector.store.resent import KINDS
from collector.store.row_groups import RowGroups
from collector.store.spending import breached, mark_posted, unposted

_log: Final = logging.getLogger(__name__)

_LONG_LOG: Final = 256 * 1024 * 1024
"""Bytes. A checkpoint every 16 MB, as DuckDB has it by itself, halves what can be stored in a second."""
_SHARE_OF_LOG: Final = 6
"""The part of DuckDB's memory that a log may be where that is less: its rows are in memory too."""
_SHORT_LOG: Final = 16 * 1024 * 1024
"""Bytes that may stay in the log where folding it would leave a small row group that is never merged."""
_LAST_BATCH: Final = """
    SELECT max(batch) FROM (
        SELECT max(batch) AS batch FROM telemetry.spans
        UNION ALL SELECT max(batch) FROM telemetry.logs
        UNION ALL SELECT max(batch) FROM telemetry.metric_points
        UNION ALL SELECT max(batch) FROM telemetry.pending
        UNION ALL SELECT max(outcome_number) FROM derived.outcomes
    )
"""
_COUNTS: Final = """
    SELECT (SELECT count(*) FROM derived.sessions),
    (SELECT count(*) FROM telemetry.spans) + (SELECT count(*) FROM telemetry.logs)
    + (SELECT count(*) FROM telemetry.metric_points)
"""
_OUTCOMES: Final = """
    SELECT * EXCLUDE (outcome_number) FROM derived.outcomes
    WHERE session_id IN (SELECT unnest(?::VARCHAR[])) ORDER BY outcome_number
"""
MEMBER_OF_SESSION: Final = """
    SELECT min(m.trace_id), min(m.value) FROM derived.sessions s JOIN derived.members m USING (group_key)
    WHERE s.session_id = ? GROUP BY group_key
"""


class DuckStore:
    """Keeps the contract of `collector.store` on a file. Every method may be called from any thread."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._appending = Lock()
        self._deriving = Lock()
        self._appender = database.cursor()
        self._batches: Appender | None = None
        self._deriver = database.cursor()
        self._row_groups = RowGroups(database)
        self._long_log = min(_LONG_LOG, database.memory_limit // _SHARE_OF_LOG)
        self._last_batch = self._find_last_batch()

    def _find_last_batch(self) -> int:
        with translated(self.database.path):
            ((last,),) = self._appender.execute(_LAST_BATCH).fetchall()
        return last or 0

    @classmethod
    def open(cls, path: Path) -> DuckStore:
        """Open or create a file and bring it up to date. Raises as `open_database` does."""
        return cls(open_database(path))

    def append(self, batch: Batch) -> Receipt:
        """See `TelemetryStore`."""
        tables = {"spans": batch.spans, "logs": batch.logs, "metric_points": batch.metric_points}
        with self._appending, translated(self.database.path):
            self._batches = batches = self._batches or Appender(self._appender)
            new = {kind.table: batches.new_rows(kind, tables[kind.table]) for kind in KINDS}
            if any(rows.num_rows for rows in new.values()):
                number = self._last_batch + 1
                received_at = max(pc.max(rows.column("received_at")).as_py() or 0 for rows in new.values())
                batches.store(new, batch.correlations, number=number, received_at=received_at)
                self._last_batch = number
                for rows in new.values():
                    self._row_groups.count(rows)
                self._checkpoint_when_due()
        stored = {name: rows.num_rows for name, rows in new.items()}
        return Receipt(**stored, **{f"duplicate_{name}": tables[name].num_rows - stored[name] for name in tables})

    def quiet(self, *, idle_ns: int, now_ns: int, limit: int) -> Sequence[Group]:
        """See `TelemetryStore`."""
        with self._deriving, translated(self.database.path):
            cursor = self._deriver
            if nothing_is_quiet(cursor, idle_ns=idle_ns, now_ns=now_ns):
                return []
            with transaction(cursor):
                newest = pending_nodes(cursor, now_ns=now_ns)
                return silent_groups(cursor, newest, until_ns=now_ns - idle_ns, limit=limit)

    def claimed(self) -> AbstractContextManager[None]:
        """See `TelemetryStore`. A file has one process."""
        return nullcontext()

    def groups(self) -> Iterable[Group]:
        """See `TelemetryStore`."""
        with translated(self.database.path):
            return connected(all_edges(self.database.cursor()))

    def load(self, group: Group) -> Signals:
        """See `TelemetryStore`."""
        (signals,) = self.load_all([group])
        return signals

    def load_all(self, groups: Sequence[Group]) -> Iterator[Signals]:
        """See `TelemetryStore`."""
        with translated(self.database.path):
            yield from load_signals(self.database.cursor(), groups)

    def replace(self, group: Group, rows: DerivedRows) -> None:
        """See `TelemetryStore`."""
        self.replace_all([(group, rows)])

    def replace_all(self, compiled: Sequence[tuple[Group, DerivedRows]]) -> None:
        """See `TelemetryStore`."""
        ready = compiled_of(compiled)
        with self._deriving, translated(self.database.path):
            swap(self._deriver, ready)

    def charges_beside(self, compiled: Sequence[tuple[Group, DerivedRows]], days: Collection[date]) -> Sequence[Charge]:
        """See `TelemetryStore`."""
        with self._deriving, translated(self.database.path):
            return charges_beside(self._deriver, compiled, days)

    def breached(self, breach_ids: Collection[str]) -> frozenset[str]:
        """See `TelemetryStore`."""
        with translated(self.database.path):
            return breached(self.database.cursor(), breach_ids)

    def unposted(self, limit: int) -> Sequence[Row]:
        """See `TelemetryStore`."""
        with translated(self.database.path):
            return unposted(self.database.cursor(), limit)

    def mark_posted(self, breach_ids: Collection[str], at_ns: int) -> None:
        """See `TelemetryStore`."""
        with self._deriving, translated(self.database.path):
            mark_posted(self._deriver, breach_ids, at_ns)

    def record_outcome(self, row: Row) -> None:
        """See `TelemetryStore`."""
        outcome = outcome_row(row)
        session_id, recorded_at = row["session_id"], row["recorded_at"]
        with self._appending, translated(self.database.path):
            cursor, number = self._appender, self._last_batch + 1
            with transaction(cursor), registered(cursor, incoming=outcome):
                members = cursor.execute(MEMBER_OF_SESSION, [session_id]).fetchall()
                cursor.execute(
                    "INSERT INTO derived.outcomes BY NAME SELECT *, ? AS outcome_number FROM incoming", [number]
                )
                # A session that is not compiled yet is named by a value that its telemetry carries, or by its trace.
                for trace_id, value in members or [(session_id, session_id)]:
                    cursor.execute(
                        "INSERT INTO telemetry.pending VALUES (?, ?, ?, ?, NULL)",
                        [number, recorded_at, trace_id, value],
                    )
            self._last_batch = number

    def outcomes(self, session_ids: Iterable[str]) -> Mapping[str, Row]:
        """See `TelemetryStore`."""
        with translated(self.database.path):
            rows = self.database.cursor().execute(_OUTCOMES, [list(session_ids)]).to_arrow_table()
        return latest_outcomes(python_rows(rows))

    def append_rows(self, table: str, rows: Sequence[Row]) -> None:
        """See `TelemetryStore`."""
        ((name, ready),) = arrow_tables({table: rows}, ADDED).items()
        with self._deriving, translated(self.database.path), registered(self._deriver, incoming=ready):
            self._deriver.execute(f"INSERT INTO derived.{name} BY NAME SELECT * FROM incoming")  # noqa: S608 - a known table

    def checkpoint(self) -> None:
        """See `TelemetryStore`. Waits for writers, not for readers."""
        with translated(self.database.path):
            merge = self._row_groups.may_merge()
        with self._appending, self._deriving, translated(self.database.path):
            if merge or self.database.log_bytes() >= _SHORT_LOG:
                self.database.checkpoint(self._appender, merge=merge)
            self.database.forget_read(self._appender)

    def delete(
        self, session_ids: Collection[str], attributes: Sequence[str] | None, *, keep_cards: bool = False
    ) -> Deleted:
        """See `TelemetryStore`."""
        with self._appending, self._deriving, translated(self.database.path):
            return delete(self._deriver, session_ids, attributes, keep_cards=keep_cards)

    def oldest(self, *, before_ns: int, limit: int, bodies: bool = False) -> Sequence[Aged]:
        """Return the sessions that received nothing since `before_ns` and wait for no compiling, the oldest first.

        With `bodies` only those of which telemetry is left.
        """
        with translated(self.database.path):
            return oldest(self.database.cursor(), before_ns=before_ns, limit=limit, bodies=bodies)

    def delete_strays(self, *, before_ns: int) -> Deleted:
        """Delete metric points, and telemetry that no session was made of, received before a time."""
        with self._appending, self._deriving, translated(self.database.path):
            return delete_strays(self._deriver, before_ns=before_ns)

    def counts(self) -> tuple[int, int]:
        """Return how many sessions are stored, and how many spans, log records and metric points together."""
        with translated(self.database.path):
            ((sessions, rows),) = self.database.cursor().execute(_COUNTS).fetchall()
        return int(sessions), int(rows)

    def compact(self, *, patience_s: float = 35.0) -> None:
        """Give back what deleted rows held, to the last byte: copy what is left into a new file and put it in place.

        Writers wait for as long as the copy takes, readers only for the exchange. Raises StoreError, and changes
        nothing, where the disk has no room for the copy or readers take longer than `patience_s`.
        """
        path, copy = self.database.path, copy_path(self.database.path)
        with self._appending, self._deriving:
            with translated(path):
                self.database.checkpoint(self._appender, merge=False)
            if shutil.disk_usage(path.parent).free < path.stat().st_size + _LONG_LOG:
                raise StoreError(f"the disk has no room for a copy of {path}: make room, then compact", retryable=True)
            forget_copy(path)
            try:
                with translated(path):
                    copy_into(self._appender, copy, rows_per_group=self._row_groups.rows_per_group())
                for cursor in (self._appender, self._deriver):
                    self.database.release(cursor)
                try:
                    self.database.exchange(copy, patience_s=patience_s)
                finally:
                    self._appender, self._deriver = self.database.cursor(), self.database.cursor()
                    self._batches = None
            finally:
                forget_copy(path)

    def _checkpoint_when_due(self) -> None:
        """Fold a long log into the file; while something derived is being stored only one that is twice as long.

        What is in the log is in memory too, and where cards are made without a pause there is no better moment.
        """
        length = self.database.log_bytes()
        if length < self._long_log or not self._deriving.acquire(blocking=length >= 2 * self._long_log):
            return
        try:
            with translated(self.database.path):
                self.database.checkpoint(self._appender, merge=False)
                self.database.forget_read(self._appender)
        except StoreError as error:
            # The batch before it is committed, and its senders must be told so.
            _log.warning("the checkpoint failed: %s", error)
        finally:
            self._deriving.release()

    def close(self) -> None:
        """See `TelemetryStore`."""
        try:
            with self._appending, self._deriving, translated(self.database.path):
                self.database.checkpoint(self._appender, merge=self._row_groups.may_merge())
        finally:
            self._appender.close()
            self._deriver.close()
            self.database.close()
