"""`clawtrace sessions`: what ran, newest first, and what it cost."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from clawtrace_otel.cli.options import DatabaseOption, EndpointOption, RowsFormat

_FOR_PEOPLE: Final = """session_id, coalesce(agent_name, service_name) AS agent,
strftime(started_at, '%Y-%m-%d %H:%M') AS started,
llm_call_count AS calls, tool_call_count AS tools, error_count AS errors, input_tokens, output_tokens, cost_usd,
unpriced_call_count AS unpriced"""
"""The columns for a terminal; scripts ask for another format and get them all."""
_DISPENSABLE: Final = ("output_tokens", "input_tokens", "errors", "tools", "agent", "unpriced", "calls")


def sessions(
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Maximum number of rows.")] = 20,
    form: Annotated[RowsFormat, typer.Option("--format", help="Output format.")] = RowsFormat.TABLE,
    db: DatabaseOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """List the stored sessions with their cost, newest first."""
    from clawtrace_otel.cli.output import write_rows
    from clawtrace_otel.cli.reader import open_reader

    columns = "*" if form is not RowsFormat.TABLE else _FOR_PEOPLE
    with open_reader(db, endpoint) as reader:
        result = reader.query(f"SELECT {columns} FROM sessions ORDER BY started_at DESC, session_id LIMIT {limit}")  # noqa: S608 - our own text and an int
    write_rows(result, form, dispensable=_DISPENSABLE)
