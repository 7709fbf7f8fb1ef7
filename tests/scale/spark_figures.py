"""Sessions a second and CPU time of compiling on Spark and as one process: `python -m tests.scale.spark_figures [N]`.

Figures for docs/scale.md; nothing is judged by them. N sessions of sixteen model calls, in a lake in PostgreSQL, whose
own CPU time is left out, and in an export.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from clawtrace_otel.cli.parquet import write_parquet
from collector.export import parts
from collector.store.duck import DuckStore
from tests.scale.conftest import Lake
from tests.scale.postgres import running_postgres
from tests.scale.test_spark import LOCAL, fill, many_sessions, take_in

_SUBREAPER = 36
"""`PR_SET_CHILD_SUBREAPER`: what a command leaves behind becomes our child. Source: prctl(2)."""
_TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure each way and print a line for it."""
    sessions = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    bodies = many_sessions(sessions)
    with running_postgres() as postgres, TemporaryDirectory() as folder:
        lake = Lake(f"ducklake:postgres:{postgres.make('figures')}", f"{folder}/data", {})
        file, export = f"{folder}/one.duckdb", f"{folder}/export"
        fill(lake, bodies)
        with closing(DuckStore.open(Path(file))) as store:
            take_in(store, bodies)
            write_parquet(parts(store.database), Path(export))
        spark = ["--engine", "spark", "--master", LOCAL]
        for name, options in {
            "one process, a file": ["--db", file],
            "one process, a lake": lake.options,
            "Spark, the lake": [*lake.options, *spark],
            "Spark, an export": ["--from", export, "--out", f"{folder}/out", *spark],
        }.items():
            everything = [] if "export" in name else ["--all"]
            wall, cpu = _measured([sys.executable, "-m", "clawtrace_otel", "compile", *everything, *options])
            rate, cost = sessions / wall, cpu * 1e3 / sessions
            print(f"{name}: {rate:.0f} sessions/s, {cost:.1f} ms CPU a session, load {os.getloadavg()[0]:.0f}")  # noqa: T201


def _measured(command: list[str]) -> tuple[float, float]:
    """Return the seconds that a command took, and those of CPU that it and all its descendants took."""
    started, seconds = time.monotonic(), dict[int, float]()
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            seconds |= _of_descendants()
            time.sleep(0.1)
        wall = time.monotonic() - started
    assert process.returncode == 0
    return wall, sum(seconds.values())


def _of_descendants() -> Mapping[int, float]:
    """Return the CPU time of every process below this one, in seconds."""
    parents, times = dict[int, int](), dict[int, float]()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(path.parent.name)
        parents[pid], times[pid] = int(fields[1]), (int(fields[11]) + int(fields[12])) / _TICKS
    return {pid: times[pid] for pid in parents if _is_below(pid, parents) and pid != os.getpid()}


def _is_below(pid: int, parents: Mapping[int, int]) -> bool:
    while pid in parents:
        if pid == os.getpid():
            return True
        pid = parents[pid]
    return False


if __name__ == "__main__":
    main()
