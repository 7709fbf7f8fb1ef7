"""Traces that the contract's tests store, and the groups that a store makes of them."""

from __future__ import annotations

from collector.store import Group, TelemetryStore
from tests.collector.store.builders import NOW, SECOND, trace

A, B, C, D = (trace(number) for number in (10, 11, 12, 13))
IDLE = 10 * SECOND


def quiet(store: TelemetryStore, now_ns: int = NOW + IDLE, limit: int = 100) -> list[Group]:
    """Return the quiet groups, by their smallest trace."""
    found = store.quiet(idle_ns=IDLE, now_ns=now_ns, limit=limit)
    return sorted(found, key=lambda group: (sorted(group.trace_ids), sorted(group.values)))


def only(store: TelemetryStore) -> Group:
    """Return the one group of the store."""
    (group,) = store.groups()
    return group
