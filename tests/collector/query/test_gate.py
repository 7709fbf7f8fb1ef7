"""What outsiders may ask: decided before a statement runs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from collector.errors import QueryError
from collector.query import DuckQueries
from collector.query_functions import FUNCTIONS, TABLE_FUNCTIONS, WINDOW_FUNCTIONS
from collector.store.duck import DuckStore
from collector.store.opening import open_for_reading
from tests.collector.query.filled import SPANS, append_one, filled
from tests.collector.query.statements import ALLOWED, REFUSED, TOO_LARGE


@pytest.mark.parametrize("query", ALLOWED)
def test_what_people_ask_is_answered(queries: DuckQueries, query: str) -> None:
    """Ordinary analytical SQL over the views passes the gate and returns."""
    assert queries.run(query).table.num_columns


@pytest.mark.parametrize("query", [query for group in REFUSED.values() for query in group])
def test_everything_else_is_refused(queries: DuckQueries, store: DuckStore, path: Path, query: str) -> None:
    """What reaches beyond the views, writes, or cannot be stopped is answered 400 in one line, and changes nothing."""
    before = sorted(entry.name for entry in path.parent.iterdir())
    with pytest.raises(QueryError) as caught:
        queries.run(query.format(dir=path.parent))
    assert caught.value.status == 400
    assert "Traceback" not in str(caught.value)
    assert sorted(entry.name for entry in path.parent.iterdir()) == before
    append_one(store)


@pytest.mark.parametrize("query", TOO_LARGE, ids=range(len(TOO_LARGE)))
def test_what_would_multiply_is_refused_before_it_runs(queries: DuckQueries, query: str) -> None:
    """Statements that build too much, or that would keep the planner busy, are answered 413 at once."""
    started = time.monotonic()
    with pytest.raises(QueryError) as caught:
        queries.run(query)
    assert caught.value.status in {400, 413}
    assert "took more than" not in str(caught.value)
    assert time.monotonic() - started < 5


def test_every_permitted_function_exists(store: DuckStore) -> None:
    """The permissions name functions that DuckDB has, so that a slip of spelling shows."""
    found = store.database.cursor().execute("SELECT DISTINCT lower(function_name) FROM duckdb_functions()").fetchall()
    assert {*FUNCTIONS, *WINDOW_FUNCTIONS, *TABLE_FUNCTIONS} <= {str(name) for (name,) in found}


def test_a_file_that_nobody_owns_has_the_same_gate(tmp_path: Path) -> None:
    """Opened for reading, the file answers the same questions and refuses the same attacks."""
    filled(tmp_path / "closed.duckdb").close()
    database = open_for_reading(tmp_path / "closed.duckdb")
    queries = DuckQueries(database)
    assert queries.run("SELECT count(*) FROM spans").table.column(0).to_pylist() == [SPANS]
    for query in ("SELECT * FROM read_text('/etc/passwd')", "FROM enable_logging()", "SELECT * FROM telemetry.spans"):
        with pytest.raises(QueryError):
            queries.run(query)
    database.close()
