"""`clawtrace coverage`: what a session's source did not send, and what is unknown because of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from clawtrace_otel.cli.options import DatabaseOption, EndpointOption, RowsFormat, SessionArgument

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clawtrace_otel.cli.reader import SessionReader
    from collector.api import QueryResult
    from processors.coverage import Covered

_COUNTS: Final = {
    "model calls": "c",
    "model names": "c AND model IS NOT NULL",
    "token usage": "c AND input_tokens IS NOT NULL AND output_tokens IS NOT NULL",
    "cached tokens": "c AND cache_read_input_tokens IS NOT NULL",
    "reasoning tokens": "c AND reasoning_output_tokens IS NOT NULL",
    "prices": "c AND cost_usd IS NOT NULL",
    "tool calls": "t",
    "tool arguments": "t AND arguments IS NOT NULL",
}
"""Steps that have an aspect; `c` are answered model calls, `t` tool calls."""


def coverage(
    session: SessionArgument,
    form: Annotated[RowsFormat, typer.Option("--format", help="Output format.")] = RowsFormat.TABLE,
    db: DatabaseOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """Say what a session's source did not send, and which figures and findings are missing for it."""
    from clawtrace_otel.cli.output import write_rows
    from clawtrace_otel.cli.questions import resolve_session
    from clawtrace_otel.cli.reader import open_reader

    with open_reader(db, endpoint) as reader:
        write_rows(as_rows(coverage_of(reader, resolve_session(reader, session)), prose=form is RowsFormat.TABLE), form)


def as_rows(covered: Sequence[Covered], *, prose: bool = False) -> QueryResult:
    """Return a row per aspect; what is missing is a list, or for people's eyes `prose`."""
    import pyarrow as pa

    from collector.api import QueryResult

    missing = [each.missing for each in covered]
    columns = {
        "aspect": pa.array([each.aspect for each in covered], pa.string()),
        "sent": pa.array([each.sent for each in covered], pa.int64()),
        "of": pa.array([each.of for each in covered], pa.int64()),
        "unit": pa.array([each.unit for each in covered], pa.string()),
        "missing": pa.array(["; ".join(gaps) or None for gaps in missing], pa.string())
        if prose
        else pa.array(missing, pa.list_(pa.string())),
    }
    return QueryResult(pa.table(columns))


def coverage_of(reader: SessionReader, session_id: str) -> tuple[Covered, ...]:
    """Return how many of the steps that could carry an aspect do, and what is missing, in the words of the card."""
    from clawtrace_otel.cli.questions import literal
    from processors.coverage import coverage as judged

    where = f"WHERE session_id = {literal(session_id)}"
    (row,) = reader.query(f"SELECT gaps, unpriced_reasons FROM sessions {where}").table.to_pylist()  # noqa: S608 - quoted
    counts = _counts(reader, where)
    pairs = {aspect: (number, counts[_whole_of(aspect)]) for aspect, number in counts.items()}
    return judged(row["gaps"] or (), row["unpriced_reasons"] or (), pairs)


def _whole_of(aspect: str) -> str:
    """Return which steps could carry an aspect."""
    return "tool calls" if aspect.startswith("tool") else "model calls"


def _counts(reader: SessionReader, where: str) -> dict[str, int]:
    wanted = ", ".join(f"count(*) FILTER ({condition})" for condition in _COUNTS.values())
    steps = f"""SELECT *, kind = 'llm' AND coalesce(unpriced_reason, '') <> 'request_failed' AS c, kind = 'tool' AS t
FROM steps {where} AND counted_by IS NULL"""  # noqa: S608 - quoted
    (row,) = reader.query(f"SELECT {wanted} FROM ({steps})").table.to_pylist()  # noqa: S608 - made of our own words
    return dict(zip(_COUNTS, row.values(), strict=True))
