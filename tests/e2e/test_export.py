"""`clawtrace export parquet` through a running collector and on a file alone."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import duckdb

from tests.conftest import StartCollector
from tests.support.collector import PROTOBUF
from tests.support.environment import clean_environment
from tests.support.spans import request

SPANS = 1_600


def export(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user types it."""
    command = [sys.executable, "-m", "clawtrace_otel", "export", "parquet", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=clean_environment())


def rows(directory: Path, view: str) -> list[dict[str, object]]:
    """Return what DuckDB reads of one view, but for what says when it was written."""
    columns = "* EXCLUDE (compiled_at)" if view == "tracecards" else "*"
    found = duckdb.sql(f"SELECT {columns} FROM '{directory}/{view}/**/*.parquet'").to_arrow_table()
    return sorted(found.to_pylist(), key=repr)


def test_a_collector_and_its_file_export_the_same(start_collector: StartCollector, tmp_path: Path) -> None:
    """Through the collector that owns a file, and from the file once it stopped; what it says counts what it wrote."""
    collector = start_collector(database=tmp_path / "e.duckdb")
    for first in range(0, SPANS, 800):
        collector.request("POST", "/v1/traces", request(range(first, first + 800)), Content_Type=PROTOBUF)
    collector.compile()
    through = export(str(tmp_path / "through"), "--db", str(collector.database))
    assert through.returncode == 0, through.stderr
    assert collector.stop() == 0
    alone = export(str(tmp_path / "alone"), "--db", str(collector.database))
    assert alone.returncode == 0, alone.stderr
    assert len(rows(tmp_path / "through", "spans")) == SPANS
    for view in ("spans", "sessions", "steps", "tracecards"):
        assert rows(tmp_path / "through", view) == rows(tmp_path / "alone", view)
    counted = re.match(r"(\d+) rows in \d+ files", alone.stdout)
    assert counted is not None
    views = [path.name for path in (tmp_path / "alone").iterdir() if path.is_dir()]
    assert int(counted[1]) == sum(len(rows(tmp_path / "alone", view)) for view in views)


def test_a_locked_file_is_one_line_that_says_what_to_do(start_collector: StartCollector, tmp_path: Path) -> None:
    """Where the collector that owns the file cannot be found, nothing is made and the way out is named."""
    collector = start_collector(database=tmp_path / "e.duckdb")
    (tmp_path / "e.duckdb.endpoint").unlink()
    done = export(str(tmp_path / "out"), "--db", str(collector.database))
    assert done.returncode == 1
    assert "--endpoint" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_collector_that_dies_leaves_no_export(start_collector: StartCollector, tmp_path: Path) -> None:
    """No answer, or one that breaks off, is one line and exit code 1."""
    collector = start_collector(database=tmp_path / "e.duckdb")
    collector.kill()
    done = export(str(tmp_path / "out"), "--endpoint", collector.http)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []
