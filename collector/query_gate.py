"""What outsiders' SQL may say: one SELECT over the views, judged on DuckDB's own syntax tree, never on the text.

With external access off and the configuration locked a SELECT can still do harm: some table functions change the
instance (`enable_logging`), some scalar functions write or make gigabytes from one row. So table functions are
allowed by name, tables only in the schema of the views, and a few functions are refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from collector.errors import QueryError
from collector.store.engine import Cursor, DuckDBError, StatementType

TABLE_FUNCTIONS: Final = frozenset({"generate_series", "json_each", "json_tree", "range", "unnest"})
REFUSED_FUNCTIONS: Final = frozenset(
    {"array_resize", "format", "getenv", "list_resize", "lpad", "printf", "repeat", "rpad", "sleep_ms", "write_log"}
)
"""They act on the process, or make any amount of data from one row."""
_SCHEMAS: Final = frozenset({"", "information_schema", "main"})


def check(cursor: Cursor, query: str) -> None:
    """Raise QueryError(400) unless the text is one SELECT-like statement that reads views only."""
    try:
        statements = cursor.extract_statements(query)
        if len(statements) != 1 or statements[0].type != StatementType.SELECT:
            raise QueryError("exactly one SELECT statement can be asked", status=400)
        ((tree,),) = cursor.execute("SELECT json_serialize_sql(?)", [query]).fetchall()
    except DuckDBError as error:
        raise QueryError(str(error).partition("\n\n")[0], status=400) from error
    document = json.loads(tree)
    if document.get("error") is not False:
        raise QueryError("exactly one SELECT statement can be asked", status=400)
    for node in _nodes(document):
        _check_node(node)


def _check_node(node: dict[str, object]) -> None:
    kind = node.get("type")
    if kind == "BASE_TABLE" and not _in_reach(node):
        raise QueryError(
            f"{node.get('schema_name')}.{node.get('table_name')} cannot be read: ask the views", status=400
        )
    if kind == "TABLE_FUNCTION":
        _check_table_function(node.get("function"))
    if str(node.get("function_name", "")).lower() in REFUSED_FUNCTIONS:
        raise QueryError(f"the function {node['function_name']} cannot be used here", status=400)


def _in_reach(table: dict[str, object]) -> bool:
    return not table.get("catalog_name") and str(table.get("schema_name", "")).lower() in _SCHEMAS


def _check_table_function(function: object) -> None:
    name = str(function.get("function_name", "")).lower() if isinstance(function, dict) else ""
    if name not in TABLE_FUNCTIONS:
        raise QueryError(f"the table function {name} cannot be used: ask the views", status=400)


def _nodes(document: object) -> Iterator[dict[str, object]]:
    """Yield every object of a JSON document; without recursion, since a query may nest as deep as it likes."""
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
