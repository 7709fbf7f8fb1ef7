"""Files of every earlier layout are brought to the current one, and keep what they hold."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from collector.query_gate import VIEWS
from collector.store import Receipt
from collector.store.duck import DuckStore
from collector.store.migrate import is_current, migrations
from collector.store.opening import open_for_reading
from tests.collector.store.builders import batch, session, span, trace

FIRST_RELEASED = 3
EARLIER = [migration.number for migration in migrations()[FIRST_RELEASED - 1 : -1]]


def made_at(path: Path, number: int) -> None:
    """Make a file as the program of that layout did, with a span and a session in it."""
    with duckdb.connect(str(path), config={"storage_compatibility_version": "v1.2.0"}) as connection:
        connection.execute("CREATE SCHEMA layout; CREATE TABLE layout.migrations (number INTEGER, name VARCHAR)")
        for migration in migrations()[:number]:
            connection.execute(migration.sql)
            connection.execute("INSERT INTO layout.migrations VALUES (?, ?)", [migration.number, migration.name])
        (row,) = batch([span(trace(1), 1)]).spans.to_pylist()
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        connection.execute(
            f"INSERT INTO telemetry.spans ({names}, batch, identity) VALUES ({marks}, 1, hash(?, ?, ?))",
            [*row.values(), row["trace_id"], row["span_id"], row["start_time_unix_nano"]],
        )
        connection.execute("INSERT INTO telemetry.arrivals VALUES (1, ?, NULL, NULL)", [trace(1)])
        connection.execute("INSERT INTO derived.sessions (session_id, group_key) VALUES ('old', 'k')")


@pytest.mark.parametrize("number", EARLIER)
def test_a_file_of_an_earlier_layout_keeps_what_it_holds(tmp_path: Path, number: int) -> None:
    """Every view can be asked, what was stored is there, a resent span is known, and new sessions can be stored."""
    path = tmp_path / "old.duckdb"
    made_at(path, number)
    with closing(DuckStore.open(path)) as store:
        for view in VIEWS:
            store.database.cursor().execute(f"SELECT * FROM {view}").fetchall()
        assert store.database.cursor().execute("SELECT session_id FROM sessions").fetchall() == [("old",)]
        assert store.append(batch([span(trace(1), 1), span(trace(1), 2)])) == Receipt(spans=1, duplicate_spans=1)
        (group,) = store.groups()
        store.replace(group, session("new"))
    with closing(open_for_reading(path)) as database:
        assert is_current(database)


@pytest.mark.parametrize("number", EARLIER[-1:])
def test_a_kill_right_after_a_migration_leaves_a_usable_file(tmp_path: Path, number: int) -> None:
    """The file of an earlier layout opens again after the process that migrated it was killed."""
    path = tmp_path / "old.duckdb"
    made_at(path, number)
    program = (
        "import os, sys; from pathlib import Path; from collector.store.duck import DuckStore;"
        "DuckStore.open(Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    with closing(DuckStore.open(path)) as store:
        assert store.database.cursor().execute("SELECT count(*) FROM spans").fetchall() == [(1,)]
