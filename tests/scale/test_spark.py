"""Spark compiles what one process compiles, to the byte, and each session once, whatever happens to its machines."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import pyarrow.dataset as ds
import pytest

from clawtrace_otel.cli.compile_session import compile_session
from clawtrace_otel.cli.compiler import Compiler, CompileSettings
from clawtrace_otel.cli.parquet import write_parquet
from clawtrace_otel.cli.spread_export import WRITTEN
from collector.config import IngestConfig
from collector.decode import Signal
from collector.export import parts
from collector.ingest import Ingest
from collector.metrics import Metrics
from collector.store import TelemetryStore
from collector.store.duck import DuckStore
from collector.store.lake import LakeStore
from processors.normalise.session_keys import CORRELATION_KEYS
from tests.e2e.test_costcraft import BASE, run_desk
from tests.scale.conftest import SWITCH, Lake
from tests.scale.spark_cluster import Cluster, RunningCommand, running_cluster
from tests.support.collector import RunningCollector
from tests.support.recordings import names, requests_of
from tests.support.spans import SPANS_PER_TRACE, request

LOCAL = "local[2]"
_SESSIONS = 400
_PER_REQUEST = 100
_CHANGES = "compiled_at"
"""When it was compiled; the one column that differs between two runs."""

Body = tuple[Signal, bytes]
Views = Mapping[str, Sequence[str]]


@pytest.fixture(scope="module", autouse=True)
def _spark() -> None:
    """Leave these tests out where Spark is missing."""
    if not os.environ.get(SWITCH):
        pytest.skip("a Spark cluster takes minutes: make scale-test")
    if find_spec("pyspark") is None:
        pytest.skip("the extra is missing: pip install 'clawtrace-otel[spark]' (make scale-test)")


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Return a cluster of one master and two workers."""
    with running_cluster() as running:
        yield running


def recordings() -> list[Body]:
    """Return every request of every recording."""
    return [(cast("Signal", sent.signal), sent.content) for name in names() for sent in requests_of(name)]


def many_sessions(number: int = _SESSIONS) -> list[Body]:
    """Return sessions of sixteen model calls."""
    step = _PER_REQUEST * SPANS_PER_TRACE
    last = number * SPANS_PER_TRACE
    return [("traces", request(range(first, first + step), size=500)) for first in range(0, last, step)]


def take_in(store: TelemetryStore, bodies: Sequence[Body]) -> None:
    """Store requests by the collector's own path."""
    ingest = Ingest(IngestConfig(correlation_attributes=frozenset(CORRELATION_KEYS)), store, Metrics())
    ingest.start()
    try:
        for answer in [ingest.submit(signal, content) for signal, content in bodies]:
            answer.result()
    finally:
        ingest.stop()


def export_of(folder: Path, bodies: Sequence[Body]) -> Path:
    """Return an export of what one process stores and compiles of requests."""
    out = folder / "export"
    with closing(DuckStore.open(folder / "one.duckdb")) as store:
        take_in(store, bodies)
        with closing(Compiler(store, compile_session, CompileSettings(workers=2))) as compiler:
            assert compiler.compile(everything=False).failed == 0
        write_parquet(parts(store.database), out)
    return out


def fill(lake: Lake, bodies: Sequence[Body]) -> None:
    """Store requests in a lake."""
    with closing(LakeStore.at(lake.address)) as store:
        take_in(store, bodies)


def views(export: Path) -> Views:
    """Return every row of what is derived, as text and sorted, but for when it was compiled."""
    found = {}
    for name in sorted(WRITTEN):
        table = ds.dataset(export / name, partitioning="hive").to_table()
        kept = table.drop_columns([column for column in (_CHANGES,) if column in table.column_names])
        found[name] = sorted(map(repr, kept.to_pylist()))
    return found


def clawtrace(*arguments: str, lake: Lake | None = None) -> str:
    """Run a command, which must succeed, with a lake in its environment, and return what it printed."""
    named = {} if lake is None else {"CLAWTRACE_STORE": lake.store, "CLAWTRACE_DATA": lake.data}
    command = [sys.executable, "-m", "clawtrace_otel", *arguments]
    said = subprocess.run(command, capture_output=True, check=False, env={**os.environ, **named})
    assert said.returncode == 0, said.stderr
    return said.stdout.decode()


def test_recordings_of_an_export(tmp_path: Path) -> None:
    """All recordings: every derived row that Spark makes of an export is the one process', cards to the byte."""
    one = export_of(tmp_path, recordings())
    out = tmp_path / "out"
    clawtrace("compile", "--engine", "spark", "--master", LOCAL, "--from", str(one), "--out", str(out))
    assert len(views(one)["tracecards"]) >= len(names())
    assert views(out) == views(one)


def test_recordings_of_a_lake(lake: Lake, tmp_path: Path) -> None:
    """All recordings: every derived row that Spark stores in a lake is the one process', and nothing stays pending."""
    one = export_of(tmp_path, recordings())
    fill(lake, recordings())
    clawtrace("compile", "--engine", "spark", "--master", LOCAL, lake=lake)
    clawtrace("export", "parquet", str(tmp_path / "out"), lake=lake)
    assert views(tmp_path / "out") == views(one)
    assert clawtrace("compile", lake=lake) == "0 compiled, 0 failed\n"


def test_a_worker_killed_over_an_export(cluster: Cluster, tmp_path: Path) -> None:
    """A machine that vanishes in the middle of the job takes nothing along: every session once, bytes equal."""
    one, out = export_of(tmp_path, many_sessions()), tmp_path / "out"
    with RunningCommand(cluster.url, "compile", "--from", str(one), "--out", str(out)) as running:
        running.wait_for(done=2, left=4)
        cluster.kill_worker()
        assert running.finish() == f"{_SESSIONS} compiled, 0 failed\n"
    assert len(views(out)["sessions"]) == _SESSIONS
    assert views(out) == views(one)


def test_a_worker_killed_over_a_lake(cluster: Cluster, lake: Lake, tmp_path: Path) -> None:
    """The same of a lake, whose machines read it themselves."""
    one, out = export_of(tmp_path, many_sessions()), tmp_path / "out"
    fill(lake, many_sessions())
    with RunningCommand(cluster.url, "compile", *lake.options) as running:
        running.wait_for(done=2, left=4)
        cluster.kill_worker()
        assert running.finish() == f"{_SESSIONS} compiled, 0 failed\n"
    clawtrace("export", "parquet", str(out), lake=lake)
    assert len(views(out)["sessions"]) == _SESSIONS
    assert views(out) == views(one)


def test_distill_on_the_cluster(cluster: Cluster, collector: RunningCollector, tmp_path: Path) -> None:
    """Patches, report and skill that the rules analyst makes on a cluster are those that it makes here, to the byte."""
    run_desk(collector, BASE, "base")
    assert collector.stop() == 0
    db, export = ["--db", str(collector.database)], tmp_path / "export"
    clawtrace("export", "parquet", str(export), *db)
    distill, on_cluster = ["distill", "--skill", str(BASE), "--out"], ["--engine", "spark", "--master", cluster.url]
    clawtrace(*distill, str(tmp_path / "here"), *db)
    clawtrace(*distill, str(tmp_path / "store"), *db, *on_cluster)
    clawtrace(*distill, str(tmp_path / "exported"), "--from", str(export), *on_cluster)
    here = files(tmp_path / "here")
    assert b"get_order" in here["SKILL.md"]
    assert files(tmp_path / "store") == here
    assert files(tmp_path / "exported") == here


def files(folder: Path) -> Mapping[str, bytes]:
    """Return the content of every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
