"""A query's rows as Python values, JSON and CSV, without losing what Arrow or SQL hold exactly.

DECIMAL stays exact (a string in JSON), integers of any width are numbers, times are ISO 8601 text to the last digit
(without a zone they are UTC), bytes are base64 text, lists are arrays, structs and maps objects, NULL is null or empty.
"""

from __future__ import annotations

import csv
import io
from base64 import b64encode
from collections.abc import Callable
from decimal import Decimal
from itertools import islice, pairwise
from typing import Final, TypeAlias

import msgspec
import pyarrow as pa

from collector.api import QueryResult

DUCKDB_TYPE: Final = b"duckdb_type"
"""Where a result's fields keep the SQL type, which Arrow alone does not always tell (HUGEINT, JSON)."""
_WHOLE_NUMBER: Final = "HUGEINT"
_encode: Final = msgspec.json.encode
_Money: TypeAlias = Callable[[Decimal], object]


def json_document(result: QueryResult) -> bytes:
    """Return rows as `{"columns": [{"name", "type"}], "rows": [[...]], "truncated"}`; types are SQL's."""
    return _encode(
        {
            "columns": [{"name": field.name, "type": sql_type(field)} for field in result.table.schema],
            "rows": _rows(result.table, _exact_text),
            "truncated": result.truncated,
        }
    )


def csv_document(table: pa.Table) -> str:
    """Return rows as RFC 4180 text with a header; NULL is empty, and what is nested is JSON."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.column_names)
    writer.writerows([_cell(value) for value in row] for row in _rows(table, _exact_text))
    return out.getvalue()


def plain_rows(table: pa.Table) -> list[tuple[object, ...]]:
    """Return rows as values of Python: None, bool, int, float, Decimal, str, list and dict."""
    return _rows(table, lambda value: value)


def _rows(table: pa.Table, decimal: _Money) -> list[tuple[object, ...]]:
    columns = [
        _values(column.combine_chunks(), decimal, sql_type(field))
        for field, column in zip(table.schema, table.columns, strict=True)
    ]
    return list(zip(*columns, strict=True))


def sql_type(field: pa.Field) -> str:
    """Return the SQL type of a result's column, or Arrow's name for it where the result came another way."""
    known = (field.metadata or {}).get(DUCKDB_TYPE)
    return known.decode() if known is not None else str(field.type)


def _exact_text(value: Decimal) -> str:
    return format(value, "f")


def _values(array: pa.Array, decimal: _Money, sql: str = "") -> list[object]:
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _values(array.dictionary_decode(), decimal, sql)
    if pa.types.is_timestamp(kind):
        return [None if text is None else _iso(text) for text in array.cast(pa.string()).to_pylist()]
    if pa.types.is_date(kind) or pa.types.is_time(kind):
        return list(array.cast(pa.string()).to_pylist())
    if pa.types.is_decimal(kind):
        number = int if sql == _WHOLE_NUMBER else decimal
        return [None if value is None else number(value) for value in array.to_pylist()]
    if pa.types.is_interval(kind):
        return [None if value is None else _duration(*value) for value in array.to_pylist()]
    if pa.types.is_binary(kind):
        return [None if value is None else b64encode(value).decode() for value in array.to_pylist()]
    if pa.types.is_nested(kind):
        return _nested(array, decimal)
    return list(array.to_pylist())


def _nested(array: pa.Array, decimal: _Money) -> list[object]:
    kind = array.type
    valid = array.is_valid().to_pylist()
    if pa.types.is_struct(kind):
        names = [field.name for field in kind]
        fields = [_values(array.field(position), decimal) for position in range(len(names))]
        rows = zip(*fields, strict=True) if fields else iter([()] * len(array))
        return [dict(zip(names, row, strict=True)) if here else None for row, here in zip(rows, valid, strict=True)]
    if pa.types.is_map(kind):
        entries = [offset.as_py() for offset in array.offsets]
        keys = iter(_values(array.keys[entries[0] : entries[-1]], decimal))
        items = iter(_values(array.items[entries[0] : entries[-1]], decimal))
        lengths = [after - before for before, after in pairwise(entries)]
        pairs = [list(zip(islice(keys, length), islice(items, length), strict=True)) for length in lengths]
        return [{str(key): item for key, item in row} if here else None for row, here in zip(pairs, valid, strict=True)]
    values = iter(_values(array.flatten(), decimal))
    lengths = [length or 0 for length in array.value_lengths().to_pylist()]
    return [list(islice(values, length)) if here else None for length, here in zip(lengths, valid, strict=True)]


def _iso(text: str) -> str:
    """Return a time as ISO 8601; Arrow's words for one that it cannot write are left alone."""
    return text if text.startswith("<") else text.replace(" ", "T")


def _duration(months: int, days: int, nanoseconds: int) -> str:
    """Return an ISO 8601 duration."""
    seconds = _exact_text(Decimal(nanoseconds) / 1_000_000_000)
    return f"P{months}M{days}DT{seconds}S"


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, dict)):
        return _encode(value).decode()
    return value
