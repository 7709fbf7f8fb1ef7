"""`clawtrace distill`: stored sessions and a SKILL.md to a better SKILL.md, its patches and a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from clawtrace_otel.cli.options import DatabaseOption, EndpointOption

if TYPE_CHECKING:
    from costcraft.distill import Distillation
    from costcraft.replay import Replayer

REMEMBERED: Final = "rejected.json"
VERDICTS: Final = "replays.json"


def distill(
    skill: Annotated[Path, typer.Option("--skill", metavar="SKILL.md", exists=True, dir_okay=False, help="The base.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", file_okay=False, help="Where the results go.")],
    since: Annotated[str | None, typer.Option(help="Only sessions started at or after this ISO time.")] = None,
    task_family: Annotated[str | None, typer.Option(help="Only sessions of this task family.")] = None,
    condition: Annotated[str | None, typer.Option(help="Only sessions with this condition label.")] = None,
    environment: Annotated[
        str | None, typer.Option(metavar="MODULE:NAME", help="A resettable environment to replay prunes in.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be read; write nothing.")] = False,
    db: DatabaseOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """Distil skill patches from stored sessions: preserve what helped, prune waste, repair failures."""
    from clawtrace_otel.cli.case_reader import read_cases
    from clawtrace_otel.cli.reader import open_reader
    from costcraft.analysts import RulesAnalyst
    from costcraft.distill import distill as run
    from costcraft.skill import parse

    base = parse(skill.read_text(encoding="utf-8"))
    with open_reader(db, endpoint) as reader:
        cases = read_cases(reader, since=since, task_family=task_family, condition=condition)
    judged = sum(case.passed is not None for case in cases.by_id.values())
    typer.echo(f"{len(cases.by_id)} sessions, {judged} with an outcome", err=True)
    if dry_run:
        typer.echo("the rules analyst asks no model: this run costs $0.00", err=True)
        return
    out.mkdir(parents=True, exist_ok=True)
    replayer = _replayer(environment, out / VERDICTS)
    result = run(base, cases, (RulesAnalyst(),), remembered=_remembered(out / REMEMBERED), replayer=replayer)
    _write(result, out)
    if replayer is not None:
        (out / VERDICTS).write_text(json.dumps(replayer.kept, indent=1, sort_keys=True), encoding="utf-8")
    _tell(result, out)


def _replayer(environment: str | None, verdicts: Path) -> Replayer | None:
    from costcraft.replay import Replayer, load_environment

    if environment is None:
        return None
    load_environment(environment)
    kept = json.loads(verdicts.read_text(encoding="utf-8")) if verdicts.exists() else {}
    return Replayer(environment, kept=kept)


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
