"""What an asker gets back."""

from __future__ import annotations

import pytest

from collector.errors import QueryError
from collector.query import DuckQueries
from collector.query_gate import VIEWS
from collector.store.duck import DuckStore
from tests.collector.store.builders import NOW, batch, span, trace


def test_parameters_fill_the_placeholders(queries: DuckQueries) -> None:
    """A parameter is a value, whatever it reads like."""
    found = queries.run(
        "SELECT session_id FROM sessions WHERE session_id = ? OR session_id = ?", ["one", "' OR 1=1 --"]
    )
    assert found.table.column(0).to_pylist() == ["one"]


def test_an_error_says_what_is_wrong(queries: DuckQueries) -> None:
    """DuckDB's explanation reaches the asker, with the name that was meant."""
    with pytest.raises(QueryError, match=r'"nmae" not found.*"name"'):
        queries.run("SELECT nmae FROM spans")
    with pytest.raises(QueryError, match=r"no view telemetry\.spans: SHOW TABLES"):
        queries.run("SELECT * FROM telemetry.spans")


def test_show_tables_lists_exactly_the_views(queries: DuckQueries) -> None:
    """Outsiders see the views of the contract and nothing of what lies under them."""
    assert set(queries.run("SHOW TABLES").table.column(0).to_pylist()) == VIEWS


def test_a_query_sees_what_was_just_stored(queries: DuckQueries, store: DuckStore) -> None:
    """An acknowledged row is in the next answer."""
    for number in range(5):
        store.append(batch([span(trace(7777), 200_000 + number, start_time_unix_nano=NOW + number)]))
        found = queries.run("SELECT count(*) FROM spans WHERE trace_id = ?", [trace(7777)])
        assert found.table.column(0).to_pylist() == [number + 1]
