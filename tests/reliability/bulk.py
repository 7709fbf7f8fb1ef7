"""Work on everything at once: a year of session files imported, and ten thousand stored sessions compiled."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tests.benchmarks.compile import compiled_in
from tests.benchmarks.year_of_logs import write_year

_YEAR = 2_000
"""Sessions."""
_MEGABYTE = 1_000_000
_KIBIBYTES_PER_MIB = 1024
_COUNTS = """
    SELECT (SELECT count(*) FROM tracecards) AS cards, sum(llm_call_count) AS calls, sum(output_tokens) AS output
    FROM sessions
"""


def year_imported(folder: Path, sessions: int = _YEAR) -> tuple[str, str]:
    """Import session files twice. Fails where calls or tokens differ from the files', or the second time adds any."""
    files, database = folder / "projects", folder / "year.duckdb"
    lines = write_year(files, sessions)
    size = sum(file.stat().st_size for file in files.rglob("*.jsonl")) / _MEGABYTE
    first = _run("import", "claude-code", str(files), "--db", str(database))
    calls, output = _written(files)
    expected = [sessions, calls, output]
    assert (once := _counted(database)) == expected, (once, expected)
    again = _run("import", "claude-code", str(files), "--db", str(database))
    assert (twice := _counted(database)) == expected, (twice, expected)
    return (
        f"{sessions:,} sessions of Claude Code ({lines:,} lines, {size:,.0f} MB) from files to cards in"
        f" {first.seconds:.0f} s, {first.peak_mib:,.0f} MiB at most in one process; the same files again in"
        f" {again.seconds:.0f} s"
    ), f"nothing; all {calls:,} model calls and their tokens are counted once, also after the second time"


def sessions_compiled(_folder: Path, sessions: int = 10_000, steps: int = 50) -> tuple[str, str]:
    """Compile stored sessions by all cores."""
    took, worked = compiled_in(sessions, steps)
    own, worker = (
        resource.getrusage(whose).ru_maxrss / _KIBIBYTES_PER_MIB
        for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return (
        f"{sessions:,} sessions of {steps} steps in {took:.0f} s ({sessions * steps / took:,.0f} steps/s,"
        f" {worked:.0f} s of processor time); {own:,.0f} MiB at most, largest worker {worker:,.0f}"
    ), "nothing; every session has its card"


@dataclass(frozen=True, slots=True)
class _Ran:
    told: str
    seconds: float
    peak_mib: float
    """Of the command or its largest worker."""


def _run(*arguments: str) -> _Ran:
    started = time.perf_counter()
    with subprocess.Popen([sys.executable, "-m", "clawtrace_otel", *arguments], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        told = process.stdout.read().decode()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, (arguments, told)
    return _Ran(told, time.perf_counter() - started, used.ru_maxrss / _KIBIBYTES_PER_MIB)


def _counted(database: Path) -> list[int]:
    (row,) = json.loads(_run("sql", "--db", str(database), "--format", "json", _COUNTS).told)["rows"]
    return list(row)


def _written(folder: Path) -> tuple[int, int]:
    """Return the model calls and their output tokens, by the files: lines of one response share its message's id."""
    grown: dict[str, int] = {}
    for file in folder.rglob("*.jsonl"):
        for line in map(msgspec.json.decode, file.read_bytes().splitlines()):
            if line["type"] == "assistant":
                message = line["message"]
                grown[message["id"]] = max(grown.get(message["id"], 0), message["usage"]["output_tokens"])
    return len(grown), sum(grown.values())
