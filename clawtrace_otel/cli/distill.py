"""`clawtrace distill`: stored sessions and a SKILL.md to a better SKILL.md, its patches and a report."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from clawtrace_otel.cli.analysts import AnalystName
from clawtrace_otel.cli.options import DatabaseOption, EndpointOption

if TYPE_CHECKING:
    from costcraft.analysts import Analyst
    from costcraft.case import Cases
    from costcraft.distill import Distillation
    from costcraft.replay import Replayer

REMEMBERED: Final = "rejected.json"
ANSWERS: Final = "answers"
VERDICTS: Final = "replays"


def distill(
    skill: Annotated[Path, typer.Option("--skill", metavar="SKILL.md", exists=True, dir_okay=False, help="The base.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", file_okay=False, help="Where the results go.")],
    since: Annotated[str | None, typer.Option(help="Only sessions started at or after this ISO time.")] = None,
    task_family: Annotated[str | None, typer.Option(help="Only sessions of this task family.")] = None,
    condition: Annotated[str | None, typer.Option(help="Only sessions with this condition label.")] = None,
    environment: Annotated[
        str | None, typer.Option(metavar="MODULE:NAME", help="A resettable environment to replay prunes in.")
    ] = None,
    analyst: Annotated[list[AnalystName] | None, typer.Option(help="Who proposes; may be given twice.")] = None,
    model: Annotated[str | None, typer.Option(help="For llm: a pydantic-ai model, such as openai:gpt-5-mini.")] = None,
    budget_usd: Annotated[float | None, typer.Option(min=0, help="For llm: what the run may cost at most.")] = None,
    prices: Annotated[Path | None, typer.Option(metavar="FILE", exists=True, help="Your own prices.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be read; write nothing.")] = False,
    db: DatabaseOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """Distil skill patches from stored sessions: preserve what helped, prune waste, repair failures."""
    from clawtrace_otel.cli.analysts import build_analysts
    from clawtrace_otel.cli.case_reader import read_cases
    from clawtrace_otel.cli.locate import locate
    from clawtrace_otel.cli.reader import open_reader
    from costcraft.distill import distill as run
    from costcraft.skill import parse

    base = parse(skill.read_text(encoding="utf-8"))
    source = locate(db, endpoint, must_exist=True)
    with open_reader(db, endpoint) as reader:
        cases = read_cases(reader, since=since, task_family=task_family, condition=condition)
    judged = sum(case.passed is not None for case in cases.by_id.values())
    typer.echo(f"{len(cases.by_id)} sessions, {judged} with an outcome", err=True)
    names = analyst or [AnalystName.RULES]
    analysts = build_analysts(names, model=model, budget_usd=budget_usd, prices=prices, cache=out / ANSWERS)
    if dry_run:
        for each in analysts:
            typer.echo(_forecast(each, cases))
        return
    out.mkdir(parents=True, exist_ok=True)
    replayer = _replayer(environment, out / VERDICTS)
    result = _traced(
        lambda: run(base, cases, analysts, remembered=_remembered(out / REMEMBERED), replayer=replayer),
        source.endpoint if AnalystName.LLM in names else None,
    )
    _write(result, out)
    _tell(result, out)


def _forecast(analyst: Analyst, cases: Cases) -> str:
    """Say what an analyst would ask and cost at most."""
    from costcraft.analysts import RulesAnalyst

    if isinstance(analyst, RulesAnalyst):
        return "rules: asks no model, costs $0.00"
    from costcraft.analysts.llm import LlmAnalyst

    if not isinstance(analyst, LlmAnalyst):
        return f"{analyst.name}: unknown"
    questions = [question for _, question in analyst.questions(cases)]
    most = [analyst.models.estimate_usd(question) for question in questions]
    known = sum((usd for usd in most if usd is not None), Decimal(0))
    price = "at a price that is not known" if None in most else f"at most ${known:.4f}"
    return f"{analyst.name}: {len(questions)} questions to {analyst.models.model}, {price}"


def _traced(work: Callable[[], Distillation], endpoint: str | None) -> Distillation:
    """Run with the model calls traced into the collector that the sessions came from, where one runs."""
    if endpoint is None:
        return work()
    from clawtrace_otel import agent_session, configure

    os.environ.setdefault("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    os.environ.setdefault("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    os.environ.setdefault("OTEL_SERVICE_NAME", "costcraft")
    telemetry = configure()
    try:
        with agent_session("costcraft"):
            return work()
    finally:
        telemetry.shutdown()


def _replayer(environment: str | None, verdicts: Path) -> Replayer | None:
    from costcraft.replay import Replayer, load_environment

    if environment is None:
        return None
    load_environment(environment)
    return Replayer(environment, cache=verdicts)


def _remembered(path: Path) -> dict[str, str]:
    """Return the rules that an earlier run into the same directory refused, with their evidence then."""
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _write(result: Distillation, out: Path) -> None:
    from costcraft.report import markdown
    from costcraft.skill import render

    patches = [patch.model_dump(mode="json") for patch in result.patches]
    refused = {rejection.rule.rule_id: rejection.rule.evidence_hash for rejection in result.rejected}
    (out / "patches.json").write_text(json.dumps(patches, indent=1), encoding="utf-8")
    (out / REMEMBERED).write_text(json.dumps(refused, indent=1, sort_keys=True), encoding="utf-8")
    (out / "report.md").write_text(markdown(result), encoding="utf-8")
    if not result.problems:
        (out / "SKILL.md").write_text(render(result.skill), encoding="utf-8")


def _tell(result: Distillation, out: Path) -> None:
    from clawtrace_otel.cli.errors import CliError

    for rule in result.admitted:
        typer.echo(f"{rule.action:8} {rule.leader.rule}")
    typer.echo(f"{len(result.admitted)} rules admitted, {len(result.rejected)} refused: {out / 'report.md'}")
    if result.problems:
        raise CliError(f"the skill is not fit to ship and was not written: {'; '.join(result.problems)}")
    typer.echo(str(out / "SKILL.md"))
