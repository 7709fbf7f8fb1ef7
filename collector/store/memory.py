"""The store's contract as a program one can read. It holds everything in lists and survives nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import date
from threading import RLock
from typing import TypeAlias, cast

import pyarrow as pa

from collector.columns import LOGS, SPANS
from collector.store import (
    CONTENT_OF_STEPS,
    MOST_TRACES_OF_A_VALUE,
    Batch,
    Deleted,
    DerivedRows,
    Group,
    Receipt,
    Signals,
)
from collector.store.charges import Charge, charges_of
from collector.store.derived import ADDED, PER_SESSION, REPLACED, Row
from collector.store.derived_rows import arrow_tables, latest_outcomes, outcome_row, python_rows
from collector.store.groups import TRACE, VALUE, Edge, Node, connected, group_key, nodes_of, smallest_node
from collector.store.rows import SPAN_IDENTITY, logs_of, spans_of

_Stored: TypeAlias = dict[str, object]


@dataclass(slots=True)
class _Pending:
    edge: Edge
    received_at: int


@dataclass(slots=True)
class MemoryStore:
    """Keeps the contract of `collector.store` but for durability."""

    tables: dict[str, list[_Stored]] = field(
        default_factory=lambda: {name: [] for name in ("spans", "logs", "metric_points", *REPLACED, *ADDED, "outcomes")}
    )
    """Every row by table; `batch` and `group_key` stand beside the columns that the contract names."""
    _seen: dict[str, set[str]] = field(default_factory=lambda: {"spans": set(), "logs": set(), "metric_points": set()})
    _edges: list[Edge] = field(default_factory=list)
    _pending: list[_Pending] = field(default_factory=list)
    _members: dict[str, Group] = field(default_factory=dict)
    _last_batch: int = 0
    _lock: RLock = field(default_factory=RLock)

    def append(self, batch: Batch) -> Receipt:
        """See `TelemetryStore`."""
        with self._lock:
            self._last_batch += 1
            spans, duplicate_spans = self._add("spans", batch.spans)
            logs, duplicate_logs = self._add("logs", batch.logs)
            points, duplicate_points = self._add("metric_points", batch.metric_points)
            if spans or logs or points:
                received_at = max(
                    (time for table in (batch.spans, batch.logs, batch.metric_points) for time in _received(table)),
                )
                for row in batch.correlations.to_pylist():
                    edge = Edge(self._last_batch, self._last_batch, row["trace_id"], row["value"], row["joined_value"])
                    self._edges.append(edge)
                    self._pending.append(_Pending(edge, received_at))
            return Receipt(spans, logs, points, duplicate_spans, duplicate_logs, duplicate_points)

    def _add(self, name: str, table: pa.Table) -> tuple[int, int]:
        new = 0
        for row in table.to_pylist():
            identity = _identity(name, row)
            if identity not in self._seen[name]:
                self._seen[name].add(identity)
                self.tables[name].append({**row, "batch": self._last_batch})
                new += 1
        return new, table.num_rows - new

    def quiet(self, *, idle_ns: int, now_ns: int, limit: int) -> Sequence[Group]:
        """See `TelemetryStore`."""
        with self._lock:
            newest: dict[Node, int] = {}
            for pending in self._pending:
                pending.received_at = min(pending.received_at, now_ns)
                for node in pending.edge.nodes:
                    newest[node] = max(newest.get(node, 0), pending.received_at)
            found = []
            for group in self.groups():
                times = [newest[node] for node in nodes_of(group) if node in newest]
                if times and max(times) <= now_ns - idle_ns:
                    found.append(group)
            return found[:limit]

    def claimed(self) -> AbstractContextManager[None]:
        """See `TelemetryStore`."""
        return nullcontext()

    def groups(self) -> Iterable[Group]:
        """See `TelemetryStore`."""
        with self._lock:
            return connected([*self._edges, *(pending.edge for pending in self._pending)])

    def load(self, group: Group) -> Signals:
        """See `TelemetryStore`."""
        with self._lock:
            spans = [row for row in self._until(group, "spans") if row["trace_id"] in group.trace_ids]
            logs = [
                row
                for row in self._until(group, "logs")
                if row["trace_id"] in group.trace_ids
                or (row["trace_id"] is None and row["correlation_value"] in group.values)
            ]
        return Signals(
            spans_of(pa.Table.from_pylist(spans, schema=SPANS)), logs_of(pa.Table.from_pylist(logs, schema=LOGS))
        )

    def load_all(self, groups: Sequence[Group]) -> Iterator[Signals]:
        """See `TelemetryStore`."""
        return map(self.load, groups)

    def _until(self, group: Group, name: str) -> list[_Stored]:
        return [
            {key: value for key, value in row.items() if key != "batch"}
            for row in self.tables[name]
            if isinstance(row["batch"], int) and row["batch"] <= group.last_batch
        ]

    def replace(self, group: Group, rows: DerivedRows) -> None:
        """See `TelemetryStore`."""
        self.replace_all([(group, rows)])

    def replace_all(self, compiled: Sequence[tuple[Group, DerivedRows]]) -> None:
        """See `TelemetryStore`."""
        checked = [(group, _checked(rows, REPLACED)) for group, rows in compiled]
        with self._lock:
            for group, tables in checked:
                self._replace(group, tables)
            found = [(group, row) for group, tables in checked for row in tables.get("correlations", ())]
            for group, row in sorted(found, key=lambda each: not each[1]["lasting"]):
                self._join(group, row)

    def _replace(self, group: Group, tables: Mapping[str, list[_Stored]]) -> None:
        nodes, key_of_group = nodes_of(group), group_key(group)
        new = {str(row["session_id"]) for row in tables.get("sessions", ())}
        gone = self._gone(group, new)
        for key in [key for key, members in self._members.items() if nodes & nodes_of(members)]:
            del self._members[key]
        self._forget(gone - new)
        for row in tables.get("budgets", ()):
            self._say(row)
        for name in PER_SESSION:
            self.tables[name] = [row for row in self.tables[name] if row["session_id"] not in gone]
            self.tables[name] += [{**row, "group_key": key_of_group} for row in tables.get(name, ())]
        if tables.get("sessions"):
            self._members[key_of_group] = group
        self._pending = [
            pending
            for pending in self._pending
            if pending.edge.last_batch > group.last_batch or not nodes & set(pending.edge.nodes)
        ]

    def _join(self, group: Group, row: _Stored) -> None:
        trace_id, value, batch = str(row["trace_id"]), str(row["value"]), group.last_batch
        others = {edge.trace_id for edge in self._edges if edge.value == value}
        if value in group.values or len(others) >= MOST_TRACES_OF_A_VALUE or not (others or row["lasting"]):
            return
        edge = Edge(batch, batch, trace_id, value, None)
        self._edges.append(edge)
        if others - {trace_id}:
            self._pending.append(_Pending(edge, 0))

    def _gone(self, group: Group, new: set[str]) -> set[str]:
        nodes = nodes_of(group)
        keys = {key for key, members in self._members.items() if nodes & nodes_of(members)}
        kept = self.tables["sessions"]
        return new | {str(row["session_id"]) for row in kept if row["group_key"] in keys}

    def _forget(self, vanished: set[str]) -> None:
        budgets = self.tables["budgets"]
        self.tables["budgets"] = [
            {**row, "session_id": None if row["session_id"] in vanished else row["session_id"]}
            for row in budgets
            if row["per"] != "session" or row["session_id"] not in vanished
        ]

    def _say(self, verdict: _Stored) -> None:
        for row in self.tables["budgets"]:
            if row["breach_id"] == verdict["breach_id"]:
                first = {name: row[name] for name in ("breached_at", "session_id") if row[name] is not None}
                row.update({**verdict, "posted_at": row["posted_at"], **first})
                return
        if verdict["state"] != "within":
            self.tables["budgets"].append(verdict)

    def charges_beside(self, compiled: Sequence[tuple[Group, DerivedRows]], days: Collection[date]) -> Sequence[Charge]:
        """See `TelemetryStore`."""
        with self._lock:
            new = {str(row["session_id"]) for _, rows in compiled for row in rows.get("sessions", ())}
            gone = new.union(*(self._gone(group, new) for group, _ in compiled))
            stored = charges_of({name: self.tables[name] for name in ("sessions", "findings")})
        touched = {
            *days,
            *(charge.day for session in stored if session.session_id in gone for charge in session.charges),
        }
        others = [charge for session in stored if session.session_id not in gone for charge in session.charges]
        return [charge for charge in others if charge.day is not None and charge.day in touched]

    def breached(self, breach_ids: Collection[str]) -> frozenset[str]:
        """See `TelemetryStore`."""
        with self._lock:
            rows = [row for row in self.tables["budgets"] if row["breached_at"] is not None]
            return frozenset(str(row["breach_id"]) for row in rows) & frozenset(breach_ids)

    def unposted(self, limit: int) -> Sequence[Row]:
        """See `TelemetryStore`."""
        with self._lock:
            rows = [row for row in self.tables["budgets"] if row["state"] == "over" and row["posted_at"] is None]
            return sorted(rows, key=lambda row: (cast("int", row["breached_at"]), str(row["breach_id"])))[:limit]

    def mark_posted(self, breach_ids: Collection[str], at_ns: int) -> None:
        """See `TelemetryStore`."""
        with self._lock:
            for row in self.tables["budgets"]:
                if row["breach_id"] in breach_ids:
                    row["posted_at"] = at_ns

    def record_outcome(self, row: Row) -> None:
        """See `TelemetryStore`."""
        (stored,) = python_rows(outcome_row(row))
        session_id = str(stored["session_id"])
        with self._lock:
            self._last_batch += 1
            self.tables["outcomes"].append(stored)
            keys = {str(kept["group_key"]) for kept in self.tables["sessions"] if kept["session_id"] == session_id}
            # A session that is not compiled yet is named by a value that its telemetry carries, or by its trace.
            named = [smallest_node(self._members[key]) for key in keys] or [(session_id, session_id)]
            for trace_id, value in named:
                edge = Edge(self._last_batch, self._last_batch, trace_id, value, None)
                self._pending.append(_Pending(edge, cast("int", stored["recorded_at"])))

    def outcomes(self, session_ids: Iterable[str]) -> Mapping[str, Row]:
        """See `TelemetryStore`."""
        wanted = set(session_ids)
        with self._lock:
            return latest_outcomes(row for row in self.tables["outcomes"] if row["session_id"] in wanted)

    def append_rows(self, table: str, rows: Sequence[Row]) -> None:
        """See `TelemetryStore`."""
        checked = _checked({table: rows}, ADDED)
        with self._lock:
            self.tables[table] += checked[table]

    def delete(
        self, session_ids: Collection[str], attributes: Sequence[str] | None, *, keep_cards: bool = False
    ) -> Deleted:
        """See `TelemetryStore`."""
        gone = set(session_ids)
        with self._lock:
            before = {name: len(rows) for name, rows in self.tables.items()}
            of = [row for row in self.tables["sessions"] if row["session_id"] in gone]
            others = [row for row in self.tables["sessions"] if row["session_id"] not in gone]
            traces = _listed(of, "trace_ids") - _listed(others, "trace_ids")
            own = {key for key in self._members if key not in {row["group_key"] for row in others}}
            values: set[object] = set(gone).union(
                *(self._members[key].values for key in own & {row["group_key"] for row in of})
            )
            values |= _listed(of, "conversation_ids") | _ids_sent(of)
            values -= _listed(others, "conversation_ids") | _ids_sent(others)
            self._forget_telemetry(traces, values, attributes)
            if keep_cards:
                for row in self.tables["steps"]:
                    row.update(dict.fromkeys(CONTENT_OF_STEPS) if row["session_id"] in gone else {})
            else:
                self._forget_sessions(gone)
            counts = {name: before[name] - len(self.tables[name]) for name in before}
        return Deleted(counts["sessions"], counts["spans"], counts["logs"], counts["metric_points"])

    def _forget_telemetry(self, traces: set[object], values: set[object], attributes: Sequence[str] | None) -> None:
        nodes = {*((TRACE, str(name)) for name in traces), *((VALUE, str(name)) for name in values)}

        def tied(point: _Stored) -> bool:
            if attributes is None:
                return False
            known = [json.loads(str(point[name])) for name in ("attributes", "resource_attributes")]
            named = any(said.get(name) in values for said in known for name in attributes)
            return named or any(str(trace) in str(point["data"]) for trace in traces)

        self._keep("spans", lambda row: row["trace_id"] not in traces)
        self._keep("logs", lambda row: row["trace_id"] not in traces and row["correlation_value"] not in values)
        self._keep("metric_points", lambda row: not tied(row))
        for kind in ("spans", "logs", "metric_points"):
            self._seen[kind] = {_identity(kind, _without_batch(row)) for row in self.tables[kind]}
        self._edges = [edge for edge in self._edges if not nodes & set(edge.nodes)]
        self._pending = [pending for pending in self._pending if not nodes & set(pending.edge.nodes)]

    def _forget_sessions(self, gone: set[str]) -> None:
        keys = {str(row["group_key"]) for row in self.tables["sessions"] if row["session_id"] in gone}
        for name in (*PER_SESSION, "outcomes"):
            self._keep(name, lambda row: row["session_id"] not in gone)
        for name in ADDED:
            self._keep(name, lambda row: not gone & set(cast("list[str]", row.get("session_ids") or ())))
        self._forget(gone)
        left = {str(row["group_key"]) for row in self.tables["sessions"]}
        for key in keys - left:
            self._members.pop(key, None)
        for key in keys & left:
            members = nodes_of(self._members[key]) & {node for edge in self._edges for node in edge.nodes}
            names = [(name, None) if kind == TRACE else (None, name) for kind, name in sorted(members)[:1]]
            for trace_id, value in names:
                self._pending.append(_Pending(Edge(self._last_batch, self._last_batch, trace_id, value, None), 0))

    def _keep(self, name: str, wanted: Callable[[_Stored], bool]) -> None:
        self.tables[name] = [row for row in self.tables[name] if wanted(row)]

    def compact(self) -> None:
        """Do nothing: what is gone is gone."""

    def checkpoint(self) -> None:
        """Do nothing: there is no log."""

    def close(self) -> None:
        """Do nothing: there is no file."""


def _identity(name: str, row: _Stored) -> str:
    if name == "spans":
        return repr([row[part] for part in SPAN_IDENTITY])
    return repr({key: value for key, value in row.items() if key != "received_at"})


def _listed(rows: Iterable[_Stored], column: str) -> set[object]:
    return {value for row in rows for value in cast("list[object]", row[column] or ())}


def _ids_sent(rows: Iterable[_Stored]) -> set[object]:
    pairs = [(str(row["session_id"]), row["service_name"]) for row in rows]
    return {name for full, service in pairs for name in (full, full.removesuffix(f"@{service}"))}


def _without_batch(row: _Stored) -> _Stored:
    return {name: value for name, value in row.items() if name != "batch"}


def _received(table: pa.Table) -> list[int]:
    return cast("list[int]", table.column("received_at").to_pylist())


def _checked(rows: DerivedRows, schemas: Mapping[str, pa.Schema]) -> dict[str, list[_Stored]]:
    return {name: python_rows(table) for name, table in arrow_tables(rows, schemas).items()}
