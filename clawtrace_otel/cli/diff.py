"""`clawtrace diff`: two sessions, or two conditions, and where the cost moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from clawtrace_otel.cli.options import DatabaseOption, EndpointOption, RowsFormat

if TYPE_CHECKING:
    from clawtrace_otel.cli.reader import SessionReader


def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="A session, or a condition.")],
    after: Annotated[str, typer.Argument(metavar="B", help="The session or condition to compare with A.")],
    form: Annotated[RowsFormat, typer.Option("--format", help="Output format.")] = RowsFormat.TABLE,
    db: DatabaseOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """Compare step costs between two sessions, or two conditions (per session)."""
    from clawtrace_otel.cli.output import write_rows
    from clawtrace_otel.cli.reader import open_reader

    with open_reader(db, endpoint) as reader:
        query = question(_sessions(reader, before), _sessions(reader, after))
        write_rows(reader.query(query), form)


def question(before: str, after: str) -> str:
    """Return the comparison of two sets of sessions, each given as SQL; figures are per session of the set.

    What only stands around the work and cost nothing by itself is left out.
    """

    def side(sessions: str, suffix: str) -> str:
        return f"""SELECT kind, name, count(*)::DOUBLE / any_value(size) AS count_{suffix},
  (sum(coalesce(attributed_usd, cost_usd)) / any_value(size))::DECIMAL(24, 12) AS usd_{suffix}
FROM steps, (SELECT count(*) AS size FROM ({sessions})) AS counted
WHERE session_id IN ({sessions}) AND counted_by IS NULL GROUP BY kind, name"""  # noqa: S608 - made of quoted text

    return f"""WITH a AS ({side(before, "a")}), b AS ({side(after, "b")})
SELECT coalesce(a.kind, b.kind) AS kind, coalesce(a.name, b.name) AS name, count_a, count_b, usd_a, usd_b,
  coalesce(usd_b, 0) - coalesce(usd_a, 0) AS usd_moved
FROM a FULL JOIN b ON a.kind = b.kind AND a.name = b.name
WHERE coalesce(a.kind, b.kind) NOT IN ('workflow', 'other', 'agent')
  OR coalesce(usd_a, 0) <> 0 OR coalesce(usd_b, 0) <> 0
ORDER BY abs(usd_moved) DESC, kind, name"""  # noqa: S608 - made of quoted text


def _sessions(reader: SessionReader, named: str) -> str:
    """Return the sessions of a condition where one has that label, else the one session that is named, as SQL."""
    from clawtrace_otel.cli.questions import literal, resolve_session

    of_condition = f"SELECT session_id FROM sessions WHERE condition = {literal(named)}"  # noqa: S608 - quoted
    if reader.query(f"{of_condition} LIMIT 1").table.num_rows:
        return of_condition
    session_id = resolve_session(reader, named, or_what=" or condition")
    return f"SELECT session_id FROM sessions WHERE session_id = {literal(session_id)}"  # noqa: S608 - quoted
