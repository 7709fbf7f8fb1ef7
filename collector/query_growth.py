"""Upper bounds, from the syntax tree alone, of how large a value a statement may build.

What is stored cannot be too much: it was let in. What a statement builds from it can: `x || x` through forty
subqueries. A block of two thousand rows is built before DuckDB looks for an interrupt, and strings count for no memory
limit. So values are weighed before anything runs: a stored value weighs 1, a document 64, and what joins values weighs
what they do together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, cast

from collector.errors import QueryError
from collector.query_functions import (
    ESCAPING,
    EXPANDING,
    GATHERING,
    JOINING,
    LAMBDA_FUNCTIONS,
    REPLACEMENT,
    TEXT_JOINING,
)
from collector.query_gate import (
    QUERY_NODES,
    SOURCES,
    VIEWS,
    Node,
    Tree,
    arguments,
    children,
    constant,
    function_name,
    kind_of,
    nodes_in,
)
from collector.query_size import Memory, definitions_in, every_node, queries_in

HEAVIEST: Final = 512
_DOCUMENT: Final = 64
_DOCUMENTS: Final = frozenset(
    {"arguments", "attributes", "body", "card", "checks", "data", "evidence", "events", "links", "markdown", "report"}
    | {"resource_attributes", "scope_attributes", "yaml"}
    | {"value", "atom", "json"}  # of json_each
)
_TEXT_OF_ONE_VALUE: Final = 1024
_GATHERED: Final = 16


class Weight(NamedTuple):
    """The most that a column of a query may weigh: one of documents, and any other."""

    small: int
    document: int

    def capped(self) -> Weight:
        """Return a weight that cannot grow out of hand while it is multiplied."""
        return Weight(min(self.small, HEAVIEST + 1), min(self.document, HEAVIEST + 1))


_STORED: Final = Weight(1, _DOCUMENT)


def check_growth(select: Node) -> None:
    """Let a statement pass that `check` has passed. Raises QueryError 413 that says what to do less of."""
    scales = _Scales(select)
    if any(max(scales.weight(query)) > HEAVIEST for query in queries_in(select)):
        raise QueryError(
            "the statement joins too many texts or lists into one: select fewer in one expression", status=413
        )


class _Scales:
    def __init__(self, select: Node) -> None:
        self._definitions = definitions_in(select)
        self._documents = _names_of_documents(select)
        self._found: Memory[Weight] = Memory()
        named = [function_name(node) for node in every_node(select)]
        self._builds_nested = any((n in JOINING and n not in TEXT_JOINING) or n in GATHERING for n in named)

    def weight(self, node: Node) -> Weight:
        """Return what the columns of a query or a source weigh."""
        return self._found.once(id(node), _STORED, lambda: self._weight(node).capped())

    def _weight(self, node: Node) -> Weight:
        kind = kind_of(node)
        if kind == "BASE_TABLE":
            defined = self._definitions.get(str(node.get("table_name")).lower())
            return _STORED if defined is None else self.weight(defined)
        if kind == "RECURSIVE_CTE_NODE" and self.weight(cast("Node", node["right"])) > _STORED:
            raise QueryError("a recursive query may not join texts or lists: it could do so without end", status=413)
        parts = [part for key, tree in node.items() if key != "cte_map" for part in _parts(nodes_in(tree))]
        below = [self.weight(part) for part in parts if "class" not in part]
        small = max([1, *(weight.small for weight in below)])
        document = max([_DOCUMENT, *(weight.document for weight in below)])
        stored = Weight(small, document)
        for expression in (part for part in parts if "class" in part):
            built = self._built(expression, stored)
            if self._is_document(expression):
                document = max(document, built)
            else:
                small = max(small, built)
        return Weight(small, document)

    def _is_document(self, node: Node) -> bool:
        return any(kind_of(part) == "STAR" or self._names_document(part) for part in every_node(node))

    def _names_document(self, node: Node) -> bool:
        if kind_of(node) == "POSITIONAL_REFERENCE":
            return True
        if kind_of(node) != "COLUMN_REF":
            return False
        names = [str(name).lower() for name in cast("Sequence[Tree]", node["column_names"])]
        return any(name in self._documents or any(known in name for known in _DOCUMENTS) for name in names)

    def _built(self, node: Node, stored: Weight) -> int:
        """Return what the heaviest value weighs that an expression builds on its way."""
        kind = kind_of(node)
        if kind in QUERY_NODES:
            return max(self.weight(node))
        if kind == "CONSTANT":
            text = constant(node)
            return len(text) // _TEXT_OF_ONE_VALUE if isinstance(text, str) else 0
        inside = [self._built(child, stored) for child in children(node)]
        heaviest = max(inside, default=0)
        if kind == "STAR":
            return max(stored.document, heaviest)
        if kind in {"COLUMN_REF", "PARAMETER", "POSITIONAL_REFERENCE"}:
            return stored.document if self._names_document(node) else stored.small
        if kind == "FUNCTION":
            return min(self._called(node, inside, stored), HEAVIEST + 1)
        if kind == "CAST" and self._builds_nested:
            # A list or struct written as text escapes the texts in it.
            return min(2 * heaviest, HEAVIEST + 1)
        return heaviest

    def _called(self, node: Node, inside: Sequence[int], stored: Weight) -> int:
        name, given = function_name(node), arguments(node)
        heaviest = max([1, *inside])
        if name in LAMBDA_FUNCTIONS:
            bodies = [self._built(cast("Node", a["expr"]), Weight(1, 1)) for a in given if kind_of(a) == "LAMBDA"]
            lists = [self._built(a, stored) for a in given if kind_of(a) != "LAMBDA"]
            return max([1, *lists]) * max([1, *bodies])
        if name in JOINING:
            return max(1, sum(inside)) * (2 if name in ESCAPING else 1)
        if name in GATHERING:
            return heaviest * _GATHERED
        if name in REPLACEMENT and len(given) > REPLACEMENT[name]:
            return heaviest * max(1, len(str(constant(given[REPLACEMENT[name]]))))
        if name == "repeat":
            return heaviest * max(1, int(cast("float", constant(given[-1]) or 1)))
        return heaviest * EXPANDING.get(name, 1)


def _parts(nodes: Iterable[Node]) -> Iterator[Node]:
    """Yield the queries, sources and expressions that nodes are or merely wrap."""
    for node in nodes:
        if "class" in node or kind_of(node) in QUERY_NODES | SOURCES:
            yield node
        else:
            yield from _parts(children(node))


def _names_of_documents(select: Node) -> frozenset[str]:
    """Return the names by which a statement may mean a document: columns, and what is computed or renamed from them."""
    found = set(_DOCUMENTS) | VIEWS
    aliased = []
    for node in every_node(select):
        if "class" in node and "alias" in node:
            aliased.append((str(node["alias"]).lower(), node))
        for key in ("column_name_alias", "aliases", "unpivot_names"):
            found |= {str(name).lower() for name in cast("Sequence[Tree]", node.get(key, ()))}
    grown = True
    while grown:
        new = {alias for alias, node in aliased if alias not in found and _mentions(node, found)}
        found |= new
        grown = bool(new)
    return frozenset(found)


def _mentions(node: Node, names: set[str]) -> bool:
    return any(
        kind_of(part) in {"STAR", "POSITIONAL_REFERENCE"}
        or any(str(name).lower() in names for name in cast("Sequence[Tree]", part.get("column_names", ())))
        for part in every_node(node)
    )
