"""A year of session files to stored rows and then to cards: lines, spans and megabytes per second, with memory."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from clawtrace_otel.cli.import_sessions import claude_reader, store_sessions, stored_in
from clawtrace_otel.cli.reader import open_reader
from clawtrace_otel.cli.session_files import lines_of, session_files
from processors.session_logs import Delegations, read_claude_code
from tests.benchmarks.year_of_logs import write_year

SESSIONS = 2_000


def main(sessions: int = SESSIONS) -> None:
    """Print one line per stage."""
    with tempfile.TemporaryDirectory() as folder:
        lines = write_year(Path(folder), sessions)
        files = session_files([Path(folder)])
        megabytes = sum(file.size for file in files) / 1e6
        print(f"\n{sessions:,} sessions, {lines:,} lines, {megabytes:,.0f} MB of session files")  # noqa: T201
        print(f"{'stage':>16} {'seconds':>8} {'lines/s':>9} {'spans/s':>9} {'MB/s':>6} {'peak MB':>8}")  # noqa: T201
        started = time.perf_counter()
        spans = sum(len(read_claude_code(lines_of(file), file.name, Delegations()).spans) for file in files)
        _print("read only", time.perf_counter() - started, lines, spans, megabytes)
        with open_reader(Path(folder) / "year.duckdb", None, create=True) as store:
            for stage in ("files to rows", "the same again"):
                started = time.perf_counter()
                files, read = claude_reader([Path(folder)])
                store_sessions(store, files, read(stored_in(store)))
                _print(stage, time.perf_counter() - started, lines, spans, megabytes)
                if stage == "files to rows":
                    started = time.perf_counter()
                    counts = store.compile(everything=False)
                    _print("rows to cards", time.perf_counter() - started, lines, spans, megabytes)
                    assert (counts.compiled, counts.failed) == (sessions, 0), counts
        workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"largest compile worker: {workers:,.0f} MB")  # noqa: T201


def _print(stage: str, took: float, lines: int, spans: int, megabytes: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(  # noqa: T201
        f"{stage:>16} {took:8.1f} {lines / took:9,.0f} {spans / took:9,.0f} {megabytes / took:6.0f} {peak:8,.0f}",
        flush=True,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SESSIONS)
