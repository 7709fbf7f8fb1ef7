"""Sessions turned into cards per second by the compile workers, and one very long session, with memory."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from clawtrace_otel.cli.compile_session import compile_session
from clawtrace_otel.cli.compiler import ALL_CORES, Compiler, CompileSettings
from collector.api import CompileCounts
from collector.batch import BatchBuilder
from collector.decode import Decoder, Export
from collector.store.duck import DuckStore
from tests.support.spans import request

CASES = ((1_000, 50), (10_000, 50), (1, 1_000), (1, 10_000))
SPAN_BYTES = 1_000
_OURS = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
_BATCH = 5_000


def main() -> None:
    """Print one line per case, each measured in a process of its own: a peak of memory never falls again."""
    print(" sessions   steps  seconds  steps/s   CPU s      MB  worker MB", flush=True)  # noqa: T201
    for case in CASES:
        subprocess.run([sys.executable, "-m", __spec__.name, *map(str, case)], check=True)


def measure(sessions: int, steps: int) -> None:
    """Print the line of one case. The largest worker's memory is that of whatever it was given at once."""
    took, worked = compiled_in(sessions, steps)
    own, worker = (resource.getrusage(whose).ru_maxrss / 1024 for whose in _OURS)
    done = f"{sessions:9,} {steps:7,} {took:8.1f} {sessions * steps / took:8,.0f}"
    print(f"{done} {worked:7.1f} {own:7,.0f} {worker:10,.0f}", flush=True)  # noqa: T201


def _processor_seconds() -> float:
    """Return what this process and the workers that have ended have worked."""
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, _OURS))


def compiled_in(sessions: int, steps: int) -> tuple[float, float]:
    """Return the seconds from the request to compile until every card is stored, by the clock and of the processor."""
    with tempfile.TemporaryDirectory() as folder, closing(DuckStore.open(Path(folder) / "compile.duckdb")) as store:
        decoder = Decoder(frozenset())
        for first in range(0, sessions * steps, _BATCH):
            body = request(range(first, min(first + _BATCH, sessions * steps)), size=SPAN_BYTES, spans_per_trace=steps)
            builder = BatchBuilder()
            builder.add(decoder.decode(Export("traces", "protobuf", body, 1)))
            store.append(builder.build())
        worked, started = _processor_seconds(), time.perf_counter()
        with closing(Compiler(store, compile_session, CompileSettings(workers=ALL_CORES))) as compiler:
            counts = compiler.compile(everything=False)
            took = time.perf_counter() - started
        # Workers are counted once they have ended.
        worked = _processor_seconds() - worked
    assert counts == CompileCounts(sessions, 0), counts
    return took, worked


if __name__ == "__main__":
    measure(*map(int, sys.argv[1:])) if sys.argv[1:] else main()
