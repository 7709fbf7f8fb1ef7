"""Where telemetry and what was derived from it live: the contract that every store keeps.

`memory` is the contract as a program one can read, `duck` the file on disk. Both pass `tests/collector/store`.

The contract:

* `append` returns only when its rows would survive `kill -9`. It stores a span once per (trace_id, span_id,
  start time), a log record and a metric point once per identical content, however often and in however many
  batches they are sent, also across restarts, and counts the others as duplicates.
* A batch names what it belongs together with: every trace id in it and every value of a *correlation attribute*
  (the names come from the configuration; in practice session and conversation ids). Traces that share a value, or
  are joined by a span link, form one `Group`; so do log records outside any trace.
* A group is *pending* from the moment rows for it are committed until `replace` is called with a snapshot taken
  after that. `quiet` finds the pending ones that received nothing for a while, by a query, so a restart forgets none.
* `replace` swaps everything derived from a group for the new rows in one transaction: no reader sees half a session.
  If rows arrived for the group since the snapshot, it stays pending.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from collector.model import LogRecord, Span

if TYPE_CHECKING:
    import pyarrow as pa

DerivedRows: TypeAlias = Mapping[str, Sequence[Mapping[str, object]]]
"""Rows by table name (`sessions`, `steps`, `findings`, `ledger`, `tracecards`, ...), each row by column name."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one commit stores: Arrow tables in the layout of `collector.store.rows`, any of them possibly empty."""

    spans: pa.Table
    logs: pa.Table
    metric_points: pa.Table
    correlations: pa.Table
    """Columns `trace_id` (null for records outside a trace) and `value` (null where a trace carries none), distinct."""


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
class Group:
    """Traces and correlation values that belong together, and the last batch that is known for them."""

    trace_ids: frozenset[str]
    values: frozenset[str]
    last_batch: int


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

    def groups(self) -> Iterable[Group]:
        """Every group in the store, pending or not."""
        ...

    def load(self, group: Group) -> Signals:
        """Return everything stored for a group."""
        ...

    def replace(self, group: Group, rows: DerivedRows) -> None:
        """Swap what was derived from a group for `rows`, in one transaction."""
        ...

    def record_outcome(self, row: Mapping[str, object]) -> None:
        """Store an oracle's verdict on a session and make the session's group pending."""
        ...

    def checkpoint(self) -> None:
        """Fold the log into the main file."""
        ...

    def close(self) -> None:
        """Checkpoint and release the store. No other call may follow."""
        ...
