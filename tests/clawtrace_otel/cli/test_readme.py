"""The README's card and tree are what the commands print of the run that the demo shows."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from clawtrace_otel.cli.app import main

README = Path(__file__).parents[3] / "README.md"
BLOCK = r"(?<=<!-- {name}: written by make golden -->\n)```(\w*)\n.*?```\n"


def test_the_readme_shows_what_the_demo_prints(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    golden: Callable[[Path, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The newest of the bundled recordings is what the README shows; `make golden` writes it anew."""
    database = ["--db", str(tmp_path / "demo.duckdb")]
    monkeypatch.setenv("COLUMNS", "200")
    with as_file(files("clawtrace_otel.cli") / "recordings") as folder:
        assert main(["import", "otlp", str(folder), *database]) == 0
    shown = README.read_text(encoding="utf-8")
    for name, command in (("card", ["card", "latest"]), ("tree", ["card", "latest", "--tree"])):
        capsys.readouterr()
        assert main([*command, *database]) == 0
        shown = _with_block(shown, name, capsys.readouterr().out)
    assert "tracecard/1" in shown
    golden(README, shown)


def _with_block(readme: str, name: str, printed: str) -> str:
    """Put what a command printed into the README's block of that name."""
    text = "\n".join(line.rstrip() for line in printed.strip().splitlines())
    return re.sub(BLOCK.format(name=name), lambda block: f"```{block[1]}\n{text}\n```\n", readme, flags=re.DOTALL)
