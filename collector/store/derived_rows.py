"""Rows of the derived tables by column name, turned into Arrow and back.

Values come as Python has them: times as integer nanoseconds since the Unix epoch, money as Decimal USD, JSON as text or
as the value itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

import msgspec
import pyarrow as pa

from collector.store.derived import JSON_MARK, OUTCOMES, TIME, Row

_LARGEST_TIME: Final = 2**63 - 2
"""The largest int64 stands for infinity in DuckDB."""
_encode: Final = msgspec.json.Encoder(decimal_format="string").encode


def arrow_rows(table: str, schema: pa.Schema, rows: Sequence[Row]) -> pa.Table:
    """Return rows as Arrow. Raises ValueError naming table and column for what the schema cannot hold."""
    unknown = set().union(*rows).difference(schema.names)
    if unknown:
        raise ValueError(f"table {table} has no column {', '.join(sorted(unknown))}")
    return pa.table([_column(table, field, rows) for field in schema], schema=schema)


def arrow_tables(rows: Mapping[str, Sequence[Row]], schemas: Mapping[str, pa.Schema]) -> dict[str, pa.Table]:
    """Return rows by table as Arrow. Raises ValueError as `arrow_rows` does, and for a table not in `schemas`."""
    unknown = sorted(rows.keys() - schemas.keys())
    if unknown:
        raise ValueError(f"no table {', '.join(unknown)}: there are {', '.join(schemas)}")
    return {name: arrow_rows(name, schemas[name], rows[name]) for name in rows}


def outcome_row(row: Row) -> pa.Table:
    """Return one outcome as Arrow. Raises ValueError where it does not say on which session and when."""
    table = arrow_rows("outcomes", OUTCOMES, [row])
    missing = [name for name in ("session_id", "recorded_at") if table.column(name).null_count]
    if missing:
        raise ValueError(f"an outcome needs {' and '.join(missing)}")
    return table


def latest_outcomes(rows: Iterable[Row]) -> dict[str, Row]:
    """Return each session's last outcome, given in the order they came, with the last task and condition said."""
    latest: dict[str, Row] = {}
    for row in rows:
        before = latest.get(str(row["session_id"]), row)
        said = {name: before[name] if row[name] is None else row[name] for name in ("task_id", "condition")}
        latest[str(row["session_id"])] = {**row, **said}
    return latest


def python_rows(table: pa.Table) -> list[dict[str, object]]:
    """Return Arrow rows as Python has them, times as integer nanoseconds again."""
    columns = {
        field.name: (column.cast(pa.int64()) if field.type == TIME else column).to_pylist()
        for field, column in zip(table.schema, table.columns, strict=True)
    }
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _column(table: str, field: pa.Field, rows: Sequence[Row]) -> pa.Array:
    values = [row.get(field.name) for row in rows]
    if field.metadata == JSON_MARK:
        values = [None if value is None else _json_text(value) for value in values]
    elif field.type == TIME:
        values = [value if isinstance(value, int) and 0 < value <= _LARGEST_TIME else None for value in values]
    try:
        return pa.array(values, field.type)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"a value of {table}.{field.name} is no {field.type}: {error}") from error


def _json_text(value: object) -> str:
    return value if isinstance(value, str) else _encode(_plain(value)).decode()


def _plain(value: object) -> object:
    """Return a value that JSON can hold; money stays exact as text."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
