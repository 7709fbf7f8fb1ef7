"""`clawtrace evaluate`: two conditions of the same tasks, compared with intervals."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from clawtrace_otel.cli.options import DatabaseOption, EndpointOption

if TYPE_CHECKING:
    from clawtrace_otel.cli.reader import SessionReader
    from costcraft.evaluate import Evaluation, Run
    from costcraft.statistics import Interval

_PAGE: Final = 1000


class EvaluationFormat(StrEnum):
    """How an evaluation is written."""

    TABLE = "table"
    JSON = "json"


def evaluate(
    baseline: Annotated[str, typer.Option("--baseline", metavar="LABEL", help="The condition of the sessions before.")],
    candidate: Annotated[
        str, typer.Option("--candidate", metavar="LABEL", help="The condition of the sessions after.")
    ],
    quality_margin: Annotated[
        float, typer.Option(min=0, max=1, help="How far the pass rate may fall, as a fraction.")
    ] = 0.05,
    cost_margin: Annotated[float, typer.Option(min=0, max=1, help="How far the cost must fall, as a fraction.")] = 0.0,
    form: Annotated[EvaluationFormat, typer.Option("--format", help="Output format.")] = EvaluationFormat.TABLE,
    plot: Annotated[Path | None, typer.Option("--plot", metavar="FILE.svg", help="Also draw the cost ratios.")] = None,
    db: DatabaseOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """Compare two conditions of the same tasks: outcomes, cost ratio with interval, and a verdict."""
    from clawtrace_otel.cli.reader import open_reader
    from costcraft.evaluate import Margins
    from costcraft.evaluate import evaluate as compare
    from costcraft.plot import cost_ratio_svg

    with open_reader(db, endpoint) as reader:
        runs = _runs(reader, baseline, candidate)
    evaluation = compare(runs, baseline, candidate, Margins(quality_margin, cost_margin))
    if plot is not None:
        plot.write_text(cost_ratio_svg(evaluation), encoding="utf-8")
    if form is EvaluationFormat.JSON:
        typer.echo(json.dumps(_document(evaluation), indent=2))
    else:
        _print(evaluation)


def _runs(reader: SessionReader, baseline: str, candidate: str) -> list[Run]:
    from clawtrace_otel.cli.errors import CliError
    from clawtrace_otel.cli.output import rows_of
    from clawtrace_otel.cli.questions import literal
    from costcraft.evaluate import Run

    found: list[Run] = []
    last = ""
    while True:
        query = f"""SELECT session_id, task_id, condition, outcome_passed, outcome_score, cost_usd,
            epoch_ns(started_at) FROM sessions WHERE condition IN ({literal(baseline)}, {literal(candidate)})
            AND task_id IS NOT NULL AND session_id > {literal(last)} ORDER BY session_id LIMIT {_PAGE}"""  # noqa: S608 - quoted
        rows = rows_of(reader.query(query).table)
        for session_id, task_id, condition, passed, score, cost, started_at in rows:
            found.append(
                Run(
                    session_id=str(session_id),
                    task_id=str(task_id),
                    condition=str(condition),
                    passed=passed,  # type: ignore[arg-type] # the view's types: BOOLEAN, DOUBLE, DECIMAL, BIGINT
                    score=score,  # type: ignore[arg-type]
                    cost_usd=cost,  # type: ignore[arg-type]
                    started_at=started_at,  # type: ignore[arg-type]
                )
            )
        if len(rows) < _PAGE:
            break
        last = found[-1].session_id
    for label in (baseline, candidate):
        if not any(run.condition == label for run in found):
            raise CliError(f"no session has the condition {label!r} and a task: 'clawtrace outcome' attaches both")
    return found


def _document(evaluation: Evaluation) -> dict[str, object]:
    """Return the evaluation as JSON: intervals as [estimate, low, high], unknown figures as null."""
    figures = {
        name: [interval.estimate, interval.low, interval.high] if interval else None
        for name, interval in _figures(evaluation).items()
    }
    return {
        "baseline": evaluation.baseline,
        "candidate": evaluation.candidate,
        "verdict": evaluation.verdict,
        "reasons": list(evaluation.reasons),
        "pairs": len(evaluation.pairs),
        "unpaired_tasks": list(evaluation.unpaired_tasks),
        "regimes": dict(evaluation.regimes),
        "mcnemar_p": evaluation.mcnemar_p,
        **figures,
        "sessions": [
            {
                "task_id": pair.task_id,
                "baseline": pair.baseline.session_id,
                "candidate": pair.candidate.session_id,
                "regime": pair.regime,
                "cost_ratio": pair.cost_ratio,
            }
            for pair in evaluation.pairs
        ],
    }


def _figures(evaluation: Evaluation) -> dict[str, Interval | None]:
    return {
        "quality_difference": evaluation.quality_difference,
        "median_cost_ratio": evaluation.median_cost_ratio,
        "total_cost_ratio": evaluation.total_cost_ratio,
        "noise_floor": evaluation.noise_floor,
    }


def _print(evaluation: Evaluation) -> None:
    from clawtrace_otel.cli.output import UNKNOWN, as_table, console

    rows: list[tuple[str, str]] = [("pairs", str(len(evaluation.pairs)))]
    rows += [(str(regime), str(count)) for regime, count in evaluation.regimes.items()]
    rows += [
        (name.replace("_", " "), f"{interval:.3f}" if interval else UNKNOWN)
        for name, interval in _figures(evaluation).items()
    ]
    rows.append(("McNemar p", UNKNOWN if evaluation.mcnemar_p is None else f"{evaluation.mcnemar_p:.4f}"))
    if evaluation.unpaired_tasks:
        rows.append(("tasks in one condition only", str(len(evaluation.unpaired_tasks))))
    console().print(as_table(("figure", "value (95 % interval)"), rows))
    console().print(f"{evaluation.candidate} against {evaluation.baseline}: {evaluation.verdict}")
    for reason in evaluation.reasons:
        console().print(f"  {reason}")
