"""Upper bounds, from the syntax tree alone, of how many tables and columns a statement spells out.

DuckDB's planner takes time and memory for each and hears no interrupt: `SELECT *, *` through twenty subqueries, or
twenty common table expressions that each name the one before twice, never come to run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeVar, cast

from collector.errors import QueryError
from collector.query_gate import QUERY_NODES, Node, Tree, children, kind_of, nodes_in

MAX_SOURCES: Final = 200
"""Views that a statement may read, each as often as it is named through common table expressions."""
MAX_COLUMNS: Final = 2000
_WIDEST_VIEW: Final = 40
_Bound = TypeVar("_Bound")


def check_size(select: Node) -> None:
    """Let a statement pass that `check` has passed. Raises QueryError 413 that says what to do less of."""
    sizes = _Sizes(select)
    if sizes.sources(select) > MAX_SOURCES or max(map(sizes.columns, queries_in(select))) > MAX_COLUMNS:
        raise QueryError("the statement multiplies columns or tables too often: name what is needed", status=413)


def every_node(node: Node) -> Iterator[Node]:
    """Yield a node and all under it, what is outside first."""
    pending = [node]
    while pending:
        here = pending.pop()
        yield here
        pending.extend(children(here))


def queries_in(node: Node) -> list[Node]:
    """Return every query in a tree, what is outside first."""
    return [node for node in every_node(node) if kind_of(node) in QUERY_NODES]


def definitions_in(select: Node) -> dict[str, Node]:
    """Return the query of each common table expression, by its name in lower case; `check` saw that each is one."""
    found = {}
    for node in every_node(select):
        definitions = node.get("cte_map")
        if isinstance(definitions, Mapping):
            for definition in nodes_in(definitions.get("map")):
                query = cast("Node", cast("Node", definition["value"])["query"])["node"]
                found[str(definition["key"]).lower()] = cast("Node", query)
    return found


class Memory(dict[object, _Bound]):
    """Bounds that were found. While one is being found, what refers to it again is told a first guess."""

    def once(self, key: object, guess: _Bound, find: Callable[[], _Bound]) -> _Bound:
        """Return the bound, found at most once."""
        if key not in self:
            self[key] = guess
            self[key] = find()
        return self[key]


class _Sizes:
    def __init__(self, select: Node) -> None:
        self._definitions = definitions_in(select)
        self._sources: Memory[int] = Memory()
        self._columns: Memory[int] = Memory()

    def sources(self, node: Node) -> int:
        """Return how many views are read, at most one more than allowed."""
        if kind_of(node) != "BASE_TABLE":
            return min(sum(map(self.sources, children(node))), MAX_SOURCES + 1)
        name = str(node.get("table_name")).lower()
        defined = self._definitions.get(name)
        # Within its own definition a name is what recursion has found so far, or the view of that name.
        return 1 if defined is None else max(1, self._sources.once(name, 1, lambda: self.sources(defined)))

    def columns(self, node: Node) -> int:
        """Return how many columns a query or a source has, at most one more than allowed."""
        find = lambda: min(self._columns_of(node), MAX_COLUMNS + 1)  # noqa: E731 - a name for the next line
        return self._columns.once(id(node), _WIDEST_VIEW, find)

    def _columns_of(self, node: Node) -> int:
        kind = kind_of(node)
        if kind == "BASE_TABLE":
            defined = self._definitions.get(str(node.get("table_name")).lower())
            return _WIDEST_VIEW if defined is None else self.columns(defined)
        if kind == "SELECT_NODE":
            source = self.columns(cast("Node", node["from_table"])) if "from_table" in node else 0
            return max(source, sum(max(1, _stars(item) * source) for item in nodes_in(node.get("select_list"))))
        if kind == "EXPRESSION_LIST":
            return max((len(row) for row in cast("Sequence[Sequence[Tree]]", node.get("values", ()))), default=0)
        if kind == "SET_OPERATION_NODE":
            return max(self.columns(child) for child in children(node) if kind_of(child) in QUERY_NODES)
        own = _WIDEST_VIEW if kind in {"SHOW_REF", "TABLE_FUNCTION"} else 0
        return own + sum(self.columns(child) for child in children(node) if "class" not in child)


def _stars(node: Node) -> int:
    return (node.get("class") == "STAR") + sum(map(_stars, children(node)))
