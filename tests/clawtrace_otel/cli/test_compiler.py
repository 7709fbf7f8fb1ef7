"""Quiet sessions become rows; a poisonous one neither stops others nor comes back by itself."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import clawtrace_otel.cli.compiler as compiler_module
from clawtrace_otel.cli.compiler import Compiler, CompileSettings
from clawtrace_otel.cli.making import CompileJob
from collector.api import CompileCounts
from collector.batch import BatchBuilder
from collector.decode import Decoder, Export
from collector.store import DerivedRows, Group
from collector.store.duck import DuckStore
from tests.support.spans import SPANS_PER_TRACE, request


def task(job: CompileJob) -> DerivedRows:
    """Make one session row, or do what the first span's status message says."""
    first = min(job.signals.spans, key=lambda span: span.span_id)
    match first.status_message:
        case "raise":
            raise ValueError("poison")
        case "die":
            os._exit(1)
        case "hang":
            threading.Event().wait()
        case "misfit":
            return {"sessions": [{"session_id": first.trace_id, "no_such_column": 1}]}
    return {"sessions": [{"session_id": first.trace_id, "llm_call_count": len(job.signals.spans)}]}


def send(store: DuckStore, numbers: range, *, status: str = "", received_at: int = 1) -> None:
    """Store spans whose status message says what the task does with them."""
    message = ExportTraceServiceRequest.FromString(request(numbers))
    for span in message.resource_spans[0].scope_spans[0].spans:
        span.status.message = status
    builder = BatchBuilder()
    builder.add(Decoder(frozenset()).decode(Export("traces", "protobuf", message.SerializeToString(), received_at)))
    store.append(builder.build())


def trace(number: int) -> range:
    """Return the numbers of a whole trace."""
    return range(number * SPANS_PER_TRACE, (number + 1) * SPANS_PER_TRACE)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckStore]:
    """Yield an empty store on disk."""
    with closing(DuckStore.open(tmp_path / "compiled.duckdb")) as opened:
        yield opened


@contextmanager
def compiling(store: DuckStore, **settings: float) -> Iterator[Compiler]:
    """Yield a compiler with one worker."""
    with closing(Compiler(store, task, CompileSettings(workers=1, **settings))) as compiler:  # type: ignore[arg-type]
        yield compiler


def sessions(store: DuckStore) -> int:
    """Return how many sessions have rows."""
    return int(store.database.cursor().execute("SELECT count(*) FROM sessions").fetchall()[0][0])


@pytest.mark.parametrize("poison", ["raise", "die", "hang", "misfit"])
def test_a_poisonous_session_costs_only_itself(store: DuckStore, poison: str) -> None:
    """It is counted as failed once; the others have rows, and the next round finds nothing to do."""
    for number in (0, 2, 3):
        send(store, trace(number))
    send(store, trace(1), status=poison)
    with compiling(store, time_limit_s=15.0 if poison == "hang" else 120.0) as compiler:
        assert compiler.compile(everything=False) == CompileCounts(3, 1)
        assert compiler.compile(everything=False) == CompileCounts(0, 0)
    assert sessions(store) == 3


def test_a_poisonous_session_rests_until_it_is_asked_for(store: DuckStore) -> None:
    """A failed session is not tried again for resent spans, but when everything is asked for."""
    send(store, trace(0), status="raise")
    with compiling(store) as compiler:
        assert compiler.compile(everything=False) == CompileCounts(0, 1)
        send(store, trace(0), status="raise")
        assert compiler.compile(everything=False) == CompileCounts(0, 0), "resent spans are nothing new"
        send(store, trace(1))
        assert compiler.compile(everything=False) == CompileCounts(1, 0)
        assert compiler.compile(everything=True) == CompileCounts(1, 1)


def test_only_quiet_sessions_are_compiled(store: DuckStore) -> None:
    """A session that received something within the idle time waits."""
    send(store, trace(0), received_at=1)
    send(store, trace(1), received_at=time.time_ns())
    with compiling(store, idle_s=3600.0) as compiler:
        assert compiler.compile_quiet() == CompileCounts(1, 0)
        assert compiler.compile(everything=False) == CompileCounts(1, 0)


def test_the_background_compiles_and_stops(store: DuckStore) -> None:
    """Within the block quiet sessions get their rows; leaving it interrupts a compilation, which stays pending."""
    done = threading.Event()
    send(store, trace(0))
    with compiling(store, idle_s=0.0, poll_s=0.05) as compiler:
        compiler.count = lambda counts: done.set() if counts.compiled else None
        with compiler.in_background():
            assert done.wait(60)
            send(store, trace(1), status="hang")
    with compiling(store, time_limit_s=3.0) as compiler:
        assert compiler.compile(everything=False) == CompileCounts(0, 1)


def test_groups_are_stored_together_as_far_as_their_rows_allow(
    store: DuckStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One transaction takes many groups, but no more rows than fit, and every session has its rows in the end."""
    monkeypatch.setattr(compiler_module, "_ROWS_TOGETHER", 2)
    send(store, range(5 * SPANS_PER_TRACE))
    sizes: list[int] = []
    with compiling(store) as compiler:
        keep = compiler.replace_all

        def noting(batch: Sequence[tuple[Group, DerivedRows]]) -> None:
            sizes.append(len(batch))
            keep(batch)

        compiler.replace_all = noting
        assert compiler.compile(everything=False) == CompileCounts(5, 0)
    assert sizes == [2, 2, 1]
    assert sessions(store) == 5
