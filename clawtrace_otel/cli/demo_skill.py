"""The demo's second half: runs of an agent become rules, and the agent runs again under them, cheaper and better."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from clawtrace_otel.cli.errors import CliError

if TYPE_CHECKING:
    from clawtrace_otel.cli.reader import HttpReader

_HOMES: Final = ("clawtrace_otel.cli.order_desk", "examples.order_desk")
"""The order desk's folder: inside the package in a wheel, among the examples in a clone."""
_ROOT: Final = Path(__file__).parents[2]
_RUN_SECONDS: Final = 120
_SQL: Final = """SELECT condition, count(*) AS runs, count(*) FILTER (outcome_passed) AS passed,
  sum(cost_usd) AS cost_usd, sum(wasted_usd) AS wasted_usd
FROM sessions WHERE condition IS NOT NULL GROUP BY condition ORDER BY condition"""


@dataclass(frozen=True, slots=True)
class OrderDesk:
    """The example agent with its world, as a module and a folder."""

    module: str
    folder: Path

    @property
    def skill(self) -> Path:
        """Return the skill that the agent starts with."""
        return self.folder / "SKILL.md"

    @property
    def environment(self) -> str:
        """Return what `--environment` takes."""
        return f"{self.module}.desk:OrderDesk"

    @classmethod
    def find(cls) -> OrderDesk:
        """Return it, from wherever this program was installed. Raises `CliError` where it is not there."""
        if str(_ROOT) not in sys.path:
            sys.path.append(str(_ROOT))
        for module in _HOMES:
            try:
                found = importlib.util.find_spec(module)
            except ModuleNotFoundError:
                continue
            if found is not None and found.submodule_search_locations:
                return cls(module, Path(found.submodule_search_locations[0]))
        raise CliError("the order desk is missing from this installation: install clawtrace-otel again")

    def run(self, endpoint: str, skill: Path, condition: str) -> None:
        """Let the agent do its tasks under a skill, in a process of its own that sends its spans over OTLP."""
        given = ["--skill", str(skill), "--condition", condition]
        environment = {**_without_settings(os.environ), **self._sends_to(endpoint)}
        try:
            done = subprocess.run(  # noqa: S603 - ours
                [sys.executable, "-m", self.module, *given],
                env=environment,
                capture_output=True,
                text=True,
                timeout=_RUN_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise CliError(f"the order desk's agent did not finish within {_RUN_SECONDS} s: try again") from error
        if done.returncode:
            raise CliError(f"the order desk's agent failed: {(done.stderr.strip().splitlines() or ['no reason'])[-1]}")

    def _sends_to(self, endpoint: str) -> dict[str, str]:
        paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {
            "PYTHONPATH": os.pathsep.join(paths),
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            # A proxy of the environment is for other machines.
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }


def _without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what would send the demo's spans elsewhere."""
    return {name: value for name, value in environment.items() if not name.startswith("OTEL_")}


def improve_a_skill(reader: HttpReader, folder: Path) -> None:
    """Run, distil, run again and compare, each as the command that a user would type."""
    from clawtrace_otel.cli.distill import distill
    from clawtrace_otel.cli.evaluate import evaluate
    from clawtrace_otel.cli.options import RowsFormat
    from clawtrace_otel.cli.output import write_rows

    desk, endpoint, out = OrderDesk.find(), reader.client.endpoint, folder / "skill"
    typer.echo(
        "\nA skill that gets better: an agent does twelve tasks at an order desk; an oracle checks each, in its spans."
    )
    desk.run(endpoint, desk.skill, "base")
    reader.compile(everything=False)
    typer.echo(f"\n$ clawtrace distill --skill SKILL.md --out skill --environment {desk.environment}")
    sys.stdout.flush()
    distill(desk.skill, out, environment=desk.environment, condition="base", endpoint=endpoint)
    typer.echo("\nThe same agent, the same tasks, under the skill that came of it:")
    desk.run(endpoint, out / "SKILL.md", "distilled")
    reader.compile(everything=False)
    sys.stdout.flush()
    write_rows(reader.query(_SQL), RowsFormat.TABLE)
    typer.echo("$ clawtrace evaluate --baseline base --candidate distilled")
    sys.stdout.flush()
    evaluate("base", "distilled", endpoint=endpoint)
