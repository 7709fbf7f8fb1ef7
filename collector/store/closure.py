"""Queries over the edges that arrived: what is pending, and everything that is connected to it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import pyarrow as pa

from collector.store import Group
from collector.store.engine import Cursor
from collector.store.groups import TRACE, VALUE, Edge, Node, connected, nodes_of
from collector.store.registering import registered

MAX_ROUNDS: Final = 12
"""Steps away from where the search began; past it every edge is read, so that a long chain of traces costs no more."""
_SEEDS_AT_ONCE: Final = 1000

_EDGES: Final = """
    SELECT batch, trace_id, value, joined_value FROM telemetry.arrivals
    UNION ALL
    SELECT batch, trace_id, value, joined_value FROM telemetry.pending
"""
_ALL_EDGES: Final = f"""
    SELECT min(batch), max(batch), trace_id, value, joined_value FROM ({_EDGES}) GROUP BY trace_id, value, joined_value
"""  # noqa: S608 - ours
_EDGES_AT_FRONTIER: Final = f"""
    SELECT min(batch), max(batch), trace_id, value, joined_value FROM (
        SELECT * FROM ({_EDGES}) WHERE trace_id IN (SELECT name FROM frontier_traces)
        UNION ALL
        SELECT * FROM ({_EDGES}) WHERE value IN (SELECT name FROM frontier_values)
        UNION ALL
        SELECT * FROM ({_EDGES}) WHERE joined_value IN (SELECT name FROM frontier_values)
    ) GROUP BY trace_id, value, joined_value
"""  # noqa: S608 - ours
_PENDING_NODES: Final = f"""
    SELECT kind, name, max(received_at) FROM (
        SELECT '{TRACE}' AS kind, trace_id AS name, received_at FROM telemetry.pending
        UNION ALL
        SELECT '{VALUE}', value, received_at FROM telemetry.pending
        UNION ALL
        SELECT '{VALUE}', joined_value, received_at FROM telemetry.pending
    ) WHERE name IS NOT NULL GROUP BY kind, name
"""  # noqa: S608 - ours


def all_edges(cursor: Cursor) -> list[Edge]:
    """Return every distinct edge in the store."""
    return [Edge(*row) for row in cursor.execute(_ALL_EDGES).fetchall()]


def edges_around(cursor: Cursor, nodes: Collection[Node]) -> list[Edge]:
    """Return every edge of the components that hold these nodes, and perhaps others."""
    seen = set(nodes)
    frontier = set(nodes)
    found: set[Edge] = set()
    for _ in range(MAX_ROUNDS):
        with registered(cursor, frontier_traces=_names(TRACE, frontier), frontier_values=_names(VALUE, frontier)):
            found.update(Edge(*row) for row in cursor.execute(_EDGES_AT_FRONTIER).fetchall())
        frontier = {node for edge in found for node in edge.nodes} - seen
        if not frontier:
            return list(found)
        seen |= frontier
    return all_edges(cursor)


def _names(kind: str, nodes: Collection[Node]) -> pa.Table:
    return pa.table({"name": pa.array([name for node_kind, name in nodes if node_kind == kind], pa.string())})


def pending_nodes(cursor: Cursor, *, now_ns: int) -> dict[Node, int]:
    """Return when each pending node last received something. What came from the future came now, and stays so."""
    cursor.execute("UPDATE telemetry.pending SET received_at = $now WHERE received_at > $now", {"now": now_ns})
    return received(cursor)


def received(cursor: Cursor) -> dict[Node, int]:
    """Return when each pending node last received something, by the clock of whoever received it."""
    return {(kind, name): received_at for kind, name, received_at in cursor.execute(_PENDING_NODES).fetchall()}


def nothing_is_quiet(cursor: Cursor, *, idle_ns: int, now_ns: int) -> bool:
    """Return whether a glance shows that no pending row is old enough, or from the future."""
    row = cursor.execute("SELECT min(received_at), max(received_at) FROM telemetry.pending").fetchall()[0]
    oldest, newest = row
    return oldest is None or (oldest > now_ns - idle_ns and newest <= now_ns)


def silent_groups(cursor: Cursor, newest: dict[Node, int], *, until_ns: int, limit: int) -> list[Group]:
    """Return up to `limit` groups of pending nodes all of which received nothing since `until_ns`."""
    found: list[Group] = []
    seeds = by_age(newest, until_ns=until_ns)
    looked_at: set[Node] = set()
    while seeds and len(found) < limit:
        for group in connected(edges_around(cursor, seeds[:_SEEDS_AT_ONCE])):
            nodes = nodes_of(group)
            looked_at |= nodes
            times = [newest[node] for node in nodes if node in newest]
            if times and max(times) <= until_ns:
                found.append(group)
        seeds = [node for node in seeds if node not in looked_at]
    return found[:limit]


def by_age(nodes: dict[Node, int], *, until_ns: int) -> Sequence[Node]:
    """Return the nodes that received nothing since `until_ns`, the longest silent first."""
    silent = [node for node, received_at in nodes.items() if received_at <= until_ns]
    return sorted(silent, key=lambda node: (nodes[node], node))
