"""What outsiders' SQL may say: decided on DuckDB's own syntax tree, by permission, never by looking at text.

A statement passes when everything in it is known and allowed: the kinds of its nodes, the views it reads, the
functions it calls. `collector.query_size` and `collector.query_growth` then bound what it may make of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias, cast

from collector.errors import QueryError
from collector.query_functions import (
    FAST_PATTERNS,
    FUNCTIONS,
    JSON_PATHS,
    LAMBDA_FUNCTIONS,
    LISTING,
    PADDED_LENGTH,
    REPLACEMENT,
    SLOW_PATTERNS,
    TABLE_FUNCTIONS,
    WINDOW_FUNCTIONS,
)

Tree: TypeAlias = "Mapping[str, Tree] | Sequence[Tree] | str | int | float | bool | None"
Node: TypeAlias = Mapping[str, Tree]

VIEWS: Final = frozenset(
    {"spans", "logs", "metric_points", "sessions", "steps", "findings", "ledger", "tracecards", "outcomes"}
    | {"patches", "skills"}
    | {"budget_breaches", "budget_gaps"}
    | {"evaluations", "redactions"}
)
"""The views of the outside contract."""

QUERY_NODES: Final = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
SOURCES: Final = frozenset(
    {"BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EXPRESSION_LIST", "EMPTY", "PIVOT", "SHOW_REF"}
)
_MODIFIERS: Final = frozenset(
    {"LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "ORDER_MODIFIER", "DISTINCT_MODIFIER"}
    | {"ORDER_DEFAULT", "ASCENDING", "DESCENDING"}
)
_EXPRESSIONS: Final = frozenset(
    {"BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION", "LAMBDA"}
    | {"OPERATOR", "PARAMETER", "POSITIONAL_REFERENCE", "STAR", "SUBQUERY", "WINDOW"}
)
_CASTABLE: Final = frozenset(
    {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
    | {"FLOAT", "DOUBLE", "DECIMAL", "VARCHAR", "BLOB", "UUID", "DATE", "TIME", "TIME_NS", "TIMESTAMP", "TIMESTAMP_S"}
    | {"TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE", "INTERVAL", "NULL", "SQLNULL", "JSON"}
    | {"LIST", "STRUCT", "MAP"}
)
MAX_DEPTH: Final = 120
"""Expressions and queries inside one another: DuckDB's planner takes time by the cube of it, and hears no interrupt."""
MAX_NODES: Final = 20_000
_LONGEST_REPLACEMENT: Final = 64
_LONGEST_PADDING: Final = 1000
_LONGEST_LIST: Final = 10_000
_SLOW_WILDCARDS: Final = 2


def check(select: Node) -> None:
    """Let a statement's syntax tree pass. Raises QueryError 400 that names what is not allowed."""
    _Gate(select).look(select, 0)


def refused(reason: str) -> QueryError:
    """Return the error for a statement that is not let in."""
    return QueryError(reason, status=400)


def kind_of(node: Node) -> str:
    """Return what an expression, a query, or a source is; empty for a node that only holds others."""
    kind = node.get("class", node.get("type"))
    return kind if isinstance(kind, str) else ""


def nodes_in(tree: Tree) -> Iterator[Node]:
    """Yield the nodes right under a tree, through lists."""
    if isinstance(tree, Mapping):
        yield tree
    elif isinstance(tree, Sequence) and not isinstance(tree, str):
        for item in tree:
            yield from nodes_in(item)


def children(node: Node) -> Iterator[Node]:
    """Yield the nodes right under a node, but for types; a constant has none, whatever its value is."""
    if node.get("class") != "CONSTANT":
        for key, tree in node.items():
            if key != "cast_type":
                yield from nodes_in(tree)


def arguments(function: Node) -> list[Node]:
    """Return the arguments of a function call."""
    return list(nodes_in(function.get("children")))


def function_name(node: Node) -> str:
    """Return the name of a function call as DuckDB looks it up."""
    return str(node.get("function_name", "")).lower()


def constant(node: Node) -> str | float | None:
    """Return the value that a constant holds, None where the node is no constant, or a NULL."""
    if node.get("class") == "CAST":
        return constant(cast("Node", node["child"]))
    if node.get("class") != "CONSTANT":
        return None
    value = cast("Node", node["value"]).get("value")
    return value if isinstance(value, (str, int, float)) else None


class _Gate:
    def __init__(self, select: Node) -> None:
        names = Counter(cte_names(select))
        if any(count > 1 for count in names.values()):
            raise refused("two common table expressions have one name: name each differently")
        self._tables = VIEWS | names.keys()
        self._nodes = 0
        self._in_from: set[int] = set()
        self._lambdas: set[int] = set()

    def look(self, node: Node, depth: int) -> None:
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise QueryError("the statement is nested too deeply or too long: split it", status=413)
        kind = kind_of(node)
        if kind:
            self._check(kind, node)
        for child in children(node):
            self.look(child, depth + bool(kind))

    def _check(self, kind: str, node: Node) -> None:
        known = _EXPRESSIONS if "class" in node else QUERY_NODES | SOURCES | _MODIFIERS
        if kind not in known:
            raise refused(f"{kind.replace('_', ' ').lower()} is not allowed here")
        if kind == "BASE_TABLE":
            self._check_table(node)
        elif kind == "SHOW_REF":
            _check_show(node)
        elif kind == "TABLE_FUNCTION":
            self._check_table_function(cast("Node", node["function"]))
        elif kind == "FUNCTION" and id(node) not in self._in_from:
            self._lambdas |= {id(argument) for argument in arguments(node) if _is_lambda(argument)}
            _check_function(node)
        elif kind == "LAMBDA" and id(node) not in self._lambdas:
            # DuckDB's grammar has one arrow: outside the functions that take a lambda it asks JSON for a path.
            _check_path(cast("Node", node["expr"]))
        elif kind == "WINDOW" and function_name(node) not in WINDOW_FUNCTIONS:
            raise refused(f"{function_name(node)} is not allowed with OVER")
        elif kind == "CAST":
            _check_type(cast("Node", node["cast_type"]))

    def _check_table(self, node: Node) -> None:
        name = str(node.get("table_name"))
        place = [str(node[part]) for part in ("catalog_name", "schema_name") if node.get(part)]
        if place not in ([], ["main"]) or name.lower() not in self._tables or "at_clause" in node:
            full = ".".join([*place, name])
            raise refused(f"there is no view {full}: SHOW TABLES lists them, DESCRIBE spans its columns")

    def _check_table_function(self, function: Node) -> None:
        if function_name(function) not in TABLE_FUNCTIONS:
            raise refused(f"{function_name(function)} is not allowed in FROM: read from the views")
        self._in_from.add(id(function))


def cte_names(node: Node) -> Iterator[str]:
    """Yield the names of all common table expressions in a tree, in lower case."""
    pending = [node]
    while pending:
        here = pending.pop()
        pending.extend(children(here))
        definitions = here.get("cte_map")
        if isinstance(definitions, Mapping):
            yield from (str(definition["key"]).lower() for definition in nodes_in(definitions.get("map")))


def _check_show(node: Node) -> None:
    if "query" not in node and node.get("table_name") != '"tables"':
        raise refused("only SHOW TABLES, DESCRIBE and SUMMARIZE are allowed")


def _check_function(node: Node) -> None:
    name, given = function_name(node), arguments(node)
    if name not in FUNCTIONS and name not in TABLE_FUNCTIONS:
        raise refused(f"the function {name} is not allowed")
    if name in REPLACEMENT:
        _check_length(name, given, REPLACEMENT[name], _LONGEST_REPLACEMENT)
    elif name in PADDED_LENGTH:
        _check_number(name, given, PADDED_LENGTH[name], _LONGEST_PADDING)
    elif name in LISTING:
        _check_listing(name, given)
    elif name in FAST_PATTERNS or name in SLOW_PATTERNS:
        _check_pattern(name, given)
    elif name in JSON_PATHS and len(given) > 1:
        _check_path(given[1])
    _check_lambdas(name, given)


def _check_length(name: str, given: Sequence[Node], position: int, longest: int) -> None:
    if len(given) > position:
        text = constant(given[position])
        if not isinstance(text, str) or len(text) > longest:
            raise refused(f"the replacement of {name} must be a text of at most {longest} characters")


def _check_number(name: str, given: Sequence[Node], position: int, largest: int) -> None:
    if len(given) > position:
        number = constant(given[position])
        if not isinstance(number, (int, float)) or number > largest:
            raise refused(f"the length given to {name} must be a number of at most {largest}")


def _check_listing(name: str, given: Sequence[Node]) -> None:
    numbers = [constant(argument) for argument in given]
    bounds = [number for number in numbers if isinstance(number, (int, float))]
    if len(bounds) != len(given) or not given or max(map(abs, bounds)) > _LONGEST_LIST:
        raise refused(f"as a list, {name} takes numbers up to {_LONGEST_LIST}; in FROM it takes any")


def _check_pattern(name: str, given: Sequence[Node]) -> None:
    pattern = constant(given[1]) if len(given) > 1 else None
    if not isinstance(pattern, str):
        raise refused("the pattern of LIKE, ILIKE and GLOB must be a text: use contains() or regexp_matches()")
    slow = name in SLOW_PATTERNS or "_" in pattern
    if slow and pattern.count("%") + pattern.count("*") > _SLOW_WILDCARDS:
        raise refused(
            f"ILIKE, GLOB and LIKE with _ may have {_SLOW_WILDCARDS} wildcards: use regexp_matches(text, pattern, 'i')"
        )


def _check_path(path: Node) -> None:
    text = constant(path)
    if path.get("class") == "COLUMN_REF" or (isinstance(text, str) and (".." in text or "**" in text)):
        raise refused("a JSON path must be a text without '..' and '**': name the keys")


def _is_lambda(node: Node) -> bool:
    return node.get("class") == "LAMBDA"


def _check_lambdas(name: str, given: Sequence[Node]) -> None:
    for argument in given:
        if not _is_lambda(argument):
            continue
        if name not in LAMBDA_FUNCTIONS:
            raise refused(f"{name} does not take a lambda")
        parameters = {str(names[0]) for names in _columns_in(cast("Node", argument["lhs"]))}
        inside = cast("Node", argument["expr"])
        if any(str(names[0]) not in parameters for names in _columns_in(inside)) or _holds_list_work(inside):
            raise refused("a lambda may use its own parameters only, and neither lambdas nor lists of its own")


def _columns_in(node: Node) -> Iterator[Sequence[Tree]]:
    if node.get("class") == "COLUMN_REF":
        yield cast("Sequence[Tree]", node["column_names"])
    for child in children(node):
        yield from _columns_in(child)


def _holds_list_work(node: Node) -> bool:
    if node.get("class") in {"LAMBDA", "SUBQUERY"} or function_name(node) in LISTING:
        return True
    return any(_holds_list_work(child) for child in children(node))


def _check_type(kind: Node) -> None:
    """Refuse types of a fixed size, which take their room even for NULL, and those that Arrow cannot carry."""
    name = str(kind.get("id"))
    details = kind.get("type_info")
    if name == "UNBOUND" and isinstance(details, Mapping):
        name, details = str(details.get("name")).upper(), None
    if name not in _CASTABLE:
        raise refused(f"a cast to {name.lower()} is not allowed")
    for detail in nodes_in(details):
        for part in _types_in(detail):
            _check_type(part)


def _types_in(detail: Node) -> Iterator[Node]:
    if "child_type" in detail:
        yield cast("Node", detail["child_type"])
    for pair in nodes_in(detail.get("child_types")):
        yield cast("Node", pair["second"])
