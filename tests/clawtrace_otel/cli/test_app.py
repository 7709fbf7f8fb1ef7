"""The border: exit codes and one plain line."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import pytest

from clawtrace_otel.cli.app import main
from collector.store.duck import DuckStore


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what stands on stderr, which must be one line and no traceback."""
    said = capsys.readouterr().err
    assert said.startswith("clawtrace: ")
    assert said.count("\n") == 1
    return said


@pytest.mark.parametrize("arguments", [["nonsense"], ["sql"], ["card", "x", "--format", "pdf"], ["schema", "skill"]])
def test_wrong_usage_exits_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A command line that cannot be understood exits 2 with one line that names the help."""
    assert main(arguments) == 2
    assert "--help" in one_line(capsys)


def test_a_missing_database_exits_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A request that fails exits 1 with one line that says what to do."""
    assert main(["sql", "SELECT 1", "--db", str(tmp_path / "none.duckdb")]) == 1
    assert "clawtrace serve" in one_line(capsys)


def test_nobody_at_the_endpoint_exits_1(capsys: pytest.CaptureFixture[str]) -> None:
    """An address where nothing listens is named, with the command that starts a collector."""
    assert main(["sessions", "--endpoint", "http://127.0.0.1:9"]) == 1
    assert "http://127.0.0.1:9" in one_line(capsys)


@pytest.mark.parametrize(
    "endpoint",
    [
        *("localhost:4318", "file:///etc/passwd", "http://", "http://host:notaport", "http://[::1", "http://a b:4318"),
        f"http://{'a' * 64}.example:4318",
    ],
)
def test_an_endpoint_must_be_an_address(endpoint: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is no http address is refused before anything is sent."""
    assert main(["sessions", "--endpoint", endpoint]) == 1
    assert "http://HOST:PORT" in one_line(capsys)


def test_database_and_endpoint_exclude_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two answers to where to read from are a mistake, not a choice."""
    assert main(["sessions", "--endpoint", "http://127.0.0.1:9", "--db", str(tmp_path / "a")]) == 2
    assert "one of them" in one_line(capsys)


def test_a_traceback_only_with_debug(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--debug` anywhere on the line adds the traceback."""
    assert main(["sessions", "--db", str(tmp_path / "none.duckdb"), "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_help_starts_without_the_heavy_libraries() -> None:
    """`--help` imports neither DuckDB nor Arrow nor gRPC: commands import what they need when they run."""
    script = (
        "import sys; from clawtrace_otel.cli.app import main; main(['--help']);"
        "sys.exit(any(name in sys.modules for name in ('duckdb', 'pyarrow', 'grpc', 'pydantic')))"
    )
    assert subprocess.run([sys.executable, "-c", script], stdout=subprocess.DEVNULL, check=False).returncode == 0


@pytest.mark.parametrize("arguments", [[], ["lake"], ["import"], ["export"]])
def test_a_group_without_a_command_shows_its_help_and_no_more(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A name without a command exits 2 with the help, and no line of error without an error in it."""
    assert main(arguments) == 2
    assert capsys.readouterr().err == ""


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` prints the version of the installed package and nothing else."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"{version('clawtrace-otel')}\n"


def test_a_wrong_choice_is_told_without_the_parsers_words(capsys: pytest.CaptureFixture[str]) -> None:
    """What is not among the choices is named with them, not as a 'Value error'."""
    assert main(["top", "tool"]) == 2
    said = one_line(capsys)
    assert "'tools'" in said
    assert "Value error" not in said


def test_checks_must_be_a_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of checks that holds no list is named with what it must hold."""
    checks = tmp_path / "checks.json"
    checks.write_text("{}", encoding="utf-8")
    assert main(["outcome", "x", "--passed", "--checks", str(checks)]) == 1
    assert "JSON list of {name, passed, expected, got}" in one_line(capsys)


def test_a_condition_that_nobody_has_is_told_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`diff` takes sessions and conditions, so what is neither is told as neither."""
    database = tmp_path / "a.duckdb"
    with closing(DuckStore.open(database)):
        pass
    assert main(["diff", "base", "candidate", "--db", str(database)]) == 1
    assert "no session or condition 'base'" in one_line(capsys)


@pytest.mark.parametrize("subject", ["tools", "models", "agents", "findings", "sessions"])
def test_everything_that_top_ranks_is_a_question_the_store_answers(
    subject: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each subject's SQL is valid against the views, also where nothing is stored."""
    database = tmp_path / "a.duckdb"
    with closing(DuckStore.open(database)):
        pass
    assert main(["top", subject, "--db", str(database), "--format", "csv"]) == 0
    assert "usd" in capsys.readouterr().out


def test_ctrl_c_while_duckdb_works_is_no_bug(tmp_path: Path) -> None:
    """DuckDB reports Ctrl-C as an error of its own: it ends a command as any Ctrl-C does, without a word."""
    script = f"""
import os, signal, sys, threading, duckdb
from clawtrace_otel.cli import reader
from clawtrace_otel.cli.app import main
def slow(*_, **__):
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    duckdb.sql("SELECT sum(sqrt(range)) FROM range(1_000_000_000_000)").fetchall()
reader.open_reader = slow
sys.exit(main(["sessions", "--db", {str(tmp_path / "a.duckdb")!r}]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (130, b"")
