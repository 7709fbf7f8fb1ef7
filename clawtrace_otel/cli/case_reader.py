"""CostCraft's cases, read from the stable views."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.output import rows_of
from clawtrace_otel.cli.questions import literal
from collector.errors import QueryError
from costcraft.progress import Progress, silent

if TYPE_CHECKING:
    from clawtrace_otel.cli.reader import SessionReader
    from costcraft.case import Case, CaseFinding, Cases, CaseStep
    from processors.model import Check

OWN_AGENT: Final = "costcraft"
"""How CostCraft's own runs are called in the store; they are no cases."""
_PAGE: Final = 200
"""Sessions per question; fewer where their rows do not fit under a collector's caps."""
_STEP_PAGE: Final = 2_000

_Row: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which sessions are read, and what of them."""

    since: str | None = None
    task_family: str | None = None
    condition: str | None = None
    costs: bool = True
    """Without, no query names a column of money, and nothing that money decides is read either."""
    results: bool = False
    """Read what tools returned; only a model looks at it."""


def read_cases(reader: SessionReader, wanted: Wanted | None = None, progress: Progress = silent) -> Cases:
    """Return the stored sessions that are wanted. Raises `CliError` where there is none."""
    from costcraft.case import Cases, task_family

    wanted = wanted or Wanted()
    family = wanted.task_family
    sessions = [row for row in _sessions(reader, wanted) if family is None or task_family(str(row[1] or "")) == family]
    if not sessions:
        raise CliError("no stored session matches: 'clawtrace sessions' lists them")
    found: list[Case] = []
    for start in range(0, len(sessions), _PAGE):
        found += _cases(reader, sessions[start : start + _PAGE], wanted)
        progress("sessions", len(found), len(sessions))
    return Cases.of(found)


def _since(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CliError(f"--since {text!r}: give an ISO time such as 2026-01-31 or 2026-01-31T12:00") from error
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return f"started_at >= TIMESTAMP {literal(moment.isoformat(sep=' '))}"


def _sessions(reader: SessionReader, wanted: Wanted) -> Iterator[_Row]:
    where = [f"agent_name IS DISTINCT FROM {literal(OWN_AGENT)}"]
    where += [_since(wanted.since)] if wanted.since else []
    where += [f"condition = {literal(wanted.condition)}"] if wanted.condition else []
    cost = "cost_usd" if wanted.costs else "NULL"
    last = ""
    while True:
        conditions = " AND ".join([f"session_id > {literal(last)}", *where])
        query = f"""SELECT session_id, task_id, condition, outcome_passed, outcome_score, {cost} FROM sessions
            WHERE {conditions} ORDER BY session_id LIMIT {_STEP_PAGE}"""  # noqa: S608 - quoted
        rows = rows_of(reader.query(query).table)
        yield from rows
        if not rows:
            return
        last = str(rows[-1][0])


def _cases(reader: SessionReader, sessions: Sequence[_Row], wanted: Wanted) -> list[Case]:
    from costcraft.case import Case

    ids = [str(row[0]) for row in sessions]
    steps, findings, checks = _steps(reader, ids, wanted), _findings(reader, ids, wanted), _checks(reader, ids)
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


def _steps(reader: SessionReader, ids: Sequence[str], wanted: Wanted) -> dict[str, list[CaseStep]]:
    from costcraft.ablation import PRICED_KINDS
    from costcraft.case import CaseStep

    cost = "attributed_usd" if wanted.costs else "NULL"
    result = "result" if wanted.results else "NULL"
    kinds = "" if wanted.costs else f"AND kind NOT IN ({', '.join(map(literal, sorted(PRICED_KINDS)))})"
    select = f"""SELECT session_id, step_id, span_id, kind, name, arguments, {result}, error_type, {cost} FROM steps
        WHERE counted_by IS NULL {kinds} AND session_id IN ({{ids}}) ORDER BY session_id, step_index"""  # noqa: S608 - quoted
    found: dict[str, list[CaseStep]] = {}
    for session_id, step_id, span_id, kind, name, arguments, returned, error_type, attributed in _whole(
        reader, select, ids
    ):
        step = CaseStep(
            step_id=str(step_id),
            span_id=span_id,  # type: ignore[arg-type] # the view's types: VARCHAR and DECIMAL
            kind=str(kind),
            name=str(name),
            arguments=arguments,  # type: ignore[arg-type]
            result=returned,  # type: ignore[arg-type]
            error_type=error_type,  # type: ignore[arg-type]
            attributed_usd=attributed,  # type: ignore[arg-type]
        )
        found.setdefault(str(session_id), []).append(step)
    return found


def _findings(reader: SessionReader, ids: Sequence[str], wanted: Wanted) -> dict[str, list[CaseFinding]]:
    from costcraft.ablation import JUDGED_BY_COST
    from costcraft.case import CaseFinding

    saving = "saving_usd" if wanted.costs else "NULL"
    select = f"""SELECT session_id, finding_id, detector, step_ids, {saving}, soft, note FROM findings
        WHERE session_id IN ({{ids}}) ORDER BY session_id, finding_id"""  # noqa: S608 - quoted
    found: dict[str, list[CaseFinding]] = {}
    for session_id, finding_id, detector, step_ids, saved, soft, note in _whole(reader, select, ids):
        if not wanted.costs and detector in JUDGED_BY_COST:
            continue
        finding = CaseFinding(
            finding_id=str(finding_id),
            detector=str(detector),
            step_ids=tuple(step_ids),  # type: ignore[arg-type] # the view's types: VARCHAR[] and DECIMAL
            saving_usd=saved,  # type: ignore[arg-type]
            soft=bool(soft),
            note=str(note or ""),
        )
        found.setdefault(str(session_id), []).append(finding)
    return found


def _checks(reader: SessionReader, ids: Sequence[str]) -> dict[str, tuple[Check, ...]]:
    """Return each session's checks: those of the last verdict that was recorded, else all that telemetry holds."""
    telemetry = "SELECT session_id, name, recorded_at FROM evaluations WHERE decides AND session_id IN ({ids})"
    outcomes = """SELECT session_id, name, recorded_at, checks FROM outcomes
        WHERE session_id IN ({ids}) ORDER BY recorded_at, name"""
    in_telemetry = set(_whole(reader, telemetry, ids))
    found: dict[str, tuple[Check, ...]] = {}
    for *said, checks in _whole(reader, outcomes, ids):
        before = found.get(str(said[0]), ()) if tuple(said) in in_telemetry else ()
        found[str(said[0])] = before + _parsed(checks)
    return found


def _parsed(checks: object) -> tuple[Check, ...]:
    from processors.model import Check

    listed = json.loads(checks) if isinstance(checks, str) else checks
    if not isinstance(listed, list):
        return ()
    return tuple(Check(str(c["name"]), bool(c["passed"]), c.get("expected"), c.get("got")) for c in listed)


def _whole(reader: SessionReader, select: str, ids: Sequence[str]) -> list[_Row]:
    """Return the rows of some sessions, asking for fewer at a time where a collector's caps demand it."""
    problem: Exception | None = None
    try:
        result = reader.query(select.format(ids=", ".join(map(literal, ids))))
    except (CliError, QueryError) as error:
        problem = error
    if problem is None and not result.truncated:
        return rows_of(result.table)
    if len(ids) == 1:
        too_long = f"session {ids[0]} is too long to read through the collector: stop it and use --db FILE"
        raise problem or CliError(too_long)
    half = len(ids) // 2
    return _whole(reader, select, ids[:half]) + _whole(reader, select, ids[half:])
