"""`clawtrace top`: what is most expensive over all sessions."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

import typer

from clawtrace_otel.cli.options import DatabaseOption, EndpointOption, RowsFormat


class Subject(StrEnum):
    """What is ranked."""

    TOOLS = "tools"
    MODELS = "models"
    AGENTS = "agents"
    FINDINGS = "findings"
    SESSIONS = "sessions"


QUESTIONS: Final = {
    Subject.TOOLS: """SELECT name AS tool, count(*) AS calls, count(error_type) AS failed,
  sum(attributed_usd) AS usd, sum(carried_usd) AS of_which_carried_usd
FROM steps WHERE kind = 'tool' AND counted_by IS NULL GROUP BY name ORDER BY usd DESC NULLS LAST, calls DESC, tool""",
    Subject.MODELS: """SELECT model, provider, count(*) AS calls, sum(input_tokens) AS input_tokens,
  sum(cache_read_input_tokens) AS of_which_cached, sum(output_tokens) AS output_tokens, sum(cost_usd) AS usd,
  count(*) FILTER (cost_usd IS NULL) AS unpriced
FROM steps WHERE kind IN ('llm', 'embedding') AND counted_by IS NULL
GROUP BY model, provider ORDER BY usd DESC NULLS LAST, calls DESC, model""",
    Subject.AGENTS: """SELECT coalesce(agent_name, service_name) AS agent, count(*) AS sessions,
  sum(llm_call_count) AS calls,
  sum(cost_usd) AS usd, avg(cost_usd)::DECIMAL(24, 12) AS usd_per_session, sum(wasted_usd) AS wasted_usd
FROM sessions GROUP BY ALL ORDER BY usd DESC NULLS LAST, sessions DESC, agent""",
    Subject.FINDINGS: """SELECT detector, count(*) AS findings, count(DISTINCT session_id) AS sessions,
  sum(wasted_usd) AS wasted_usd, sum(saving_usd) AS saving_usd
FROM findings GROUP BY detector ORDER BY wasted_usd DESC NULLS LAST, findings DESC, detector""",
    Subject.SESSIONS: """SELECT session_id, coalesce(agent_name, service_name) AS agent,
  strftime(started_at, '%Y-%m-%d %H:%M') AS started_at,
  llm_call_count AS calls,
  cost_usd AS usd, wasted_usd
FROM sessions ORDER BY usd DESC NULLS LAST, session_id""",
}
_DISPENSABLE: Final = {
    Subject.MODELS: ("provider", "output_tokens", "of_which_cached", "input_tokens"),
    Subject.AGENTS: ("calls", "usd_per_session"),
    Subject.SESSIONS: ("started_at", "agent", "calls"),
}


def top(
    subject: Annotated[Subject, typer.Argument(help="What to rank.")] = Subject.TOOLS,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Maximum number of rows.")] = 10,
    form: Annotated[RowsFormat, typer.Option("--format", help="Output format.")] = RowsFormat.TABLE,
    db: DatabaseOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """Rank tools, models, agents, findings or sessions by cost, over all sessions."""
    from clawtrace_otel.cli.output import write_rows
    from clawtrace_otel.cli.reader import open_reader

    with open_reader(db, endpoint) as reader:
        write_rows(reader.query(f"{QUESTIONS[subject]} LIMIT {limit}"), form, dispensable=_DISPENSABLE.get(subject, ()))
