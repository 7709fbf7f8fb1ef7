"""Upper bounds, from the syntax tree alone, of what a statement may make out of the views.

What is stored cannot be too much: it was let in. What a statement builds from it can: `x || x` through forty
subqueries, `SELECT *, *` through twenty. DuckDB's planner hears no interrupt, and a block of rows is built before the
next is looked for, so these are refused before they run. Rows, time and memory are bounded while it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, cast

from collector.errors import QueryError
from collector.query_functions import ESCAPING, EXPANDING, GATHERING, JOINING, REPLACEMENT, TEXT_JOINING
from collector.query_gate import (
    QUERY_NODES,
    SOURCES,
    Node,
    Tree,
    arguments,
    children,
    constant,
    function_name,
    kind_of,
    nodes_in,
)

MAX_JOINED: Final = 512
"""How many small stored values one built value may hold."""
DOCUMENT: Final = 16
"""How many small values a document counts for."""
MAX_SOURCES: Final = 200
"""Views that a statement may read, each as often as it is named through common table expressions."""
MAX_COLUMNS: Final = 2000
_DOCUMENTS: Final = frozenset(
    {"arguments", "attributes", "body", "card", "checks", "data", "evidence", "events", "links", "markdown", "report"}
    | {"resource_attributes", "scope_attributes", "value", "yaml"}
)
_WIDEST_VIEW: Final = 40
_TEXT_OF_ONE_VALUE: Final = 1024
_GATHERED: Final = 16
_STAR_AS_ARGUMENT: Final = 64


def check_size(select: Node) -> None:
    """Let a statement pass that `check` has passed. Raises QueryError 413 that says what to do less of."""
    bounds = _Bounds(select)
    queries = [node for node in _every(select) if kind_of(node) in QUERY_NODES]
    if bounds.sources(select) > MAX_SOURCES or max(map(bounds.columns, queries)) > MAX_COLUMNS:
        raise QueryError("the statement multiplies columns or tables too often: name what is needed", status=413)
    weight = DOCUMENT if any(map(_reads_documents, _every(select))) else 1
    if max(map(bounds.joined, queries)) * weight > MAX_JOINED:
        raise QueryError(
            "the statement joins too many texts or lists into one: select fewer in one expression", status=413
        )


def _every(node: Node) -> Iterator[Node]:
    pending = [node]
    while pending:
        here = pending.pop()
        yield here
        pending.extend(children(here))


def _reads_documents(node: Node) -> bool:
    if node.get("class") == "COLUMN_REF":
        names = {str(name).lower() for name in cast("Sequence[Tree]", node["column_names"])}
        return not names.isdisjoint(_DOCUMENTS)
    return node.get("class") == "STAR"


class _Bounds:
    """Bounds of queries and of what they read, with common table expressions spelled out."""

    def __init__(self, select: Node) -> None:
        self._definitions: dict[str, list[Node]] = {}
        self._found: dict[tuple[str, object], int] = {}
        self._builds_nested = False
        for node in _every(select):
            self._define(node)
            name = function_name(node)
            self._builds_nested |= (name in JOINING and name not in TEXT_JOINING) or name in GATHERING

    def _define(self, node: Node) -> None:
        definitions = node.get("cte_map")
        if isinstance(definitions, Mapping):
            for definition in nodes_in(definitions.get("map")):
                query = cast("Node", cast("Node", definition["value"])["query"])["node"]
                self._definitions.setdefault(str(definition["key"]).lower(), []).append(cast("Node", query))

    def _once(self, what: str, key: object, cap: int, find: Callable[[], int]) -> int:
        """Find a bound once. While it is being found, what refers to itself counts as one."""
        if (what, key) not in self._found:
            self._found[what, key] = 1
            self._found[what, key] = min(find(), cap + 1)
        return self._found[what, key]

    def _defined(self, what: str, table: Node, cap: int, bound: Callable[[Node], int]) -> int | None:
        """Return a bound of the common table expression that a table's name stands for, None where it is a view."""
        name = str(table.get("table_name")).lower()
        if name not in self._definitions:
            return None
        return self._once(what, name, cap, lambda: max(bound(query) for query in self._definitions[name]))

    def sources(self, node: Node) -> int:
        """Return how many views are read."""
        if kind_of(node) == "BASE_TABLE":
            return self._defined("sources", node, MAX_SOURCES, self.sources) or 1
        return sum(self.sources(child) for child in children(node))

    def columns(self, node: Node) -> int:
        """Return how many columns a query or a source has at most."""
        return self._once("columns", id(node), MAX_COLUMNS, lambda: self._columns(node))

    def _columns(self, node: Node) -> int:
        kind = kind_of(node)
        if kind == "BASE_TABLE":
            return self._defined("columns of", node, MAX_COLUMNS, self.columns) or _WIDEST_VIEW
        if kind == "SELECT_NODE":
            source = self.columns(cast("Node", node["from_table"])) if "from_table" in node else 0
            selected = nodes_in(node.get("select_list"))
            return max(source, sum(max(1, _stars(item) * source) for item in selected))
        if kind == "EXPRESSION_LIST":
            return max((len(row) for row in cast("Sequence[Sequence[Tree]]", node.get("values", ()))), default=0)
        if kind == "SET_OPERATION_NODE":
            return max(self.columns(child) for child in children(node) if kind_of(child) in QUERY_NODES)
        own = _WIDEST_VIEW if kind in {"SHOW_REF", "TABLE_FUNCTION"} else 0
        return own + sum(self.columns(child) for child in children(node) if "class" not in child)

    def joined(self, node: Node) -> int:
        """Return how many stored values the largest value of a query or a source may hold."""
        return self._once("joined", id(node), MAX_JOINED, lambda: self._joined(node))

    def _joined(self, node: Node) -> int:
        kind = kind_of(node)
        if kind == "BASE_TABLE":
            return self._defined("joined in", node, MAX_JOINED, self.joined) or 1
        if kind == "RECURSIVE_CTE_NODE" and self.joined(cast("Node", node["right"])) > 1:
            raise QueryError("a recursive query may not join texts or lists: it could do so without end", status=413)
        below, own = 1, 1
        for key, tree in node.items():
            if key == "cte_map":
                continue
            for child in nodes_in(tree):
                if kind_of(child) in QUERY_NODES | SOURCES:
                    below = max(below, self.joined(child))
                else:
                    own = max(own, self._value(child))
        return below * own

    def _value(self, node: Node) -> int:
        """Return how many values of its query's sources an expression may hold."""
        kind = kind_of(node)
        if kind in QUERY_NODES:
            return self.joined(node)
        if kind == "CONSTANT":
            text = constant(node)
            return len(text) // _TEXT_OF_ONE_VALUE if isinstance(text, str) else 0
        if kind in {"COLUMN_REF", "STAR", "PARAMETER", "POSITIONAL_REFERENCE"}:
            return max([1, *map(self._value, children(node))])
        inside = [self._value(child) for child in children(node)]
        if kind == "FUNCTION":
            return self._function(node, inside)
        if kind == "CAST" and self._builds_nested:
            # A list or struct written as text escapes the texts in it.
            return 2 * max(inside, default=0)
        return max(inside, default=0)

    def _function(self, node: Node, inside: Sequence[int]) -> int:
        name, given = function_name(node), arguments(node)
        largest = max([1, *inside])
        if name in JOINING:
            stars = sum(argument.get("class") == "STAR" for argument in given)
            return max(1, sum(inside) + stars * _STAR_AS_ARGUMENT) * (2 if name in ESCAPING else 1)
        if name in GATHERING:
            return largest * _GATHERED
        if name in REPLACEMENT and len(given) > REPLACEMENT[name]:
            return largest * max(1, len(str(constant(given[REPLACEMENT[name]]))))
        if name == "repeat":
            return largest * max(1, int(cast("float", constant(given[-1]) or 1)))
        return largest * EXPANDING.get(name, 1)


def _stars(node: Node) -> int:
    return (node.get("class") == "STAR") + sum(map(_stars, children(node)))
