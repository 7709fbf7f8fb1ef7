"""`clawtrace demo`: recorded agent runs to TraceCards, and an agent's runs to a better skill. No network, no keys."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from clawtrace_otel.cli.errors import CliError

if TYPE_CHECKING:
    from clawtrace_otel.cli.reader import HttpReader

_STOP_SECONDS: Final = 30
_SQL: Final = """SELECT model, count(*) AS calls, sum(input_tokens) AS input_tokens,
  sum(cache_read_input_tokens) AS of_which_cached, sum(output_tokens) AS output_tokens, sum(cost_usd) AS cost_usd
FROM steps WHERE kind = 'llm' AND counted_by IS NULL GROUP BY model ORDER BY cost_usd DESC"""

_LEGEND: Final = """
Each line is a share of the bill. Text that a step put into later prompts is paid for again there: `carried` is that
part, charged to the step it came from; so a model call can show less than it was billed. `self` is without children."""


def demo() -> None:
    """Play recorded agent runs into a throwaway collector, show what they cost, and make a skill better and cheaper."""
    from clawtrace_otel.cli.demo_skill import improve_a_skill
    from clawtrace_otel.cli.http import HttpClient
    from clawtrace_otel.cli.reader import HttpReader

    with (
        tempfile.TemporaryDirectory(prefix="clawtrace-demo-") as folder,
        throwaway_collector(Path(folder) / "demo.duckdb") as endpoint,
    ):
        reader = HttpReader(HttpClient(endpoint))
        typer.echo(f"A collector listens on {endpoint}; two recorded agent runs are sent to it over OTLP.\n")
        play_recordings(reader)
        reader.compile(everything=False)
        show(reader)
        improve_a_skill(reader, Path(folder))
    typer.echo("\nNext: start your own with   clawtrace serve")
    typer.echo("then run any agent with     OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318")
    typer.echo("and ask                     clawtrace sessions")
    typer.echo("A skill of your own:        clawtrace distill --skill SKILL.md --out skill   (docs/costcraft.md)")


@contextmanager
def throwaway_collector(database: Path) -> Iterator[str]:
    """Yield the HTTP address of a real `clawtrace serve` on free ports, stopped at the end."""
    command = [sys.executable, "-m", "clawtrace_otel", "serve", "--db", str(database), "--grpc-port", "0"]
    log = database.with_suffix(".log")
    with (
        log.open("wb") as errors,
        subprocess.Popen([*command, "--http-port", "0"], stdout=subprocess.PIPE, stderr=errors) as process,  # noqa: S603 - ours
    ):
        try:
            line = process.stdout.readline() if process.stdout else b""
            if not line:
                raise CliError(f"the collector did not start: {_last_line(log)}")
            yield json.loads(line)["http"]
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def play_recordings(reader: HttpReader) -> None:
    """Send the recordings that ship with the package."""
    from clawtrace_otel.cli.bodies import bodies_in, files_in

    with as_file(files("clawtrace_otel.cli") / "recordings") as folder:
        for file in files_in([folder]):
            for body in bodies_in(file):
                reader.deliver(body)


def show(reader: HttpReader) -> None:
    """Print the newest session's card, what each model cost and the sessions."""
    from clawtrace_otel.cli.cards import draw_tree
    from clawtrace_otel.cli.options import CardFormat, RowsFormat
    from clawtrace_otel.cli.output import write_rows
    from clawtrace_otel.cli.questions import card_text, resolve_session

    session_id = resolve_session(reader, "latest")
    typer.echo(f"$ clawtrace card {session_id} --tree")
    sys.stdout.flush()
    draw_tree(reader, session_id)
    typer.echo(_LEGEND)
    typer.echo(_waste(reader, session_id))
    typer.echo(f"$ clawtrace card {session_id}")
    typer.echo(card_text(reader, session_id, CardFormat.YAML))
    typer.echo(f'$ clawtrace sql "{_SQL}"')
    sys.stdout.flush()
    write_rows(reader.query(_SQL), RowsFormat.TABLE)


def _waste(reader: HttpReader, session_id: str) -> str:
    """Say what the costliest finding wasted and what leaving it out would have saved, as far as that is known."""
    from clawtrace_otel.cli.output import rows_of, usd
    from clawtrace_otel.cli.questions import literal

    query = f"""SELECT detector, note, wasted_usd, saving_usd FROM findings WHERE session_id = {literal(session_id)}
ORDER BY wasted_usd DESC NULLS LAST, finding_id LIMIT 1"""  # noqa: S608 - quoted
    for detector, note, wasted, saving in rows_of(reader.query(query).table):
        saved = f"Without it the run would have cost {usd(saving)} less. " if isinstance(saving, Decimal) else ""
        amount = usd(wasted) if isinstance(wasted, Decimal) else "of unknown cost"
        return f"\nCostliest waste: {detector}, {amount} in the tree. {saved}({note})\n"
    return ""


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
