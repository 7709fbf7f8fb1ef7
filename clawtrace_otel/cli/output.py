"""How rows and cards reach a terminal, a pipe or a script."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
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
_LONGEST_ID, _LONGEST_PHRASE = 40, 20
_CENTS: Final = 2
"""Digits after the point that an amount always has."""


def console(*, stderr: bool = False) -> Console:
    """Return a console that fits the terminal, and that neither wraps nor colours in a pipe."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _WIDE
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False, soft_wrap=width is not None)


def write_rows(result: QueryResult, form: RowsFormat, *, dispensable: Sequence[str] = ()) -> None:
    """Write a query's rows to stdout. Rows that a cap left out are announced on stderr, so that a pipe stays clean.

    A terminal that is too narrow for all columns does without the `dispensable` ones, the first first.
    """
    if form is RowsFormat.ARROW:
        _write_arrow(result.table)
    elif form is RowsFormat.CSV:
        sys.stdout.write(as_csv(result.table))
    elif form is RowsFormat.JSON:
        sys.stdout.write(as_json(result) + "\n")
    else:
        _print_rows(result.table.column_names, rows_of(result.table), dispensable)
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
    texts = list(_texts(rows))
    for position, name in enumerate(names):
        numeric = any(isinstance(row[position], int | float | Decimal) for row in rows)
        whole = numeric or all(_is_whole(row[position]) for row in texts)
        table.add_column(
            Text(shown(name)),
            justify="right" if numeric else "left",
            overflow="fold",
            no_wrap=whole,
            min_width=max(min(_SHORTEST_COLUMN, len(name)), *(len(row[position]) for row in texts if whole), 0),
        )
    for row in texts:
        table.add_row(*map(Text, row))
    return table


def _is_whole(text: str) -> bool:
    """Whether a value, such as an id or a time, is to be read on one line."""
    return len(text) <= (_LONGEST_PHRASE if " " in text else _LONGEST_ID)


def _texts(rows: Sequence[Sequence[object]]) -> Iterator[tuple[str, ...]]:
    return zip(*map(_column, zip(*rows, strict=True)), strict=True)


def _column(values: Sequence[object]) -> list[str]:
    """Return a column's values as people read them, money without zeros that all of its amounts end in."""
    texts = [shown(value) for value in values]
    amounts = [value for value in values if isinstance(value, Decimal)]
    idle = min((_zeros_after_cents(amount) for amount in amounts), default=0)
    if not idle:
        return texts
    return [text[:-idle] if isinstance(value, Decimal) else text for text, value in zip(texts, values, strict=True)]


def _zeros_after_cents(amount: Decimal) -> int:
    fraction = format(amount, "f").partition(".")[2][_CENTS:]
    return len(fraction) - len(fraction.rstrip("0"))


def _print_rows(names: Sequence[str], rows: Sequence[Sequence[object]], dispensable: Sequence[str]) -> None:
    """Print a table, or where the terminal is too narrow for it without cutting words and numbers, row below row."""
    from rich.text import Text

    left_out: list[str] = []
    while dispensable and rows and not _fits(names, rows):
        left_out.append(dispensable[0])
        position, dispensable = list(names).index(dispensable[0]), dispensable[1:]
        names = [*names[:position], *names[position + 1 :]]
        rows = [[*row[:position], *row[position + 1 :]] for row in rows]
    screen = console()
    if not rows or _fits(names, rows):
        screen.print(as_table(names, rows))
        if left_out:
            screen.print(f"for {', '.join(reversed(left_out))}: a wider terminal, or --format csv")
        return
    widest = max(map(len, names))
    for row in _texts(rows):
        screen.print()
        for name, text in zip(names, row, strict=True):
            screen.print(Text.assemble((shown(name).ljust(widest), "bold"), "  ", text), soft_wrap=True)


def _fits(names: Sequence[str], rows: Sequence[Sequence[object]]) -> bool:
    from rich.measure import Measurement

    screen = console()
    needed = Measurement.get(screen, screen.options.update(max_width=_WIDE), as_table(names, rows)).minimum
    return needed <= screen.width


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
