"""An export as files: readable by others, whole or not there, and never over what is not ours."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.parquet import MARKER, write_parquet
from collector.export import TABLES, Part, parts
from collector.query_gate import VIEWS
from collector.store.duck import DuckStore
from tests.collector.store.builders import NOW, SECOND, batch, log, point, session, span, trace

DAY = 86_400 * SECOND
SPARK_READS = {"BOOLEAN", "INT32", "INT64", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"}
"""Physical types of Parquet that Spark maps to types of its own. Source: Spark's ParquetToSparkSchemaConverter."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckStore]:
    """Yield a store with three days of spans, an absurd time, logs, points and a compiled session."""
    with closing(DuckStore.open(tmp_path / "exported.duckdb")) as made:
        spans = [span(trace(1), n, start_time_unix_nano=NOW + n * DAY) for n in range(3)]
        spans.append(span(trace(1), 9, start_time_unix_nano=2**64 - 1))
        made.append(batch(spans, [log(trace_id=trace(1)), log(time_unix_nano=0)], [point()]))
        (group,) = made.groups()
        made.replace(group, session("s", cost="0.000000000001"))
        yield made


def exported(store: DuckStore, directory: Path, *, overwrite: bool = False) -> Path:
    """Export everything into a directory and return it."""
    write_parquet(parts(store.database), directory, overwrite=overwrite)
    return directory


def visible(directory: Path) -> list[str]:
    """Return what readers that skip hidden names see."""
    return sorted(path.name for path in directory.iterdir() if not path.name.startswith(("_", ".")))


def test_every_view_is_there(store: DuckStore, tmp_path: Path) -> None:
    """What outsiders can ask for they can take along, also where it has no rows."""
    assert set(TABLES) == VIEWS
    out = exported(store, tmp_path / "out")
    assert visible(out) == sorted(VIEWS)
    assert all(list((out / name).rglob("*.parquet")) for name in VIEWS)


def test_duckdb_reads_what_the_views_show(store: DuckStore, tmp_path: Path) -> None:
    """Row for row, partitioned by the day of what happened; what has no time is under 1970-01-01."""
    out = exported(store, tmp_path / "out")
    for view in sorted(VIEWS):
        ((stored,),) = store.database.cursor().execute(f"SELECT count(*) FROM {view}").fetchall()
        ((read,),) = duckdb.sql(f"SELECT count(*) FROM '{out}/{view}/**/*.parquet'").fetchall()
        assert read == stored, view
    days = [path.name for path in sorted((out / "spans").iterdir())]
    assert days == ["date=1970-01-01", "date=2026-09-21", "date=2026-09-22", "date=2026-09-23"]
    query = f"SELECT start_time_unix_nano, epoch_us(start_time) FROM '{out}/spans/**/*.parquet' ORDER BY ALL NULLS LAST"
    read = [(NOW + n * DAY, (NOW + n * DAY) // 1000) for n in range(3)]
    assert duckdb.sql(query).fetchall() == [*read, (None, None)], "a number that no signed column holds is unknown"
    assert duckdb.sql(f"SELECT cost_usd FROM '{out}/sessions/**/*.parquet'").fetchall() == [(Decimal("1e-12"),)]


def test_pyarrow_and_so_pandas_read_it_partitioned(store: DuckStore, tmp_path: Path) -> None:
    """As a dataset, filtered by partition, types intact."""
    out = exported(store, tmp_path / "out")
    spans = ds.dataset(out / "spans", partitioning="hive")
    assert spans.to_table(filter=ds.field("date") == "2026-09-22").num_rows == 1
    steps = ds.dataset(out / "steps", partitioning="hive").to_table()
    assert steps.schema.field("cost_usd").type == pa.decimal128(38, 12)
    assert steps.schema.field("started_at").type == pa.timestamp("us", tz="UTC")


@pytest.mark.parametrize("view", TABLES)
def test_every_view_can_be_read_without_saying_what_its_dates_are(store: DuckStore, tmp_path: Path, view: str) -> None:
    """Also one of which nothing, or nothing with a time, is stored: readers infer the partition's type."""
    out = exported(store, tmp_path / "out")
    kind = pq.read_table(out / view).schema.field("date").type
    assert kind.value_type == pa.string()


def test_no_type_is_exotic(store: DuckStore, tmp_path: Path) -> None:
    """Nothing that Spark refuses: no nanoseconds, no unsigned numbers, no INT96."""
    out = exported(store, tmp_path / "out")
    for path in out.rglob("*.parquet"):
        columns = pq.ParquetFile(path).schema
        for number in range(len(columns)):
            column = columns.column(number)
            assert column.physical_type in SPARK_READS, (path, column)
            described = str(column.logical_type)
            assert "nanoseconds" not in described, (path, column)
            assert "isSigned=false" not in described, (path, column)


def test_an_export_again_replaces_the_one_before(store: DuckStore, tmp_path: Path) -> None:
    """What is no more is gone, what is new is there, and another program's file beside it is left alone."""
    out = exported(store, tmp_path / "out")
    stale = out / "spans" / "date=2001-01-01"
    stale.mkdir()
    (out / "notes.txt").write_text("mine")
    store.append(batch([span(trace(7), 1)]))
    exported(store, out)
    assert not stale.exists()
    assert (out / "notes.txt").read_text() == "mine"
    assert duckdb.sql(f"SELECT count(*) FROM '{out}/spans/**/*.parquet'").fetchall() == [(5,)]


def test_a_directory_of_others_is_refused_unless_told(store: DuckStore, tmp_path: Path) -> None:
    """Nothing of it changes; with --overwrite only what has a view's name is replaced."""
    out = tmp_path / "theirs"
    (out / "spans").mkdir(parents=True)
    (out / "spans" / "theirs").write_text("theirs")
    (out / "other").write_text("theirs")
    with pytest.raises(CliError, match="--overwrite"):
        exported(store, out)
    assert sorted(path.name for path in out.rglob("*")) == ["other", "spans", "theirs"]
    exported(store, out, overwrite=True)
    assert (out / "other").read_text() == "theirs"
    assert not (out / "spans" / "theirs").exists()
    with pytest.raises(CliError, match="is a file"):
        exported(store, out / "other")


def test_a_killed_export_leaves_no_half_file(store: DuckStore, tmp_path: Path) -> None:
    """A process killed between two views leaves nothing that readers see, and the next export clears it away."""
    out = tmp_path / "out"
    program = """
import os, sys
from pathlib import Path
import pyarrow as pa
from clawtrace_otel.cli.parquet import write_parquet
from collector.export import Part
def parts():
    schema = pa.schema([("n", pa.int64())])
    yield Part("spans", "2026-09-21", pa.RecordBatchReader.from_batches(schema, [pa.record_batch({"n": [1]})]))
    os.kill(os.getpid(), 9)
write_parquet(parts(), Path(sys.argv[1]))
"""
    subprocess.run([sys.executable, "-c", program, str(out)], check=False)
    assert list(out.rglob("*.parquet")), "it had written something"
    assert visible(out) == []
    exported(store, out)
    assert [path.name for path in out.iterdir() if path.name.startswith((".", "_"))] == [MARKER]


def test_two_exports_into_one_directory_do_not_mix(store: DuckStore, tmp_path: Path) -> None:
    """While another process writes into it a directory is refused."""
    out = tmp_path / "out"
    (out / f".partial-{os.getppid()}").mkdir(parents=True)
    with pytest.raises(CliError, match="under way"):
        exported(store, out)


def test_a_failure_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    """An export that ends too early is an error, and nothing of it stands where readers look."""

    def broken() -> Iterator[Part]:
        schema = pa.schema([("n", pa.int64())])
        yield Part("spans", None, pa.RecordBatchReader.from_batches(schema, [pa.record_batch({"n": [1]})]))
        raise CliError("broken off")

    with pytest.raises(CliError, match="broken off"):
        write_parquet(broken(), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
