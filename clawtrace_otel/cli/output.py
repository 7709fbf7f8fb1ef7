"""How rows and cards reach a terminal, a pipe or a script."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from clawtrace_otel.cli.options import RowsFormat

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import Console
    from rich.table import Table

    from collector.api import QueryResult

UNKNOWN: Final = "-"
"""How a person sees NULL."""
_WIDE: Final = 100_000
"""Columns for a pipe: lines there are cut by the reader, not by us."""
_SHORTEST_COLUMN: Final = 8


def console(*, stderr: bool = False) -> Console:
    """Return a console that fits the terminal, and that neither wraps nor colours in a pipe."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _WIDE
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False, soft_wrap=width is not None)


def write_rows(result: QueryResult, form: RowsFormat) -> None:
    """Write a query's rows to stdout. Rows that a cap left out are announced on stderr, so that a pipe stays clean."""
    if form is RowsFormat.ARROW:
        _write_arrow(result.table)
    elif form is RowsFormat.CSV:
        sys.stdout.write(as_csv(result.table))
    elif form is RowsFormat.JSON:
        sys.stdout.write(as_json(result) + "\n")
    else:
        _print_rows(result.table.column_names, rows_of(result.table))
    if result.truncated:
        print(f"only the first {result.table.num_rows} rows: add a LIMIT or aggregate", file=sys.stderr)  # noqa: T201


def rows_of(table: pa.Table) -> list[tuple[object, ...]]:
    """Return the rows of an Arrow table as Python values; times as text to the nanosecond."""
    from collector.query_format import plain_rows

    return plain_rows(table)


def as_table(names: Sequence[str], rows: Sequence[Sequence[object]], *, title: str | None = None) -> Table:
    """Return rows as a table for people: numbers to the right, unknown as a dash, nothing that steers a terminal."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for position, name in enumerate(names):
        numeric = any(isinstance(row[position], int | float | Decimal) for row in rows)
        table.add_column(
            Text(shown(name)),
            justify="right" if numeric else "left",
            overflow="fold",
            no_wrap=numeric,
            min_width=min(_SHORTEST_COLUMN, len(name)),
        )
    for row in rows:
        table.add_row(*(Text(shown(value)) for value in row))
    return table


def _print_rows(names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table, or where the terminal is too narrow for it without cutting words and numbers, row below row."""
    from rich.measure import Measurement
    from rich.text import Text

    screen, table = console(), as_table(names, rows)
    needed = Measurement.get(screen, screen.options.update(max_width=_WIDE), table).minimum
    if needed <= screen.width or not rows:
        screen.print(table)
        return
    widest = max(map(len, names))
    for row in rows:
        screen.print()
        for name, value in zip(names, row, strict=True):
            screen.print(Text.assemble((shown(name).ljust(widest), "bold"), "  ", shown(value)), soft_wrap=True)


def as_csv(table: pa.Table) -> str:
    """Return rows as RFC 4180 text with a header; NULL is empty, a nested value is JSON."""
    from collector.query_format import csv_document

    return csv_document(table)


def as_json(result: QueryResult) -> str:
    """Return the document that `POST /api/sql` answers: columns with types, rows as arrays, `truncated`."""
    from collector.query_format import json_document

    return json_document(result).decode()


def shown(value: object) -> str:
    """Return a value as a person reads it, on one line and with control characters made visible."""
    if value is None:
        return UNKNOWN
    text = _cell(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def usd(amount: Decimal | None) -> str:
    """Return money as a person reads it: at least cents, at most six digits after the point, unknown as a dash."""
    if amount is None:
        return UNKNOWN
    if amount and abs(amount) < Decimal("0.0000005"):
        return f"${amount:.1e}"
    whole, _, fraction = f"{amount:,.6f}".partition(".")
    return f"${whole}.{fraction.rstrip('0'):0<2}"


def counted(number: int, noun: str) -> str:
    """Return '1 file' or '2 files'."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list | dict | tuple):
        return json.dumps(value, default=str, ensure_ascii=False)
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def _write_arrow(table: pa.Table) -> None:
    import pyarrow as pa

    with pa.ipc.new_stream(sys.stdout.buffer, table.schema) as writer:
        writer.write_table(table)
    sys.stdout.buffer.flush()
