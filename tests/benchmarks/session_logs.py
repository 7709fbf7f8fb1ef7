"""A year of session files to stored rows and then to cards: lines, spans and megabytes per second, with memory."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from clawtrace_otel.cli.import_sessions import claude_reader
from clawtrace_otel.cli.reader import open_reader
from clawtrace_otel.cli.session_files import lines_of, session_files
from clawtrace_otel.cli.session_import import store_sessions, stored_in
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
        print(f"{'stage':>16} {'seconds':>8} {'CPU s':>7} {'lines/s':>9} {'spans/s':>9} {'MB/s':>6} {'peak MB':>8}")  # noqa: T201
        watch = _Watch()
        spans = sum(len(read_claude_code(lines_of(file), file.name, Delegations()).spans) for file in files)
        watch.print("read only", lines, spans, megabytes)
        with open_reader(Path(folder) / "year.duckdb", None, create=True) as store:
            for stage in ("files to rows", "the same again"):
                watch = _Watch()
                files, read = claude_reader([Path(folder)])
                store_sessions(store, files, read(stored_in(store)))
                watch.print(stage, lines, spans, megabytes)
                if stage == "files to rows":
                    watch = _Watch()
                    counts = store.compile(everything=False)
                    watch.print("rows to cards", lines, spans, megabytes)
                    assert (counts.compiled, counts.failed) == (sessions, 0), counts
        workers = resource.getrusage(resource.RUSAGE_CHILDREN)
        worked = workers.ru_utime + workers.ru_stime
        print(f"compile workers: {worked:.1f} s of processor time besides, largest {workers.ru_maxrss / 1024:,.0f} MB")  # noqa: T201


class _Watch:
    """Takes the time of a stage in this process; workers are counted once they have ended."""

    def __init__(self) -> None:
        self._started, self._worked = time.perf_counter(), time.process_time()

    def print(self, stage: str, lines: int, spans: int, megabytes: float) -> None:
        took, worked = time.perf_counter() - self._started, time.process_time() - self._worked
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        rates = f"{lines / took:9,.0f} {spans / took:9,.0f} {megabytes / took:6.0f}"
        print(f"{stage:>16} {took:8.1f} {worked:7.1f} {rates} {peak:8,.0f}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SESSIONS)
