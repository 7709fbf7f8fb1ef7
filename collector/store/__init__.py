"""Where telemetry and what was derived from it live: the contract that every store keeps.

`memory` is the contract as a program one can read, `duck` the file on disk, `lake` the one that many processes share.
All pass `tests/collector/store`.

The contract:

* `append` returns only when its rows would survive `kill -9`. It stores a span once per (trace_id, span_id,
  start time), a log record and a metric point once per identical content, however often and in however many
  batches they are sent, also across restarts, and counts the others as duplicates.
* Batches are numbered in the order of their commits. The numbers never fall, whatever the clock or a restart does.
* A batch names what it belongs together with: every trace id in it and every value of a *correlation attribute*
  (the names come from the configuration; in practice session and conversation ids). Traces that share a value, or
  are joined by a span link, form one `Group`; so do log records outside any trace. A `Group` is a snapshot: it names
  the last batch that it knows, and `load` returns what is stored up to there.
* A group is *pending* from the moment rows for it are committed until `replace` is called with a snapshot taken
  after that. `quiet` finds the pending ones that received nothing for a while, by a query, so a restart forgets none.
  Silence is measured from `received_at`; a row from the future counts as received when it is first looked at, so a
  clock that was set back delays a group by no more than the idle time.
* `replace` swaps everything derived from a group, and from smaller groups that have grown together into it, for the
  new rows in one transaction: no reader sees half a session. If rows arrived since the snapshot, it stays pending.
* What content tells of traces that belong together (`correlations` among the derived rows) joins groups as attributes
  do, from then on; a value that is not `lasting` only joins a group to those that hold it already. Groups that grow
  together are pending. A value that is found in `MOST_TRACES_OF_A_VALUE` traces names nothing and joins no more.
* What budgets said (`budgets` among the derived rows) is kept by `breach_id`: said again it is brought up to date, so
  that a breach is there once, says when it was first one, and whether a webhook was told. A session that is no more
  takes what was said of it along.
* Outcomes are never derived: they outlive every recompilation, and the latest one of a session counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from collector.model import LogRecord, Span

if TYPE_CHECKING:
    import pyarrow as pa

    from collector.store.charges import Charge

CONTENT_OF_STEPS: Final = ("arguments", "result", "error_message")
"""Columns of `steps` that repeat what telemetry held."""

MOST_TRACES_OF_A_VALUE: Final = 64
"""Traces that one value of `correlations` joins: an id that more of them hold is not one run's."""

DerivedRows: TypeAlias = Mapping[str, Sequence[Mapping[str, object]]]
"""Rows by table name (`sessions`, `steps`, `findings`, `ledger`, `tracecards`, ...), each row by column name."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one commit stores: Arrow tables in the layout of `collector.columns`, any of them possibly empty."""

    spans: pa.Table
    logs: pa.Table
    metric_points: pa.Table
    correlations: pa.Table
    """The edges that join the batch's traces and values, as `collector.columns.CORRELATIONS` says; distinct."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """How many rows of a batch were new and how many were there already."""

    spans: int = 0
    logs: int = 0
    metric_points: int = 0
    duplicate_spans: int = 0
    duplicate_logs: int = 0
    duplicate_metric_points: int = 0


@dataclass(frozen=True, slots=True)
class Deleted:
    """How many rows were taken out."""

    sessions: int = 0
    spans: int = 0
    logs: int = 0
    metric_points: int = 0


@dataclass(frozen=True, slots=True)
class Aged:
    """A compiled session and when anything was last received for its group, in nanoseconds."""

    session_id: str
    last_received_at: int
    has_bodies: bool
    """Whether any of its telemetry is left; where none is, the time is that of its last compiling."""


@dataclass(frozen=True, slots=True)
class Group:
    """Traces and correlation values that belong together, and the batches that are known to hold rows of them."""

    trace_ids: frozenset[str]
    values: frozenset[str]
    last_batch: int
    first_batch: int = 0


@dataclass(frozen=True, slots=True)
class Signals:
    """The spans and log records of one group, in no particular order."""

    spans: tuple[Span, ...]
    logs: tuple[LogRecord, ...]


class TelemetryStore(Protocol):
    """The writing side, used by the one process that owns the store."""

    def append(self, batch: Batch) -> Receipt:
        """Store a batch durably; see the module's contract. Raises `StoreError`, retryable or permanent."""
        ...

    def quiet(self, *, idle_ns: int, now_ns: int, limit: int) -> Sequence[Group]:
        """Return up to `limit` pending groups whose newest row was received at least `idle_ns` before `now_ns`."""
        ...

    def claimed(self) -> AbstractContextManager[None]:
        """Keep other processes on the same store from compiling for as long as the block lasts."""
        ...

    def groups(self) -> Iterable[Group]:
        """Every group in the store, pending or not."""
        ...

    def load(self, group: Group) -> Signals:
        """Return everything stored for a group up to its last batch."""
        ...

    def load_all(self, groups: Sequence[Group]) -> Iterator[Signals]:
        """Yield what `load` returns for each of several groups, with few queries and bounded memory."""
        ...

    def replace(self, group: Group, rows: DerivedRows) -> None:
        """Swap what was derived from a group for `rows`, in one transaction.

        Tables and columns are those of `collector.store.derived`; a column that a row leaves out is NULL. Raises
        ValueError for a table or column that does not exist and for a value that does not fit its column.
        """
        ...

    def replace_all(self, compiled: Sequence[tuple[Group, DerivedRows]]) -> None:
        """Do `replace` for several groups in one transaction, which is many times faster than one by one."""
        ...

    def charges_beside(self, compiled: Sequence[tuple[Group, DerivedRows]], days: Collection[date]) -> Sequence[Charge]:
        """Return what all sessions but those that `replace_all(compiled)` would swap put on budgets.

        Summed up by day, agent and kind, on `days` and on the days of the sessions that would be swapped.
        """
        ...

    def breached(self, breach_ids: Collection[str]) -> frozenset[str]:
        """Return those of some breaches of budgets that were stored as one before."""
        ...

    def unposted(self, limit: int) -> Sequence[Mapping[str, object]]:
        """Return up to `limit` breaches that no webhook was told of, oldest first, by the columns of `budgets`."""
        ...

    def mark_posted(self, breach_ids: Collection[str], at_ns: int) -> None:
        """Note that a webhook was told of some breaches."""
        ...

    def record_outcome(self, row: Mapping[str, object]) -> None:
        """Store an oracle's verdict on a session, by the columns of `outcomes`, and make its group pending.

        `session_id` is needed and `recorded_at` is nanoseconds. A session that is not compiled yet may be named.
        """
        ...

    def outcomes(self, session_ids: Iterable[str]) -> Mapping[str, Mapping[str, object]]:
        """Return the latest verdict on each of the sessions that has one, by the columns of `outcomes`.

        `task_id` and `condition` are the latest that any verdict named; `recorded_at` is nanoseconds, `checks` JSON.
        """
        ...

    def append_rows(self, table: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Add rows to one of the tables that belong to no session (`patches`, `skills`). Raises as `replace` does."""
        ...

    def delete(
        self, session_ids: Collection[str], attributes: Sequence[str] | None, *, keep_cards: bool = False
    ) -> Deleted:
        """Take compiled sessions out, and everything that was received for them or says something of them.

        Metric points belong to a session by its id in one of `attributes`; None leaves them all. With `keep_cards` only
        telemetry goes, and what steps hold of its content. The bytes go with the next `compact`.
        """
        ...

    def compact(self) -> None:
        """Give back what deleted rows held, to the last byte; where that cannot be, raise `StoreError`."""
        ...

    def checkpoint(self) -> None:
        """Fold the log into the main file."""
        ...

    def close(self) -> None:
        """Checkpoint and release the store. No other call may follow."""
        ...
