"""A database that cannot be used: one plain line that says what to do, exit code 1, and not a byte of it changed."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from collector.store.duck import DuckStore
from tests.conftest import StartCollector
from tests.support.collector import PROTOBUF
from tests.support.spans import request

CLAWTRACE = "clawtrace_otel"
UNPRIVILEGED = "tests.support.unprivileged"


def refused(database: Path, module: str = CLAWTRACE) -> str:
    """Return what `clawtrace serve` says about a database that it must refuse; the test fails if it takes it."""
    serve = [sys.executable, "-m", module, "serve", "--db", str(database), "--grpc-port", "0", "--http-port", "0"]
    done = subprocess.run(serve, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("clawtrace: "), line
    return line


def ours(path: Path) -> Path:
    """Make an empty database of ours."""
    DuckStore.open(path).close()
    return path


def foreign_tables(path: Path) -> None:
    """Make a DuckDB database of somebody else's."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE invoices (amount DECIMAL(9, 2)); INSERT INTO invoices VALUES (9.5)")


def newer_layout(path: Path) -> None:
    """Make a database as a later version leaves it."""
    with duckdb.connect(str(ours(path))) as connection:
        connection.execute("INSERT INTO layout.migrations VALUES (9999, '9999_of_a_later_version.sql')")


def sqlite_file(path: Path) -> None:
    """Make a database of another kind."""
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE spans (trace_id TEXT)")
    connection.close()


def cut_in_half(path: Path) -> None:
    """Make a database of which half was copied."""
    whole = ours(path).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def damaged_header(path: Path) -> None:
    """Make a database with a wrong byte in its header."""
    content = bytearray(ours(path).read_bytes())
    content[5_000] ^= 0xFF
    path.write_bytes(content)


def damaged_log(path: Path) -> None:
    """Make a database whose process was killed, and whose log lost a bit since."""
    program = (
        "import os, sys; from pathlib import Path; from collector.store.duck import DuckStore;"
        "from tests.collector.store.builders import batch, span, trace;"
        "store = DuckStore.open(Path(sys.argv[1]));"
        "[store.append(batch([span(trace(n), m) for m in range(50)])) for n in range(4)]; os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    log = path.with_name(f"{path.name}.wal")
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 1
    log.write_bytes(content)


CASES: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "is empty, not a database: delete it or name another file"),
    "text": (lambda path: path.write_text("session,cost\n1,2\n"), "is not a DuckDB database: name another file"),
    "noise": (lambda path: path.write_bytes(random.Random(7).randbytes(99_999)), "is not a DuckDB database"),
    "sqlite": (sqlite_file, "is not a DuckDB database: name another file"),
    "of others": (foreign_tables, "holds tables that are not ours: name another file"),
    "of a newer version": (newer_layout, "was written by a newer version of clawtrace (layout 9999): upgrade"),
    "cut in half": (cut_in_half, "is damaged"),
    "damaged header": (damaged_header, "is damaged"),
    "damaged log": (damaged_log, "is damaged"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_file_that_is_not_ours_or_damaged_is_left_as_it_is(tmp_path: Path, case: str) -> None:
    """The line names the file and what to do; the file and what lies beside it keep every byte."""
    make, said = CASES[case]
    path = tmp_path / "given.duckdb"
    make(path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    line = refused(path)
    assert f"{path} {said}" in line
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize("read_only", ["file", "folder"])
def test_what_cannot_be_written_is_said_at_the_start(tmp_path: Path, read_only: str) -> None:
    """A read-only file or folder is named before any telemetry is taken in, and is not touched."""
    folder = tmp_path / "read_only"
    folder.mkdir()
    path = ours(folder / "given.duckdb")
    before = path.read_bytes()
    closed = path if read_only == "file" else folder
    closed.chmod(0o555)
    try:
        line = refused(path, UNPRIVILEGED)
    finally:
        folder.chmod(0o755)
    assert f"{closed} cannot be written (Permission denied)" in line
    assert path.read_bytes() == before
    assert [file.name for file in folder.iterdir()] == ["given.duckdb"]


def test_a_log_that_ends_in_the_middle_of_a_write_is_read_up_to_there(
    start_collector: StartCollector, tmp_path: Path
) -> None:
    """Power that fails during a write leaves half of it: everything before it is there, and the rest comes again."""
    path = tmp_path / "torn.duckdb"
    first = start_collector(database=path)
    for number in range(0, 60, 20):
        first.request("POST", "/v1/traces", request(range(number, number + 20)), Content_Type=PROTOBUF)
    first.kill()
    log = path.with_name(f"{path.name}.wal")
    log.write_bytes(log.read_bytes()[:-100])
    second = start_collector(database=path)
    assert second.sql("SELECT count(*) AS n FROM spans") == [{"n": 40}]
    second.request("POST", "/v1/traces", request(range(60)), Content_Type=PROTOBUF)
    assert second.sql("SELECT count(*) AS n, count(DISTINCT span_id) AS ids FROM spans") == [{"n": 60, "ids": 60}]
