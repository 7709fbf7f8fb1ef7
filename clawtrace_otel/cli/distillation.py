"""Where the results of `clawtrace distill` go: files beside each other, rows in the store, and a few lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.output import counted
from clawtrace_otel.cli.questions import literal
from collector.errors import CollectorError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clawtrace_otel.cli.reader import SessionReader
    from costcraft.distill import Distillation
    from costcraft.merge import Remembered
    from costcraft.skill import Skill
    from costcraft.standing import Standing

REMEMBERED: Final = "rejected.json"
REPORT: Final = "report.md"
SKILL: Final = "SKILL.md"
_TOLD: Final = 20
"""Rules that are printed; the report has all."""


def remembered(out: Path) -> Mapping[str, Remembered]:
    """Return the rules that an earlier run into the same directory refused. Raises `CliError` for a damaged list."""
    from costcraft.merge import Remembered

    path = out / REMEMBERED
    if not path.exists():
        return {}
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
        return {str(rule): Remembered(str(said["evidence"]), str(said["reason"])) for rule, said in listed.items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CliError(f"{path} is not what 'distill' wrote ({error}): remove it to reconsider every rule") from error


def standing_rules(reader: SessionReader, base: Skill) -> Mapping[str, Standing]:
    """Return what the store knows of the rules that a base skill has from earlier runs, by id."""
    from costcraft.patch import Action, Polarity
    from costcraft.standing import Standing

    if not base.rules:
        return {}
    ids = ", ".join(literal(rule.rule_id) for rule in base.rules)
    query = f"""SELECT patch_id, action, target, polarity, scope, session_ids FROM patches
        WHERE patch_id IN ({ids}) AND skill_name = {literal(base.name)} AND accepted ORDER BY recorded_at"""  # noqa: S608 - quoted
    found: dict[str, Standing] = {}
    for row in reader.query(query).table.to_pylist():
        before = found[row["patch_id"]].sessions if row["patch_id"] in found else frozenset()
        found[row["patch_id"]] = Standing(
            action=Action(row["action"]),
            target=row["target"],
            polarity=Polarity(row["polarity"]),
            scope=row["scope"],
            sessions=before | frozenset(row["session_ids"]),
        )
    return found


def publish(result: Distillation, out: Path, reader: SessionReader | None) -> None:
    """Write the files, each whole or not at all, and store patches and skill; doing it again changes nothing.

    Without a reader nothing is stored: the sessions came from an export.
    """
    from costcraft.records import skill_reports
    from costcraft.report import PAGES, markdown, pages
    from costcraft.skill import render

    report = markdown(result)
    for name, text in pages(result, report).items():
        _write(out / PAGES / name, text)
    patches = sorted((patch.model_dump(mode="json") for patch in result.patches), key=json.dumps)
    _write(out / "patches.json", json.dumps(patches, indent=1))
    refused = {r.rule.rule_id: {"evidence": r.rule.evidence_hash, "reason": r.reason} for r in result.rejected}
    _write(out / REMEMBERED, json.dumps(refused, indent=1, sort_keys=True))
    _write(out / REPORT, report)
    if result.problems:
        (out / SKILL).unlink(missing_ok=True)
    else:
        _write(out / SKILL, render(result.skill))
    try:
        for each in skill_reports(result):
            if reader is not None:
                reader.record_skill(each)
    except (CliError, CollectorError) as error:
        raise CliError(f"the results are in {out}, but could not be stored: {error}") from error


def tell(result: Distillation, out: Path) -> None:
    """Print what was admitted and where it stands. Raises `CliError` where the skill is not fit to ship."""
    for rule in result.admitted[:_TOLD]:
        typer.echo(f"{rule.action:8} {rule.leader.rule}")
    typer.echo(f"{counted(len(result.admitted), 'rule')} admitted, {len(result.rejected)} refused: {out / REPORT}")
    if result.problems:
        raise CliError(f"the skill is invalid and was not written: {'; '.join(result.problems)}")
    typer.echo(str(out / SKILL))


def _write(path: Path, text: str) -> None:
    """Write in one move, so that a run that is killed leaves no half of a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
