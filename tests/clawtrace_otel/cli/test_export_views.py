"""An export read back says of sessions what the store says that it was written from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.export_views import reading_export, recorded_outcomes, visible_place
from clawtrace_otel.cli.parquet import write_parquet
from collector.export import parts
from collector.query import DuckQueries
from collector.store.duck import DuckStore
from tests.collector.store.builders import NOW, SECOND, batch, session, span, trace

VIEWS = ("sessions", "steps", "findings", "evaluations", "outcomes", "patches")
PATCH = {
    "patch_id": "p",
    "skill_name": "desk",
    "action": "prune",
    "session_ids": ["a"],
    "accepted": True,
    "recorded_at": NOW,
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckStore]:
    """Yield a store with one session that was judged by telemetry, one by an oracle twice, and an earlier patch."""
    with closing(DuckStore.open(tmp_path / "t.duckdb")) as made:
        made.append(batch([span(trace(1), 1), span(trace(2), 1)]))
        said = {"session_id": "a", "name": "tests", "passed": True, "decides": True, "recorded_at": NOW, "checks": []}
        for group in made.groups():
            name = "a" if trace(1) in group.trace_ids else "b"
            made.replace(group, {**session(name), "evaluations": [said] if name == "a" else []})
        for number, passed in enumerate((False, True)):
            verdict = {"passed": passed, "source": "oracle", "checks": [], "recorded_at": NOW + number * SECOND}
            made.record_outcome({"session_id": "b", "task_id": "t-1", **verdict})
        made.append_rows("patches", [PATCH])
        yield made


@pytest.fixture
def view(store: DuckStore, tmp_path: Path) -> Callable[[str], pa.Table]:
    """Return what reads the views of the store's export."""
    write_parquet(parts(store.database), tmp_path / "out")
    return lambda name: ds.dataset(tmp_path / "out" / name, partitioning="hive").to_table()


def test_every_view_reads_alike(store: DuckStore, view: Callable[[str], pa.Table]) -> None:
    """Sessions with their verdicts, steps, findings and patches are those of the store."""
    here = DuckQueries(store.database)
    with reading_export(view) as reader:
        for name in VIEWS:
            question = f"SELECT * FROM {name} ORDER BY ALL"
            assert reader.query(question).table.to_pylist() == here.run(question).table.to_pylist(), name


def test_verdicts_in_telemetry_are_not_recorded_ones(view: Callable[[str], pa.Table]) -> None:
    """What telemetry says is derived anew; what an oracle said is kept, oldest first."""
    recorded = recorded_outcomes(view)
    assert [(row["session_id"], row["passed"]) for row in recorded] == [("b", False), ("b", True)]


def test_a_place_as_a_cluster_names_it(view: Callable[[str], pa.Table], tmp_path: Path) -> None:
    """A directory of this machine must have the view; a URL is the cluster's to know."""
    assert view("sessions").num_rows == 2
    assert visible_place(str(tmp_path / "out"), "spans") == (tmp_path / "out").as_uri()
    assert visible_place("s3a://bucket/out/", "spans") == "s3a://bucket/out"
    with pytest.raises(CliError, match="export parquet"):
        visible_place(str(tmp_path), "spans")
