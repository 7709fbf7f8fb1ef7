"""Which traces and values belong together: connected components over the edges that arrived."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from collector.store import Group

Node: TypeAlias = tuple[str, str]
"""(kind, id): a trace id and a value that read alike are two nodes."""
TRACE = "trace"
VALUE = "value"


class Edge(NamedTuple):
    """A row of `collector.columns.CORRELATIONS` and the first and last batch that brought it."""

    first_batch: int
    last_batch: int
    trace_id: str | None
    value: str | None
    joined_value: str | None

    @property
    def nodes(self) -> tuple[Node, ...]:
        """What the edge joins; a single node where it only says that a trace exists."""
        ends = ((TRACE, self.trace_id), (VALUE, self.value), (VALUE, self.joined_value))
        return tuple((kind, name) for kind, name in ends if name is not None)


def connected(edges: Iterable[Edge]) -> list[Group]:
    """Return the groups that the edges form, the one that was known first coming first. Near-linear."""
    parents: dict[Node, Node] = {}
    kept = list(edges)
    for edge in kept:
        nodes = edge.nodes
        for node in nodes:
            parents.setdefault(node, node)
        for node in nodes[1:]:
            parents[_root(parents, node)] = _root(parents, nodes[0])
    members: dict[Node, list[Node]] = {}
    for node in parents:
        members.setdefault(_root(parents, node), []).append(node)
    batches: dict[Node, tuple[int, int]] = {}
    for edge in kept:
        if edge.nodes:
            root = _root(parents, edge.nodes[0])
            first, last = batches.get(root, (edge.first_batch, edge.last_batch))
            batches[root] = (min(first, edge.first_batch), max(last, edge.last_batch))
    groups = [_group(nodes, *batches[root]) for root, nodes in members.items()]
    return sorted(groups, key=lambda group: (group.first_batch, sorted(group.trace_ids), sorted(group.values)))


def _root(parents: dict[Node, Node], node: Node) -> Node:
    while parents[node] != node:
        parents[node] = parents[parents[node]]
        node = parents[node]
    return node


def _group(nodes: Sequence[Node], first_batch: int, last_batch: int) -> Group:
    return Group(
        trace_ids=frozenset(name for kind, name in nodes if kind == TRACE),
        values=frozenset(name for kind, name in nodes if kind == VALUE),
        last_batch=last_batch,
        first_batch=first_batch,
    )


def nodes_of(group: Group) -> frozenset[Node]:
    """Return the group's traces and values as nodes."""
    traces = ((TRACE, name) for name in group.trace_ids)
    return frozenset((*traces, *((VALUE, name) for name in group.values)))


def group_key(group: Group) -> str:
    """Return what names the group among all groups of one moment: its smallest trace, or value where it has none."""
    return f"{TRACE}:{min(group.trace_ids)}" if group.trace_ids else f"{VALUE}:{min(group.values)}"


def smallest_node(group: Group) -> tuple[str | None, str | None]:
    """Return one member as (trace id, value), exactly one of which is None."""
    return (min(group.trace_ids), None) if group.trace_ids else (None, min(group.values))
