"""`clawtrace distill`: stored sessions and a SKILL.md to a better SKILL.md, its patches and a report."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import quote

import typer

from clawtrace_otel.cli.analysts import AnalystName
from clawtrace_otel.cli.options import (
    DatabaseOption,
    DataOption,
    EndpointOption,
    EngineName,
    EngineOption,
    ExportOption,
    MasterOption,
    SparkConfOption,
    StoreOption,
)

if TYPE_CHECKING:
    from costcraft.analysts import Analyst
    from costcraft.case import Cases
    from costcraft.distill import Distillation
    from costcraft.replay import Replayer

ANSWERS: Final = "answers"
VERDICTS: Final = "replays"


def distill(
    skill: Annotated[
        Path, typer.Option("--skill", metavar="SKILL.md", exists=True, dir_okay=False, help="The skill to improve.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", file_okay=False, help="Where to write the results.")],
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only sessions started at or after this ISO 8601 time.")
    ] = None,
    task_family: Annotated[str | None, typer.Option(metavar="NAME", help="Only sessions of this task family.")] = None,
    condition: Annotated[str | None, typer.Option(metavar="LABEL", help="Only sessions with this condition.")] = None,
    environment: Annotated[
        str | None, typer.Option(metavar="MODULE:NAME", help="A resettable environment in which to replay prunes.")
    ] = None,
    analyst: Annotated[
        list[AnalystName] | None, typer.Option(help="Who proposes patches; can be repeated. Default: rules.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="For llm: a Pydantic AI model, such as openai:gpt-5-mini.")
    ] = None,
    budget_usd: Annotated[float | None, typer.Option(min=0, help="For llm: the most the run may cost, in USD.")] = None,
    answer_seconds: Annotated[float, typer.Option(min=0.1, help="For llm: timeout of one answer, in seconds.")] = 120.0,
    prices: Annotated[
        Path | None, typer.Option(metavar="FILE", exists=True, help="Your own prices (docs/prices.md).")
    ] = None,
    no_cost: Annotated[bool, typer.Option("--no-cost", help="Ablation: read no costs.")] = False,
    no_prune: Annotated[bool, typer.Option("--no-prune", help="Ablation: propose no prune rules.")] = False,
    no_counterfactual: Annotated[
        bool, typer.Option("--no-counterfactual", help="Ablation: admit prune rules on cost alone.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would run and what it would cost; write nothing.")
    ] = False,
    db: DatabaseOption = None,
    endpoint: EndpointOption = None,
    store: StoreOption = None,
    data: DataOption = None,
    engine: EngineOption = EngineName.LOCAL,
    master: MasterOption = None,
    conf: SparkConfOption = None,
    export: ExportOption = None,
) -> None:
    """Distil skill patches from stored sessions: preserve what helped, prune waste, repair failures."""
    from clawtrace_otel.cli.analysts import AnalystSettings, build_analysts
    from clawtrace_otel.cli.case_reader import Wanted, read_cases
    from clawtrace_otel.cli.case_source import CaseSource, cluster
    from clawtrace_otel.cli.distillation import publish, remembered, standing_rules, tell
    from clawtrace_otel.cli.lake import chosen_lake
    from clawtrace_otel.cli.output import counted
    from clawtrace_otel.cli.progress import shown_progress
    from costcraft.ablation import Ablation
    from costcraft.distill import distill as run
    from costcraft.skill import parse
    from costcraft.standing import Memory

    base = parse(skill.read_text(encoding="utf-8"))
    names = list(dict.fromkeys(analyst or [AnalystName.RULES]))
    ablation = Ablation(cost=not no_cost, prune=not no_prune, counterfactual=not no_counterfactual)
    wanted = Wanted(
        since=since,
        task_family=task_family,
        condition=condition,
        costs=ablation.cost,
        results=AnalystName.LLM in names,
    )
    lake = chosen_lake(store, data, elsewhere=any(said is not None for said in (db, endpoint, export)))
    source = CaseSource(db, endpoint, lake, export)
    source.check(engine)
    collector = source.collector()
    with (
        shown_progress() as progress,
        cluster(engine, master, conf) as spark,
        _replaying(environment, out / VERDICTS) as replayer,
    ):
        settings = AnalystSettings(
            model=model,
            budget_usd=budget_usd,
            answer_seconds=answer_seconds,
            prices=prices,
            cache=out / ANSWERS,
            ablation=ablation,
            progress=progress,
            spark=spark,
        )
        analysts = build_analysts(names, settings)
        with source.reading(spark) as reader:
            cases = read_cases(reader, wanted, progress)
            standing = standing_rules(reader, base)
        judged = sum(case.passed is not None for case in cases.by_id.values())
        typer.echo(f"{counted(len(cases.by_id), 'session')}, {judged} with an outcome", err=True)
        if dry_run:
            _forecast(analysts, cases, replayer)
            return
        result = traced(
            lambda: run(
                base,
                cases,
                analysts,
                memory=Memory(refused=remembered(out), standing=standing),
                replayer=replayer,
                ablation=ablation,
                progress=progress,
            ),
            collector if AnalystName.LLM in names else None,
        )
    with source.writing() as reader:
        publish(result, out, reader)
    tell(result, out)


def _forecast(analysts: list[Analyst], cases: Cases, replayer: Replayer | None) -> None:
    """Say what each analyst would ask and cost at most, and how many replays its prunes would take."""
    from costcraft.analysts import RulesAnalyst

    for analyst in analysts:
        if isinstance(analyst, RulesAnalyst):
            typer.echo("rules: asks no model, costs $0.00")
            if replayer is not None:
                typer.echo(
                    f"rules: {replayer.outstanding(analyst.propose(cases), cases)} replays in {replayer.environment}"
                )
        else:
            typer.echo(_forecast_of_model(analyst, cases))


def _forecast_of_model(analyst: Analyst, cases: Cases) -> str:
    from costcraft.analysts.llm import LlmAnalyst, Proposals

    if not isinstance(analyst, LlmAnalyst):
        return f"{analyst.name}: unknown"
    asked = [question for _, question in analyst.questions(cases)]
    unanswered = [question for question in asked if not analyst.models.answered(question, Proposals)]
    most = [analyst.models.estimate_usd(question) for question in unanswered]
    known = sum((usd for usd in most if usd is not None), Decimal(0))
    price = "at a price that is not known" if None in most else f"at most ${known:.4f}"
    kept = len(asked) - len(unanswered)
    answered = f" ({kept} more are answered already)" if kept else ""
    return f"{analyst.name}: {len(unanswered)} questions to {analyst.models.model}, {price}{answered}"


def traced(work: Callable[[], Distillation], endpoint: str | None) -> Distillation:
    """Run with the model calls traced into the collector that the sessions came from, where one runs."""
    if endpoint is None:
        return work()
    from clawtrace_otel import agent_session, configure
    from clawtrace_otel.cli.case_reader import OWN_AGENT
    from clawtrace_otel.cli.http import token_from_environment

    os.environ.setdefault("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    os.environ.setdefault("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    os.environ.setdefault("OTEL_SERVICE_NAME", OWN_AGENT)
    if token := token_from_environment():
        os.environ.setdefault("OTEL_EXPORTER_OTLP_HEADERS", f"authorization={quote(f'Bearer {token}', safe='')}")
    telemetry = configure()
    try:
        with agent_session(OWN_AGENT):
            return work()
    finally:
        telemetry.shutdown()


@contextmanager
def _replaying(environment: str | None, verdicts: Path) -> Iterator[Replayer | None]:
    """Yield what replays in the user's environment, which may lie in the present folder; None where there is none."""
    from costcraft.replay import Replayer, load_environment

    if environment is None:
        yield None
        return
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    load_environment(environment)
    with closing(Replayer(environment, cache=verdicts)) as replayer:
        yield replayer
