"""The store for many writers: DuckLake, a catalog in PostgreSQL over Parquet files in a directory or on S3.

Reading is what it is on a file: the lake has the same views (`collector.store.lake_layout`). Writing differs in that
others write as well. Telemetry is only ever added, so commits of several collectors do not get into each other's way;
a span that two of them stored at the same moment is left out when it is read, and removed by compaction. Derived rows
are swapped by one process at a time: who finds that another was first does it again, and a snapshot of a group that is
older than the one its rows were derived from changes nothing.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import Final, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from collector.errors import StoreError
from collector.store import Batch, Deleted, DerivedRows, Group, Receipt, Signals
from collector.store.closure import nothing_is_quiet, received, silent_groups
from collector.store.derived import ADDED, Row
from collector.store.derived_rows import arrow_tables, outcome_row
from collector.store.duck import MEMBER_OF_SESSION, DuckStore
from collector.store.engine import Cursor, transaction
from collector.store.groups import Node, group_key
from collector.store.joining import join
from collector.store.lake_address import LakeAddress
from collector.store.lake_engine import CommitConflictError, LakeDatabase, lake_errors
from collector.store.lake_layout import migrate_lake
from collector.store.lake_lease import LEASE_NS, Lease
from collector.store.lake_reach import Reach, check_reachable
from collector.store.loading import load_signals
from collector.store.registering import registered
from collector.store.replacing import compiled_of, swap_rows
from collector.store.resent import KINDS, new_rows
from collector.store.spending import mark_posted

_log: Final = logging.getLogger(__name__)
_Result = TypeVar("_Result")

_TRIES: Final = 12
_FIRST_PAUSE_S: Final = 0.02
_LONGEST_PAUSE_S: Final = 2.0
_TURN_S: Final = 0.25
_TAKE_TURN: Final = "UPDATE layout.turn SET number = number + 1"
# Telling what was stored twice would read each table two times more, only to measure.
_WITH_DOUBLES: Final = "(SELECT *, snapshot_id AS batch FROM raw.{table})"
_OUTDATED: Final = """
    SELECT n.group_key FROM nodes n JOIN derived.members m ON m.trace_id = n.trace_id WHERE m.last_batch > n.last_batch
    UNION
    SELECT n.group_key FROM nodes n JOIN derived.members m ON m.value = n.value WHERE m.last_batch > n.last_batch
"""
_NEW_MEMBERS: Final = "INSERT INTO derived.members SELECT group_key, trace_id, value, last_batch FROM nodes"
_DONE: Final = """
    DELETE FROM raw.pending WHERE rowid IN (
        SELECT p.rowid FROM raw.pending p JOIN nodes n ON p.trace_id = n.trace_id WHERE p.snapshot_id <= n.last_batch
        UNION
        SELECT p.rowid FROM raw.pending p JOIN nodes n ON p.value = n.value WHERE p.snapshot_id <= n.last_batch
    )
"""


class LakeStore(DuckStore):
    """Keeps the contract of `collector.store` on a lake, which any number of processes may have open."""

    database: LakeDatabase

    def __init__(self, database: LakeDatabase) -> None:
        super().__init__(database)
        self.reach = Reach(self._check_reachable)
        self._lease = Lease()
        self._first_seen: dict[tuple[Node, int], int] = {}

    def _check_reachable(self, writing: bool) -> None:  # noqa: FBT001 - told by `Reach`
        with lake_errors(self.database.address.name), closing(self.database.cursor()) as cursor:
            check_reachable(cursor, self.database.address, writing=writing)

    def _find_last_batch(self) -> int:
        """Return 0: the catalog numbers commits."""
        return 0

    @classmethod
    def at(cls, address: LakeAddress) -> LakeStore:
        """Open or create a lake and bring its layout up to date. Raises StoreError with what to do."""
        database = LakeDatabase.attach(address)
        try:
            persistently(address.name, lambda: migrate_lake(database))
            database.lock_configuration()
            return cls(database)
        except BaseException:
            database.close()
            raise

    def append(self, batch: Batch) -> Receipt:
        """See `TelemetryStore`. Returns once the rows are in the catalog, or in files that the catalog names."""
        tables = {"spans": batch.spans, "logs": batch.logs, "metric_points": batch.metric_points}
        try:
            with self._appending:
                stored = self._persistently(lambda: self._append(self._appender, tables, batch.correlations))
        except StoreError as error:
            if error.retryable and not isinstance(error, CommitConflictError):
                self.reach.lost(error)
            raise
        return Receipt(**stored, **{f"duplicate_{name}": tables[name].num_rows - stored[name] for name in tables})

    def _append(self, cursor: Cursor, tables: Mapping[str, pa.Table], correlations: pa.Table) -> dict[str, int]:
        with transaction(cursor):
            new = {kind.table: new_rows(cursor, kind, tables[kind.table], "raw") for kind in KINDS}
            if any(rows.num_rows for rows in new.values()):
                self._insert(cursor, new, correlations)
        return {name: rows.num_rows for name, rows in new.items()}

    def _insert(self, cursor: Cursor, new: Mapping[str, pa.Table], correlations: pa.Table) -> None:
        received_at = max(pc.max(rows.column("received_at")).as_py() or 0 for rows in new.values())
        for kind in KINDS:
            if new[kind.table].num_rows:
                with registered(cursor, incoming=new[kind.table]):
                    cursor.execute(f"INSERT INTO raw.{kind.table} BY NAME SELECT {kind.columns} FROM incoming")  # noqa: S608 - ours
        with registered(cursor, incoming=correlations):
            cursor.execute("INSERT INTO raw.arrivals BY NAME SELECT * FROM incoming")
            cursor.execute(
                "INSERT INTO raw.pending BY NAME SELECT *, ?::BIGINT AS received_at FROM incoming", [received_at]
            )

    def quiet(self, *, idle_ns: int, now_ns: int, limit: int) -> Sequence[Group]:
        """See `TelemetryStore`. Of several processes only one is told; with `idle_ns` 0 whoever asks."""
        with self._deriving, lake_errors(self.database.address.name):
            cursor = self._deriver
            if idle_ns and self._lease.gave_way(cursor, now_ns):
                return []
            if nothing_is_quiet(cursor, idle_ns=idle_ns, now_ns=now_ns):
                return []
        if idle_ns and not self._leads(now_ns):
            return []
        with self._deriving, lake_errors(self.database.address.name), transaction(self._deriver) as cursor:
            newest = {node: self._received(node, at, now_ns) for node, at in received(cursor).items()}
            self._first_seen = {key: seen for key, seen in self._first_seen.items() if key[0] in newest}
            return silent_groups(cursor, newest, until_ns=now_ns - idle_ns, limit=limit)

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """See `TelemetryStore`. Waits for the round of whoever compiles now, and for a minute where that one died."""
        asked_at = 0
        while not self._leads(time.time_ns(), asked=True):
            if (now_ns := time.time_ns()) >= asked_at + LEASE_NS // 2:
                with self._deriving:
                    self._persistently(partial(self._lease.ask, self._deriver, now_ns))
                asked_at = now_ns
            time.sleep(_TURN_S)
        try:
            yield
        finally:
            with self._deriving:
                self._persistently(lambda: self._lease.give_up(self._deriver))

    def _leads(self, now_ns: int, *, asked: bool = False) -> bool:
        with self._deriving:
            try:
                with lake_errors(self.database.address.name):
                    return self._lease.held(self._deriver, now_ns, asked=asked)
            except CommitConflictError:
                return False

    def _received(self, node: Node, at: int, now_ns: int) -> int:
        """Return when a node received something; what came from the future came when it was first looked at."""
        if at <= now_ns and (node, at) not in self._first_seen:
            return at
        return self._first_seen.setdefault((node, at), now_ns)

    def load_all(self, groups: Sequence[Group]) -> Iterator[Signals]:
        """See `TelemetryStore`."""
        with lake_errors(self.database.address.name):
            yield from load_signals(self.database.cursor(), groups, sized_in=_WITH_DOUBLES)

    def replace_all(self, compiled: Sequence[tuple[Group, DerivedRows]]) -> None:
        """See `TelemetryStore`."""
        compiled_of(compiled)  # What no table can hold is refused before anything else.
        with self._deriving:
            self._persistently(lambda: self._replace(self._deriver, compiled))

    def _replace(self, cursor: Cursor, compiled: Sequence[tuple[Group, DerivedRows]]) -> None:
        with transaction(cursor):
            cursor.execute(_TAKE_TURN)
            self._lease.renew(cursor, time.time_ns())
            with registered(cursor, nodes=compiled_of(compiled).nodes):
                outdated = {key for (key,) in cursor.execute(_OUTDATED).fetchall()}
            current = [(group, rows) for group, rows in compiled if group_key(group) not in outdated]
            if not current:
                return
            ready = compiled_of(current)
            swap_rows(cursor, ready)
            with registered(cursor, nodes=ready.nodes):
                cursor.execute(_NEW_MEMBERS)
                cursor.execute(_DONE)
            join(cursor, ready.found, ready.nodes, schema="raw", numbered=False)

    def unposted(self, limit: int) -> Sequence[Row]:
        """See `TelemetryStore`. Only the process that compiles is told, so that a webhook hears of a breach once."""
        return super().unposted(limit) if self._leads(time.time_ns()) else []

    def mark_posted(self, breach_ids: Collection[str], at_ns: int) -> None:
        """See `TelemetryStore`."""
        with self._deriving:
            self._persistently(lambda: mark_posted(self._deriver, breach_ids, at_ns))

    def record_outcome(self, row: Row) -> None:
        """See `TelemetryStore`."""
        outcome = outcome_row(row)
        session_id, recorded_at = row["session_id"], row["recorded_at"]

        def record() -> None:
            cursor = self._appender
            with transaction(cursor), registered(cursor, incoming=outcome):
                members = cursor.execute(MEMBER_OF_SESSION, [session_id]).fetchall()
                cursor.execute("INSERT INTO raw.outcomes BY NAME SELECT * FROM incoming")
                for trace_id, value in members or [(session_id, session_id)]:
                    cursor.execute("INSERT INTO raw.pending VALUES (?, ?, ?, NULL)", [recorded_at, trace_id, value])

        with self._appending:
            self._persistently(record)

    def append_rows(self, table: str, rows: Sequence[Row]) -> None:
        """See `TelemetryStore`."""
        ((name, ready),) = arrow_tables({table: rows}, ADDED).items()

        def add() -> None:
            with registered(self._deriver, incoming=ready):
                self._deriver.execute(f"INSERT INTO derived.{name} BY NAME SELECT * FROM incoming")  # noqa: S608 - a known table

        with self._deriving:
            self._persistently(add)

    def delete(self, *_: object, **__: object) -> Deleted:
        """Raise StoreError: a lake keeps every snapshot's files, so that a row that is deleted is not gone from it."""
        raise StoreError(
            "sessions cannot be deleted from a lake: delete and expire its snapshots with DuckLake", retryable=False
        )

    def compact(self, **_: object) -> None:
        """Raise StoreError: there is no one file to put another in the place of."""
        raise StoreError("a lake is compacted by 'clawtrace lake compact', not as a file", retryable=False)

    def checkpoint(self) -> None:
        """Do nothing: a commit on a lake leaves no log behind. Compaction is a command of its own."""

    def close(self) -> None:
        """Leave compiling to others and release the lake."""
        try:
            with self._deriving, lake_errors(self.database.address.name):
                self._lease.give_up(self._deriver)
        except CommitConflictError:
            _log.info("another process has taken over compiling")
        finally:
            self._appender.close()
            self._deriver.close()
            self.database.close()

    def _persistently(self, work: Callable[[], _Result]) -> _Result:
        return persistently(self.database.address.name, work)


def persistently(name: str, work: Callable[[], _Result]) -> _Result:
    """Do a transaction again for as long as others commit what it rests on first; then raise CommitConflictError."""
    pause = _FIRST_PAUSE_S
    for _ in range(_TRIES - 1):
        try:
            with lake_errors(name):
                return work()
        except CommitConflictError as error:
            _log.debug("%s", error)
        time.sleep(pause * (0.5 + random.random()))  # noqa: S311 - keeps two writers from meeting again
        pause = min(2 * pause, _LONGEST_PAUSE_S)
    with lake_errors(name):
        return work()
