"""CostCraft's cases, read from the stable views."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Final

from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.output import rows_of
from clawtrace_otel.cli.questions import literal

if TYPE_CHECKING:
    from clawtrace_otel.cli.reader import SessionReader
    from costcraft.case import Case, CaseFinding, Cases, CaseStep
    from processors.model import Check

_PAGE: Final = 200
"""Sessions per question: their steps must fit under a collector's cap on rows."""


def read_cases(
    reader: SessionReader, *, since: str | None = None, task_family: str | None = None, condition: str | None = None
) -> Cases:
    """Return the stored sessions that the options name. Raises `CliError` where there is none."""
    from costcraft.case import Cases

    where = [_since(since)] if since else []
    where += [f"condition = {literal(condition)}"] if condition else []
    found = [case for page in _pages(reader, where) for case in page if task_family in (None, case.family)]
    if not found:
        raise CliError("no stored session matches: 'clawtrace sessions' lists them")
    return Cases.of(found)


def _since(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CliError(f"--since {text!r}: give an ISO time such as 2026-01-31 or 2026-01-31T12:00") from error
    return f"started_at >= TIMESTAMP {literal(moment.replace(tzinfo=None).isoformat(sep=' '))}"


def _pages(reader: SessionReader, where: list[str]) -> Iterator[list[Case]]:
    last = ""
    while True:
        conditions = " AND ".join([f"session_id > {literal(last)}", *where])
        sessions = rows_of(
            reader.query(
                f"""SELECT session_id, task_id, condition, outcome_passed, outcome_score, cost_usd FROM sessions
                WHERE {conditions} ORDER BY session_id LIMIT {_PAGE}"""  # noqa: S608 - quoted
            ).table
        )
        if not sessions:
            return
        last = str(sessions[-1][0])
        yield _cases(reader, sessions)


def _cases(reader: SessionReader, sessions: list[tuple[object, ...]]) -> list[Case]:
    from costcraft.case import Case

    ids = ", ".join(literal(str(row[0])) for row in sessions)
    steps, findings, checks = _steps(reader, ids), _findings(reader, ids), _checks(reader, ids)
    return [
        Case(
            session_id=str(session_id),
            task_id=task_id,  # type: ignore[arg-type] # the view's types: VARCHAR, BOOLEAN, DOUBLE, DECIMAL
            condition=condition,  # type: ignore[arg-type]
            passed=passed,  # type: ignore[arg-type]
            score=score,  # type: ignore[arg-type]
            cost_usd=cost,  # type: ignore[arg-type]
            checks=checks.get(str(session_id), ()),
            steps=tuple(steps.get(str(session_id), ())),
            findings=tuple(findings.get(str(session_id), ())),
        )
        for session_id, task_id, condition, passed, score, cost in sessions
    ]


def _steps(reader: SessionReader, ids: str) -> dict[str, list[CaseStep]]:
    from costcraft.case import CaseStep

    found: dict[str, list[CaseStep]] = {}
    query = f"""SELECT session_id, step_id, span_id, kind, name, arguments, error_type, attributed_usd FROM steps
        WHERE session_id IN ({ids}) AND counted_by IS NULL ORDER BY session_id, step_index"""  # noqa: S608 - quoted
    for session_id, step_id, span_id, kind, name, arguments, error_type, attributed in _whole(reader, query):
        step = CaseStep(
            step_id=str(step_id),
            span_id=span_id,  # type: ignore[arg-type] # the view's types: VARCHAR and DECIMAL
            kind=str(kind),
            name=str(name),
            arguments=arguments,  # type: ignore[arg-type]
            error_type=error_type,  # type: ignore[arg-type]
            attributed_usd=attributed,  # type: ignore[arg-type]
        )
        found.setdefault(str(session_id), []).append(step)
    return found


def _findings(reader: SessionReader, ids: str) -> dict[str, list[CaseFinding]]:
    from costcraft.case import CaseFinding

    found: dict[str, list[CaseFinding]] = {}
    query = f"""SELECT session_id, finding_id, detector, step_ids, saving_usd, soft, note FROM findings
        WHERE session_id IN ({ids}) ORDER BY session_id, finding_id"""  # noqa: S608 - quoted
    for session_id, finding_id, detector, step_ids, saving, soft, note in _whole(reader, query):
        finding = CaseFinding(
            finding_id=str(finding_id),
            detector=str(detector),
            step_ids=tuple(step_ids),  # type: ignore[arg-type] # the view's types: VARCHAR[] and DECIMAL
            saving_usd=saving,  # type: ignore[arg-type]
            soft=bool(soft),
            note=str(note or ""),
        )
        found.setdefault(str(session_id), []).append(finding)
    return found


def _checks(reader: SessionReader, ids: str) -> dict[str, tuple[Check, ...]]:
    from processors.model import Check

    found: dict[str, tuple[Check, ...]] = {}
    query = f"SELECT session_id, checks FROM outcomes WHERE session_id IN ({ids}) ORDER BY recorded_at"  # noqa: S608 - quoted
    for session_id, checks in _whole(reader, query):
        listed = json.loads(checks) if isinstance(checks, str) else checks
        if isinstance(listed, list):
            found[str(session_id)] = tuple(
                Check(str(c["name"]), bool(c["passed"]), c.get("expected"), c.get("got")) for c in listed
            )
    return found


def _whole(reader: SessionReader, query: str) -> list[tuple[object, ...]]:
    result = reader.query(query)
    if result.truncated:
        raise CliError("these sessions are too long to read through the collector: stop it and use --db FILE")
    return rows_of(result.table)
