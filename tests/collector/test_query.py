"""Outsiders' SQL: what it may ask, and what happens to it when it asks for more."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.api import QueryResult
from collector.errors import QueryError
from collector.query import DuckQueries, QueryLimits
from collector.query_functions import FUNCTIONS, TABLE_FUNCTIONS, WINDOW_FUNCTIONS
from collector.query_gate import VIEWS
from collector.store import Receipt
from collector.store.duck import DuckStore
from collector.store.opening import open_for_reading
from tests.collector.store.builders import NOW, batch, session, span, trace

SPANS = 6000
TEXT = "lorem ipsum dolor sit amet " * 40
MEBIBYTE = 1024 * 1024
TOO_MANY = 429


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the database lies, with a secret beside it."""
    directory = tmp_path_factory.mktemp("queried")
    (directory / "secret.csv").write_text("secret\n42\n")
    return directory / "queried.duckdb"


@pytest.fixture(scope="module")
def store(path: Path) -> Iterator[DuckStore]:
    """Open a store with some thousand spans and one session; tests may add spans."""
    store = filled(path)
    yield store
    store.close()


def filled(path: Path) -> DuckStore:
    """Return a store with some thousand spans and one session."""
    store = DuckStore.open(path)
    attributes = [f'{{"gen_ai.request.model":"m{n}","t":"{TEXT}"}}' for n in range(3)]
    store.append(batch([span(trace(n // 20), n, attributes=attributes[n % 3]) for n in range(SPANS)]))
    store.replace(next(iter(store.groups())), session("one", cost="0.5"))
    return store


@pytest.fixture
def queries(store: DuckStore) -> DuckQueries:
    """Return the gate to the store, with short limits."""
    return DuckQueries(store.database, QueryLimits(seconds=1.0, memory_bytes=512 * MEBIBYTE))


NUMBERS = itertools.count(100_000)


def append_one(store: DuckStore) -> None:
    """Store one span that was not there."""
    assert store.append(batch([span(trace(1), next(NUMBERS))])) == Receipt(spans=1)


def run_when_a_slot_is_free(queries: DuckQueries, query: str) -> QueryResult:
    """Run a query as soon as the one before it has let go of its slot, which it may keep past its answer."""
    while True:
        try:
            return queries.run(query)
        except QueryError as error:
            if error.status != TOO_MANY:
                raise


ALLOWED = [
    "SELECT 1",
    "FROM spans LIMIT 3;",
    "TABLE sessions",
    "VALUES (1, 'a'), (2, 'b')",
    "SELECT count(*) FROM spans -- how many",
    "SELECT * FROM main.spans LIMIT 1",
    'SELECT "SPANS".name FROM SPANS WHERE trace_id IN (SELECT trace_id FROM spans) LIMIT 1',
    """SELECT attributes->>'$."gen_ai.request.model"' AS model, count(*) FROM spans GROUP BY ALL ORDER BY 2 DESC""",
    "WITH a AS (SELECT trace_id, count(*) AS n FROM spans GROUP BY 1) SELECT max(n) FROM a JOIN spans USING (trace_id)",
    "WITH steps AS (SELECT * FROM steps WHERE kind = 'llm') SELECT * FROM steps",
    """WITH RECURSIVE up(step, n) AS (SELECT step_id, 0 FROM steps UNION ALL SELECT step, n + 1 FROM up WHERE n < 5)
    SELECT max(n) FROM up""",
    "SELECT session_id, string_agg(name, ' > ' ORDER BY step_index) FROM steps GROUP BY 1",
    "SELECT session_id, list(name), count(DISTINCT model) FILTER (WHERE kind = 'llm') FROM steps GROUP BY ROLLUP (1)",
    """SELECT sum(cost_usd) OVER (PARTITION BY session_id ORDER BY step_index), row_number() OVER w FROM steps
    WINDOW w AS (ORDER BY step_id) QUALIFY row_number() OVER w < 3""",
    "SELECT date_trunc('day', start_time), quantile_cont(duration_ns, 0.95) FROM spans GROUP BY 1",
    "SELECT name FROM spans WHERE start_time > now()::TIMESTAMP - INTERVAL 1 DAY OR start_time IS NULL",
    "SELECT name FROM spans WHERE name LIKE 'span%' AND name NOT ILIKE '%x%' AND regexp_matches(name, '(?i)SPAN.*')",
    "SELECT CASE WHEN status_code = 2 THEN 'error' END, coalesce(parent_span_id, '-') || '/' || name FROM spans",
    "SELECT e.key, count(*) FROM spans, json_each(attributes) AS e GROUP BY 1",
    "SELECT d FROM generate_series(DATE '2026-01-01', DATE '2026-02-01', INTERVAL 1 DAY) AS t(d)",
    "SELECT list_transform([1, 2, 3], lambda x: x + 1), [x * 2 FOR x IN [1, 2] IF x > 1], {'a': 1}, MAP {'k': 2}",
    "SELECT unnest(models) FROM sessions",
    "SELECT * EXCLUDE (attributes), COLUMNS('trace.*') FROM spans LIMIT 1",
    "PIVOT (SELECT kind, name FROM spans) ON kind IN (0, 1) USING count(*)",
    "SELECT 1 UNION ALL SELECT 2 EXCEPT SELECT 3",
    "SHOW TABLES",
    "DESCRIBE sessions",
    "DESCRIBE SELECT 1",
    "SUMMARIZE steps",
    "SELECT repeat('-', 20), lpad(name, 10, ' '), replace(name, 'span', 'step') FROM spans LIMIT 1",
    "SELECT s.session_id FROM sessions s ASOF JOIN spans p ON s.started_at >= p.start_time",
    "SELECT CAST(attributes->'t' AS VARCHAR), TRY_CAST(name AS BIGINT) FROM spans USING SAMPLE 10",
]


@pytest.mark.parametrize("query", ALLOWED)
def test_what_people_ask_is_answered(queries: DuckQueries, query: str) -> None:
    """Ordinary analytical SQL over the views passes the gate and returns."""
    assert queries.run(query).table.num_columns


REFUSED = {
    "files": [
        "SELECT * FROM read_csv('{dir}/secret.csv')",
        "SELECT * FROM '{dir}/secret.csv'",
        'SELECT * FROM "{dir}/secret.csv"',
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_blob('/etc/passwd')",
        "SELECT * FROM read_parquet('*.parquet')",
        "SELECT * FROM read_json_auto('{dir}/secret.csv')",
        "SELECT * FROM read_duckdb('{dir}/queried.duckdb')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM sniff_csv('{dir}/secret.csv')",
        "SELECT * FROM parquet_metadata('x')",
        "SELECT (SELECT content FROM read_text('/etc/passwd'))",
        "WITH x AS (FROM read_text('/etc/passwd')) SELECT * FROM x",
        "SELECT 1 WHERE EXISTS (SELECT * FROM read_text('/etc/passwd'))",
        "SELECT * FROM spans WHERE name IN (SELECT content FROM read_text('/etc/passwd'))",
        "SELECT count(*) FILTER (WHERE (SELECT true FROM read_text('/etc/passwd'))) FROM spans",
        "SELECT name FROM spans ORDER BY (SELECT content FROM read_text('/etc/passwd'))",
        "SELECT name FROM spans LIMIT (SELECT count(*) FROM read_text('/etc/passwd'))",
        "SELECT sum(1) OVER (ORDER BY (SELECT count(*) FROM glob('*'))) FROM spans",
        "SELECT * FROM spans s JOIN spans t ON (SELECT true FROM read_text('/etc/passwd'))",
        "SELECT * FROM spans, LATERAL (SELECT * FROM read_text(name))",
        "SELECT * REPLACE ((SELECT content FROM read_text('/etc/passwd')) AS name) FROM spans",
        "VALUES ((SELECT content FROM read_text('/etc/passwd')))",
        "DESCRIBE SELECT * FROM read_csv('{dir}/secret.csv')",
        "SUMMARIZE '{dir}/secret.csv'",
        "COPY spans TO '{dir}/out.csv'",
        "COPY (SELECT 1) TO '{dir}/out.csv'",
        "EXPORT DATABASE '{dir}/out'",
        "IMPORT DATABASE '{dir}/out'",
    ],
    "other databases and code": [
        "ATTACH '{dir}/other.duckdb'",
        "DETACH queried",
        "USE main",
        "INSTALL httpfs",
        "LOAD httpfs",
        "FORCE INSTALL httpfs FROM community",
        "SELECT * FROM postgres_scan('host=x', 'a', 'b')",
        "SELECT * FROM query('SELECT 42')",
        "SELECT * FROM query_table('spans')",
        "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
        "PRAGMA json_execute_serialized_sql('x')",
        "SELECT json_serialize_sql('SELECT 1')",
        "SELECT json_serialize_plan('SELECT 1')",
        "SELECT * FROM python_map_function(1)",
        "SELECT * FROM arrow_scan(1, 2, 3)",
        "SELECT * FROM seq_scan('spans')",
    ],
    "settings": [
        "SET memory_limit = '1TB'",
        "SET GLOBAL enable_external_access = true",
        "RESET lock_configuration",
        "PRAGMA database_list",
        "PRAGMA enable_profiling",
        "CALL enable_logging()",
        "FROM enable_logging(storage_path = '{dir}/log')",
        "SELECT * FROM enable_logging('QueryLog')",
        "SELECT * FROM disable_logging()",
        "SELECT * FROM enable_profiling()",
        "SELECT * FROM checkpoint()",
        "SELECT * FROM force_checkpoint()",
        "CHECKPOINT",
        "SELECT write_log('x')",
        "SELECT setseed(0.5)",
    ],
    "secrets": [
        "SELECT getenv('PATH')",
        "SELECT current_setting('home_directory')",
        "SELECT getvariable('x')",
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM duckdb_secrets()",
        "SELECT * FROM which_secret('a', 'b')",
        "SELECT * FROM duckdb_logs",
        "SELECT * FROM pragma_database_size()",
        "SELECT * FROM pragma_table_info('telemetry.spans')",
        "SHOW DATABASES",
        "SHOW ALL TABLES",
    ],
    "what lies under the views": [
        "SELECT * FROM telemetry.spans",
        "SELECT * FROM queried.telemetry.spans",
        "SELECT * FROM queried.main.spans",
        "SELECT * FROM derived.sessions",
        "DESCRIBE telemetry.pending",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM duckdb_tables()",
        "SELECT * FROM sqlite_master",
        "SELECT * FROM pg_catalog.pg_tables",
        "SELECT * FROM incoming",
        "SELECT (SELECT 1 FROM (WITH hidden AS (SELECT 1) SELECT 1)), * FROM no_such_view",
    ],
    "writes": [
        "CREATE TABLE t (i INTEGER)",
        "CREATE TEMP TABLE t AS SELECT 1",
        "CREATE OR REPLACE VIEW spans AS SELECT 1",
        "CREATE MACRO f() AS 1",
        "DROP VIEW spans",
        "DROP SCHEMA telemetry CASCADE",
        "ALTER TABLE telemetry.spans ADD COLUMN x INTEGER",
        "INSERT INTO telemetry.pending VALUES (1, 1, NULL, NULL, NULL)",
        "INSERT INTO telemetry.pending VALUES (1, 1, NULL, NULL, NULL) RETURNING 1",
        "UPDATE derived.sessions SET cost_usd = 0",
        "DELETE FROM telemetry.spans",
        "TRUNCATE telemetry.spans",
        "MERGE INTO derived.sessions USING derived.sessions s ON true WHEN MATCHED THEN DELETE",
        "SELECT nextval('s')",
        "BEGIN",
        "COMMIT",
        "VACUUM",
        "ANALYZE",
        "EXPLAIN ANALYZE SELECT 1",
        "PREPARE p AS SELECT 1",
        "EXECUTE p",
        "COMMENT ON VIEW spans IS 'x'",
    ],
    "more than one statement": [
        "",
        ";",
        "-- nothing",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP VIEW spans",
        "PIVOT spans ON kind USING count(*)",
    ],
    "no statement": ["SELEC 1", "SELECT * FROM spans WHERE", "SELECT 'open", "\0", "SELECT 1 \0; DROP VIEW spans"],
    "what hears no interrupt": [
        "SELECT repeat('x', 3000000000)",
        "SELECT repeat(name, CAST(1e9 AS BIGINT)) FROM spans",
        "SELECT repeat('x', duration_ns) FROM spans",
        "SELECT lpad('x', 1000000000, 'y')",
        "SELECT printf('%1000000000d', 1)",
        "SELECT format('{{:1000000000}}', 1)",
        "SELECT range(1000000000)",
        "SELECT len(generate_series(1, 1000000000))",
        "SELECT generate_series(0, duration_ns) FROM spans",
        "SELECT list_transform(range(100), lambda x: range(x * 100000000))",
        "SELECT list_transform([1, 2], lambda x: list_transform([1, 2], lambda y: x + y))",
        "SELECT list_transform([1, 2], lambda x: attributes) FROM spans",
        "SELECT list_reduce([1, 2], lambda x, y: x + y)",
        "SELECT list_sort(list(duration_ns)) FROM spans",
        "SELECT list_resize([1], 1000000000)",
        "SELECT levenshtein(CAST(s.attributes AS VARCHAR), CAST(t.attributes AS VARCHAR)) FROM spans s, spans t",
        "SELECT json_pretty(attributes) FROM spans",
        "SELECT attributes->'$..*' FROM spans",
        "SELECT NULL::INTEGER[90000] FROM spans",
        "SELECT replace(name, 'a', attributes) FROM spans",
        "SELECT name FROM spans WHERE attributes ILIKE '%e%e%e%e%e%e%zz%'",
        "SELECT name FROM spans WHERE attributes::VARCHAR LIKE '%_e%_e%_e%_zz%'",
        "SELECT name FROM spans WHERE attributes::VARCHAR GLOB '*e*e*e*e*e*zz*'",
        "SELECT name FROM spans WHERE attributes::VARCHAR LIKE name || '%'",
        "SELECT list(attributes) OVER (ORDER BY name) FROM spans",
        "SELECT string_agg(attributes, '') OVER (ORDER BY name) FROM spans",
        "SELECT regexp_replace(attributes::VARCHAR, '', '" + "x" * 200 + "', 'g') FROM spans",
        "SELECT sleep_ms(100000)",
        "SELECT CAST('1' AS BIGNUM)",
    ],
}


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


def doubled(times: int) -> str:
    """Return a query that doubles a text so many times."""
    query = "SELECT name AS x FROM spans"
    for _ in range(times):
        query = f"SELECT x || x AS x FROM ({query})"
    return query


TOO_LARGE = [
    doubled(40),
    "SELECT " + " || ".join(["attributes"] * 60) + " FROM spans",
    "WITH a AS (SELECT name x FROM spans), "
    + ", ".join(f"{b} AS (SELECT [x, x] x FROM {a})" for a, b in zip("abcdefghijk", "bcdefghijkl", strict=True))
    + " SELECT * FROM l",
    "WITH a AS (SELECT 1 x), "
    + ", ".join(f"{b} AS (SELECT t.x FROM {a} t, {a} u)" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + " SELECT count(*) FROM i",
    "SELECT * FROM " + "(SELECT *, * FROM " * 20 + "(SELECT 1)" + ")" * 20,
    "WITH RECURSIVE t AS (SELECT 'x' AS n UNION ALL SELECT n || n FROM t) SELECT count(*) FROM t",
    "WITH RECURSIVE t AS (SELECT [1] AS n UNION ALL SELECT list_concat(n, n) FROM t) SELECT count(*) FROM t",
    "SELECT 1" + " + 1" * 900,
    "SELECT " + "abs(" * 500 + "1" + ")" * 500,
    "SELECT * FROM " + ", ".join(f"(SELECT 1) t{n}" for n in range(500)),
    " UNION ALL ".join(["SELECT * FROM spans"] * 300),
    "SELECT '" + "x" * 70_000 + "'",
    "SELECT " + "to_json(" * 12 + "attributes" + ")" * 12 + " FROM spans",
    "SELECT repeat(repeat(repeat('abc', 1000), 1000), 1000)",
]


@pytest.mark.parametrize("query", TOO_LARGE, ids=range(len(TOO_LARGE)))
def test_what_would_multiply_is_refused_before_it_runs(queries: DuckQueries, query: str) -> None:
    """Statements that build too much, or that the planner would brood over, are answered 413 at once."""
    started = time.monotonic()
    with pytest.raises(QueryError) as caught:
        queries.run(query)
    assert caught.value.status in {400, 413}
    assert "took more than" not in str(caught.value)
    assert time.monotonic() - started < 5


ENDLESS = [
    "SELECT count(*) FROM spans a, spans b, spans c WHERE a.duration_ns + b.duration_ns > c.duration_ns",
    "SELECT count(*) FROM range(1000000000000)",
    "SELECT max(i) FROM range(100000000000) t(i)",
    "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t",
    "SELECT count(DISTINCT a.span_id || b.span_id) FROM spans a, spans b",
    "SELECT a.attributes FROM spans a, spans b ORDER BY b.span_id, a.attributes",
    "SELECT list(a.attributes) FROM spans a, spans b",
    "SELECT string_agg(a.attributes, ',') FROM spans a, spans b",
    "SELECT count(*) FROM spans a JOIN spans b ON a.name <> b.name JOIN spans c ON b.name <> c.name",
    "SELECT median(a.duration_ns + b.duration_ns) FROM spans a, spans b, range(100)",
    "SELECT a.name, sum(b.duration_ns) OVER (ORDER BY a.name, b.name) FROM spans a, spans b",
    "SELECT count(*) FROM spans a, spans b WHERE regexp_matches(a.attributes, '(.*e){15}' || b.name)",
    "SELECT json_group_object(a.span_id || b.span_id, a.attributes) FROM spans a, spans b",
    "SELECT mode(a.attributes || b.name) FROM spans a, spans b",
]


@pytest.mark.parametrize("query", ENDLESS)
def test_what_never_ends_is_stopped_while_telemetry_is_stored(
    queries: DuckQueries, store: DuckStore, query: str
) -> None:
    """A query over its time or memory is answered soon after, it ends, and appends go on meanwhile and afterwards."""
    threads = threading.active_count()
    outcome: list[QueryError] = []
    started = time.monotonic()

    def ask() -> None:
        with pytest.raises(QueryError) as caught:
            queries.run(query)
        outcome.append(caught.value)

    asking = threading.Thread(target=ask)
    asking.start()
    slowest = 0.0
    while asking.is_alive():
        before = time.monotonic()
        append_one(store)
        slowest = max(slowest, time.monotonic() - before)
    answered = time.monotonic() - started
    assert [error.status in {408, 413} for error in outcome] == [True]
    assert answered < 10
    assert slowest < 5
    while threading.active_count() > threads and time.monotonic() - started < 30:
        time.sleep(0.01)
    assert threading.active_count() <= threads
    append_one(store)
    assert queries.run("SELECT 1 FROM sessions").table.num_rows == 1


class TestLimits:
    def test_rows_past_the_cap_are_cut_and_it_says_so(self, store: DuckStore) -> None:
        """The result has exactly the cap's rows; a result of just that many is whole."""
        queries = DuckQueries(store.database, QueryLimits(rows=100))
        cut = queries.run("SELECT i FROM range(101) t(i) ORDER BY i")
        assert (cut.table.column(0).to_pylist(), cut.truncated) == (list(range(100)), True)
        whole = queries.run("SELECT i FROM range(100) t(i)")
        assert (whole.table.num_rows, whole.truncated) == (100, False)

    def test_a_result_past_the_byte_cap_is_refused(self, store: DuckStore) -> None:
        """A result that is too large is an error, not a part that looks whole."""
        queries = DuckQueries(store.database, QueryLimits(result_bytes=100_000))
        with pytest.raises(QueryError, match="larger than 100000 bytes") as caught:
            queries.run("SELECT attributes FROM spans")
        assert caught.value.status == 413

    def test_no_more_than_some_at_once(self, store: DuckStore) -> None:
        """The query over the number is answered 429, and a slot that is free again is used."""
        queries = DuckQueries(store.database, QueryLimits(seconds=0.6, at_once=1))

        def run_past_the_time() -> None:
            with pytest.raises(QueryError):
                queries.run("SELECT count(*) FROM range(1e12::BIGINT)")

        slow = threading.Thread(target=run_past_the_time)
        slow.start()
        statuses = set()
        while slow.is_alive():
            try:
                queries.run("SELECT 1")
            except QueryError as error:
                statuses.add(error.status)
        assert statuses == {TOO_MANY}
        assert run_when_a_slot_is_free(queries, "SELECT 1").table.num_rows == 1

    @pytest.mark.parametrize("name", ["seconds", "rows", "result_bytes", "memory_bytes", "statement_bytes", "at_once"])
    def test_a_limit_of_nothing_is_a_mistake(self, name: str) -> None:
        """Limits are positive."""
        with pytest.raises(ValueError, match=name):
            QueryLimits(**{name: 0})


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


def test_every_permitted_function_exists(store: DuckStore) -> None:
    """The permissions name functions that DuckDB has, so that a slip of spelling shows."""
    found = store.database.cursor().execute("SELECT DISTINCT lower(function_name) FROM duckdb_functions()").fetchall()
    assert {*FUNCTIONS, *WINDOW_FUNCTIONS, *TABLE_FUNCTIONS} <= {str(name) for (name,) in found}


def test_a_query_sees_what_was_just_stored(queries: DuckQueries, store: DuckStore) -> None:
    """An acknowledged row is in the next answer."""
    for number in range(5):
        store.append(batch([span(trace(7777), 200_000 + number, start_time_unix_nano=NOW + number)]))
        found = queries.run("SELECT count(*) FROM spans WHERE trace_id = ?", [trace(7777)])
        assert found.table.column(0).to_pylist() == [number + 1]


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
