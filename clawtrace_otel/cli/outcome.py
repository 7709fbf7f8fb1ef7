"""`clawtrace outcome`: attach an oracle's verdict to a session."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.options import DatabaseOption, EndpointOption, SessionArgument

if TYPE_CHECKING:
    from pydantic import ValidationError

    from collector.api import OutcomeReport


def outcome(
    session: SessionArgument,
    score: Annotated[
        float | None, typer.Option("--score", help="How good the result was, for example from 0 to 1.")
    ] = None,
    passed: Annotated[bool | None, typer.Option("--passed/--failed", help="Whether the session did its task.")] = None,
    checks: Annotated[
        Path | None,
        typer.Option(
            "--checks", metavar="FILE", exists=True, dir_okay=False, help="JSON list of {name, passed, expected, got}."
        ),
    ] = None,
    task: Annotated[str | None, typer.Option("--task", metavar="ID", help="The task the session worked on.")] = None,
    condition: Annotated[
        str | None,
        typer.Option("--condition", metavar="LABEL", help="The variant under test, for 'evaluate' and 'diff'."),
    ] = None,
    source: Annotated[str, typer.Option("--source", help="Who judged.")] = "oracle",
    db: DatabaseOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """Attach an oracle's verdict to a session and recompile its card."""
    from clawtrace_otel.cli.questions import resolve_session
    from clawtrace_otel.cli.reader import open_reader

    report = _report(
        {
            "score": score,
            "passed": passed,
            "checks": _checks(checks),
            "task_id": task,
            "condition": condition,
            "source": source,
        }
    )
    with open_reader(db, endpoint, write=True) as reader:
        reader.record_outcome(resolve_session(reader, session), report)


def _checks(path: Path | None) -> object:
    if path is None:
        return ()
    try:
        checks: object = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CliError(f"{path} is not JSON: {error}") from error
    if not isinstance(checks, list):
        raise CliError(f"{path} must hold a JSON list of {{name, passed, expected, got}}")
    return checks


def _report(fields: dict[str, object]) -> OutcomeReport:
    from pydantic import ValidationError

    from collector.api import OutcomeReport

    try:
        return OutcomeReport.model_validate(fields)
    except ValidationError as error:
        raise typer.BadParameter(_first_problem(error)) from None


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    said = problem["msg"].removeprefix("Value error, ")
    return f"{where}: {said}" if where else said
